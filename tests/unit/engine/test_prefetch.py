"""Reading ahead: several items by one list, and never more trust in it than it deserves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engine_world import EngineWorld
from fake_api import Fault
from world import item_xml

from qtisync.delivery.messages import Purpose, Reply, Request, Response
from qtisync.delivery.wire import Terms
from qtisync.engine.capability import Capability, Fitness, verdict
from qtisync.engine.push import Manners

NAMES = [f"q{number:02}" for number in range(12)]


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[EngineWorld]:
    """Twelve items that are synced, and edited in git since."""
    world = EngineWorld(**getattr(request, "param", {}))
    edit(world, "One?")
    world.cycle()
    for name in NAMES[::3]:
        world.api.store_metadata(name, reportedBy="a learner")
    edit(world, "Two?")
    world.api.requests.clear()
    yield world
    world.close()


def edit(world: EngineWorld, words: str) -> None:
    world.source.commit({f"{name}.xml": item_xml(name, words).encode() for name in NAMES})


def purposes(world: EngineWorld) -> list[str]:
    return [request.purpose.value for request in world.api.requests]


def fitness(world: EngineWorld) -> Fitness:
    return verdict(world.kept, Capability.LIST_FILTER).fitness


def all_arrived(world: EngineWorld) -> bool:
    return all("Two?" in world.api.items[name]["rawXml"] for name in NAMES)


def lists_say(world: EngineWorld, change: Callable[[dict[str, Any]], None]) -> None:
    """The API's lists are changed before they are answered."""

    def send(request: Request) -> Reply:
        reply = world.api.send(request)
        if request.purpose is not Purpose.LIST or not isinstance(reply, Response):
            return reply
        document = json.loads(reply.body)
        change(document)
        return Response(status=200, headers=reply.headers, body=json.dumps(document).encode())

    world.send = send


def test_twelve_updates_cost_one_list_and_twelve_writes_and_keep_the_keys_of_others(world: EngineWorld):

    drained = world.cycle()

    assert purposes(world) == ["list", *["update"] * 12]
    assert (drained.calls, drained.writes) == (13, 12)
    assert [world.api.items[name]["metadata"].get("reportedBy") for name in NAMES[:4]] == [
        "a learner",
        None,
        None,
        "a learner",
    ]
    assert fitness(world) is Fitness.FIT
    line = world.kept.history("q01", 2)[1]
    assert (line.purpose, line.path) == ("list", "/assessment-items?filter=identifier='q01' OR … (12 items)")


def test_few_updates_are_read_one_by_one(world: EngineWorld):
    world.cycle()
    world.source.commit({f"{name}.xml": item_xml(name, "Three?").encode() for name in NAMES[:3]})
    world.api.requests.clear()

    world.cycle()

    assert purposes(world) == ["pre_read", "update"] * 3


@pytest.mark.parametrize(
    "world", [{"manners": Manners(terms=Terms(preserve_foreign=False, overwrite_conflicts=True))}], indirect=True
)
def test_nothing_is_read_where_nothing_has_to_be(world: EngineWorld):
    world.cycle()

    assert purposes(world) == ["update"] * 12


def test_item_that_a_list_leaves_out_is_read_before_anything_is_concluded(world: EngineWorld):
    lists_say(world, lambda document: document.update(items=document["items"][1:], total=11))

    world.cycle()

    assert purposes(world) == ["list", "pre_read", *["update"] * 12]
    assert fitness(world) is Fitness.FIT


def test_item_that_is_gone_is_created_again_after_a_get_said_so(world: EngineWorld):
    del world.api.items["q05"]

    world.cycle()

    assert [purpose for purpose in purposes(world) if purpose != "update"] == ["list", "pre_read", "create"]
    assert all_arrived(world)


def test_list_that_leaves_out_what_is_there_is_not_used_again(world: EngineWorld):
    lists_say(world, lambda document: document.update(items=[], total=0))

    world.cycle()

    assert purposes(world) == ["list", *["pre_read", "update"] * 12]
    assert fitness(world) is Fitness.UNFIT
    assert "leaves out items that are there" in verdict(world.kept, Capability.LIST_FILTER).reason


