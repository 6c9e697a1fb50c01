"""When to fetch a repository elsewhere again."""

from __future__ import annotations

LONGEST = 10
"""The time after a failure grows up to so many times the first one."""
_SPREAD = 0.2


def next_fetch_after(failures: int, *, poll_every: float, fetch_retry_every: float, jitter: float) -> float:
    """Seconds from the end of one fetch to the next, after so many failures in a row.

    ``jitter``, from 0 to 1, spreads the waits by a fifth, so that many daemons do not ask a forge at the same moment;
    none is longer than ten times ``fetch_retry_every``. After a success it is ``poll_every``, as it was configured.
    """
    if failures <= 0:
        return poll_every
    grown = min(fetch_retry_every * 2.0 ** min(failures - 1, 16), fetch_retry_every * LONGEST)
    return grown * (1.0 - _SPREAD * jitter)
