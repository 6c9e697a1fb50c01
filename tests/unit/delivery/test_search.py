"""The search, step by step: how it begins, what a refusal teaches, how it falls and climbs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from builders import START

from qtisync.delivery.search import Mode, Search, after_late_answer, after_refusal, after_use, recalled, remembered

CEILING = 200.0
HOLDING = Search(
    rate=48.0, mode=Mode.HOLD, begun_at=START - 30, look_at=START, cut_at=START - 31, pause=1.0, empty_at=START - 31,
    accepted=1440, low=48.0, high=50.0, proven=46.0,
)  # fmt: skip


def used(search: Search, seconds: float) -> Search:
    """The search after its rate was used to the full for so long."""
    now = search.begun_at + seconds
    return after_use(search, now, CEILING, round(search.rate * seconds) + 1)


def refused(search: Search, seconds: float, pause: float = 1.0, accepted: int | None = None) -> Search:
    """The search after a refusal, so long after the trial began."""
    now = search.begun_at + seconds
    count = round(search.rate * seconds) if accepted is None else accepted
    return after_refusal(search, now, now + pause, 0.1, count)


def test_memory_survives_the_record():
    assert recalled(json.loads(json.dumps(remembered(HOLDING))), 1.0) == HOLDING


def test_memory_of_an_older_version_is_read_as_far_as_it_is_known():
    assert recalled({"cut_at": 5.0, "grown_at": 7.0, "streak": 1.0}, 12.0) == Search(rate=12.0, cut_at=5.0)


def test_start_doubles_and_the_first_refusal_brackets_the_limit():
    search = after_use(Search(rate=10.0), START, CEILING, 1)
    for _ in range(3):
        search = used(search, 1.0)
    assert (search.rate, search.mode) == (80.0, Mode.START)

    cut = refused(search, 0.5)
    assert (cut.mode, cut.high) == (Mode.SEEK, 80.0)
    assert cut.low < cut.rate < 80.0


def test_seek_closes_the_bracket_from_both_sides():
    seeking = Search(
        rate=46.0, mode=Mode.SEEK, begun_at=START, cut_at=START - 1, empty_at=START - 1, low=40.0, high=60.0
    )

    assert 46.0 < used(seeking, 10.0).rate < 60.0
    assert 40.0 < refused(seeking, 10.0).rate < 46.0


def test_narrow_bracket_is_held_at_its_lower_end():
    seeking = Search(
        rate=49.0, mode=Mode.SEEK, begun_at=START, cut_at=START - 1, empty_at=START - 1, low=48.0, high=50.0
    )
    held = used(seeking, 20.0)

    assert (held.mode, held.rate) == (Mode.HOLD, 49.0)


def test_two_refusals_that_name_the_same_limit_end_the_seeking():
    seeking = Search(
        rate=75.0, mode=Mode.SEEK, begun_at=START + 1, cut_at=START, empty_at=START, low=30.0, high=90.0, bound=50.0
    )
    held = refused(seeking, 2.0, accepted=150)

    assert (held.mode, held.rate) == (Mode.HOLD, 50.0)


def test_lone_refusal_trims_a_little():
    trimmed = refused(HOLDING, 30.0)

    assert (trimmed.mode, trimmed.rate) == (Mode.HOLD, pytest.approx(48.0 * 0.985))


def test_two_refusals_within_seconds_after_a_long_hold_are_a_fall():
    fallen = refused(refused(HOLDING, 30.0), 0.3, accepted=14)

    assert (fallen.mode, fallen.held, fallen.rate) == (Mode.HOLD, pytest.approx(46.0), pytest.approx(14 / 1.3))


def late(search: Search, answers: str) -> Search:
    """The search after answers to what was on its way behind a refusal: ``+`` accepted, ``-`` refused."""
    for answer in answers:
        search = after_late_answer(search, 0.1, refused=answer == "-")
    return search


@pytest.mark.parametrize("answers", ["--", "+--", "---", "-+-"])
def test_lone_refusal_is_a_fall_if_most_behind_it_is_refused_as_well(answers: str):
    fallen = late(refused(HOLDING, 30.0), answers)

    assert (fallen.mode, fallen.held, fallen.rate) == (Mode.HOLD, 46.0, pytest.approx(0.2 * 48.0))
    assert fallen.begun_at == START + 1.0


@pytest.mark.parametrize("answers", ["", "-", "+-", "++--+", "+++-", "++++++--+--"])
def test_lone_refusal_stays_one_if_enough_behind_it_is_accepted(answers: str):
    cut = refused(HOLDING, 30.0)

    after = late(cut, answers)

    assert (after.mode, after.rate, after.held) == (Mode.HOLD, cut.rate, 0.0)


@pytest.mark.parametrize("mode", [Mode.START, Mode.SEEK, Mode.CLIMB])
def test_late_answers_tell_nothing_while_the_limit_is_searched_for(mode: Mode):
    cut = refused(replace(HOLDING, mode=mode, base=40.0), 30.0)

    assert late(cut, "-----") is cut


def test_fall_is_told_once():
    fallen = late(refused(HOLDING, 30.0), "--")

    assert late(fallen, "-----") is fallen


def test_fall_cuts_to_a_fifth_at_most():
    fallen = refused(refused(HOLDING, 30.0), 0.1, accepted=0)

    assert fallen.rate == pytest.approx(0.2 * 48.0 * 0.985)


def test_climb_after_a_fall_takes_wider_steps_and_stops_where_it_held_before():
    search = Search(rate=10.0, mode=Mode.HOLD, begun_at=START, low=10.0, held=46.0, fell_at=START - 60, pause=1.0)
    rates = []
    for _ in range(4):
        search = used(search, 8.0)
        rates.append((search.rate, search.mode))

    assert rates == [
        (20.0, Mode.CLIMB),
        (46.0, Mode.CLIMB),
        (46.0, Mode.HOLD),
        (pytest.approx(46.0 * 1.03), Mode.CLIMB),
    ]


def test_climb_that_is_refused_at_once_goes_back_and_waits_twice_as_long():
    climbing = used(HOLDING, 60.0)
    back = refused(climbing, 0.5)

    assert (climbing.mode, climbing.rate) == (Mode.CLIMB, pytest.approx(48.0 * 1.03))
    assert (back.mode, back.rate, back.gap) == (Mode.HOLD, 48.0, 2 * HOLDING.gap)


def test_the_dearer_a_refusal_the_rarer_the_climbs():
    cheap, dear = refused(HOLDING, 30.0, pause=0.3), refused(HOLDING, 30.0, pause=5.0)

    assert (round(cheap.look_at - cheap.begun_at), round(dear.look_at - dear.begun_at)) == (20, 200)


def test_ceiling_is_held_and_never_looked_at_again():
    search = after_use(Search(rate=10.0), START, 10.0, 1)
    search = after_use(search, START + 1, 10.0, 10)
    assert (search.mode, search.rate) == (Mode.HOLD, 10.0)

    search = after_use(search, search.look_at, 10.0, 1000)
    assert (search.rate, search.look_at > START + 1e9) == (10.0, True)


def test_rate_that_was_not_used_proves_nothing():
    idle = after_use(replace(HOLDING, before_trial=HOLDING.accepted), START + 3600, CEILING, 3)

    assert (idle.mode, idle.rate, idle.proven) == (Mode.HOLD, 48.0, HOLDING.proven)
