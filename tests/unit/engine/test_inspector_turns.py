"""When the daemon compares everything with the API, and what a comparison that fails does: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_world import AIM, EngineWorld
from fakes import SilentProgress
from world import item_xml

from qtisync.delivery.messages import Failure, FailureKind
from qtisync.engine.drift import last_check
from qtisync.engine.inspector import AGAIN, Inspector
from qtisync.errors import ApiUnavailableError

EVERY = 3600.0


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    made.source.commit({"q.xml": item_xml("q").encode()})
    made.cycle()
    yield made
    made.close()


def checks(world: EngineWorld) -> tuple[int, int]:
    names = world.log.names()
    return names.count("check_finished"), names.count("check_failed")


def look(world: EngineWorld, inspector: Inspector) -> tuple[int, int]:
    inspector.look(world.clock.now())
    assert inspector.join(30.0)
    return checks(world)


def test_it_looks_once_and_again_after_its_interval(world: EngineWorld) -> None:
    found: list[int] = []
    inspector = Inspector(world.bench, AIM, SilentProgress(), EVERY, lambda: found.append(1))
    assert look(world, inspector) == (1, 0)
    world.clock.advance(EVERY / 2)
    assert look(world, inspector) == (1, 0)
    world.clock.advance(EVERY * 0.7)  # and a little more, since not all daemons shall look at the same moment
    assert look(world, inspector) == (2, 0)
    assert found == []
    assert last_check(world.kept) is not None


@pytest.mark.parametrize("error", [ApiUnavailableError("It is away.", hint=""), ZeroDivisionError()])
def test_comparison_that_fails_is_logged_and_tried_again_later(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object) -> None:
        raise error

    inspector = Inspector(world.bench, AIM, SilentProgress(), EVERY, lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr("qtisync.engine.inspector.look_after", fails)
        assert look(world, inspector) == (0, 1)
        assert look(world, inspector) == (0, 1)
    world.clock.advance(AGAIN)
    assert look(world, inspector) == (1, 1)


def test_comparison_that_an_api_in_trouble_broke_off_is_made_again_soon(world: EngineWorld) -> None:
    answer = world.send
    world.send = lambda _request: Failure(kind=FailureKind.UNREACHABLE, message="connection refused")
    inspector = Inspector(world.bench, AIM, SilentProgress(), EVERY, lambda: None)
    assert look(world, inspector) == (1, 0)
    noted = last_check(world.kept)
    assert noted is not None
    assert (noted["complete"], noted["broken_off"]) == (False, True)

    world.send = answer
    world.clock.advance(AGAIN / 2)
    assert look(world, inspector) == (1, 0)
    world.clock.advance(AGAIN)
    assert look(world, inspector) == (2, 0)
    noted = last_check(world.kept)
    assert noted is not None
    assert (noted["complete"], noted["broken_off"]) == (True, False)
