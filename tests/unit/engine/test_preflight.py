"""The first contact: is it the API that answers there, asked once, at the pace of everybody, and before any write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from engine_world import BASE_URL, EngineWorld
from fake_api import Fault
from fakes import FakeBell
from world import item_xml

from qtisync.delivery.messages import Purpose, Reply, Request
from qtisync.delivery.pace import first_pace
from qtisync.engine.cycle import look
from qtisync.engine.drain import Ending
from qtisync.engine.preflight import SETTING


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    """One item, an empty record."""
    world = EngineWorld()
    world.source.commit({"q.xml": item_xml("q").encode()})
    yield world
    world.close()


def at_first(world: EngineWorld, *faults: Fault) -> list[float]:
    """What happens to the first requests; the times at which all of them came."""
    left, times = list(faults), []

    def send(request: Request) -> Reply:
        times.append(world.clock.now())
        return left.pop(0).reply if left else world.api.send(request)

    world.send = send
    return times


def test_api_is_asked_once_and_never_again_at_the_same_address(world: EngineWorld):
    world.cycle()
    world.source.commit({"q.xml": item_xml("q", "Other words").encode()})
    world.cycle()

    assert [request.purpose for request in world.api.requests].count(Purpose.PROBE) == 1
    assert world.kept.setting(SETTING) == BASE_URL


@pytest.mark.parametrize("refusal", [Fault.answers(429, retry_after="60"), Fault.answers(503, retry_after="60")])
def test_first_request_that_is_refused_for_speed_is_repeated_when_the_api_asks_for_it(world: EngineWorld, refusal):
    """It ended the sync, and the next one asked at once, whatever the API had asked for."""
    times = at_first(world, refusal)

    assert world.cycle().ending is Ending.DRAINED
    assert times[1] >= times[0] + 60.0
    assert set(world.api.items) == {"q"}


def test_pause_of_an_earlier_process_holds_for_the_first_contact_as_well(world: EngineWorld):
    until = world.clock.now() + 90.0
    world.kept.update_pace(lambda _pace: replace(first_pace(50.0, adaptive=True), paused_until=until, tat=until))
    times = at_first(world)
    world.cycle()

    assert times[0] >= until


def test_stop_ends_the_wait_for_the_first_contact(world: EngineWorld):
    bell = FakeBell(world.clock)
    world.bench = replace(world.bench, bell=bell)
    at_first(world, Fault.answers(429, retry_after="60"))
    bell.stop()

    assert world.cycle().ending is Ending.INTERRUPTED
    assert (world.api.items, world.kept.setting(SETTING)) == ({}, None)


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (Fault.answers(404, body=b"<html>nginx</html>"), Ending.HALTED),
        (Fault.answers(200, {"hello": "world"}), Ending.HALTED),
        (Fault.answers(403, {"error": "Forbidden"}), Ending.HALTED),
        (Fault.unreachable(), Ending.UNAVAILABLE),
        (Fault.answers(502, body=b"<html>bad gateway</html>"), Ending.UNAVAILABLE),
    ],
)
def test_what_is_not_recognisably_the_api_gets_no_write(world: EngineWorld, fault: Fault, ending: Ending):
    times = at_first(world, fault)

    drained = world.cycle()
    assert (drained.ending, drained.calls, len(times)) == (ending, 1, 1)
    assert (world.api.items, world.kept.setting(SETTING)) == ({}, None)


def test_look_whether_the_api_answers_again_leaves_it_alone_during_a_pause(world: EngineWorld):
    times = at_first(world, Fault.answers(502, body=b"<html>bad gateway</html>"))
    look(world.bench)
    assert (len(times), world.bench.health.failing is None) == (1, False)

    world.hear_a_pause(60.0)
    look(world.bench)
    assert (len(times), world.bench.health.failing is None) == (1, False)

    world.clock.advance(60.0)
    look(world.bench)
    assert (len(times), world.bench.health.failing is None) == (2, True)
