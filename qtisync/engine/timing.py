"""When the daemon's next pass begins: arithmetic on a few points in time, in seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How rings are gathered. Seconds."""

    settle: float = 0.0
    """Even the first ring waits until nothing rang for so long: a working tree is seldom saved in one stroke."""
    gap: float = 0.05
    """The least time from the end of one pass to the beginning of the next."""
    longest_gap: float = 2.0
    """To this the gap grows while passes find nothing new: what rings without end must not keep the daemon busy."""
    cap: float = 2.0
    """A pass begins no later than so long after the first ring that waits for it, whatever rings meanwhile."""
    quiet: float = 0.2
    """Rings close behind a pass that found something are gathered until nothing rang for so long."""
    retry: float = 1.0
    """After a pass that failed, the time to the next one; doubled with each failure, up to ``retry_cap``."""
    retry_cap: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What the last passes were like."""

    ended: float | None = None
    """When the last one ended; ``None``: there was none."""
    idle: int = 0
    """How many in a row found nothing new."""
    failures: int = 0
    """How many in a row failed."""

    def after(self, ended: float, *, news: bool) -> Rhythm:
        """A pass ended well."""
        return Rhythm(ended=ended, idle=0 if news else self.idle + 1)

    def after_failure(self, ended: float) -> Rhythm:
        """A pass failed."""
        return Rhythm(ended=ended, failures=self.failures + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """The rings that no pass has answered yet."""

    first: float
    last: float
    origins: tuple[str, ...] = ()


FEW_IDLE = 3
"""So many passes in a row may find nothing before the gap grows: a push may ring more than once."""


def next_pass_at(rings: Rings, rhythm: Rhythm, timing: Timing, jitter: float) -> float:
    """When the pass that answers these rings begins.

    The first ring of a quiet daemon starts a pass at once. What rings soon after a pass is gathered, until it is quiet
    or the cap is reached. After a failure the next pass waits longer each time; ``jitter`` is a number in [0, 1).
    """
    if rhythm.ended is None:
        return _gathered(rings, timing.settle, timing.cap)
    if rhythm.failures:
        pause = min(timing.retry_cap, timing.retry * 2.0 ** min(rhythm.failures - 1, 16))
        return max(rings.first, rhythm.ended + pause * (0.5 + jitter / 2))
    gap = min(timing.longest_gap, timing.gap * 2.0 ** min(max(0, rhythm.idle - FEW_IDLE), 16))
    earliest = rhythm.ended + gap
    if rings.first >= earliest:
        return _gathered(rings, timing.settle, timing.cap)
    return max(earliest, _gathered(rings, max(timing.quiet, timing.settle), timing.cap))


def _gathered(rings: Rings, quiet: float, cap: float) -> float:
    return min(rings.last + quiet, rings.first + cap)
