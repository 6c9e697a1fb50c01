"""How many items are read by one list request, and what that costs. Pure, and light: a plan uses it too."""

from __future__ import annotations

import math

FRESH = 5.0  # seconds for which what was read may be acted on: how long a change by somebody else can go unseen
MIN_BATCH = 4  # fewer are not worth a list
MAX_BATCH = 50  # rows carry all of their XML: a larger page only gets heavier, and 1/50 of a call is little already
_USED = 0.8  # share of the time for which a page is good that its rows take to be written


def batch_size(rate: float, limit: int = MAX_BATCH) -> int:
    """How many items to read at once: as many as are written while they are fresh, at ``rate`` requests a second."""
    return max(0, min(MAX_BATCH, limit, int(rate * FRESH * _USED)))


def lead(size: int, rate: float) -> int:
    """With how many items left the next page is asked for: a second's worth, from a quarter to half of a page."""
    return min(size // 2, max(size // 4, math.ceil(rate)))


def reading_calls(items: int, rate: float) -> int:
    """Calls that reading so many items takes."""
    size = batch_size(rate)
    if size < MIN_BATCH:
        return items
    pages, left = divmod(items, size)
    return pages + (1 if left >= MIN_BATCH else left)
