"""Desired compared with recorded. Pure: the same input gives the same plan, in the same order, with the same checksum.

The cases, for an object that a readable file asks for (``target``: what the record is already bringing to the API):

| recorded | the file equals the target | the API acknowledged it | result |
|---|---|---|---|
| no | | | create |
| yes | yes | queued, in flight, blocked | left alone: it is on its way |
| yes | yes | parked | left alone: it waits for an edit or a person |
| yes | any | yes | nothing to send (a revert is settled at once) |
| yes | any | no, or in doubt | update, or create if the API never had it |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from qtisync.model import (
    Broken,
    CommitId,
    Facets,
    Identifier,
    Item,
    ItemStatus,
    Key,
    Lane,
    Presence,
    Problem,
    Reason,
    Recorded,
    RepoPath,
    Scope,
    Snapshot,
    Standing,
)
from qtisync.planning.details import key_differences, metadata_details
from qtisync.planning.plan import Action, Change, Destination, Move, Orphan, Plan

BULK_FROM = 50  # changes in one pass from which they travel in the bulk lane, so that a later fix overtakes them
DRIFT = "Drift"
"""The outcome of a row that is sent again because it changed at the API."""
_ON_ITS_WAY = frozenset({ItemStatus.QUEUED, ItemStatus.IN_FLIGHT, ItemStatus.BLOCKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What comparing one item with its row came to."""

    change: Change | None = None
    parked: Recorded | None = None


def diff(
    desired: Snapshot,
    recorded: Mapping[Key, Recorded],
    destination: Destination,
    base: CommitId | None = None,
) -> Plan:
    """The plan that brings the API from what is recorded to what is desired."""
    held = held_keys(desired.broken, desired.items.keys(), recorded)
    gone = [row for key, row in recorded.items() if not _asked_for(key, desired, held)]
    gone.sort(key=lambda row: row.key)
    renamed = _renames(desired, recorded, gone)
    verdicts = {key: compare(item, recorded.get(key)) for key, item in desired.items.items()}
    changes = _finish_changes(verdicts.values(), renamed, desired, recorded, held)
    moves = [
        Move(item=item, previous=recorded[key].path)
        for key, item in desired.items.items()
        if key in recorded and recorded[key].path != item.path
    ]
    renamed_to = {Key(new.kind, old): new.identifier for new, old in renamed.items()}
    return Plan(
        commit=desired.commit,
        base=base,
        destination=destination,
        changes=changes,
        moves=tuple(sorted(moves, key=lambda move: move.item.key)),
        orphans=tuple(
            Orphan(recorded=row, new=row.standing is not Standing.ORPHAN, renamed_to=renamed_to.get(row.key))
            for row in gone
            if not never_sent(row)
        ),
        parked=tuple(sorted((v.parked for v in verdicts.values() if v.parked), key=lambda row: row.key)),
        held=tuple(recorded[key] for key in sorted(held) if key in recorded),
        broken=tuple(sorted(desired.broken, key=lambda broken: broken.path)),
        ignored=tuple(sorted(desired.ignored)),
        warnings=_warnings(desired),
        altered=tuple(row for key, row in sorted(recorded.items()) if row.altered and key in desired.items),
        unchanged=sum(1 for v in verdicts.values() if v.change is None and v.parked is None),
        others=desired.others,
    )


def _warnings(desired: Snapshot) -> tuple[Problem, ...]:
    findings = [finding for item in desired.items.values() for finding in item.findings]
    return tuple(sorted((*desired.warnings, *findings), key=lambda p: (p.path, p.line or 0, p.code, p.message)))


def compare(item: Item, row: Recorded | None) -> Verdict:
    """What must happen to one desired item."""
    if row is None:
        return Verdict(
            change=Change(item=item, recorded=None, action=Action.CREATE, scope=frozenset(Scope), reason=Reason.NEW)
        )
    same_target = same_facets(item, row.desired, row)
    if same_target and row.status is ItemStatus.PARKED:
        return Verdict(parked=row)
    on_its_way = same_target and row.status in _ON_ITS_WAY
    if not on_its_way and row.presence is Presence.PRESENT and same_facets(item, row.acknowledged, row):
        return Verdict()
    return Verdict(change=_change(item, row, queued=on_its_way))


def same_facets(item: Item, facets: Facets, row: Recorded) -> bool:
    """Whether ``facets`` are the item's; a digest of an older algorithm stands for the content of its blob."""
    return item.facets.metadata == facets.metadata and same_content(item, facets, row)


def same_content(item: Item, facets: Facets, row: Recorded) -> bool:
    """Whether the content of ``facets`` is the item's; re-baselines silently when only the algorithm changed."""
    if facets.content == item.facets.content:
        return True
    if facets.content is None or item.facets.content is None:
        return False
    other_algorithm = facets.content.partition(":")[0] != item.facets.content.partition(":")[0]
    return other_algorithm and item.blob == (row.acknowledged_blob if facets is row.acknowledged else row.blob)


