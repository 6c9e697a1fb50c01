"""The status of a target, from the record and what a daemon knows besides."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_world import BASE_URL, EngineWorld
from world import item_xml

from qtisync.engine import pause as pauses
from qtisync.engine.overview import Sight, is_in_sync, overview


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    made.source.commit({f"q{n}.xml": item_xml(f"q{n}").encode() for n in range(5)})
    yield made
    made.close()


def sight(world: EngineWorld) -> Sight:
    head = world.source.resolve("main")
    return Sight(repository="r", ref="refs/heads/main", head=head, target="t", base_url=BASE_URL)


def test_everything_is_counted_and_only_so_much_of_what_waits_is_listed(world: EngineWorld) -> None:
    world.write_down()
    whole = overview(world.kept, sight(world), world.clock.now())
    short = overview(world.kept, sight(world), world.clock.now(), 2)

    assert [item.identifier for item in whole.items] == ["q0", "q1", "q2", "q3", "q4"]
    assert [item.identifier for item in short.items] == ["q0", "q1"]
    assert (short.summary, short.complete, short.status) == (whole.summary, False, whole.status)


def test_whether_it_is_in_sync_is_told_alike_without_a_look_at_each_object(world: EngineWorld) -> None:
    told = []
    for step in (
        world.write_down,
        world.cycle,
        lambda: world.source.commit({"q0.xml": item_xml("q0", "New.").encode()}),
    ):
        step()
        now = world.clock.now()
        told.append(
            (is_in_sync(world.kept, sight(world), now), overview(world.kept, sight(world), now).status["in_sync"])
        )

    assert told == [(False, False), (True, True), (False, False)]


def test_pause_of_a_person_is_told_until_it_is_over(world: EngineWorld) -> None:
    now = world.clock.now()
    pauses.begin(world.kept, pauses.Pause(reason="exam week", since=now, until=now + 60.0))

    assert overview(world.kept, sight(world), now).status["paused"]["reason"] == "exam week"
    assert overview(world.kept, sight(world), now + 60.0).status["paused"] is None
