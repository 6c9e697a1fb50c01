"""One pass: pin the commit, read, compare, guard (``prepare``, which only reads), write down (one transaction)."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from qtisync.content.facts import FACTS_VERSION, Facts
from qtisync.content.selection import ContentRules
from qtisync.engine.quick import quick_plan
from qtisync.model import (
    BlobId,
    CommitId,
    CommitInfo,
    ItemStatus,
    Key,
    PassRecord,
    Presence,
    Recorded,
    RepoPath,
    Scope,
    Snapshot,
    Standing,
)
from qtisync.planning.cost import estimate
from qtisync.planning.diff import diff
from qtisync.planning.guard import Limits, Observed, check
from qtisync.planning.intent import intents
from qtisync.planning.plan import Change, Destination, Hold, Plan

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import Progress, RecordReader, Source, Store

AUTHORS_UP_TO = 2000  # changes in one plan whose authors are looked up in git


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a pass is to achieve: where to, from which ref, by which rules."""

    destination: Destination
    ref: str
    rules: ContentRules
    item_cap: int = 2_000_000
    sidecar_cap: int = 65_536
    limits: Limits = field(default_factory=Limits)
    reads_first: bool = True
    reads_back: bool = False
    rate: float = 10.0
    allow: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()
    """Identifiers or globs; empty: everything."""

    @property
    def fingerprint(self) -> str:
        """Digest of everything besides the commit that decides what is desired."""
        parts = [FACTS_VERSION, asdict(self.rules), self.item_cap, self.sidecar_cap, asdict(self.destination)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan and what it was made from."""

    plan: Plan
    record: PassRecord
    snapshot: Snapshot | None
    """``None``: the commit is the one of the last pass, so nothing needs to be written down."""
    recorded: Mapping[Key, Recorded] = field(default_factory=dict)
    fresh: Mapping[str, Mapping[BlobId, Facts]] = field(default_factory=dict)
    """Facts of blobs that were read for the first time, by the version of their reader."""


def prepare(source: Source, reader: RecordReader, aim: Aim, now: float, progress: Progress) -> Prepared:
    """The plan for the commit that the ref points to now. Reads only."""
    ref = source.full_ref(aim.ref)
    commit = source.resolve(ref)
    last = reader.last_pass()
    if last is not None and last.commit == commit and last.fingerprint == aim.fingerprint and not aim.only:
        plan = quick_plan(reader, last, aim.destination)
        return Prepared(plan=_with_cost(plan, reader, aim), record=replace(last, ref=ref, at=now), snapshot=None)
    return _prepare_full(source, reader, aim, _Pin(ref=ref, commit=commit, last=last, now=now), progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pin:
    ref: str
    commit: CommitId
    last: PassRecord | None
    now: float


def _prepare_full(source: Source, reader: RecordReader, aim: Aim, pin: _Pin, progress: Progress) -> Prepared:
    # lxml and YAML cost as much as the rest of a plan together, and an unchanged commit needs neither.
    from qtisync.engine.reading import Caps, read_snapshot  # noqa: PLC0415 - see above

    caps = Caps(item=aim.item_cap, sidecar=aim.sidecar_cap)
    reading = read_snapshot(source, reader, pin.commit, aim.rules, caps, progress)
    recorded = reader.recorded()
    base = pin.last.commit if pin.last is not None else None
    plan = diff(reading.snapshot, recorded, aim.destination, base)
    plan = replace(plan, holds=_holds(plan, reading.snapshot, recorded, reader, aim))
    plan = replace(plan, authors=authors(source, plan)) if len(plan.changes) <= AUTHORS_UP_TO else plan
    plan = narrowed(plan, aim.only) if aim.only else plan
    record = PassRecord(
        commit=pin.commit,
        base=base,
        ref=pin.ref,
        fingerprint="" if plan.partial else aim.fingerprint,
        at=pin.now,
        broken=plan.broken,
        warnings=plan.warnings,
        summary={"others": plan.others},
    )
    return Prepared(
        plan=_with_cost(plan, reader, aim),
        record=record,
        snapshot=reading.snapshot,
        recorded=recorded,
        fresh=reading.fresh,
    )


def write_down(store: Store, prepared: Prepared) -> None:
    """Record what every object must become. Facts of blobs are kept even if a rule holds the plan."""
    for version, facts in prepared.fresh.items():
        if facts:
            store.remember_facts(facts, version)
    if prepared.plan.holds or prepared.snapshot is None:
        return
    store.record_pass(intents(prepared.plan, prepared.snapshot, prepared.recorded, prepared.record))
    store.put_setting("base_url", prepared.plan.destination.base_url)


def _holds(
    plan: Plan, snapshot: Snapshot, recorded: Mapping[Key, Recorded], reader: RecordReader, aim: Aim
) -> tuple[Hold, ...]:
    observed = Observed(
        recorded=sum(row.presence is Presence.PRESENT for row in recorded.values()),
        wanted=len(snapshot.items) + len(snapshot.broken) + len(snapshot.ignored),
        base_url=_text(reader.setting("base_url")),
    )
    return tuple(hold for hold in check(plan, aim.limits, observed) if hold.rule not in aim.allow)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _with_cost(plan: Plan, reader: RecordReader, aim: Aim) -> Plan:
    pace = reader.pace()
    rate = min(aim.rate, pace.rate) if pace is not None else aim.rate
    cost = estimate(plan.ready, reads_first=aim.reads_first, reads_back=aim.reads_back, rate=rate)
    return replace(plan, cost=cost)


def narrowed(plan: Plan, only: Sequence[str]) -> Plan:
    """The part of a plan that ``only`` names: identifiers, or globs over identifiers and paths."""

    def chosen(change: Change) -> bool:
        item = change.item
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in only for name in (item.key.identifier, item.path))

    return replace(plan, changes=tuple(filter(chosen, plan.changes)), partial=True)


def authors(source: Source, plan: Plan) -> Mapping[RepoPath, CommitInfo]:
    """Who last touched what a plan changes, by the item's path."""
    watched: dict[RepoPath, RepoPath] = {}
    for change in plan.changes:
        only_metadata = change.scope == {Scope.METADATA} and change.item.sidecar is not None
        path = change.item.sidecar if only_metadata else change.item.path
        watched[change.item.path] = path or change.item.path
    if not watched:
        return {}
    base = plan.base if plan.base is not None and source.is_ancestor(plan.base, plan.commit) else None
    touched = source.last_touched(base, plan.commit, sorted(set(watched.values())))
    return {item: touched[path] for item, path in watched.items() if path in touched}


def finish_cursor(store: Store) -> bool:
    """Say "synced to commit S" if every object of S is settled, parked, blocked or held; whether it was said."""
    last = store.last_pass()
    if last is None or not last.fingerprint:
        return False
    moving = {ItemStatus.QUEUED, ItemStatus.IN_FLIGHT}
    if any(row.standing is Standing.WANTED and row.status in moving for row in store.unsettled()):
        return False
    store.put_setting("synced_commit", last.commit)
    return True
