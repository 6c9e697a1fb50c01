"""The sending side of a daemon: when it sends, when it does not, and how those hear of it who wait for a job."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from engine_world import EngineWorld
from fakes import FakeClock
from world import item_xml

from qtisync.delivery.messages import Failure, FailureKind, Reply, Request, Response
from qtisync.delivery.outcome import Unavailable
from qtisync.engine.halting import Halt
from qtisync.engine.jobs import Jobs
from qtisync.engine.outbox import SILENCE, Outbox
from qtisync.engine.valve import Valve
from qtisync.errors import StoreError
from qtisync.model import Key
from qtisync.report.job import Job, JobState
from qtisync.report.value import Place, Report

REPORT = Report(
    kind="sync",
    at=0.0,
    place=Place(repository="", ref="", head="", base=None, target="", base_url="", capabilities={}),
)
PATIENCE = 30.0


class QuickValve(Valve):
    """A valve whose waits pass at once: they advance the clock instead."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._fake = clock

    def wait(self, seconds: float) -> bool:
        self._fake.advance(max(0.0, seconds))
        return self.stopped


class Desk:
    """An outbox on a world in memory, not started yet."""

    def __init__(self) -> None:
        self.world = EngineWorld()
        self.valve, self.jobs = QuickValve(self.world.clock), Jobs(self.world.clock)
        self.bench = replace(self.world.bench, bell=self.valve)
        self.outbox = Outbox(self.bench, self.jobs, self.valve)

    def commit(self, *names: str, words: str = "Two plus two?") -> None:
        self.world.source.commit({f"{name}.xml": item_xml(name, words).encode() for name in names})

    def hand_over(self) -> Job:
        """What a pass does."""
        self.jobs.ring("hook")
        job = self.jobs.take()
        assert job is not None
        prepared = self.world.write_down()
        keys: list[Key] = [change.item.key for change in prepared.plan.ready]
        self.jobs.pushing(job, prepared.plan.commit, keys, lambda: REPORT)
        self.outbox.wake(news=prepared.snapshot is not None)
        self.outbox.settle()
        return job

    def ended(self, job: Job) -> Job:
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            found = self.jobs.find(job.id)
            assert found is not None
            if found.state.ended:
                return found
            time.sleep(0.002)
        raise AssertionError("the job does not end")

    def state(self, job: Job) -> JobState:
        found = self.jobs.find(job.id)
        assert found is not None
        return found.state


def until(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < limit, "it does not come about"
        time.sleep(0.002)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.valve.stop()
    assert made.outbox.join(PATIENCE)
    made.world.close()


def refuse(_request: object) -> Response:
    return Response(status=403, headers={"content-type": "application/json"}, body=b'{"error": "no"}')


def test_what_waits_is_sent_and_its_job_is_done(desk: Desk) -> None:
    desk.commit("a", "b")
    desk.outbox.start()
    job = desk.ended(desk.hand_over())

    assert (job.state, job.report) == (JobState.DONE, REPORT)
    assert desk.outbox.halt is None


def test_job_is_not_done_by_a_drain_that_ended_before_its_pass_was_written_down(desk: Desk) -> None:
    desk.commit("a")
    job = desk.hand_over()
    desk.outbox.settle()  # what a drain does last that saw nothing to send just before

    assert desk.state(job) is JobState.PUSHING


def test_job_whose_objects_were_sent_before_it_was_known_is_done(desk: Desk) -> None:
    desk.commit("a")
    desk.world.cycle()
    desk.jobs.ring("hook")
    job = desk.jobs.take()
    assert job is not None
    desk.jobs.pushing(job, "c1", list(desk.world.kept.recorded()), lambda: REPORT)
    desk.outbox.settle()

    assert desk.state(job) is JobState.DONE


def test_job_that_comes_while_the_queue_is_halted_ends_with_the_reason(desk: Desk) -> None:
    desk.outbox.halt = Halt(reason="AuthError: no", until=desk.world.clock.now() + 900.0, cause="credentials")
    desk.outbox.start()
    desk.commit("a")
    job = desk.ended(desk.hand_over())

    assert (job.state, job.error, job.cause) == (JobState.FAILED, "AuthError: no", "credentials")


def test_job_that_comes_while_a_person_pauses_ends_as_paused_and_nothing_is_sent(desk: Desk) -> None:
    sent: list[Any] = []
    desk.world.send = sent.append  # type: ignore[assignment, return-value]
    desk.valve.pause()
    desk.outbox.start()
    desk.commit("a")

    assert desk.ended(desk.hand_over()).state is JobState.PAUSED
    assert sent == []


def test_refusal_halts_and_resume_tries_again_at_once(desk: Desk) -> None:
    answer, desk.world.send = desk.world.send, refuse
    desk.commit("a")
    desk.outbox.start()
    assert desk.ended(desk.hand_over()).cause == "credentials"
    assert desk.outbox.halt is not None

    desk.world.send = answer
    desk.outbox.resume()
    assert desk.ended(desk.hand_over()).state is JobState.DONE


def test_look_at_the_same_commit_does_not_take_up_a_queue_that_a_conflict_halted(desk: Desk) -> None:
    halt = Halt(reason="changed by others", until=desk.world.clock.now() + 900.0, conflict=True, cause="conflict")
    desk.outbox.halt = halt
    desk.outbox.wake(news=False)
    assert desk.outbox.halt is halt
    desk.outbox.wake()
    assert desk.outbox.halt is None


def test_error_of_ours_is_counted_told_and_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_now: float, _owner: str) -> int:
        raise StoreError("The disk is full.", hint="")

    monkeypatch.setattr(desk.world.kept, "recover", broken)
    desk.commit("a")
    desk.outbox.start()
    job = desk.ended(desk.hand_over())

    assert (job.state, job.cause) == (JobState.FAILED, "unexpected-error")
    assert (desk.outbox.failures, type(desk.outbox.crash)) == (1, StoreError)
    assert not desk.outbox.hung(desk.world.clock.now())


