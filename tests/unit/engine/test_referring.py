"""Which stimuli the API's items refer to, whoever's they are."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from engine_world import EngineWorld
from fake_api import Fault
from world import item_xml

from qtisync.delivery.messages import Response
from qtisync.delivery.outcome import Denied
from qtisync.engine.check import eyes_of
from qtisync.engine.referring import Referring, referring
from qtisync.model import Identifier

S, T = Identifier("s-1"), Identifier("t-1")


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    world = EngineWorld()
    for number in range(120):
        world.api.store_item(item_xml(f"z-{number:03}", "It names s-1 and t-1, and refers to neither."))
    yield world
    world.close()


def look(world: EngineWorld) -> Referring:
    return referring(eyes_of(world.bench), [S, T])


def test_an_item_of_anybody_that_refers_to_it_is_found_and_read_once_more(world: EngineWorld) -> None:
    world.api.store_item(item_xml("z-050", references="s-1"))

    assert look(world) == Referring(items={S: Identifier("z-050")}, calls=4)
    assert [request.segments[1:] for request in world.api.requests] == [(), (), (), ("z-050",)]


def test_what_only_mentions_it_does_not_refer_to_it(world: EngineWorld) -> None:
    assert look(world) == Referring(calls=3)


def test_an_item_that_is_gone_meanwhile_refers_to_nothing(world: EngineWorld) -> None:
    world.api.store_item(item_xml("z-050", references="s-1"))
    world.api.faults.append(
        lambda request, _: Fault.answers(404, {"error": "Not Found"}) if len(request.segments) > 1 else None
    )

    assert look(world) == Referring(calls=4)


def test_an_item_that_cannot_be_read_refers_to_whatever_it_mentions(world: EngineWorld) -> None:
    world.api.items["z-050"]["rawXml"] = "<qti-assessment-item>about t-1"

    assert look(world).items == {T: Identifier("z-050")}


def test_an_item_of_which_the_list_shows_only_a_part_is_read(world: EngineWorld) -> None:
    world.api.store_item(item_xml("z-050", references="s-1"))

    def without_xml(request, _number):  # type: ignore[no-untyped-def]  # a script of the fake
        if len(request.segments) > 1:
            return None
        page = world.api._list("assessment-items", request.query)
        document = json.loads(page.body)
        for row in document["items"]:
            if row["identifier"] == "z-050":
                del row["rawXml"]
        return Fault(reply=Response(status=200, body=json.dumps(document).encode()))

    world.api.faults.append(without_xml)

    assert look(world) == Referring(items={S: Identifier("z-050")}, calls=4)


def test_a_list_that_does_not_show_all_of_it_says_so(world: EngineWorld) -> None:
    world.api.faults.append(lambda _request, _number: Fault.answers(200, {"items": [], "total": 7}))

    assert look(world).reasons == ("the list of items is doubtful: it shows 0 of 7",)


def test_an_api_that_refuses_us_ends_the_look(world: EngineWorld) -> None:
    world.api.faults.append(lambda _request, _number: Fault.answers(403, {"error": "Forbidden"}))

    assert look(world).trouble == Denied(status=403, message="403: Forbidden")
