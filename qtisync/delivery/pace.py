"""The pace at which requests may leave: one small value, changed only by pure functions.

GCRA with a burst of one gives the spacing. Above it sits a controller that searches for the rate the API allows: it
doubles each second until the first refusal, then goes up in small steps and down by a factor, with one cut per
congestion event: answers to requests that were sent before the last cut are stale and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

START_RATE = 10.0  # requests per second before anything is known
CUT = 0.75  # factor of a cut
STEP = 0.02  # growth per second after the first cut, as a share of the rate
MAX_STREAK_PAUSE = 60.0  # longest pause of our own making, in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """One row of the record, shared by all workers of a target.

    ``tat`` is the theoretical arrival time of the next request: when it may leave. Rates are requests per second.
    """

    rate: float
    ceiling: float
    floor: float = 0.1
    tat: float = 0.0
    paused_until: float = 0.0
    pause_reason: str = ""
    memory: Mapping[str, float] = field(default_factory=dict)
    """What the controller remembers: ``cut_at`` (time of the last cut), ``grown_at`` (time of the last growth),
    ``streak`` (refusals in a row)."""


def first_pace(ceiling: float, *, adaptive: bool) -> Pace:
    """The pace before anything is known."""
    rate = min(ceiling, START_RATE) if adaptive else ceiling
    return Pace(rate=rate, ceiling=ceiling, floor=min(0.1, ceiling))


def resumed(pace: Pace | None, ceiling: float, now: float, *, adaptive: bool, longest_pause: float) -> Pace:
    """The learned pace of an earlier run under today's ceiling; leftovers of a jumped clock are cut to size."""
    if pace is None:
        return first_pace(ceiling, adaptive=adaptive)
    floor = min(0.1, ceiling)
    rate = max(floor, min(pace.rate, ceiling)) if adaptive else ceiling
    return replace(
        pace,
        ceiling=ceiling,
        rate=rate,
        floor=floor,
        tat=min(pace.tat, now + 1 / rate),
        paused_until=min(pace.paused_until, now + longest_pause),
        memory={name: min(value, now) if name.endswith("_at") else value for name, value in pace.memory.items()},
    )


def ready_at(pace: Pace, now: float) -> float:
    """The earliest time at which a request may leave."""
    return max(now, pace.tat, pace.paused_until)


def after_success(pace: Pace, sent_at: float, now: float, *, adaptive: bool = True) -> Pace:
    """The pace after an answer that was no refusal of speed."""
    cut_at = pace.memory.get("cut_at", 0.0)
    if sent_at < cut_at:
        return pace
    grown_at = pace.memory.get("grown_at", 0.0)
    if not adaptive or pace.rate >= pace.ceiling or now - grown_at < 1.0:
        return pace if not pace.memory.get("streak") else replace(pace, memory={**pace.memory, "streak": 0.0})
    factor = 2.0 if not cut_at else 1.0 + STEP
    first = grown_at == 0.0  # the first second only starts the count: one answer proves nothing
    rate = pace.rate if first else min(pace.ceiling, pace.rate * factor)
    return replace(pace, rate=rate, memory={**pace.memory, "grown_at": now, "streak": 0.0})


def after_throttle(pace: Pace, sent_at: float, now: float, until: float, *, adaptive: bool = True) -> Pace:
    """The pace after a refusal of speed: the queue waits until ``until``, and the rate is cut once per event."""
    paused = replace(
        pace, paused_until=max(pace.paused_until, until), tat=max(pace.tat, until), pause_reason="throttled"
    )
    if sent_at < pace.memory.get("cut_at", 0.0):
        return paused
    streak = pace.memory.get("streak", 0.0) + 1
    own = min(MAX_STREAK_PAUSE, 0.5 * 2.0 ** min(streak - 1, 10))
    wait_until = max(paused.paused_until, now + own) if streak > 1 else paused.paused_until
    rate = max(pace.floor, pace.rate * CUT) if adaptive else pace.rate
    return replace(
        paused,
        rate=rate,
        paused_until=wait_until,
        tat=max(paused.tat, wait_until),
        memory={**pace.memory, "cut_at": now, "grown_at": now, "streak": streak},
    )


def paused(pace: Pace, until: float, reason: str) -> Pace:
    """The pace while the API is in trouble: nothing leaves before ``until``."""
    return replace(pace, paused_until=max(pace.paused_until, until), tat=max(pace.tat, until), pause_reason=reason)
