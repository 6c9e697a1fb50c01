"""What a pass writes down, as one value: the store carries it out in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qtisync.model import (
    CommitInfo,
    Item,
    ItemStatus,
    Key,
    Lane,
    PassRecord,
    Presence,
    Reason,
    Recorded,
    Snapshot,
    Standing,
)
from qtisync.planning.diff import never_sent, same_facets
from qtisync.planning.plan import Change, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A new target for one object: it replaces the old one, bumps the generation and starts with fresh attempts."""

    item: Item
    lane: Lane
    commit: CommitInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassertion:
    """A synced object that changed at the API: the same target is sent again."""

    key: Key
    generation: int
    """The target that was looked at; a newer one is on its way by itself."""
    content: bool
    """Its content there is no longer what was acknowledged."""
    metadata: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intents:
    """Everything one pass decided, sorted by key."""

    record: PassRecord
    targets: tuple[Target, ...] = ()
    """Rows to insert or to re-target; they become ``queued`` (an ``in_flight`` row stays so until it settles)."""
    settled: tuple[Item, ...] = ()
    """Rows whose desired side changes to what is acknowledged already (a revert): ``synced`` at once."""
    touched: tuple[Item, ...] = ()
    """Same target, other attributes (path, blob, protection, metadata spelling): updated in place, status kept."""
    standings: Mapping[Key, Standing] = field(default_factory=dict)
    """Rows whose standing changes."""
    forgotten: tuple[Key, ...] = ()
    """Rows of objects that were never sent and are no longer wanted: deleted from the record, nothing else."""
    dependencies: Mapping[Key, tuple[Key, ...]] = field(default_factory=dict)
    """For each re-targeted or touched object: the recorded objects it must wait for (replaces the old list)."""


def intents(plan: Plan, desired: Snapshot, recorded: Mapping[Key, Recorded], record: PassRecord) -> Intents:
    """What a pass over ``desired`` writes down. A partial plan touches only the objects it names."""
    # What drifted has its target already: it is asserted again, not replaced.
    chosen = [change for change in plan.changes if not change.queued and change.reason is not Reason.DRIFT]
    if plan.partial:
        return Intents(
            record=record,
            targets=_targets(chosen, plan),
            standings={change.item.key: Standing.WANTED for change in chosen if change.recorded is not None},
            dependencies=_dependencies((change.item for change in chosen), desired, recorded),
        )
    sent = {change.item.key for change in chosen}
    known = [
        (item, recorded[key]) for key, item in sorted(desired.items.items()) if key in recorded and key not in sent
    ]
    settled = [item for item, row in known if _reverted(item, row)]
    reverted = {item.key for item in settled}
    # What an object waits for may have come into the repository after it was queued.
    waiting = [item for item, row in known if item.references and row.status is not ItemStatus.SYNCED]
    touched = [item for item, row in known if item.key not in reverted and _differs_in_attributes(item, row)]
    return Intents(
        record=record,
        targets=_targets(chosen, plan),
        settled=tuple(settled),
        touched=tuple(touched),
        standings=_standings(plan, desired, recorded),
        forgotten=tuple(
            key for key in sorted(recorded) if never_sent(recorded[key]) and not _wanted(key, plan, desired)
        ),
        dependencies=_dependencies((*(c.item for c in chosen), *settled, *touched, *waiting), desired, recorded),
    )


def _targets(changes: Iterable[Change], plan: Plan) -> tuple[Target, ...]:
    unknown = CommitInfo(commit=plan.commit, author="")
    return tuple(
        Target(item=change.item, lane=change.lane, commit=plan.authors.get(change.item.path, unknown))
        for change in changes
    )


def _reverted(item: Item, row: Recorded) -> bool:
    acknowledged = row.presence is Presence.PRESENT and same_facets(item, row.acknowledged, row)
    return acknowledged and row.desired != item.facets


def _differs_in_attributes(item: Item, row: Recorded) -> bool:
    return (row.path, row.blob, row.protect, row.answers) != (item.path, item.blob, item.steering.protect, item.answers)


def _standings(plan: Plan, desired: Snapshot, recorded: Mapping[Key, Recorded]) -> Mapping[Key, Standing]:
    held = {row.key for row in plan.held}
    found: dict[Key, Standing] = {}
    for key, row in sorted(recorded.items()):
        standing = Standing.ORPHAN
        if key in desired.items:
            standing = Standing.WANTED
        elif key in held:
            standing = Standing.HELD
        elif key in desired.ignored:
            standing = Standing.IGNORED
        if row.standing is not standing:
            found[key] = standing
    return found


def _wanted(key: Key, plan: Plan, desired: Snapshot) -> bool:
    return key in desired.items or key in desired.ignored or any(held.key == key for held in plan.held)


def _dependencies(
    items: Iterable[Item], desired: Snapshot, recorded: Mapping[Key, Recorded]
) -> Mapping[Key, tuple[Key, ...]]:
    return {
        item.key: tuple(key for key in item.references if key in desired.items or key in recorded)
        for item in sorted(items, key=lambda item: item.key)
    }