def test_filter_that_is_ignored_is_recorded_and_gets_are_used_from_then_on(world: EngineWorld):
    world.source.commit({"other.xml": item_xml("other").encode()})
    world.api.store_item(item_xml("stranger"))
    stranger = dict(world.api.items["stranger"])
    lists_say(world, lambda document: document["items"].insert(0, stranger))

    world.cycle()
    assert (fitness(world), all_arrived(world)) == (Fitness.UNFIT, True)
    assert world.log.of("list_unfit") == [
        {"reason": "the list ignores the filter: it shows items that were not asked for"}
    ]

    edit(world, "Three?")
    world.api.requests.clear()
    world.cycle()
    assert purposes(world) == ["pre_read", "update"] * 12


@pytest.mark.parametrize("status", [400, 404, 414, 422, 431])
def test_filter_that_is_refused_is_recorded(world: EngineWorld, status: int):
    world.api.faults.append(
        lambda request, _: (
            Fault.answers(status, {"error": "no such filter"}) if request.purpose is Purpose.LIST else None
        )
    )

    world.cycle()

    assert purposes(world) == ["list", *["pre_read", "update"] * 12]
    assert (fitness(world), all_arrived(world)) == (Fitness.UNFIT, True)


@pytest.mark.parametrize(
    "fault", [Fault.answers(500, {"error": "timeout"}), Fault.lost(applied=False), Fault.answers(403)]
)
def test_lists_without_an_answer_are_given_up_for_a_while_and_not_for_good(world: EngineWorld, fault: Fault):
    world.api.faults.append(lambda request, _: fault if request.purpose is Purpose.LIST else None)

    drained = world.cycle()

    assert (purposes(world).count("list"), all_arrived(world)) == (2, True)
    assert (drained.ending.value, fitness(world)) == ("drained", Fitness.UNTESTED)
    assert len(world.log.of("list_given_up")) == 1


def test_lists_that_failed_by_chance_are_tried_again_after_a_rest():
    """Two lost lists in a row cost a bulk of 2,500 items its lists: 1.34 calls for each change instead of 1.08."""
    world, names = EngineWorld(), [f"q{number:03}" for number in range(500)]
    for words in ("One?", "Two?"):
        world.source.commit({f"{name}.xml": item_xml(name, words).encode() for name in names})
        if words == "One?":
            world.cycle()
    world.api.requests.clear()
    left = [Fault.lost(applied=False), Fault.lost(applied=False)]
    world.api.faults.append(lambda request, _: left.pop() if left and request.purpose is Purpose.LIST else None)

    drained = world.cycle()
    assert (drained.ending.value, purposes(world).count("update")) == ("drained", 500)
    assert purposes(world).count("list") > 2
    assert purposes(world).count("pre_read") < 500
    assert len(world.log.of("list_given_up")) == 1
    world.close()


def test_refusal_of_speed_counts_for_the_pace_and_not_against_the_list(world: EngineWorld):
    first = []

    def once(request: Request, _: int) -> Fault | None:
        if request.purpose is Purpose.LIST and not first:
            first.append(request)
            return Fault.answers(429, retry_after="1")
        return None

    world.api.faults.append(once)

    world.cycle()

    assert purposes(world) == ["list", "list", *["update"] * 12]
    assert fitness(world) is Fitness.FIT


def test_small_pages_of_a_server_are_what_is_asked_for_next(world: EngineWorld):
    world.api.max_limit = 5

    world.cycle()

    limits = [request.query["limit"] for request in world.api.requests if request.purpose is Purpose.LIST]
    assert (limits[0], set(limits[1:])) == ("12", {"5"})
    assert (purposes(world).count("pre_read") <= 2, all_arrived(world)) == (True, True)


def test_conflict_that_a_list_seems_to_show_is_looked_at_before_anybody_is_accused(world: EngineWorld):
    world.api.store_item(item_xml("q03", "Edited at the API"), world.api.items["q03"]["metadata"])
    lists_say(
        world, lambda document: document["items"][0].update(__v=99, rawXml=item_xml("q00", "what a list made of it"))
    )

    world.cycle()

    read = [request.segments[1] for request in world.api.requests if request.purpose is Purpose.PRE_READ]
    assert read == ["q00", "q03"]
    rows = {row.key.identifier: row for row in world.kept.recorded().values()}
    assert (rows["q00"].status, rows["q03"].status, rows["q03"].last_outcome) == ("synced", "parked", "Conflict")


def test_what_was_read_is_acted_on_within_seconds_or_read_again(world: EngineWorld):

    def slow(request: Request) -> Reply:
        reply = world.api.send(request)
        if request.purpose is Purpose.LIST:
            world.clock.advance(6.0)
        return reply

    world.send = slow
    world.cycle()

    assert purposes(world) == ["list", "list", *["pre_read", "update"] * 12]
    assert all_arrived(world)
