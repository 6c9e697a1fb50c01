"""The search for a limit that nobody announced: neither its rate nor its burst is known, it may change or be shared.

*start* doubles the rate until the first refusal. *seek* narrows the bracket between what holds and what was refused.
*hold* stays below; a lone refusal trims a little, two within seconds mean that the limit may have fallen, and if most
of what was on its way behind the first is refused as well, it has. *climb* tries a step up now and then, doubling while
it works; after a fall it comes sooner, steps widely, and stops at the rate that held before. What a refusal costs is
the pause that it brings, so the longer that is, the rarer are the climbs.

Two bounds need no luck. A token bucket is empty at a refusal, so between two of them accepted ÷ elapsed is never more
than the limit. And a rate that passed for t seconds shows that the limit is at least ``rate * t / (t + BURST)``.

Pure: times are arguments, in seconds since the epoch; rates are requests per second. The constants were chosen with
the simulation in ``tests/pace_simulation.py``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

START_STEP = 1.0  # seconds at a rate before it is doubled
USED = 0.7  # share of a rate that must have been used before its passing proves anything
PATIENCE = 5.0  # seconds; the longest wait before a rate that was not used is looked at again
BURST = 1.0  # seconds' worth of requests that a limit may let through at once, as far as we reckon with it
DRAIN = 0.5  # the share of such a burst that a trial waits for before it goes on
CLOSE = 1.08  # a bracket this narrow is closed
LOWER = 0.6  # how near its lower end the next trial lies: a refusal costs more than a detour
AGREE = 0.03  # two refusals in a row whose bounds differ by less name the limit
LONGEST_TRIAL = 20.0  # seconds
TRIM = 0.985  # what a lone refusal leaves of the rate
SOON = 4.0  # seconds after a pause; a refusal within them is not a lone one
CROWD = 2  # refusals of what was on its way behind a refusal, twice as many as were accepted of it: a fall
FALL = 0.7  # a bound below this share of what was proven is a fall
DEEPEST = 0.2  # what one refusal leaves of the rate at least
FALLEN_CLOSE, FALLEN_AGREE, FALLEN_TRIAL = 1.25, 0.1, 5.0  # the same after a fall, where time is better spent climbing
FALLEN_SHARE = 0.055  # share of the time since a fall that passes between two climbs
PAUSES = 11.0  # climbs after a fall are no closer than so many pauses
CALM_GAP, CALM_PAUSES = 20.0, 40.0  # seconds, and pauses, between two climbs in calm times; doubled by each that fails
LONGEST_GAP = 300.0  # seconds
STEP, LEAP = 0.03, 1.0  # first step of a climb, in calm times and after a fall, as a share of the rate
HIGHEST_LEAP = 2.0  # widest step on the way back to a rate that held before a fall
SMALL = 1.1  # up to this factor a climb has gone by small steps
LEAP_TRIAL, LEAP_PAUSES, STEP_TRIAL = (
    1.0,
    1.2,
    8.0,
)  # at a step of a climb: seconds, pauses (at most 3 s); seconds at most
FALLEN = 1.2  # the rate before a fall is worth climbing to while it is so much higher
NEVER = 1e15


class Mode(enum.IntEnum):
    """What the search is doing."""

    START = 0
    SEEK = 1
    HOLD = 2
    CLIMB = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is remembered between two answers. Zero means: not yet, or none."""

    rate: float
    mode: Mode = Mode.START
    begun_at: float = 0.0
    """When the trial of this rate began."""
    look_at: float = 0.0
    """Successes before that change nothing."""
    cut_at: float = 0.0
    """When the last cut was made: answers to earlier requests are stale."""
    pause: float = 0.0
    """Length of the pause that came with it."""
    empty_at: float = 0.0
    """When the limit was used up: the last cut, or, reckoning with a full burst, a little before a start or climb."""
    accepted: float = 0.0
    """Requests accepted since ``empty_at``."""
    before_trial: float = 0.0
    """How many of them before this trial."""
    low: float = 0.0
    """The lower end of the bracket, or the rate to hold."""
    high: float = 0.0
    """The rate that was refused last."""
    bound: float = 0.0
    """Accepted ÷ elapsed at the last refusal while seeking."""
    proven: float = 0.0
    """What the longest trials prove to hold."""
    settled: float = 0.0
    """What had been proven before two refusals came within seconds."""
    held: float = 0.0
    """The rate before a fall."""
    fell_at: float = 0.0
    lone: float = 0.0
    """1 while the last cut is a trim."""
    late_accepted: float = 0.0
    """Answers to requests that were on their way when it was made."""
    late_refused: float = 0.0
    base: float = 0.0
    """Where a climb began."""
    step: float = STEP
    gap: float = CALM_GAP


