"""The pace at which requests may leave: one small value, changed only by pure functions.

GCRA with a burst of one gives the spacing. Above it sits the controller of ``delivery.search``. There is one cut per
congestion event: answers to requests that were sent before the pause of the last cut was over are stale, and can but
tell that this event is a fall of the limit. Requests do leave after a refusal: those of other threads, in the
milliseconds until they know of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qtisync.delivery.search import SOON, Search, after_late_answer, after_refusal, after_use, recalled, remembered

START_RATE = 10.0  # requests per second before anything is known
MAX_STREAK_PAUSE = 60.0  # longest pause of our own making, in seconds
BREATH = 0.3  # shortest pause after a cut, in seconds: an empty bucket would refuse the lower rate as well
SAME = 0.1  # a limit that headers name is taken over when it differs by more than this share


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
    """What is remembered beside that: the fields of ``search.Search``, ``streak`` (refusals in a row), and ``cap``
    (a rate that the API's own headers name; 0 or absent: none)."""


def first_pace(ceiling: float, *, adaptive: bool) -> Pace:
    """The pace before anything is known."""
    rate = min(ceiling, START_RATE) if adaptive else ceiling
    return Pace(rate=rate, ceiling=ceiling, floor=min(0.1, ceiling))


def resumed(pace: Pace | None, ceiling: float, now: float, *, adaptive: bool, longest_pause: float) -> Pace:
    """The learned pace of an earlier run under today's ceiling; leftovers of a jumped clock are cut to size."""
    if pace is None:
        return first_pace(ceiling, adaptive=adaptive)
    floor = min(0.1, ceiling)
    learned = pace.memory.get("rate", pace.rate)
    rate = max(floor, min(learned, ceiling)) if adaptive else ceiling
    memory = {name: min(value, now) if name.endswith("_at") else value for name, value in pace.memory.items()}
    memory.pop("cap", None)  # what headers said then says nothing about now
    return replace(
        pace,
        ceiling=ceiling,
        rate=rate,
        floor=floor,
        tat=min(pace.tat, now + 1 / rate),
        paused_until=min(pace.paused_until, now + longest_pause),
        memory={**memory, "rate": rate} if "rate" in memory else memory,
    )


SLACK = 0.05  # seconds; threads wake that late on a busy machine


def ready_at(pace: Pace, now: float, last: float = 0.0) -> float:
    """The earliest time at which a request may leave. ``last``: when the slot began that was given before.

    Two slots are never closer than the ceiling allows, whatever was missed. A slot further ahead than ``taken`` can
    have put it is of a clock that was set back since.
    """
    return max(now, pace.tat, pace.paused_until, min(last + 1.0 / pace.ceiling, pace.tat + SLACK))


def taken(pace: Pace, begins: float) -> Pace:
    """The pace after a slot was given that begins then.

    Whoever waits for a slot wakes a little late, and what is missed so would be a loss at each request: up to ``SLACK``
    of it is made up for. So no window holds more than ``SLACK`` x rate requests above the rate, and none is above the
    ceiling.
    """
    return replace(pace, tat=max(pace.tat, begins - SLACK) + 1.0 / pace.rate)


def after_success(pace: Pace, sent_at: float, now: float, *, adaptive: bool = True, accepted: int = 1) -> Pace:
    """The pace after an answer that was no refusal of speed; the same object where nothing is to be changed.

    ``accepted``: how many such answers came since the last change.
    """
    memory = pace.memory
    if _is_stale(pace, sent_at):
        return _late(pace, refused=False) if adaptive else pace
    calm = pace if not memory.get("streak") else replace(pace, memory={**memory, "streak": 0.0})
    if not adaptive or now < memory.get("look_at", 0.0):
        return calm
    return _with(calm, after_use(recalled(memory, pace.rate), now, pace.ceiling, accepted))


def after_throttle(
    pace: Pace, sent_at: float, now: float, until: float, *, adaptive: bool = True, accepted: int = 0
) -> Pace:
    """The pace after a refusal of speed: the queue waits until ``until``, and the rate is cut once per event."""
    waiting = paused(pace, until, "throttled")
    memory = pace.memory
    if _is_stale(pace, sent_at):
        return _late(waiting, refused=True) if adaptive else waiting
    streak = memory.get("streak", 0.0) + 1
    if streak > 1:
        own = min(MAX_STREAK_PAUSE, 0.5 * 2.0 ** min(streak - 1, 10))
        waiting = paused(waiting, now + own, "throttled")
    if not adaptive:
        pause = waiting.paused_until - now
        return replace(waiting, memory={**memory, "cut_at": now, "pause": pause, "streak": streak})
    waiting = paused(waiting, now + BREATH, "throttled")
    search = after_refusal(recalled(memory, pace.rate), now, waiting.paused_until, pace.floor, accepted)
    return _with(replace(waiting, memory={**memory, "streak": streak}), search, highest=pace.rate)


def after_scarcity(pace: Pace, sent_at: float, now: float, *, accepted: int = 0) -> Pace:
    """The pace after headers that say: almost nothing is left. A cut without a refusal and without a pause."""
    if (
        _is_stale(pace, sent_at) or now < pace.memory.get("cut_at", 0.0) + SOON
    ):  # what is left takes a while to grow again
        return pace
    search = after_refusal(recalled(pace.memory, pace.rate), now, now, pace.floor, accepted)
    return _with(pace, search, highest=pace.rate)


def capped(pace: Pace, cap: float | None) -> Pace:
    """The pace under a rate that the API's own headers name, or no longer; the same object if it is about the same."""
    before, after = pace.memory.get("cap", 0.0), cap or 0.0
    if abs(after - before) <= SAME * before:
        return pace
    return _with(replace(pace, memory={**pace.memory, "cap": after}), recalled(pace.memory, pace.rate))


def paused(pace: Pace, until: float, reason: str) -> Pace:
    """The pace while the API is in trouble or asked for a pause: nothing leaves before ``until``."""
    return replace(pace, paused_until=max(pace.paused_until, until), tat=max(pace.tat, until), pause_reason=reason)


def _is_stale(pace: Pace, sent_at: float) -> bool:
    """Whether a request left before the pause of the last cut was over: it says nothing about the rate since."""
    return sent_at < pace.memory.get("cut_at", 0.0) + pace.memory.get("pause", 0.0)


def _late(pace: Pace, *, refused: bool) -> Pace:
    before = recalled(pace.memory, pace.rate)
    search = after_late_answer(before, pace.floor, refused=refused)
    return pace if search is before else _with(pace, search, highest=pace.rate)


def _with(pace: Pace, search: Search, highest: float | None = None) -> Pace:
    """``pace`` at the rate that ``search`` chose, between floor and ceiling, below the cap and ``highest``."""
    top = min(pace.ceiling, highest or pace.ceiling)
    chosen = replace(search, rate=max(pace.floor, min(search.rate, top)))
    cap = pace.memory.get("cap") or chosen.rate
    return replace(pace, rate=max(pace.floor, min(chosen.rate, cap)), memory={**pace.memory, **remembered(chosen)})
