"""One object from claim to settlement: reads that are still fresh, one call for one change, and a halt that halts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from engine_world import EngineWorld
from fake_api import Fault
from world import item_xml

from qtisync.delivery.messages import Purpose, Reply, Request
from qtisync.delivery.pace import Pace
from qtisync.delivery.retry import RetryPolicy
from qtisync.delivery.wire import Terms
from qtisync.engine.cycle import Run, apply
from qtisync.engine.drain import Ending
from qtisync.engine.push import BLOB_TRIES, REREADS, Manners
from qtisync.model import BlobId, ItemStatus


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[EngineWorld]:
    """Three items that are synced, and edited in git since."""
    world = EngineWorld(**getattr(request, "param", {}))
    edit(world, "One?")
    world.cycle()
    edit(world, "Two?")
    world.api.requests.clear()
    yield world
    world.close()


def edit(world: EngineWorld, words: str) -> None:
    world.source.commit({f"{name}.xml": item_xml(name, words).encode() for name in ("qa", "qb", "qc")})


def calls(world: EngineWorld) -> list[tuple[str, str]]:
    return [(request.purpose.value, request.segments[-1]) for request in world.api.requests]


def terms(**others: Any) -> dict[str, Any]:
    return {"manners": Manners(terms=Terms(**others))}


def pause_after(world: EngineWorld, purpose: Purpose, times: int) -> None:
    """After each of so many answers the queue must wait for a minute."""
    left = [times]

    def send(request: Request) -> Reply:
        reply = world.api.send(request)
        if request.purpose is purpose and left[0]:
            left[0] -= 1
            until = world.clock.now() + 60.0

            def paused(pace: Pace | None) -> Pace:
                assert pace is not None
                return replace(pace, paused_until=until, tat=until)

            world.kept.update_pace(paused)
        return reply

    world.send = send


def test_what_was_read_before_a_long_wait_is_read_again_before_it_is_written(world: EngineWorld):
    pause_after(world, Purpose.PRE_READ, 1)

    world.cycle()

    assert calls(world)[:3] == [("pre_read", "qa"), ("pre_read", "qa"), ("update", "qa")]


def test_edit_by_somebody_else_during_a_long_wait_is_not_overwritten(world: EngineWorld):
    pause_after(world, Purpose.PRE_READ, 1)
    inner, seen = world.send, []

    def edited_meanwhile(request: Request) -> Reply:
        reply = inner(request)
        if request.segments[-1] == "qa" and not seen:
            seen.append(request)
            world.api.store_item(item_xml("qa", "Edited at the API"))
        return reply

    world.send = edited_meanwhile
    world.cycle()

    assert "Edited at the API" in world.api.items["qa"]["rawXml"]
    assert {row.key.identifier: row.last_outcome for row in world.kept.unsettled()} == {"qa": "Conflict"}


def test_a_pace_that_is_always_slow_ends_in_a_write_all_the_same(world: EngineWorld):
    pause_after(world, Purpose.PRE_READ, 99)

    world.cycle()

    assert calls(world)[: REREADS + 2] == [*[("pre_read", "qa")] * (REREADS + 1), ("update", "qa")]


@pytest.mark.parametrize("world", [terms(read_back=True)], indirect=True)
def test_read_back_is_asked_for_and_decides(world: EngineWorld):
    world.api.faults.append(
        lambda request, _: (
            Fault.answers(200, world.api.items["qb"])
            if request.purpose is Purpose.READ_BACK and request.segments[-1] == "qa"
            else None
        )
    )

    world.cycle()

    assert calls(world)[:3] == [("pre_read", "qa"), ("update", "qa"), ("read_back", "qa")]
    assert ("read_back", "qb") in calls(world)


@pytest.mark.parametrize("world", [{"manners": Manners(retry=RetryPolicy(block_on_conflict=True))}], indirect=True)
def test_conflict_that_blocks_is_the_last_thing_that_is_asked(world: EngineWorld):
    world.api.store_item(item_xml("qa", "Edited at the API"))

    drained = world.cycle()

    assert (drained.ending, drained.conflict, drained.writes) == (Ending.HALTED, True, 0)
    assert calls(world) == [("pre_read", "qa")]


@pytest.mark.parametrize(
    "world",
    [{"manners": Manners(retry=RetryPolicy(block_on_conflict=True)), "concurrency": 3}],
    indirect=True,
)
def test_after_a_conflict_that_blocks_nobody_begins_a_write(world: EngineWorld):
    for name in ("qa", "qb", "qc"):
        world.api.store_item(item_xml(name, "Edited at the API"))

    drained = world.cycle()

    assert (drained.ending, drained.writes) == (Ending.HALTED, 0)
    assert {row.status for row in world.kept.unsettled()} == {"queued"}


@pytest.mark.parametrize("world", [terms(on_content_change={"humanApproved": False})], indirect=True)
def test_approval_is_taken_back_with_the_content_and_not_with_metadata(world: EngineWorld):
    assert world.api.items["qa"]["metadata"] == {"humanApproved": False}
    world.api.store_metadata("qa", humanApproved=True)
    world.cycle()
    assert world.api.items["qa"]["metadata"] == {"humanApproved": False}

    world.api.store_metadata("qa", humanApproved=True)
    world.source.commit({"qa.yaml": b"grade: 5\n"})
    world.cycle()
    assert world.api.items["qa"]["metadata"] == {"humanApproved": True, "grade": "5"}
    world.api.requests.clear()
    world.cycle()
    assert calls(world) == []


@pytest.mark.parametrize("world", [terms(on_content_change={"humanApproved": False})], indirect=True)
def test_what_was_set_over_gits_own_key_accuses_nobody_later(world: EngineWorld):
    world.source.commit({"qa.yaml": b"humanApproved: true\n", "qa.xml": item_xml("qa", "Three?").encode()})
    world.cycle()
    assert world.api.items["qa"]["metadata"] == {"humanApproved": False}

    world.api.store_metadata("qa", reportedBy="a learner")
    world.source.commit({"qa.yaml": b"humanApproved: true\ngrade: 5\n"})
    world.cycle()
    assert world.api.items["qa"]["metadata"] == {"humanApproved": True, "reportedBy": "a learner", "grade": "5"}
    assert world.kept.unsettled() == []


def updates_qa(request: Request) -> bool:
    return request.purpose is Purpose.UPDATE and request.segments[-1] == "qa"


REVEALING = {"error": 'Cast to Number failed for value "CANARY-VALUE" at path "topic": CANARY-VALUE'}


def test_log_has_a_refusal_without_the_value_that_it_quotes_and_the_record_has_all_of_it(world: EngineWorld):
    files = {"qa.xml": item_xml("qa", "Three?").encode(), "qa.yaml": b"topic: CANARY-VALUE"}
    world.api.faults.append(lambda request, _n: Fault.answers(400, REVEALING) if updates_qa(request) else None)
    world.source.commit(files)

    world.cycle()

    (parked,) = [fields for fields in world.log.of("item_parked") if fields["item"] == "qa"]
    assert parked["message"] == "400: Cast to Number failed for value […] at path […]: […]"
    assert "CANARY" not in repr(world.log.events)
    (row,) = world.kept.find("qa")
    assert "CANARY-VALUE" in row.last_error


def test_lost_answers_do_not_count_as_the_500s_after_which_an_object_is_parked(world: EngineWorld):
    faults = [Fault.lost(applied=False)] * 3 + [Fault.answers(500, {"error": "boom"})] * 3

    def strike(request: Request, _number: int) -> Fault | None:
        return faults.pop(0) if updates_qa(request) and faults else None

    world.api.faults.append(strike)
    world.source.commit({"qa.xml": item_xml("qa", "Three?").encode()})

    for _ in range(3):  # one run is not as patient as that
        world.cycle()
        world.clock.advance(400.0)
    assert faults == []
    (row,) = world.kept.find("qa")
    assert row.status is ItemStatus.SYNCED


def test_four_500s_park_an_object_whatever_came_between(world: EngineWorld):
    boom = Fault.answers(500, {"error": "boom"})
    faults = [boom, Fault.lost(applied=False), boom, Fault.lost(applied=False), boom, boom, boom]

    def strike(request: Request, _number: int) -> Fault | None:
        return faults.pop(0) if updates_qa(request) and faults else None

    world.api.faults.append(strike)
    world.source.commit({"qa.xml": item_xml("qa", "Three?").encode()})

    world.cycle()
    assert faults == [boom]
    (row,) = world.kept.find("qa")
    assert (row.status, row.attempts) == (ItemStatus.PARKED, 6)


def test_blob_that_is_missing_for_a_moment_is_looked_for_again(world: EngineWorld):
    """A partial clone that fetches, or a gc that packs just now."""
    gone, looks = dict(world.source.data), []
    inner = world.source.blob

    def blob(wanted: BlobId) -> bytes:
        looks.append(wanted)
        if len(looks) == 3:
            world.source.data.update(gone)
        return inner(wanted)

    prepared = world.write_down()
    world.source.data.clear()
    world.source.blob = blob  # type: ignore[method-assign]
    drained = apply(world.bench, prepared, Run())

    assert drained.ending is Ending.DRAINED
    assert {row.status for row in world.kept.recorded().values()} == {ItemStatus.SYNCED}


def test_blob_that_stays_missing_parks_its_item_and_is_no_fault_of_the_api(world: EngineWorld):
    prepared = world.write_down()
    world.source.data.clear()
    began = world.clock.now()
    drained = apply(world.bench, prepared, Run())
    rows = world.kept.recorded().values()

    assert (drained.ending, world.api.requests) == (Ending.DRAINED, [])
    assert {(row.status, row.attempts) for row in rows} == {(ItemStatus.PARKED, BLOB_TRIES)}
    assert all("is gone" in str(row.last_error) for row in rows)
    assert world.bench.health.trouble is None
    assert world.log.of("queue_paused") == []
    assert 3.0 < world.clock.now() - began < 60.0