_NAMES = frozenset(field.name for field in fields(Search)) - {"mode"}


def recalled(memory: Mapping[str, float], rate: float) -> Search:
    """The search as the record remembers it; ``rate`` where it remembers none."""
    known = {name: value for name, value in memory.items() if name in _NAMES}
    return Search(**{"rate": rate, **known}, mode=Mode(int(memory.get("mode", 0))))


def remembered(search: Search) -> dict[str, float]:
    """The search as the record remembers it."""
    return {name: float(value) for name, value in asdict(search).items()}


def after_use(search: Search, now: float, ceiling: float, accepted: int) -> Search:
    """The search after ``accepted`` more answers that were no refusal; called when ``look_at`` is past."""
    told = replace(search, accepted=search.accepted + accepted)
    if not told.begun_at:  # the first answer only starts the clock: it proves nothing
        return _trial(replace(told, empty_at=now - BURST, accepted=0.0), told.rate, now, START_STEP)
    spent = max(0.0, now - told.begun_at)
    if told.accepted - told.before_trial < USED * told.rate * spent:
        return _trial(told, told.rate, now, max(START_STEP, min(spent, PATIENCE)))
    told = replace(told, proven=max(told.proven, told.rate * spent / (spent + BURST)))
    match told.mode:
        case Mode.START:
            grown = replace(told, low=told.rate)
            full = told.rate >= ceiling
            return _holding(grown, now) if full else _trial(grown, min(ceiling, 2 * told.rate), now, START_STEP)
        case Mode.SEEK:
            return _narrowed(replace(told, low=told.rate), now)
        case Mode.HOLD:
            return _climbing(told, now, ceiling)
        case Mode.CLIMB:
            return _climbed(told, now, ceiling)


def after_refusal(search: Search, now: float, resume_at: float, floor: float, accepted: int) -> Search:
    """The search after the first refusal of a congestion event; requests leave again at ``resume_at``.

    ``accepted``: answers that came since the last telling.
    """
    told = replace(search, accepted=search.accepted + accepted, lone=0.0, late_accepted=0.0, late_refused=0.0)
    elapsed = max(now - told.empty_at, 0.001) if told.empty_at else BURST
    bound = told.accepted / elapsed
    cut = _fallen(_cut(told, now, bound), told.rate, now)
    cut = replace(
        cut,
        high=told.rate,
        bound=bound if told.mode is Mode.SEEK else 0.0,
        low=max(floor, min(cut.low, told.rate)),
        proven=min(cut.proven, told.rate * TRIM),
        cut_at=now,
        pause=resume_at - now,
        empty_at=now,
        accepted=0.0,
    )
    return _narrowed(cut, resume_at) if cut.mode is Mode.SEEK else _holding(cut, resume_at)


def after_late_answer(search: Search, floor: float, *, refused: bool) -> Search:
    """The search after the answer to a request that was on its way when the last cut was made.

    It is of the same event and cuts no second time, but it tells what kind of event this is: a limit that is a little
    exceeded accepts most of these requests, one that fell refuses most.
    """
    if not search.lone:
        return search
    told = replace(
        search, late_refused=search.late_refused + refused, late_accepted=search.late_accepted + (not refused)
    )
    if told.late_refused < max(CROWD, 2 * told.late_accepted):
        return told
    held = max(told.held, told.proven, told.settled)
    low = max(floor, DEEPEST * told.high)
    fallen = replace(told, lone=0.0, low=low, held=held, fell_at=told.cut_at, proven=0.0, settled=0.0)
    return _holding(fallen, told.cut_at + told.pause)


