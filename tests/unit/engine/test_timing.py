"""When the daemon's next pass begins."""

import pytest

from qtisync.engine.timing import Rhythm, Rings, Timing, next_pass_at

TIMING = Timing(gap=0.1, longest_gap=2.0, quiet=0.2, cap=2.0, retry=1.0, retry_cap=60.0)


def due(*rings, rhythm, timing=TIMING, jitter=0.5):
    return next_pass_at(Rings(first=rings[0], last=rings[-1]), rhythm, timing, jitter)


def test_first_ring_of_a_quiet_daemon_starts_a_pass_at_once():
    assert due(100.0, rhythm=Rhythm()) == 100.0
    assert due(100.0, rhythm=Rhythm(ended=50.0)) == 100.0


def test_rings_during_a_pass_are_gathered_until_it_is_quiet():
    assert due(99.5, 99.9, rhythm=Rhythm(ended=100.0)) == pytest.approx(100.1)
    assert due(99.5, 100.05, rhythm=Rhythm(ended=100.0)) == pytest.approx(100.25)


def test_steady_rings_cannot_starve_a_pass():
    assert due(99.5, 101.45, rhythm=Rhythm(ended=100.0)) == 101.5


def test_passes_that_find_nothing_come_ever_more_seldom_while_it_rings():
    ended = [due(100.0, rhythm=Rhythm(ended=100.0, idle=idle)) for idle in (0, 3, 4, 5, 6, 7, 8, 100)]

    assert ended == pytest.approx([100.2, 100.2, 100.2, 100.4, 100.8, 101.6, 102.0, 102.0])


def test_idle_passes_do_not_delay_what_rings_later():
    assert due(103.0, rhythm=Rhythm(ended=100.0, idle=100)) == 103.0


def test_working_tree_settles_before_even_the_first_pass():
    settling = Timing(settle=0.3, cap=2.0)

    assert due(100.0, 100.1, rhythm=Rhythm(ended=50.0), timing=settling) == pytest.approx(100.4)
    assert due(100.0, 109.0, rhythm=Rhythm(), timing=settling) == 102.0


def test_failures_wait_longer_each_time_up_to_a_cap_and_with_jitter():
    waits = [due(100.0, rhythm=Rhythm(ended=100.0, failures=n), jitter=1.0) - 100.0 for n in (1, 2, 3, 7, 5000)]

    assert waits == pytest.approx([1.0, 2.0, 4.0, 60.0, 60.0])
    assert due(100.0, rhythm=Rhythm(ended=100.0, failures=1), jitter=0.0) == 100.5


def test_rhythm_counts_what_passes_found():
    rhythm = Rhythm().after(10.0, news=True).after(11.0, news=False).after(12.0, news=False)

    assert rhythm == Rhythm(ended=12.0, idle=2)
    assert rhythm.after_failure(13.0).after_failure(14.0) == Rhythm(ended=14.0, failures=2)
    assert rhythm.after(15.0, news=True) == Rhythm(ended=15.0)