def _change(item: Item, row: Recorded, *, queued: bool) -> Change:
    scope = frozenset(Scope)
    if row.presence is Presence.PRESENT:
        content = not same_content(item, row.acknowledged, row)
        metadata = item.facets.metadata != row.acknowledged.metadata
        scope = frozenset(s for s, differs in ((Scope.CONTENT, content), (Scope.METADATA, metadata)) if differs)
    compared = Scope.METADATA in scope and row.presence is not Presence.ABSENT  # what is not there has no differences
    return Change(
        item=item,
        recorded=row,
        action=Action.UPDATE if row.presence is Presence.PRESENT else Action.CREATE,
        scope=scope or frozenset(Scope),
        reason=_reason(row, scope),
        risk=_risk(item, row, scope),
        details=metadata_details(row.acknowledged_metadata, item.metadata) if compared else (),
        keys=key_differences(row.acknowledged_metadata, item.metadata) if compared else (),
        queued=queued,
        lane=row.lane if queued else Lane.NORMAL,
    )


def _reason(row: Recorded, scope: frozenset[Scope]) -> Reason:
    if row.presence is Presence.ABSENT:
        return Reason.NEW
    if row.last_outcome == DRIFT and row.status in _ON_ITS_WAY:
        return Reason.DRIFT
    if row.presence is Presence.DOUBTFUL or row.acknowledged.content is None or row.acknowledged.metadata is None:
        return Reason.IN_DOUBT
    if len(scope) > 1:
        return Reason.BOTH_CHANGED
    return Reason.CONTENT_CHANGED if Scope.CONTENT in scope else Reason.METADATA_CHANGED


def _risk(item: Item, row: Recorded, scope: frozenset[Scope]) -> tuple[str, ...]:
    changed = Scope.CONTENT in scope and row.presence is Presence.PRESENT and row.answers != item.answers
    return ("answer_key",) if changed else ()


def held_keys(broken: Iterable[Broken], readable: Iterable[Key], recorded: Mapping[Key, Recorded]) -> frozenset[Key]:
    """Identities that broken files keep: what they still say, and what was recorded at their path."""
    wanted = set(readable)
    by_path: dict[RepoPath, list[Key]] = {}
    for key, row in recorded.items():
        if row.standing is not Standing.ORPHAN:
            by_path.setdefault(row.path, []).append(key)
    held: set[Key] = set()
    for file in broken:
        held.update(by_path.get(file.path, []))
        held.update([file.key] if file.key is not None else [])
    return frozenset(held - wanted)


def never_sent(row: Recorded) -> bool:
    """Whether the API cannot know of it: it may be forgotten instead of being an orphan."""
    return row.presence is Presence.ABSENT and row.status is not ItemStatus.IN_FLIGHT


def _asked_for(key: Key, desired: Snapshot, held: frozenset[Key]) -> bool:
    return key in desired.items or key in held or key in desired.ignored


def _renames(desired: Snapshot, recorded: Mapping[Key, Recorded], gone: list[Recorded]) -> Mapping[Key, Identifier]:
    """New object → old identifier: said by the sidecar, or changed in place (the same path asks for another one)."""
    gone_at = {(row.key.kind, row.path): row.key.identifier for row in gone}
    gone_ids = {(row.key.kind, row.key.identifier) for row in gone}
    renamed: dict[Key, Identifier] = {}
    for key, item in desired.items.items():
        if key in recorded and recorded[key].presence is Presence.PRESENT:
            continue
        said = item.steering.renamed_from
        old = said if said is not None and (key.kind, said) in gone_ids else gone_at.get((key.kind, item.path))
        if old is not None:
            renamed[key] = old
    return dict(sorted(renamed.items()))  # two that claim the same old one must not depend on the order of files


def _finish_changes(
    verdicts: Iterable[Verdict],
    renamed: Mapping[Key, Identifier],
    desired: Snapshot,
    recorded: Mapping[Key, Recorded],
    held: frozenset[Key],
) -> tuple[Change, ...]:
    found = sorted((v.change for v in verdicts if v.change is not None), key=lambda change: change.item.key)
    usual = Lane.BULK if sum(not change.queued for change in found) >= BULK_FROM else Lane.NORMAL
    stuck = {v for v in held if v not in recorded or recorded[v].presence is not Presence.PRESENT}
    stuck |= {key for key, row in recorded.items() if row.status is ItemStatus.PARKED and key in desired.items}
    stuck -= {change.item.key for change in found}  # an edit revives it
    return tuple(
        replace(
            change,
            renamed_from=renamed.get(change.item.key),
            blocker=next((key for key in change.item.references if key in stuck), None),
            lane=change.lane if change.queued else change.item.steering.lane or usual,
        )
        for change in found
    )