def _cut(told: Search, now: float, bound: float) -> Search:
    """What to do next: hold at ``low``, or seek between it and the refused rate."""
    low = max(bound, told.proven)
    match told.mode:
        case Mode.SEEK if abs(bound - told.bound) < (FALLEN_AGREE if told.held else AGREE) * bound:
            return replace(told, mode=Mode.HOLD, low=max(low, told.bound))
        case Mode.START | Mode.SEEK:
            return replace(told, mode=Mode.SEEK, low=low)
        case Mode.CLIMB if bound <= told.base * SMALL:
            stepped = told.low * TRIM if told.low <= told.base * SMALL else 0.0
            gap = min(LONGEST_GAP, told.gap * 2)
            return replace(told, mode=Mode.HOLD, low=max(told.base, stepped), gap=gap)
        case Mode.CLIMB:
            return replace(told, mode=Mode.SEEK, low=max(told.base, low), gap=CALM_GAP)
        case Mode.HOLD if now - (told.cut_at + told.pause) >= SOON:
            return replace(told, low=told.rate * TRIM, lone=1.0)
        case Mode.HOLD:
            low = max(DEEPEST * told.rate, min(bound, 0.9 * told.rate))
            return replace(told, mode=Mode.SEEK, low=low, proven=0.0, settled=max(told.proven, told.settled))


def _fallen(cut: Search, rate: float, now: float) -> Search:
    """A bracket far below what had been proven: the limit fell. Hold there and climb back, rather than seek."""
    if cut.mode is not Mode.SEEK or cut.low >= FALL * cut.settled:
        return cut
    low = max(cut.low, DEEPEST * rate)
    return replace(cut, mode=Mode.HOLD, low=low, held=max(cut.held, cut.settled), settled=0.0, fell_at=now)


def _trial(search: Search, rate: float, begun_at: float, seconds: float) -> Search:
    look_at = begun_at + seconds
    return replace(search, rate=rate, begun_at=begun_at, before_trial=search.accepted, look_at=look_at)


def _narrowed(search: Search, now: float) -> Search:
    low, high = search.low, search.high
    fallen = search.held > FALLEN * high
    if low * (FALLEN_CLOSE if fallen else CLOSE) >= high:
        return _holding(search, now)
    rate = max(low**LOWER * high ** (1 - LOWER), DEEPEST * high)
    seconds = max(1.0, DRAIN * BURST * rate / (rate - low))
    longest = FALLEN_TRIAL if fallen else LONGEST_TRIAL
    return _trial(replace(search, mode=Mode.SEEK), rate, now, min(longest, seconds))


def _holding(search: Search, now: float) -> Search:
    gap = max(search.gap, CALM_PAUSES * search.pause)
    if search.held:
        age = max(0.0, now - search.fell_at)
        gap = max(FALLEN_SHARE * age, min(PAUSES * search.pause, age + 1.0))
    return _trial(replace(search, mode=Mode.HOLD), search.low, now, max(1.0, min(LONGEST_GAP, gap)))


def _climbing(search: Search, now: float, ceiling: float) -> Search:
    """The first step of a climb, from a rate that held."""
    if search.rate >= ceiling:
        return replace(search, look_at=NEVER, settled=0.0)
    fallen = search.held > search.rate * FALLEN
    begun = replace(
        search,
        mode=Mode.CLIMB,
        base=search.rate,
        step=LEAP if fallen else STEP,
        held=search.held if fallen else 0.0,
        settled=0.0,
        empty_at=now - BURST,
        accepted=0.0,
    )
    return _stepped(begun, now, ceiling)


def _stepped(search: Search, now: float, ceiling: float) -> Search:
    rate = min(ceiling, search.rate * (1 + search.step), search.held or ceiling)
    least = max(LEAP_TRIAL, min(3.0, LEAP_PAUSES * search.pause))
    seconds = max(least, DRAIN * BURST * rate / (rate - search.rate))
    return _trial(replace(search, low=search.rate), rate, now, min(STEP_TRIAL, seconds))


def _climbed(search: Search, now: float, ceiling: float) -> Search:
    """A step of a climb passed."""
    widest = HIGHEST_LEAP if search.held else LEAP
    won = replace(search, low=search.rate, step=min(widest, 2 * search.step), gap=CALM_GAP)
    if won.rate >= min(ceiling, won.held or ceiling):
        return _holding(replace(won, held=0.0), now)
    return _stepped(won, now, ceiling)
