"""The deletes of a daemon: a refusal is not repeated at each pass, is seen by a person, and is taken up by `resume`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from engine_world import BASE_URL
from fake_api import Fault
from fakes import FakeClock
from removal_world import RemovalWorld, item

from qtisync.engine.control import Controls, Identity
from qtisync.engine.daemon import Daemon
from qtisync.engine.halting import Halt
from qtisync.engine.jobs import Jobs
from qtisync.engine.meter import SilentMeter
from qtisync.engine.outbox import Outbox
from qtisync.engine.rounds import Rounds
from qtisync.engine.timing import Timing
from qtisync.engine.valve import Valve
from qtisync.engine.warm import Memory
from qtisync.report.job import JobState

FORBIDDEN = Fault.answers(403, {"error": "Forbidden"})
HTML = Fault.answers(404, body=b"<html>nginx</html>")
AWAY = Fault.unreachable()


class QuickValve(Valve):
    """A valve whose waits pass at once: they advance the clock instead."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._fake = clock

    def wait(self, seconds: float) -> bool:
        self._fake.advance(max(0.0, seconds))
        return self.stopped


class Desk:
    """A daemon in memory whose turns a test makes; git dropped ``b`` and ``c``."""

    def __init__(self) -> None:
        self.world = RemovalWorld()
        self.clock, self.valve, self.jobs = self.world.clock, QuickValve(self.world.clock), Jobs(self.world.clock)
        bench = replace(self.world.bench, bell=self.valve)
        self.outbox = Outbox(bench, self.jobs, self.valve)
        self.daemon = Daemon(
            bench=bench,
            aim=self.world.aim,
            jobs=self.jobs,
            valve=self.valve,
            outbox=self.outbox,
            meter=SilentMeter(),
            memory=Memory(),
            rounds=Rounds(poll_every=1e9),
            timing=Timing(),
        )
        self.controls = Controls(
            bench=bench,
            daemon=self.daemon,
            outbox=self.outbox,
            jobs=self.jobs,
            meter=SilentMeter(),
            identity=Identity(
                target="t",
                base_url=BASE_URL,
                metadata_call=True,
                started=self.clock.now(),
                version="0",
                poll_every=30.0,
                actor="ada",
            ),
            watched=tuple,
        )
        self.world.remove("b", "c")
        self.world.api.requests.clear()

    def refuse(self, method: str, fault: Fault) -> None:
        self.world.api.faults.append(lambda request, _: fault if request.method == method else None)

    def a_pass(self, seconds: float = 1.0) -> int:
        """One pass after so many seconds; how many calls it made."""
        before = len(self.world.api.requests)
        self.clock.advance(seconds)
        job = self.jobs.ring("test")
        for _ in range(9):
            self.jobs.wake()  # a turn waits for no ring then
            self.daemon._turn()
            found = self.jobs.find(job.id)
            if found is not None and found.state not in {JobState.WAITING, JobState.READING}:
                return len(self.world.api.requests) - before
            self.clock.advance(1.0)
        raise AssertionError("no pass")


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.world.close()


def test_a_pass_deletes(desk: Desk) -> None:
    assert desk.a_pass() == 4
    assert (desk.world.there, desk.daemon.deleting.halt, desk.controls.unready()) == ("a", None, ())


@pytest.mark.parametrize(
    ("method", "fault", "reason", "cause", "seconds"),
    [
        ("DELETE", FORBIDDEN, "deleting: AuthError: 403: Forbidden", "credentials", 60.0),
        ("GET", FORBIDDEN, "deleting: AuthError: 403: Forbidden", "credentials", 60.0),
        ("GET", HTML, "deleting: NotTheApi: answer 404: nginx", "wrong-api", 60.0),
        ("GET", AWAY, "deleting: fake.test refuses connections", "unavailable", 2.0),
    ],
)
def test_a_refusal_halts_deleting_for_longer_each_time_and_everybody_sees_it(
    desk: Desk, method: str, fault: Fault, reason: str, cause: str, seconds: float
) -> None:
    desk.refuse(method, fault)
    first = desk.a_pass()
    halt = desk.daemon.deleting.halt

    assert halt is not None
    assert (halt.reason, halt.cause, desk.world.there) == (reason, cause, "abc")
    assert seconds * 0.75 <= halt.until - desk.clock.now() <= seconds * 1.25
    assert desk.controls.unready() == (reason,)
    daemon = desk.controls.status().status["daemon"]
    assert daemon is not None
    assert (daemon["ready"], daemon["halted"]["reason"]) == (False, reason)
    assert first <= 2 or fault is AWAY
    assert desk.a_pass(0.1 if fault is AWAY else 20.0) == 0, "not at each pass"
    assert desk.a_pass(seconds * 1.3) == first
    again = desk.daemon.deleting.halt
    assert again is not None
    assert again.until - desk.clock.now() >= seconds * 1.5
    assert desk.world.log.names().count("queue_halted") == 2


def test_pushes_go_on_while_deleting_is_halted(desk: Desk) -> None:
    desk.refuse("DELETE", FORBIDDEN)
    desk.a_pass()
    desk.world.source.commit({"a.xml": item("a", "Edited")})
    desk.a_pass()

    assert (desk.outbox.halt, desk.world.store.next_ready(desk.clock.now()) is not None) == (None, True)


def test_resume_takes_it_up_at_once(desk: Desk) -> None:
    desk.refuse("DELETE", FORBIDDEN)
    desk.a_pass()
    desk.world.api.faults.clear()
    assert desk.controls.resume() == "deleting: AuthError: 403: Forbidden"
    assert (desk.daemon.deleting.halt, desk.controls.unready()) == (None, ())
    desk.a_pass()

    assert desk.world.there == "a"


def test_what_need_not_be_deleted_any_more_halts_nothing(desk: Desk) -> None:
    desk.refuse("DELETE", FORBIDDEN)
    desk.a_pass()
    desk.world.source.commit({f"{name}.xml": item(name) for name in "bc"})
    desk.a_pass()

    assert desk.daemon.deleting.halt is None


def test_nothing_is_deleted_while_the_queue_is_halted_or_paused(desk: Desk) -> None:
    desk.outbox.halt = Halt(reason="AuthError: no", until=desk.clock.now() + 900.0)
    assert desk.a_pass() == 0
    desk.outbox.halt = None
    desk.controls.pause("exam", None)
    assert desk.a_pass() == 0
    desk.controls.resume()
    desk.a_pass()

    assert desk.world.there == "a"
