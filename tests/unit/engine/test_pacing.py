"""The shared pace as a process sees it: slots, pauses, counts, latency, and few writes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from fakes import FakeBell, FakeClock, MemoryStore, RecordedLog

from qtisync.app import SystemClock, ThreadBell
from qtisync.delivery.outcome import Throttled
from qtisync.delivery.pace import Pace
from qtisync.engine.pacing import PaceTerms, Pacing


class CountingStore(MemoryStore):
    """Counts how often the pace is written."""

    writes = 0

    def update_pace(self, change: Callable[[Pace | None], Pace]) -> Pace:
        self.writes += 1
        return super().update_pace(change)


class Stage:
    def __init__(self, **terms: object) -> None:
        self.clock, self.store, self.log = FakeClock(), CountingStore(), RecordedLog()
        self.bell = FakeBell(self.clock)
        self.begin(**terms)

    def begin(self, **terms: object) -> None:
        self.pacing = Pacing(self.store, self.clock, self.bell, self.log, PaceTerms(**{"ceiling": 100.0, **terms}))  # type: ignore[arg-type]

    def succeed(self, seconds: float) -> None:
        """Use the rate to the full for so long."""
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            assert self.pacing.wait()
            self.pacing.succeeded(self.clock.now())


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_slots_are_spaced_by_the_rate(stage: Stage):
    begins = [stage.clock.now() for _ in range(4) if stage.pacing.wait()]

    assert [round(at - begins[0], 3) for at in begins] == [0, 0.05, 0.15, 0.25], "what was missed before the first"


def test_threads_that_wait_take_no_slots_ahead():
    """With 32 threads at 10/s the slots of three seconds were given away at the old rate, and a rise came late."""
    store, bell = MemoryStore(), ThreadBell()
    pacing = Pacing(store, SystemClock(), bell, RecordedLog(), PaceTerms(ceiling=2.0))
    assert pacing.wait()
    threads = [threading.Thread(target=pacing.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    taken = store.pace()
    bell.stop()
    for thread in threads:
        thread.join(5)

    assert taken is not None
    assert taken.tat - SystemClock().now() <= 1.1  # one slot of half a second is taken, and the next one is free
    assert not any(thread.is_alive() for thread in threads)


def test_answers_are_counted_here_and_told_when_they_matter(stage: Stage):
    stage.succeed(2.5)

    assert stage.pacing.current.rate == 40
    assert stage.store.writes <= 6


def test_default_ceiling_is_held_with_a_handful_of_writes():
    stage = Stage(ceiling=10.0)
    stage.succeed(600.0)

    assert stage.pacing.current.rate == 10
    assert stage.store.writes <= 6


def test_burst_of_refusals_is_one_cut_and_one_line(stage: Stage):
    stage.succeed(2.5)
    sent = stage.clock.now()
    stage.clock.advance(0.05)
    rates = {stage.pacing.throttled(Throttled(until=sent + 2), sent) and stage.pacing.current.rate for _ in range(5)}

    assert len(rates) == 1
    assert stage.pacing.throttles == 5
    assert stage.log.names() == ["queue_paused"]


def test_retry_after_is_obeyed_or_taken_for_a_hint(stage: Stage):
    now = stage.clock.now()
    assert stage.pacing.throttled(Throttled(until=now + 9), now) == now + 9

    stage = Stage(hint=True)
    assert stage.pacing.throttled(Throttled(until=now + 9), now) == now + 0.3


def test_absurd_pause_is_clamped(stage: Stage):
    now = stage.clock.now()

    assert stage.pacing.throttled(Throttled(until=now + 1e9), now) == now + 300


def test_nothing_leaves_during_a_pause(stage: Stage):
    now = stage.clock.now()
    stage.pacing.throttled(Throttled(until=now + 9), now)

    assert stage.pacing.wait()
    assert stage.clock.now() >= now + 9


def test_learned_rate_survives_a_restart(stage: Stage):
    stage.succeed(2.5)
    stage.begin()

    assert stage.pacing.current.rate == 40


def test_concurrency_follows_littles_law_up_to_the_cap(stage: Stage):
    assert stage.pacing.concurrency(8) == 8  # before anything is known

    stage.pacing.heard({}, stage.clock.now() - 0.02)
    assert stage.pacing.concurrency(8) == 2
    for _ in range(100):
        stage.pacing.heard({}, stage.clock.now() - 0.3)
    assert stage.pacing.concurrency(8) == 6
    assert stage.pacing.concurrency(4) == 4


def test_headers_name_a_rate_that_is_used_without_a_refusal(stage: Stage):
    stage.succeed(2.5)
    stage.pacing.heard({"x-ratelimit-limit": "100", "x-ratelimit-remaining": "40", "x-ratelimit-reset": "20"}, 0.0)
    assert stage.pacing.current.rate == 2

    stage.pacing.heard({"x-ratelimit-limit": "100", "x-ratelimit-remaining": "99", "x-ratelimit-reset": "60"}, 0.0)
    assert stage.pacing.current.rate == 40


def test_headers_that_say_nothing_is_left_pause_the_queue_also_at_a_fixed_pace():
    stage = Stage(adaptive=False)
    now = stage.clock.now()
    stage.pacing.heard({"ratelimit": "limit=100, remaining=0, reset=30"}, now)

    assert stage.pacing.wait()
    assert stage.clock.now() >= now + 30
    assert stage.pacing.current.rate == 100


def test_scarcity_slows_down_before_anything_is_refused(stage: Stage):
    stage.succeed(2.5)
    stage.pacing.heard({"ratelimit": "limit=50, remaining=1, reset=1"}, stage.clock.now())

    assert 8 <= stage.pacing.current.rate < 40
    assert stage.pacing.throttles == 0
