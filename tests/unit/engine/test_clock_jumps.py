"""Clocks that jump cause neither a burst nor a stall longer than the cap (I29)."""

from __future__ import annotations

import pytest
from fakes import FakeBell, FakeClock, MemoryStore, RecordedLog

from qtisync.delivery.outcome import Throttled
from qtisync.delivery.retry import RetryPolicy
from qtisync.engine.pacing import PaceTerms, Pacing

RATE, CAP = 10.0, 300.0
DAY = 86_400.0


def pacing(store: MemoryStore, clock: FakeClock) -> Pacing:
    terms = PaceTerms(ceiling=RATE, adaptive=False, retry=RetryPolicy(pause_cap=CAP))
    return Pacing(store, clock, FakeBell(clock), RecordedLog(), terms)


def starts(paced: Pacing, clock: FakeClock, count: int) -> list[float]:
    """When so many requests leave, in seconds from now."""
    began, found = clock.now(), []
    for _ in range(count):
        assert paced.wait()
        found.append(round(clock.now() - began, 3))
    return found


def test_clock_that_jumps_ahead_frees_one_request_and_no_burst():
    store, clock = MemoryStore(), FakeClock()
    paced = pacing(store, clock)
    assert starts(paced, clock, 3) == [0.0, 0.1, 0.2]
    clock.advance(DAY)
    assert starts(paced, clock, 3) == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("back", [60.0, DAY, 3650 * DAY])
def test_record_of_a_clock_that_was_ahead_stalls_nothing_after_a_restart(back: float):
    store, clock = MemoryStore(), FakeClock()
    starts(pacing(store, clock), clock, 5)
    clock.advance(-back)
    assert starts(pacing(store, clock), clock, 3) == [0.15, 0.25, 0.35]


def test_pause_that_was_recorded_by_a_clock_ahead_lasts_no_longer_than_the_cap():
    store, clock = MemoryStore(), FakeClock()
    pacing(store, clock).throttled(Throttled(until=clock.now() + 10.0), clock.now())
    clock.advance(-DAY)
    assert starts(pacing(store, clock), clock, 1) == [CAP]


def test_retry_after_as_a_date_of_a_clock_that_is_ahead_is_clamped_and_of_one_behind_is_over():
    store, clock = MemoryStore(), FakeClock()
    paced = pacing(store, clock)
    now = clock.now()
    assert paced.throttled(Throttled(until=now + DAY), now) == now + CAP
    store, clock = MemoryStore(), FakeClock()
    assert pacing(store, clock).throttled(Throttled(until=now - DAY), now) == now
