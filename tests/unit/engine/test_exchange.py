"""Between the slot and the wire: once a refusal of speed was read, nothing more leaves, and what is held back is not lost.

No test here measures time: the moments at which a pause begins are chosen, by hand or by threads that wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from builders import a_key
from engine_world import EngineWorld
from fake_api import FakeApi, Fault
from fakes import FakeBell, FakeClock, MemoryStore, RecordedLog, SilentProgress
from removal_world import RemovalWorld
from world import item_xml

from qtisync.content.canonical import digest_text
from qtisync.delivery.answers import read_response
from qtisync.delivery.messages import Failure, FailureKind, MayLeave, Purpose, Reply, Request
from qtisync.delivery.outcome import Throttled
from qtisync.delivery.pace import Pace
from qtisync.delivery.wire import read
from qtisync.engine.drain import Ending
from qtisync.engine.exchange import Exchange
from qtisync.engine.meter import SilentMeter
from qtisync.engine.pacing import PaceTerms, Pacing
from qtisync.engine.private_pace import PrivatePace
from qtisync.engine.survey import Eyes, Surveyor
from qtisync.model import ItemStatus

HELD = Failure(kind=FailureKind.HELD, message="held")


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    """Twelve items of which git has a newer version, and one for each process to come to first."""
    world = EngineWorld()
    edit(world, "One?")
    world.cycle()
    edit(world, "Two?")
    world.api.requests.clear()
    yield world
    world.close()


def edit(world: EngineWorld, words: str, count: int = 12) -> None:
    world.source.commit({f"q{n:02}.xml": item_xml(f"q{n:02}", words).encode() for n in range(count)})


class Pausing:
    """An API before which each of these purposes is held back once, because a pause of a minute begins."""

    def __init__(self, api: Any, world: EngineWorld, *purposes: Purpose) -> None:
        self._api, self._world, self.left = api, world, list(purposes)

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        if request.purpose not in self.left:
            return self._api.send(request, may_leave)
        self.left.remove(request.purpose)
        until = self._world.clock.now() + 60.0

        def paused(pace: Pace | None) -> Pace:
            assert pace is not None
            return replace(pace, paused_until=until, tat=until)

        self._world.kept.update_pace(paused)
        return HELD

    def close(self) -> None:
        pass


def held_before(world: EngineWorld, *purposes: Purpose) -> None:
    world.bench = replace(world.bench, api=Pausing(world.bench.api, world, *purposes))


def purposes(world: EngineWorld) -> list[str]:
    return [request.purpose.value for request in world.api.requests]


class Meter(SilentMeter):
    """Remembers what was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def called(self, purpose: str, outcome: str, seconds: float) -> None:
        self.calls.append(f"{purpose} {outcome}")


def test_what_is_held_back_tells_nobody_anything_about_the_api():
    clock, store, meter = FakeClock(), MemoryStore(), Meter()
    pacing = Pacing(store, clock, FakeBell(clock), RecordedLog(), PaceTerms())
    api = FakeApi(clock)
    pacing.throttled(Throttled(until=clock.now() + 9.0), clock.now())
    before = pacing.current
    request = read(a_key("q"), Purpose.PRE_READ)

    answer = Exchange(api, clock, pacing, meter).ask(
        request, lambda reply, now: read_response(request, reply, digest_text, now)
    )
    assert answer == Throttled(until=clock.now(), message="held", sent=False)
    assert (pacing.current, meter.calls, api.requests) == (before, [], [])


def test_pause_holds_before_it_is_written_down():
    """The record is written by one at a time; a pass of a big commit keeps it for seconds."""
    clock = FakeClock()
    seen: list[bool] = []

    class SlowStore(MemoryStore):
        def update_pace(self, change: Callable[[Pace | None], Pace]) -> Pace:
            if begun:
                seen.append(pacing.may_leave())
            return super().update_pace(change)

    begun = False
    pacing = Pacing(SlowStore(), clock, FakeBell(clock), RecordedLog(), PaceTerms())
    begun = True
    now = clock.now()
    for pause in (
        lambda: pacing.throttled(Throttled(until=now + 9.0), now),
        lambda: pacing.trouble(20.0, "no answer"),
        lambda: pacing.heard({"ratelimit": "limit=100, remaining=0, reset=40"}, now),
    ):
        pause()
    assert seen[:3] == [False, False, False]
    clock.advance(39.0)
    assert not pacing.may_leave()
    clock.advance(1.5)
    assert pacing.may_leave()


