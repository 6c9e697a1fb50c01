"""The adaptive pace: one cut per congestion event, never above the ceiling, and a pause that only grows."""

from __future__ import annotations

from dataclasses import replace

from builders import START
from hypothesis import given
from hypothesis import strategies as st

from qtisync.delivery.pace import (
    Pace,
    after_scarcity,
    after_success,
    after_throttle,
    capped,
    first_pace,
    paused,
    ready_at,
    resumed,
)

CALM = Pace(rate=10.0, ceiling=50.0, memory={"grown_at": START - 10})


def test_first_pace_is_careful_below_a_high_ceiling():
    assert first_pace(50.0, adaptive=True) == Pace(rate=10.0, ceiling=50.0)
    assert first_pace(4.0, adaptive=True) == Pace(rate=4.0, ceiling=4.0)
    assert first_pace(0.05, adaptive=True) == Pace(rate=0.05, ceiling=0.05, floor=0.05)


def test_fixed_pace_is_the_ceiling():
    assert first_pace(50.0, adaptive=False) == Pace(rate=50.0, ceiling=50.0)


def test_request_leaves_when_neither_spacing_nor_pause_holds_it():
    assert ready_at(Pace(rate=1, ceiling=1), START) == START
    assert ready_at(Pace(rate=1, ceiling=1, tat=START + 2), START) == START + 2
    assert ready_at(Pace(rate=1, ceiling=1, tat=START + 2, paused_until=START + 5), START) == START + 5


def test_429_pauses_the_queue_and_cuts_the_rate():
    cut = after_throttle(CALM, START - 1, START, START + 7, accepted=9)

    assert (cut.tat, cut.paused_until, cut.pause_reason) == (START + 7, START + 7, "throttled")
    assert (cut.memory["cut_at"], cut.memory["streak"]) == (START, 1.0)
    assert 0.2 * CALM.rate <= cut.rate < CALM.rate


def test_answers_to_requests_sent_before_the_cut_cut_no_second_time():
    once = after_throttle(CALM, START - 1, START, START + 2)
    again = after_throttle(once, START - 0.5, START + 0.1, START + 2)

    assert again == once


def test_refusal_of_what_left_before_others_knew_of_the_cut_cuts_no_second_time():
    """Threads learn of a pause some milliseconds after the refusal was read; what they send till then is one event."""
    once = after_throttle(CALM, START - 1, START, START + 2)

    assert after_throttle(once, START + 0.02, START + 0.1, START + 2) == once
    assert after_success(once, START + 0.02, START + 0.1) is once
    assert after_throttle(once, START + 2, START + 2.1, START + 3).rate < once.rate


def test_stale_refusal_may_still_lengthen_the_pause():
    once = after_throttle(CALM, START - 1, START, START + 2)

    assert after_throttle(once, START - 0.5, START + 0.1, START + 9) == replace(
        once, paused_until=START + 9, tat=START + 9
    )


def test_stale_success_changes_nothing():
    once = after_throttle(CALM, START - 1, START, START + 2)

    assert after_success(once, START - 0.5, START + 60) is once


