"""Taking over on purpose: what the API has is known from then on, and git may want it otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import a_commit, a_key
from engine_world import AIM, EngineWorld
from fake_api import Fault
from fakes import SilentProgress
from test_recognise import eyes
from world import item_xml

from qtisync.engine import adopt
from qtisync.engine.adopt import IN_FLIGHT, OURS_ALREADY, Candidates, Order, candidates
from qtisync.engine.recognise import Ask
from qtisync.errors import ApiUnavailableError
from qtisync.model import CommitInfo, ItemStatus, Standing
from qtisync.ownership import Ownership
from qtisync.planning.takeover import Seen, recognised

EVERYTHING = Ownership()
STRANGER = Ownership(prefixes=("our-",))
WHY = "its identifier has none of the owned prefixes"
INFO = CommitInfo(commit=a_commit(), author="")


@pytest.fixture
def world():
    world = EngineWorld()
    for name in ("a1", "a2", "b1"):
        world.api.store_item(item_xml(name), {"grade": "5", "x": 1})
    world.source.commit(
        {"a1.xml": item_xml("a1").encode(), "a2.xml": item_xml("a2", "Other?").encode(), "a2.yaml": b"grade: 6\n"}
    )
    yield world
    world.close()


def look(world: EngineWorld, *names: str, ownership: Ownership = EVERYTHING, **order: Any) -> Candidates:
    ask = Ask(actor="ada", ownership=ownership, progress=SilentProgress())
    return candidates(eyes(world), world.store, world.source, AIM, Order(identifiers=names, **order), ask)


def keys(found: Candidates) -> list[str]:
    return [str(row.key) for row in found.rows]


@pytest.mark.parametrize("one_by_one", [0, 20])
def test_what_is_asked_for_is_found_and_nothing_is_written(world, monkeypatch, one_by_one):
    monkeypatch.setattr(adopt, "ONE_BY_ONE", one_by_one)
    found = look(world, "a1", "a2", "b1", "nobody")
    assert (keys(found), found.missing) == (["a1", "a2", "b1"], ("nobody",))
    assert (found.as_in_git, found.without_file) == (frozenset({a_key("a1")}), frozenset({a_key("b1")}))
    assert (world.store.recorded(), world.api.writes()) == ({}, [])


def test_a_prefix_takes_all_that_begin_so(world):
    assert keys(look(world, prefix="a")) == ["a1", "a2"]


def test_what_is_adopted_and_differs_is_sent_without_a_conflict(world):
    found = look(world, prefix="a")
    world.store.plant(found.rows)
    plan = world.prepare().plan
    assert [(change.item.key.identifier, len(change.scope)) for change in plan.changes] == [("a2", 2)]
    world.cycle()
    assert [request.segments[1] for request in world.api.writes()] == ["a2"]
    assert world.api.items["a2"]["metadata"] == {"grade": "6", "x": 1}
    assert keys(look(world, "a1")) == []
    assert look(world, "a1", "a2").skipped == {a_key("a1"): OURS_ALREADY, a_key("a2"): OURS_ALREADY}


def test_what_git_does_not_have_is_an_orphan_under_protection(world):
    world.store.plant(look(world, "b1").rows)
    row = world.store.recorded()[a_key("b1")]
    assert (row.standing, row.protect) == (Standing.ORPHAN, True)
    world.source.commit({"b1.xml": item_xml("b1").encode(), "b1.yaml": b"grade: 5\n"})
    world.cycle()
    assert world.store.recorded()[a_key("b1")].standing is Standing.WANTED
    assert "b1" not in [request.segments[-1] for request in world.api.writes()], "it is as git wants it"


def test_what_is_not_ours_needs_to_be_asked_for(world):
    refused = look(world, "a1", ownership=STRANGER)
    assert (keys(refused), refused.skipped) == ([], {a_key("a1"): f"not ours: {WHY}. If it is meant, say --foreign"})
    assert keys(look(world, "a1", ownership=STRANGER, foreign=True)) == ["a1"]


def test_what_is_in_flight_is_not_touched(world):
    world.write_down()
    claim = world.store.claim("w", world.clock.now(), 60.0)
    assert claim is not None
    assert look(world, claim.row.key.identifier).skipped == {claim.row.key: IN_FLIGHT}


def test_an_api_that_does_not_answer_ends_it(world):
    world.api.faults.append(lambda _request, _number: Fault.answers(503, body=b""))
    with pytest.raises(ApiUnavailableError):
        look(world, "a1")


def test_a_repository_without_a_commit_is_an_empty_one():
    world = EngineWorld()
    world.api.store_item(item_xml("a1"), {})
    assert look(world, "a1").without_file == {a_key("a1")}
    world.close()


def test_what_is_parked_as_a_conflict_can_be_adopted_and_is_then_sent(world):
    world.store.plant([recognised(world.prepare().snapshot.items[a_key("a2")], Seen(content=None), INFO)])
    world.cycle()
    assert world.store.recorded()[a_key("a2")].last_outcome == "Conflict"
    world.store.plant(look(world, "a2").rows)
    world.cycle()
    assert world.store.recorded()[a_key("a2")].status is ItemStatus.SYNCED
    assert [request.segments[1] for request in world.api.writes() if request.method == "PUT"] == ["a2"]


def test_what_can_be_no_name_is_never_asked_for_nor_recorded(world):
    found = look(world, "..", "", "a\nb", "x\ud800")
    assert (keys(found), len(found.missing), world.api.requests) == ([], 4, [])
    rows = [{**row, "identifier": "a\ud8003"} for row in list(world.api.items.values())[:1]]
    page = {"items": rows, "total": 1, "page": 1, "pages": 1, "limit": 50}
    world.api.faults.append(lambda _request, _number: Fault.answers(200, body=json.dumps(page).encode()))
    assert look(world, prefix="a").skipped.get(a_key("a\ud8003")) == adopt.NO_NAME
