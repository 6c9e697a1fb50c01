"""The record in plain dicts: the specification of ``engine.ports.Store`` in its plainest words, and a fake for tests.

Written apart from the SQL on purpose: a property test runs both through the same random histories and compares them.
Import it from ``fakes``.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import takewhile

from qtisync.content.facts import Facts, dump_facts, load_facts
from qtisync.delivery.ledger import Chain, Entry, Place, carried, chained
from qtisync.delivery.pace import Pace, ready_at, taken
from qtisync.delivery.settlement import Claim, Settlement, Turn
from qtisync.model import (
    BlobId,
    Facets,
    Identifier,
    Item,
    ItemStatus,
    JournalLine,
    Json,
    Key,
    Kind,
    Lane,
    Metadata,
    PassRecord,
    Presence,
    Recorded,
    Standing,
)
from qtisync.planning.intent import Intents, Reassertion, Target

_KINDS, _LANES = list(Kind), list(Lane)
_PLAINLY_QUEUED = (Standing.WANTED, ItemStatus.QUEUED)
_WAITING = (ItemStatus.QUEUED, ItemStatus.BLOCKED)


class MemoryReader:
    """The reading half; every value that goes in or out is a copy."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rows: dict[Key, Recorded] = {}
        self._needs: dict[Key, tuple[Key, ...]] = {}
        self._facts: dict[tuple[BlobId, str], str] = {}
        self._passes: list[PassRecord] = []
        self._journal: list[Entry] = []
        self._chain = Chain()
        self._look_again = 0
        self._settings: dict[str, Json] = {}
        self._pace: Pace | None = None
        self._slot = 0.0

    def _sorted(self, wanted: Callable[[Recorded], bool]) -> list[Recorded]:
        with self._lock:
            return [deepcopy(row) for _, row in sorted(self._rows.items()) if wanted(row)]

    def last_pass(self) -> PassRecord | None:
        return deepcopy(self._passes[-1]) if self._passes else None

    def recorded(self) -> Mapping[Key, Recorded]:
        return {row.key: row for row in self._sorted(lambda _: True)}

    def recorded_some(self, keys: Iterable[Key]) -> Mapping[Key, Recorded]:
        chosen = set(keys)
        return {row.key: row for row in self._sorted(lambda row: row.key in chosen)}

    def unsettled(self, most_queued: int | None = None) -> Sequence[Recorded]:
        rows = self._sorted(
            lambda row: (row.standing, row.status) != (Standing.WANTED, ItemStatus.SYNCED) or row.altered is not None
        )
        plain = [row for row in rows if row.altered is None and (row.standing, row.status) == _PLAINLY_QUEUED]
        left_out = {row.key for row in plain[most_queued:]} if most_queued is not None else set()
        return [row for row in rows if row.key not in left_out]

    def find(self, identifier: Identifier) -> Sequence[Recorded]:
        return self._sorted(lambda row: row.key.identifier == identifier)

    def counts(self) -> Mapping[str, int]:
        rows = self._sorted(lambda _: True)
        return dict(Counter(str(r.status if r.standing is Standing.WANTED else r.standing) for r in rows))

    def lanes(self) -> Mapping[str, int]:
        waiting = self._sorted(lambda r: r.standing is Standing.WANTED and r.status is ItemStatus.QUEUED)
        return dict(Counter(str(r.lane) for r in waiting))

    def known_facts(self, wanted: Iterable[BlobId], version: str) -> Mapping[BlobId, Facts]:
        with self._lock:
            kept = {blob: self._facts[blob, version] for blob in wanted if (blob, version) in self._facts}
        return {blob: load_facts(text) for blob, text in kept.items()}

    def setting(self, name: str) -> Json:
        with self._lock:
            return deepcopy(self._settings.get(name))

    def pace(self) -> Pace | None:
        with self._lock:
            return deepcopy(self._pace)

    def history(self, identifier: Identifier | None, limit: int) -> Sequence[JournalLine]:
        with self._lock:
            lines = [entry.line for entry in self._entries(identifier)]
        return lines[::-1][:limit]

    def entries(self, after: int, limit: int, identifier: Identifier | None = None) -> Sequence[Entry]:
        with self._lock:
            return [entry for entry in self._entries(identifier) if entry.number > after][:limit]

    def chain(self) -> Chain:
        return self._chain

    def _entries(self, identifier: Identifier | None) -> list[Entry]:
        return [e for e in self._journal if identifier is None or (e.line.key and e.line.key.identifier == identifier)]

    def next_ready(self, now: float) -> float | None:
        queued = self._sorted(lambda row: (row.standing, row.status) == (Standing.WANTED, ItemStatus.QUEUED))
        free = [max(now, row.not_before) for row in queued if self._free(row.key)]
        flying = [max(now, row.lease_until or now) for row in self._sorted(lambda r: r.lease_owner is not None)]
        if free:
            return min(free)
        return min(flying, default=None) if queued else None

    def in_flight(self) -> int:
        return len(self._sorted(lambda row: row.status is ItemStatus.IN_FLIGHT))

    def bystander(self, other_than: Key) -> Recorded | None:
        quiet = (Kind.ITEM, Standing.WANTED, ItemStatus.SYNCED, Presence.PRESENT)
        rows = self._sorted(lambda r: (r.key.kind, r.standing, r.status, r.presence) == quiet and r.key != other_than)
        return rows[0] if rows else None

    def close(self) -> None:
        pass

    def _needed(self, key: Key) -> list[Recorded]:
        return [self._rows[need] for need in sorted(self._needs.get(key, ())) if need in self._rows]

    def _free(self, key: Key) -> bool:
        with self._lock:
            return all(
                row.status is ItemStatus.SYNCED if row.standing is Standing.WANTED else row.presence is Presence.PRESENT
                for row in self._needed(key)
            )