class Doorway:
    """The way to the wire: the first create stands in it until a refusal of the other one was read."""

    def __init__(self, world: EngineWorld) -> None:
        self._world = world
        self._arrived, self._refused, self._looked = threading.Event(), threading.Event(), threading.Event()
        self._first = threading.Lock()
        self.let_through: list[bool] = []
        world.watch = self._told

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        if request.purpose is not Purpose.CREATE or not self._first.acquire(blocking=False):
            if request.purpose is Purpose.CREATE and not self._refused.is_set():
                assert self._arrived.wait(20)
            return self._world.api.send(request, may_leave)
        self._arrived.set()  # its slot is given, its token fetched, its connection set up
        assert self._refused.wait(20)
        reply = self._world.api.send(request, may_leave)
        self.let_through.append(reply != HELD)
        self._looked.set()
        return reply

    def _told(self, method: str, _arguments: tuple[Any, ...], result: Any) -> None:
        if method == "update_pace" and result.pause_reason == "throttled" and not self._refused.is_set():
            self._refused.set()
            assert self._looked.wait(20)

    def close(self) -> None:
        pass


def test_request_that_has_its_slot_does_not_leave_after_another_read_a_refusal():
    """A request of 72 ms after the answer was seen on a busy machine, with a Retry-After of 300 ms."""
    world = EngineWorld(concurrency=2)
    world.api.faults.append(
        lambda request, _number: (
            Fault.answers(429, retry_after="60") if request.purpose is Purpose.CREATE and not refusals else None
        )
    )
    refusals: list[float] = []
    arrivals: list[float] = []
    inner = world.api.send

    def noted(request: Request, may_leave: MayLeave | None = None) -> Reply:
        reply = inner(request, may_leave)
        if request.purpose is Purpose.CREATE and reply != HELD:
            (arrivals if refusals else refusals).append(world.clock.now())
        return reply

    world.api.send = noted  # type: ignore[method-assign]
    edit(world, "One?", count=2)
    door = Doorway(world)
    world.bench = replace(world.bench, api=door)

    assert world.cycle().ending is Ending.DRAINED
    assert door.let_through == [False]
    assert len(arrivals) == 2
    assert min(arrivals) >= refusals[0] + 60.0
    rows = world.kept.recorded().values()
    assert {(row.status, row.attempts) for row in rows} == {(ItemStatus.SYNCED, 0)}
    world.close()


def test_write_that_is_held_back_reads_again_what_became_old_and_is_counted_once(world: EngineWorld):
    world.source.commit({f"q{n:02}.xml": item_xml(f"q{n:02}", "One?").encode() for n in range(1, 12)})
    held_before(world, Purpose.UPDATE)

    drained = world.cycle()
    assert purposes(world) == ["pre_read", "pre_read", "update"]
    assert (drained.calls, drained.writes) == (3, 1)
    assert [line.purpose for line in world.kept.history("q00", 9)].count("update") == 1


def test_list_that_is_held_back_is_no_call_and_nothing_is_written_unread(world: EngineWorld):
    held_before(world, Purpose.LIST)

    drained = world.cycle()
    assert drained.ending is Ending.DRAINED
    assert drained.calls == len(world.api.requests)
    assert all("Two?" in document["rawXml"] for document in world.api.items.values())


def test_trial_of_the_metadata_call_waits_where_it_is_held_back(world: EngineWorld):
    world.cycle()
    world.api.requests.clear()
    world.source.commit({"q00.yaml": b"grade: '5'\n"})
    held_before(world, Purpose.UPDATE_METADATA, Purpose.CANARY_READ)

    drained = world.cycle()
    assert purposes(world) == ["pre_read", "canary_read", "update_metadata", "canary_read", "canary_read"]
    assert drained.calls == 5
    assert world.log.names().count("canary_fit") == 1


def test_delete_that_is_held_back_is_decided_anew_and_counted_once():
    world = RemovalWorld()
    world.remove("b")
    world.api.requests.clear()
    held_before(world, Purpose.DELETE)

    assert world.sync() == ()
    assert purposes(world) == ["pre_read", "pre_read", "delete"]
    assert (world.drained.calls, world.drained.writes, world.there) == (3, 1, "ac")
    world.close()


def test_survey_that_is_held_back_goes_on_after_the_pause(world: EngineWorld):
    eyes = Eyes(
        api=Pausing(world.api, world, Purpose.LIST, Purpose.LIST),
        pace=PrivatePace(),
        terms=PaceTerms(ceiling=1000.0),
        clock=world.clock,
        bell=world.bell,
        log=world.log,
        digest=digest_text,
        progress=SilentProgress(),
    )
    survey = Surveyor(eyes, {}).survey()

    assert (survey.complete, len(survey.rows), survey.calls) == (True, 12, len(world.api.requests))
