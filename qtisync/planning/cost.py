"""What a plan will cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable

from qtisync.model import Presence
from qtisync.planning.plan import Change, Cost


def estimate(changes: Iterable[Change], *, reads_first: bool, reads_back: bool, rate: float) -> Cost:
    """Calls, bytes and seconds for ``changes`` at ``rate`` requests per second.

    ``reads_first``: the API's copy of a known object is read before it is written (foreign metadata, conflicts).
    """
    calls = size = 0
    for change in changes:
        known = change.recorded is not None and change.recorded.presence is not Presence.ABSENT
        calls += 1 + (known and reads_first) + reads_back
        size += change.item.size
    return Cost(calls=calls, bytes=size, seconds=round(calls / rate, 1) if rate > 0 else 0.0)