class MemoryStore(MemoryReader):
    """The whole record. Threads may share it."""

    def remember_facts(self, facts: Mapping[BlobId, Facts], version: str) -> None:
        with self._lock:
            self._facts.update({(blob, version): dump_facts(said) for blob, said in facts.items()})

    def record_pass(self, intents: Intents) -> None:
        with self._lock:
            for target in intents.targets:
                self._target(deepcopy(target))
            for item in intents.settled:
                self._settled(deepcopy(item), intents)
            for item in intents.touched:
                self._change(item.key, **_attributes(deepcopy(item)))
            for key, standing in intents.standings.items():
                self._change(key, standing=standing)
            for key, needs in intents.dependencies.items():
                self._needs[key] = tuple(need for need in needs if need != key)
            for key in intents.forgotten:
                row = self._rows.get(key)
                if row and row.presence is Presence.ABSENT and row.status is not ItemStatus.IN_FLIGHT:
                    del self._rows[key]
                    self._needs.pop(key, None)
            self._passes.append(deepcopy(intents.record))
            self._block(self._rows)

    def claim(self, worker: str, now: float, lease: float) -> Claim | None:
        with self._lock:
            ready = [row for row in self._rows.values() if self._is_ready(row, now)]
            if not ready:
                return None
            row = min(ready, key=_turn)
            until = now + lease
            self._change(
                row.key,
                status=ItemStatus.IN_FLIGHT,
                lease_owner=worker,
                lease_until=until,
                presence=Presence.DOUBTFUL if row.presence is Presence.ABSENT else row.presence,
                acknowledged=_agreed(row.acknowledged, row.desired),
                acknowledged_metadata=_claimed_keys(row),
            )
            return Claim(row=deepcopy(row), worker=worker, lease_until=until)

    def take(self, worker: str, now: float, lease: float) -> Turn:
        with self._lock:
            if not any(self._is_ready(row, now) for row in self._rows.values()):
                return Turn(ready=self.next_ready(now))
            begins = self.reserve(now)
            if begins > now:
                return Turn(begins=begins, ready=now)
            return Turn(claim=self.claim(worker, now, lease), ready=now)

    def upcoming(self, now: float, limit: int) -> Sequence[Recorded]:
        with self._lock:
            return deepcopy(sorted((r for r in self._rows.values() if self._is_ready(r, now)), key=_turn)[:limit])

    def settle(self, claim: Claim, settlement: Settlement) -> bool:
        with self._lock:
            self.note(settlement.journal)
            if not self._holds(claim):
                return False
            sent = settlement.acknowledged.content == claim.row.desired.content
            self._land(claim, settlement.acknowledged, settlement.presence)
            if settlement.acknowledged_metadata is not None:
                self._change(claim.row.key, acknowledged_metadata=deepcopy(settlement.acknowledged_metadata))
            if sent and settlement.acknowledged.content is not None:
                self._change(claim.row.key, acknowledged_blob=claim.row.blob)
            if settlement.remote is not None:
                self._change(claim.row.key, remote=deepcopy(settlement.remote))
            row = self._rows[claim.row.key]
            if row.generation == claim.row.generation:
                self._change(
                    row.key,
                    status=settlement.status,
                    attempts=settlement.attempts,
                    not_before=settlement.not_before,
                    last_outcome=settlement.outcome,
                    last_error=settlement.message,
                    http_status=settlement.http_status,
                    altered=settlement.altered,
                    force=row.force and settlement.status is not ItemStatus.SYNCED,
                )
            self._block(self._rows)
            return True

    def release(self, claim: Claim) -> None:
        with self._lock:
            if self._holds(claim):
                self._land(claim, claim.row.acknowledged, claim.row.presence)
                self._change(claim.row.key, acknowledged_metadata=deepcopy(claim.row.acknowledged_metadata))
                self._block(self._rows)

    def recover(self, now: float, owner: str | None = None) -> int:
        with self._lock:
            lost = [row for row in self._rows.values() if row.lease_until is not None]
            lost = [r for r in lost if (r.lease_until or 0) <= now] if owner is None else lost
            lost = [r for r in lost if owner is None or r.lease_owner != owner]
            for row in lost:
                self._change(row.key, status=ItemStatus.QUEUED, lease_owner=None, lease_until=None)
            self._block(self._rows)
            return len(lost)

    def doubt(self, key: Key) -> None:
        with self._lock:
            row = self._rows.get(key)
            if row is not None and row.status is ItemStatus.SYNCED:
                known = replace(row.acknowledged, metadata=None)
                self._change(key, acknowledged=known, status=ItemStatus.QUEUED, attempts=0, not_before=0.0)
                self._block(self._rows)

    def reassert(self, drifted: Sequence[Reassertion]) -> int:
        with self._lock:
            number = 0
            for one in drifted:
                row = self._rows.get(one.key)
                if row is None or (row.status, row.standing) != (ItemStatus.SYNCED, Standing.WANTED):
                    continue
                if row.generation != one.generation:
                    continue
                known = Facets(
                    content=None if one.content else row.acknowledged.content,
                    metadata=None if one.metadata else row.acknowledged.metadata,
                )
                self._change(one.key, acknowledged=known, status=ItemStatus.QUEUED, attempts=0, not_before=0.0)
                self._change(one.key, last_outcome="Drift", last_error=one.message)
                number += 1
            self._block(self._rows)
            return number

    def retry(self, keys: Iterable[Key] | None) -> int:
        with self._lock:
            chosen = self._rows if keys is None else set(keys) & self._rows.keys()
            parked = [key for key in chosen if self._rows[key].status is ItemStatus.PARKED]
            for key in parked:
                self._change(key, status=ItemStatus.QUEUED, attempts=0, not_before=0.0, force=True)
            self._block(self._rows)
            return len(parked)

    def plant(self, rows: Sequence[Recorded]) -> int:
        with self._lock:
            count = 0
            for row in rows:
                before = self._rows.get(row.key)
                if before is None or before.status is not ItemStatus.IN_FLIGHT:
                    generation = row.generation if before is None else before.generation + 1
                    self._rows[row.key] = replace(deepcopy(row), generation=generation)
                    count += 1
            if count and self._passes:
                self._passes[-1] = replace(self._passes[-1], fingerprint="")
            self._block(self._rows)
            return count

    def forget(self, keys: Iterable[Key]) -> int:
        with self._lock:
            known = [key for key in set(keys) if key in self._rows]
            gone = [key for key in known if self._rows[key].status is not ItemStatus.IN_FLIGHT]
            for key in gone:
                del self._rows[key]
                self._needs.pop(key, None)
            if gone and self._passes:
                self._passes[-1] = replace(self._passes[-1], fingerprint="")
            self._block(self._rows)
            return len(gone)

    def bury(self, key: Key, generation: int, lines: Sequence[JournalLine]) -> bool:
        with self._lock:
            self.note(lines)
            row = self._rows.get(key)
            if row is None or (row.standing, row.generation) != (Standing.ORPHAN, generation):
                return False
            if row.status is ItemStatus.IN_FLIGHT:
                return False
            del self._rows[key]
            self._needs.pop(key, None)
            self._block(self._rows)
            return True

    def note(self, lines: Sequence[JournalLine]) -> None:
        with self._lock:
            self._journal += chained(self._chain.newest, lines)
            if self._journal:
                end = Place(number=self._journal[-1].number, digest=self._journal[-1].digest)
                self._chain = replace(self._chain, newest=end)

    def drop_journal(self, before: float) -> int:
        with self._lock:
            old = list(takewhile(lambda entry: entry.line.at < before, self._journal))
            kept = [entry for entry in old if self._says_last(entry)]
            gone = len(old) - len(kept)
            if not old or old[-1].number < self._look_again:
                return 0
            self._look_again = old[-1].number + len(kept) - gone
            if gone < len(kept):
                return 0
            self._look_again = 0
            self.note([carried(entry) for entry in kept])
            del self._journal[: len(old)]
            end = Place(number=old[-1].number, digest=old[-1].digest)
            self._chain = replace(self._chain, dropped=end, dropped_until=old[-1].line.at)
            return gone

    def _says_last(self, entry: Entry) -> bool:
        told = (e for e in self._journal if e.line.key == entry.line.key)
        told = [e for e in told if e.line.content is not None or e.line.outcome == "Missing"]
        return entry.line.content is not None and told[-1] is entry

    def put_setting(self, name: str, value: Json) -> None:
        with self._lock:
            self._settings[name] = deepcopy(value)

    def reserve(self, now: float) -> float:
        with self._lock:
            if self._pace is None:
                return now
            self._slot = ready_at(self._pace, now, self._slot)
            self._pace = taken(self._pace, self._slot)
            return self._slot

    def update_pace(self, change: Callable[[Pace | None], Pace]) -> Pace:
        with self._lock:
            self._pace = deepcopy(change(deepcopy(self._pace)))
            return deepcopy(self._pace)

    def _change(self, key: Key, **fields: object) -> None:
        if key in self._rows:
            self._rows[key] = replace(self._rows[key], **fields)  # type: ignore[arg-type]  # names are checked by replace

    def _target(self, target: Target) -> None:
        item, row = target.item, self._rows.get(target.item.key)
        if row is None:
            self._rows[item.key] = row = Recorded(key=item.key, path=item.path, generation=0)
        flying = row.status is ItemStatus.IN_FLIGHT
        self._retarget(item, ItemStatus.IN_FLIGHT if flying else ItemStatus.QUEUED)
        self._change(item.key, lane=target.lane, commit=target.commit.commit, author=target.commit.author)

    def _settled(self, item: Item, intents: Intents) -> None:
        row = self._rows.get(item.key)
        if row is not None:
            reached = ItemStatus.SYNCED if row.acknowledged == item.facets else ItemStatus.QUEUED
            self._retarget(item, row.status if row.status is ItemStatus.IN_FLIGHT else reached)
            self._change(item.key, commit=intents.record.commit, author=None)

    def _retarget(self, item: Item, status: ItemStatus) -> None:
        generation = self._rows[item.key].generation + 1
        self._change(item.key, **_attributes(item), desired=item.facets, standing=Standing.WANTED, status=status)
        self._change(item.key, generation=generation, attempts=0, not_before=0.0, last_error=None)
        self._change(item.key, force=False, blocker=None)

    def _is_ready(self, row: Recorded, now: float) -> bool:
        queued = (row.standing, row.status) == (Standing.WANTED, ItemStatus.QUEUED)
        return queued and row.not_before <= now and self._free(row.key)

    def _holds(self, claim: Claim) -> bool:
        row = self._rows.get(claim.row.key)
        return row is not None and (row.lease_owner, row.lease_until) == (claim.worker, claim.lease_until)

    def _land(self, claim: Claim, acknowledged: Facets, presence: Presence) -> None:
        row = self._rows[claim.row.key]
        reached = row.generation != claim.row.generation and row.desired == acknowledged
        status = ItemStatus.SYNCED if reached else ItemStatus.QUEUED
        self._change(row.key, status=status, lease_owner=None, lease_until=None)
        self._change(row.key, acknowledged=acknowledged, presence=presence)

    def _block(self, keys: Collection[Key]) -> None:
        moves = {}
        for key in keys:
            row = self._rows[key]
            blocker = next((need.key for need in self._needed(key) if _blocks(need)), None)
            if row.status in _WAITING and blocker != row.blocker:
                moves[key] = blocker
        for key, blocker in moves.items():
            self._change(key, status=ItemStatus.BLOCKED if blocker else ItemStatus.QUEUED, blocker=blocker)
        if moves:
            self._block(keys)


def _attributes(item: Item) -> dict[str, object]:
    return {
        "path": item.path,
        "blob": item.blob,
        "desired_metadata": item.metadata,
        "answers": item.answers,
        "protect": item.steering.protect,
    }


def _turn(row: Recorded) -> tuple[int, int, float, str]:
    return _LANES.index(row.lane), _KINDS.index(row.key.kind), row.not_before, row.key.identifier


def _claimed_keys(row: Recorded) -> Metadata:
    if row.desired.metadata == row.acknowledged.metadata:
        return row.acknowledged_metadata
    return {**row.desired_metadata, **row.acknowledged_metadata}


def _agreed(acknowledged: Facets, desired: Facets) -> Facets:
    return Facets(
        content=acknowledged.content if acknowledged.content == desired.content else None,
        metadata=acknowledged.metadata if acknowledged.metadata == desired.metadata else None,
    )


def _blocks(row: Recorded) -> bool:
    if row.standing is Standing.WANTED:
        return row.status in (ItemStatus.PARKED, ItemStatus.BLOCKED)
    return row.presence is not Presence.PRESENT
