"""What stands between a plan and a DELETE apart from the plan itself: each alone keeps everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fake_api import Fault
from removal_world import DAY, REMOVALS, RemovalWorld, item

from qtisync.engine.cycle import sweep
from qtisync.engine.drain import Ending
from qtisync.engine.reconcile import Prepared
from qtisync.engine.removing import Ground, weighed
from qtisync.engine.sweep import Swept, Verdict
from qtisync.engine.view import View
from qtisync.model import RepoPath
from qtisync.planning.plan import Hold

HTML = Fault.answers(404, body=b"<html>nginx</html>")


@pytest.fixture
def world() -> Iterator[RemovalWorld]:
    world = RemovalWorld()
    world.remove("b")
    yield world
    world.close()


def deleting(world: RemovalWorld) -> Prepared:
    """The plan that deletes ``b``, written down."""
    prepared = world.write_down()
    assert [row.key.identifier for row in prepared.plan.removals] == ["b"]
    world.api.requests.clear()
    return prepared


def reweighed(world: RemovalWorld, prepared: Prepared, changed: frozenset[RepoPath] | None) -> str:
    """Why ``b`` is kept if the plan was made from a view like this."""
    assert prepared.snapshot is not None
    view = View(snapshot=prepared.snapshot, recorded=prepared.recorded, items=2, present=3, changed=changed)
    ground = Ground(source=world.source, reader=world.kept, ref="refs/heads/main", fingerprint="f", now=0.0)
    plan, _ = weighed(prepared.plan, view, REMOVALS, ground)
    return plan.orphans[0].kept


def test_a_part_of_the_tree_proves_no_absence(world: RemovalWorld) -> None:
    prepared = world.prepare()

    assert reweighed(world, prepared, None) == ""
    assert reweighed(world, prepared, frozenset({RepoPath("b.xml")})) == "the record belongs to another target"


def test_a_record_of_another_target_deletes_nothing_even_if_a_person_lets_the_plan_pass(world: RemovalWorld) -> None:
    world.kept.put_setting("base_url", "https://elsewhere.example.org/api")
    assert world.prepare().plan.removals == ()
    assert world.sync("new-target", "mass-delete", "unproven-delete") == ()
    assert world.deletes() == []


def test_a_plan_for_some_objects_alone_judges_no_orphan_and_keeps_the_ledger(world: RemovalWorld) -> None:
    world.aim = replace(world.aim, only=("a",))
    prepared = world.prepare()

    assert (prepared.ledger, [orphan.kept for orphan in prepared.plan.orphans]) == (None, [""])


def test_a_held_plan_is_not_carried_out_whoever_asks(world: RemovalWorld) -> None:
    prepared = deleting(world)
    hold = Hold(rule="mass-delete", limit="0", actual="1", message="")

    assert sweep(world.bench, replace(prepared, plan=replace(prepared.plan, holds=(hold,)))) == Swept()
    assert world.api.requests == []


def test_nothing_is_deleted_while_something_else_is_in_flight_or_waits(world: RemovalWorld) -> None:
    prepared = deleting(world)
    world.source.commit({"a.xml": item("a", "Edited")})
    world.write_down()
    assert sweep(world.bench, prepared) == Swept()
    assert world.kept.claim("host/1", world.clock.now(), 60.0) is not None
    assert world.kept.next_ready(world.clock.now()) is None
    assert sweep(world.bench, prepared) == Swept()
    assert world.api.requests == []


def test_what_answers_there_is_asked_first_whether_it_is_the_api(world: RemovalWorld) -> None:
    prepared = deleting(world)
    world.kept.put_setting("confirmed_api", None)
    world.api.faults.append(lambda request, _: HTML if len(request.segments) == 1 else None)
    swept = sweep(world.bench, prepared)

    assert (swept.verdict, swept.calls, swept.wrong_api) == (Verdict.HALTED, 1, True)
    assert world.deletes() == []


def test_a_deadline_and_a_stop_end_it_before_the_next_call(world: RemovalWorld) -> None:
    prepared = deleting(world)
    now = world.clock.now()

    assert sweep(world.bench, prepared, deadline=now) == Swept(verdict=Verdict.INTERRUPTED)
    assert sweep(world.bench, prepared, may_go_on=lambda: False) == Swept(verdict=Verdict.INTERRUPTED)
    assert world.api.requests == []
    world.clock.advance(DAY)
    assert world.sync() == ()
    assert (world.drained.ending, world.there) == (Ending.DRAINED, "ac")
