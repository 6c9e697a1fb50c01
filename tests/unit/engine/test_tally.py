"""Counting the calls for one pass while others are pushed beside it."""

from __future__ import annotations

from builders import a_key

from qtisync.engine.tally import Tallies

ONE, TWO, THREE = (a_key(name) for name in ("q1", "q2", "q3"))


def test_only_calls_for_its_own_objects_count() -> None:
    tallies = Tallies()
    bulk, fix = tallies.open([ONE, TWO]), tallies.open([THREE])
    tallies.called((ONE,), 2)
    tallies.called((THREE,), 3)

    assert (bulk.calls, fix.calls) == (2, 3)


def test_call_for_several_objects_counts_once_for_each_pass_that_wanted_one_of_them() -> None:
    tallies = Tallies()
    bulk, fix, other = tallies.open([ONE, TWO]), tallies.open([TWO, THREE]), tallies.open([])
    tallies.called([ONE, TWO], 1)

    assert (bulk.calls, fix.calls, other.calls) == (1, 1, 0)


def test_what_nobody_keeps_is_counted_no_more() -> None:
    tallies = Tallies()
    tallies.open([ONE])
    tallies.called((ONE,), 1)

    assert len(tallies._open) == 0
