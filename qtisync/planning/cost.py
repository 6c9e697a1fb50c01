"""What a plan will cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qtisync.model import Kind, Presence
from qtisync.planning.plan import Change, Cost


def one_by_one(count: int) -> int:
    """Each by a call of its own."""
    return count


def estimate(
    changes: Iterable[Change],
    *,
    reads_first: bool,
    reads_back: bool,
    rate: float,
    reading_calls: Callable[[int], int] = one_by_one,
    removals: int = 0,
) -> Cost:
    """Calls, bytes and seconds for ``changes`` at ``rate`` requests per second.

    ``reads_first``: the API's copy of a known object is read before it is written (foreign metadata, conflicts);
    ``reading_calls``: how many calls it takes to read so many items; ``removals``:
    objects to be deleted, each read just before.
    """
    calls = size = reads = 0
    for change in changes:
        known = change.recorded is not None and change.recorded.presence is not Presence.ABSENT
        first = known and reads_first
        reads += first and change.item.key.kind is Kind.ITEM
        calls += 1 + (first and change.item.key.kind is not Kind.ITEM) + reads_back
        size += change.item.size
    calls += reading_calls(reads) + 2 * removals
    return Cost(calls=calls, bytes=size, seconds=round(calls / rate, 1) if rate > 0 else 0.0)
