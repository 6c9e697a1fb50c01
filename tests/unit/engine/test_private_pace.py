"""A pace that is forgotten at the end: slots as the record gives them, and nothing is written."""

from __future__ import annotations

from builders import START

from qtisync.delivery.pace import Pace, paused
from qtisync.engine.private_pace import PrivatePace


def test_slots_begin_one_after_the_other_at_the_learned_rate():
    keeper = PrivatePace(Pace(rate=2.0, ceiling=10.0, tat=START + 1))

    assert [keeper.reserve(START) for _ in range(3)] == [START + 1, START + 1.5, START + 2]


def test_pause_moves_what_was_not_given_out_yet():
    keeper = PrivatePace(Pace(rate=2.0, ceiling=10.0))
    keeper.reserve(START)
    keeper.update_pace(lambda pace: paused(pace or Pace(rate=1, ceiling=1), START + 9, "throttled"))

    assert keeper.reserve(START) == START + 9


def test_without_a_pace_nothing_waits():
    keeper = PrivatePace()

    assert keeper.reserve(START) == START
    assert keeper.update_pace(lambda pace: pace or Pace(rate=3.0, ceiling=3.0)).rate == 3.0
