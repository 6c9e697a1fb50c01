"""Recognising what the API has of ours already: one reading of its list, and no write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import a_key
from engine_world import AIM, EngineWorld
from fake_api import Fault
from fakes import SilentProgress
from world import item_xml, stimulus_xml

from qtisync.content.canonical import digest_text
from qtisync.engine.pacing import PaceTerms
from qtisync.engine.private_pace import PrivatePace
from qtisync.engine.recognise import FEW, Ask, is_worth_a_look, rebuild, recognise_first
from qtisync.engine.survey import Eyes
from qtisync.errors import ApiUnavailableError, CredentialsError, WrongApiError
from qtisync.model import ItemStatus
from qtisync.ownership import Ownership

EVERYTHING = Ownership()
COUNT = FEW + 2


@pytest.fixture
def world():
    world = EngineWorld()
    files = {f"q{n:02}.xml": item_xml(f"q{n:02}").encode() for n in range(COUNT)}
    world.source.commit({**files, "q01.yaml": b"grade: 5\n", "s.xml": stimulus_xml("s").encode()})
    world.cycle()
    world.lose_the_record()
    world.api.requests.clear()
    yield world
    world.close()


def eyes(world: EngineWorld) -> Eyes:
    return Eyes(
        api=world.api,
        pace=PrivatePace(),
        terms=PaceTerms(ceiling=1000.0),
        clock=world.clock,
        bell=world.bell,
        log=world.log,
        digest=digest_text,
        concurrency=2,
    )


def rebuilt(world: EngineWorld, ownership: Ownership = EVERYTHING) -> Any:
    ask = Ask(actor="ada", ownership=ownership, progress=SilentProgress())
    return rebuild(eyes(world), world.store, world.source, AIM, ask)


def test_a_rebuild_records_what_is_there_and_is_in_sync(world):
    before = len(world.api.requests)
    done = rebuilt(world)
    assert (done.planted, done.in_sync, done.found.absent, done.found.foreign) == (COUNT + 1, True, 0, {})
    assert [request.method for request in world.api.requests[before:]] == ["GET"] * 2
    assert {row.status for row in world.store.recorded().values()} == {ItemStatus.SYNCED}
    assert {line.purpose for line in world.store.history(None, 99)} == {"rebuild"}
    world.cycle()
    assert world.api.writes() == []


def test_what_is_not_there_is_left_to_be_created(world):
    del world.api.items["q03"]
    done = rebuilt(world)
    assert (done.planted, done.in_sync, done.found.absent) == (COUNT, False, 1)
    assert a_key("q03") not in world.store.recorded()
    world.cycle()
    assert [request.purpose for request in world.api.writes()] == ["create"]


def test_what_is_not_ours_is_left_alone(world):
    done = rebuilt(world, ownership=Ownership(prefixes=("s",)))
    assert (done.planted, len(done.found.foreign)) == (1, COUNT)


def test_an_item_that_the_list_shows_in_part_is_read_by_itself(world):
    def script(request, _number):
        if request.segments != ("assessment-items",):
            return None
        rows = [dict(row) for row in world.api.items.values()]
        del rows[3]["rawXml"]
        return Fault.answers(200, {"items": rows, "total": len(rows), "page": 1, "pages": 1, "limit": 50})

    world.api.faults.append(script)
    assert rebuilt(world).in_sync


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.answers(403, {"error": "Forbidden"}), CredentialsError),
        (Fault.answers(404, body=b"<html>"), WrongApiError),
        (Fault.answers(503, body=b""), ApiUnavailableError),
    ],
)
def test_trouble_with_the_api_ends_a_rebuild_and_nothing_is_recorded(world, fault, error):
    world.api.faults.append(lambda _request, _number: fault)
    with pytest.raises(error, match="could not be read"):
        rebuilt(world)
    assert world.store.recorded() == {}


def test_the_first_pass_of_an_empty_record_looks_at_the_api_if_it_has_much_to_create(world):
    prepared = world.prepare()
    assert is_worth_a_look(world.store, prepared)
    assert recognise_first(eyes(world), world.store, world.source, prepared, Ownership(), "ada")
    assert len(world.api.requests) == 3
    world.cycle()
    assert world.api.writes() == []


def test_it_does_not_look_for_a_few_or_when_something_is_recorded_or_where_that_is_dearer(world, monkeypatch):
    prepared = world.prepare()
    few = replace(prepared, plan=replace(prepared.plan, changes=prepared.plan.changes[: FEW - 1]))
    assert not is_worth_a_look(world.store, few)
    monkeypatch.setattr("qtisync.engine.recognise.PER_PAGE", 0)
    assert not recognise_first(eyes(world), world.store, world.source, prepared, Ownership(), "ada")
    assert len(world.api.requests) == 1
    world.cycle()
    assert not is_worth_a_look(world.store, prepared)


def test_an_empty_api_costs_one_call(world):
    world.api.items.clear()
    prepared = world.prepare()
    assert not recognise_first(eyes(world), world.store, world.source, prepared, Ownership(), "ada")
    assert len(world.api.requests) == 1
