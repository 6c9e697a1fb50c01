"""Nothing is asked of an API for a while that refuses us as a whole, or is gone; each time in a row it is longer."""

from __future__ import annotations

from dataclasses import dataclass

HALT = 60.0  # seconds until what refused us as a whole is asked again; doubled each time
GONE = 2.0  # likewise for what is gone and may be back any moment
HALT_CAP = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """The API refuses us as a whole, is gone, or a conflict blocks: nothing is sent until ``until``, or ``resume``."""

    reason: str
    until: float
    conflict: bool = False
    unavailable: bool = False
    cause: str = "unavailable"
    """For those who wait for a job, in the words of ``report.job``."""


def halted_for(before: int, *, gone: bool, jitter: float) -> float:
    """Seconds of a halt after so many in a row; ``jitter`` is in [0, 1)."""
    return min(HALT_CAP, (GONE if gone else HALT) * 2.0 ** min(before, 16)) * (0.75 + jitter / 2)