def test_refusals_in_a_row_pause_longer_and_longer_up_to_a_minute():
    pace, waits = CALM, []
    for turn in range(10):
        now = START + 1000.0 * turn
        pace = after_throttle(pace, now, now, now + 0.1)
        waits.append(round(pace.paused_until - now, 3))

    assert waits == [0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_success_ends_the_row_of_refusals():
    refused = after_throttle(CALM, START, START, START + 1)
    calm = after_success(refused, START + 2, START + 2)
    again = after_throttle(calm, START + 3, START + 3, START + 4)

    assert (calm.memory["streak"], again.memory["streak"], again.paused_until) == (0.0, 1.0, START + 4)


def test_rate_doubles_each_second_until_the_first_refusal():
    pace, rates = first_pace(100.0, adaptive=True), []
    for half_seconds in range(10):
        now = START + half_seconds / 2
        pace = after_success(pace, now, now, accepted=100)
        rates.append(pace.rate)

    assert rates == [10, 10, 20, 20, 40, 40, 80, 80, 100, 100]


def test_rate_that_is_not_used_does_not_grow():
    pace = first_pace(100.0, adaptive=True)
    for second in range(60):
        pace = after_success(pace, START + second, START + second, accepted=1)

    assert pace.rate == 10


def test_most_answers_change_nothing():
    pace = after_success(first_pace(100.0, adaptive=True), START, START)

    assert after_success(pace, START + 0.5, START + 0.5) is pace


def test_rate_comes_back_after_a_lone_refusal():
    cut = after_throttle(CALM, START, START, START, accepted=5)
    pace, now = cut, START
    for _ in range(300):
        now += 0.2
        pace = after_success(pace, now, now, accepted=100)

    assert pace.rate > cut.rate


def test_cut_waits_for_a_breath_even_where_the_api_names_no_pause():
    assert after_throttle(CALM, START, START, START).paused_until == START + 0.3


def test_headers_cap_the_rate_and_lift_it_again():
    searching = after_success(CALM, START, START)
    under = capped(searching, 2.0)

    assert (under.rate, under.memory["rate"]) == (2.0, 10.0)
    assert capped(under, 2.1) is under
    assert after_success(under, START + 30, START + 30, accepted=1000).rate == 2.0
    assert capped(under, None).rate == 10.0
    assert capped(searching, None) is searching


def test_scarcity_cuts_once_in_a_while_and_pauses_nothing():
    scarce = after_scarcity(CALM, START, START, accepted=5)

    assert scarce.rate < CALM.rate
    assert scarce.paused_until == CALM.paused_until
    assert after_scarcity(scarce, START + 1, START + 1, accepted=5) is scarce


def test_fixed_pace_pauses_and_never_changes_its_rate():
    fixed = first_pace(20.0, adaptive=False)
    refused = after_throttle(fixed, START, START, START + 3, adaptive=False)

    assert (refused.rate, refused.paused_until) == (20.0, START + 3)
    assert after_success(refused, START + 9, START + 9, adaptive=False).rate == 20.0


def test_trouble_pauses_the_queue_and_keeps_the_rate():
    assert paused(CALM, START + 5, "502") == replace(CALM, tat=START + 5, paused_until=START + 5, pause_reason="502")


def test_learned_pace_survives_a_restart_under_todays_ceiling():
    learned = replace(CALM, rate=31.0, tat=START + 0.01, paused_until=START + 4, pause_reason="throttled")

    assert resumed(learned, 50.0, START, adaptive=True, longest_pause=300) == learned
    assert resumed(learned, 20.0, START, adaptive=True, longest_pause=300) == replace(learned, rate=20.0, ceiling=20.0)
    assert resumed(learned, 20.0, START, adaptive=False, longest_pause=300).rate == 20.0
    assert resumed(None, 20.0, START, adaptive=True, longest_pause=300) == first_pace(20.0, adaptive=True)


def test_what_headers_said_before_a_restart_is_forgotten():
    under = capped(after_success(CALM, START, START), 2.0)
    again = resumed(under, 50.0, START + 1, adaptive=True, longest_pause=300)

    assert (again.rate, "cap" in again.memory) == (10.0, False)


def test_clock_that_jumped_back_stalls_nothing_longer_than_the_cap():
    late = replace(CALM, tat=START + 1e6, paused_until=START + 1e6, memory={"cut_at": START + 1e6, "streak": 3.0})

    assert resumed(late, 50.0, START, adaptive=True, longest_pause=300) == replace(
        CALM, tat=START + 0.1, paused_until=START + 300, memory={"cut_at": START, "streak": 3.0}
    )


def test_rate_that_a_lower_ceiling_taught_is_raised_to_the_floor():
    slow = replace(first_pace(0.05, adaptive=True))

    assert resumed(slow, 10.0, START, adaptive=True, longest_pause=300) == Pace(rate=0.1, ceiling=10.0, tat=0.0)


EVENTS = st.lists(st.tuples(st.booleans(), st.floats(0, 5), st.floats(0, 3), st.floats(0, 400)), max_size=60)


@given(ceiling=st.floats(0.01, 200), events=EVENTS, adaptive=st.booleans())
def test_rate_stays_between_floor_and_ceiling_and_a_pause_only_grows(
    ceiling: float, events: list[tuple[bool, float, float, float]], adaptive: bool
):
    pace, now, resumes = first_pace(ceiling, adaptive=adaptive), START, 0.0
    for success, passed, flew, wait in events:
        now += passed
        sent, before = now - flew, pace
        if success:
            pace = after_success(pace, sent, now, adaptive=adaptive)
        else:
            pace = after_throttle(pace, sent, now, now + wait, adaptive=adaptive)
            assert pace.paused_until <= max(before.paused_until, now + max(wait, 60.0))
            assert pace.rate <= before.rate
            fell = before.memory.get("lone", 0.0) > pace.memory.get("lone", 0.0)
            assert sent >= resumes or fell or pace.rate == before.rate
            resumes = pace.paused_until if sent >= resumes else resumes
        assert pace.floor <= pace.rate <= pace.ceiling
        assert pace.paused_until >= before.paused_until
        assert pace.tat >= before.tat
        assert adaptive or pace.rate == ceiling
