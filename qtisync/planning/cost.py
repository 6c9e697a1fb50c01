"""What a plan will cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qtisync.model import Key, Kind, Presence, Scope
from qtisync.planning.plan import Action, Change, Cost

TRIAL = 3
"""Calls by which the first metadata call on a target costs more: a bystander before, the item and it afterwards."""


def one_by_one(count: int) -> int:
    """Each by a call of its own."""
    return count


def first_metadata_change(changes: Iterable[Change]) -> Key | None:
    """The first item whose change the metadata call could make; ``None``: there is none."""
    found = (change.item.key for change in changes if _by_metadata_call(change))
    return min(found, default=None)


def _by_metadata_call(change: Change) -> bool:
    """Whether only metadata of an item changes, and no key leaves: see ``delivery.wire.write``."""
    if change.recorded is None or change.scope != {Scope.METADATA} or change.action is not Action.UPDATE:
        return False
    leaves = change.recorded.acknowledged_metadata.keys() - change.item.metadata.keys()
    return change.item.key.kind is Kind.ITEM and not leaves


def estimate(
    changes: Iterable[Change],
    *,
    reads_first: bool,
    reads_back: bool,
    rate: float,
    reading_calls: Callable[[int], int] = one_by_one,
    removals: int = 0,
    tried: bool = False,
    looks: int = 0,
) -> Cost:
    """Calls, bytes and seconds for ``changes`` at ``rate`` requests per second.

    ``reads_first``: the API's copy of a known object is read before it is written (foreign metadata, conflicts);
    ``reading_calls``: how many calls it takes to read so many items; ``removals``:
    objects to be deleted, each read just before; ``looks``: calls that look for what refers to them; ``tried``: the
    metadata call is tried for the first time.
    """
    calls = size = reads = 0
    for change in changes:
        known = change.recorded is not None and change.recorded.presence is not Presence.ABSENT
        first = known and reads_first
        reads += first and change.item.key.kind is Kind.ITEM
        calls += 1 + (first and change.item.key.kind is not Kind.ITEM) + reads_back
        size += change.item.size
    calls += reading_calls(reads) + 2 * removals + looks + TRIAL * tried
    return Cost(calls=calls, bytes=size, seconds=round(calls / rate, 1) if rate > 0 else 0.0)