def test_end_of_its_thread_is_seen_by_the_daemon_and_is_no_life(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(desk.outbox, "_dismiss", broken)
    monkeypatch.setattr(desk.outbox, "_asked", False)
    desk.outbox.start()
    assert desk.outbox.join(PATIENCE)

    assert (desk.outbox.failures, type(desk.outbox.crash)) == (sys.maxsize, ZeroDivisionError)
    assert desk.outbox.hung(desk.world.clock.now())
    desk.valve.stop()
    assert not desk.outbox.hung(desk.world.clock.now())


def test_drain_hangs_only_if_no_known_wait_explains_its_silence(desk: Desk) -> None:
    now = desk.world.clock.now()
    desk.outbox._draining = True
    desk.valve._waiting_until = now + 300.0

    assert not desk.outbox.hung(now + 300.0 + SILENCE)
    assert desk.outbox.hung(now + 301.0 + SILENCE)


@pytest.mark.parametrize("known", [True, False])
def test_halt_is_logged_once_with_the_time_at_which_it_is_asked_again(desk: Desk, known: bool) -> None:
    if known:  # the address was confirmed by an earlier push: the refusal comes in the middle
        desk.commit("a")
        desk.world.cycle()
    desk.world.send = refuse
    desk.commit("b")
    desk.outbox.start()
    desk.ended(desk.hand_over())

    told = desk.world.log.of("queue_halted")
    assert [(sorted(fields), fields["reason"][:9]) for fields in told] == [(["reason", "retry_in"], "AuthError")]


def no_answer(_request: object) -> Failure:
    return Failure(kind=FailureKind.UNREACHABLE, message="connection refused")


def test_job_whose_api_is_down_for_a_while_ends_with_the_reason_and_is_sent_when_it_is_back(desk: Desk) -> None:
    desk.commit("a")
    desk.world.cycle()
    answer, desk.world.send = desk.world.send, no_answer
    desk.commit("b")
    desk.outbox.start()
    job = desk.ended(desk.hand_over())

    assert (job.state, job.cause) == (JobState.FAILED, "unavailable")
    assert str(job.error).startswith("the API gives no usable answer since 20")
    assert str(job.error).endswith("connection refused")
    assert desk.ended(desk.hand_over()).cause == "unavailable"  # who comes later need not wait for the same
    desk.world.send = answer
    until(lambda: desk.bench.health.trouble is None)
    assert desk.ended(desk.hand_over()).state is JobState.DONE


def test_api_that_was_down_for_long_is_asked_each_minute(desk: Desk) -> None:
    desk.commit("a")
    desk.world.cycle()
    asked: list[float] = []

    def no_answer_for_an_hour(request: Request) -> Reply:
        asked.append(desk.world.clock.now())
        return no_answer(request) if asked[-1] < asked[0] + 3600.0 else desk.world.api.send(request)

    desk.world.send = no_answer_for_an_hour
    desk.commit("b")
    desk.outbox.start()
    desk.hand_over()
    until(lambda: len(asked) > 1 and asked[-1] >= asked[0] + 3600.0)

    assert max(later - earlier for earlier, later in itertools.pairwise(asked)) <= 61.0
    assert len(asked) < 200


def test_api_in_trouble_is_asked_again_although_nothing_is_left_to_send(desk: Desk) -> None:
    health, now = desk.bench.health, desk.world.clock.now()
    for turn in range(2):
        health.heard(Unavailable(message="connection refused"), now + turn)
    assert health.trouble is not None
    desk.outbox.start()
    desk.outbox.wake()
    until(lambda: health.trouble is None)


def test_calls_for_the_objects_of_a_pass_are_counted(desk: Desk) -> None:
    desk.commit("a", "b")
    keys = [change.item.key for change in desk.world.prepare().plan.ready]
    tally = desk.outbox.tallies.open(keys)
    desk.outbox.start()
    desk.ended(desk.hand_over())

    assert tally.calls == 2
