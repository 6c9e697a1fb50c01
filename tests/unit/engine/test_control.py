"""The daemon as those see it who look and steer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from engine_world import AIM, BASE_URL, EngineWorld
from world import item_xml

from qtisync.delivery.outcome import Unavailable
from qtisync.engine.control import Controls, Identity
from qtisync.engine.cycle import Run, apply
from qtisync.engine.daemon import Daemon
from qtisync.engine.halting import Halt
from qtisync.engine.jobs import Jobs
from qtisync.engine.meter import SilentMeter
from qtisync.engine.outbox import Outbox
from qtisync.engine.rounds import Rounds
from qtisync.engine.timing import Timing
from qtisync.engine.valve import Valve
from qtisync.engine.warm import Memory
from qtisync.planning.guard import Limits
from qtisync.planning.removal import WINDOW, Removals
from qtisync.report.value import moment


class Desk:
    """The controls of a daemon that makes no turns by itself."""

    def __init__(self) -> None:
        self.world = EngineWorld()
        clock = self.world.clock
        self.valve, self.jobs = Valve(clock), Jobs(clock)
        bench = replace(self.world.bench, bell=self.valve)
        self.outbox = Outbox(bench, self.jobs, self.valve)
        self.daemon = Daemon(
            bench=bench,
            aim=AIM,
            jobs=self.jobs,
            valve=self.valve,
            outbox=self.outbox,
            meter=SilentMeter(),
            memory=Memory(),
            rounds=Rounds(),
            timing=Timing(),
        )
        self.watched: tuple[str, ...] = ()
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
                started=clock.now(),
                version="0",
                poll_every=30.0,
                actor="somebody@host",
            ),
            watched=lambda: self.watched,
        )


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.world.close()


def decisions(desk: Desk) -> list[tuple[str, str | None]]:
    return [(line.purpose, line.actor) for line in reversed(desk.world.kept.history(None, 100)) if line.actor]


def test_pause_shuts_the_valve_and_resume_opens_it_and_rings(desk: Desk) -> None:
    desk.controls.pause("exam week", None)
    assert (desk.valve.stopped, desk.controls.status().status["paused"]["reason"]) == (True, "exam week")
    desk.controls.resume()

    assert (desk.valve.stopped, desk.controls.status().status["paused"]) == (False, None)
    rings = desk.jobs.rings()
    assert rings is not None
    assert rings.origins == ("resume",)
    assert len(decisions(desk)) == 2


def test_resume_tells_why_the_queue_had_halted_that_it_takes_up(desk: Desk) -> None:
    assert desk.controls.resume() is None
    desk.outbox.halt = Halt(reason="AuthError: no", until=desk.world.clock.now() + 60.0)
    assert desk.controls.resume() == "AuthError: no"
    assert desk.outbox.halt is None


def test_retry_queues_what_is_parked_and_rings_only_then(desk: Desk) -> None:
    assert desk.controls.retry(None) == 0
    assert desk.jobs.rings() is None


def test_it_is_ready_after_the_first_pass_unless_its_queue_halted(desk: Desk) -> None:
    assert desk.controls.unready() == ("the first pass is not done",)
    desk.daemon.seen.trouble = "The repository is away."
    assert desk.controls.unready() == ("The repository is away.",)
    desk.daemon.seen.passed = True
    assert desk.controls.unready() == ()
    desk.outbox.halt = Halt(reason="AuthError: no", until=desk.world.clock.now() + 60.0)
    assert desk.controls.unready() == ("AuthError: no",)


def test_what_works_less_well_is_named(desk: Desk) -> None:
    desk.watched = ("too few watches",)
    desk.daemon.seen.head_at = desk.world.clock.now()
    desk.world.clock.advance(121.0)

    assert desk.controls.degraded() == ("too few watches", "the ref was last read 121 s ago")


def test_silence_of_the_loop_is_no_life(desk: Desk) -> None:
    assert desk.controls.alive()
    desk.daemon.beat(60.0)
    desk.world.clock.advance(60.0)
    assert desk.controls.alive()
    desk.world.clock.advance(0.1)
    assert not desk.controls.alive()


def test_numbers_and_status_are_of_one_mind(desk: Desk) -> None:
    desk.world.source.commit({"q.xml": item_xml("q").encode()})
    desk.world.cycle()
    desk.daemon.seen.head = desk.world.source.resolve("main")
    gauges = desk.controls.gauges()

    assert (gauges.in_sync, gauges.items, gauges.queued) == (True, {"synced": 1}, {})
    assert desk.controls.status().status["in_sync"] is True
    assert desk.controls.item("q") is not None
    assert desk.controls.item("nothing") is None


def test_api_that_is_down_is_degraded_at_once_and_after_a_while_not_ready(desk: Desk) -> None:
    desk.daemon.seen.passed = True
    desk.daemon.seen.head = desk.world.source.commit({"q.xml": item_xml("q").encode()})
    desk.world.cycle()
    health, clock = desk.world.bench.health, desk.world.clock
    for _ in range(2):
        clock.advance(1.0)
        health.heard(Unavailable(message="connection refused"), clock.now())
    words = health.trouble.words if health.trouble is not None else ""

    assert (desk.controls.degraded(), desk.controls.unready()) == ((words,), ())
    assert (desk.controls.gauges().api_up, desk.controls.gauges().in_sync) == (False, False)
    assert desk.controls.status().status["degraded"] == [words]
    clock.advance(30.0)
    desk.daemon.seen.head_at = clock.now()
    assert desk.controls.unready() == (words,)
    health.heard(None, clock.now())
    assert (desk.controls.degraded(), desk.controls.unready()) == ((), ())
    assert (desk.controls.gauges().api_up, desk.controls.gauges().in_sync) == (True, True)


def test_an_object_that_was_deleted_says_when_and_why(desk: Desk) -> None:
    world = desk.world
    world.source.commit({"q.xml": item_xml("q").encode(), "r.xml": item_xml("r").encode()})
    world.cycle()
    world.aim = replace(AIM, removals=Removals(), limits=Limits(max_churn=1.0, max_delete=9))
    world.clock.advance(WINDOW + 1)
    commit = world.source.commit({"r.xml": None})
    prepared = world.prepare()
    apply(world.bench, replace(prepared, plan=replace(prepared.plan, holds=())), Run())
    told = desk.controls.item("r")

    assert told is not None
    (grave,) = told.status["deleted"]
    assert (told.items, grave["identifier"], grave["commit"], grave["at"]) == (
        (),
        "r",
        commit,
        moment(world.clock.now()),
    )
    assert grave["message"].startswith(f"deleted: r.xml is not in {commit[:7]}; the API had content")
    assert [call["method"] for call in told.status["history"]][:2] == ["DELETE", "GET"]
