"""What stands between a plan and a DELETE apart from the plan itself: each alone keeps everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from builders import a_key
from fake_api import Fault
from removal_world import DAY, REMOVALS, RemovalWorld, item

from qtisync.delivery.messages import Reply, Request
from qtisync.engine.batching import FRESH
from qtisync.engine.cycle import sweep
from qtisync.engine.drain import Ending
from qtisync.engine.reconcile import Prepared
from qtisync.engine.removing import Ground, weighed
from qtisync.engine.sweep import Swept, Verdict
from qtisync.engine.view import View
from qtisync.model import ItemStatus, RepoPath, Standing
from qtisync.planning.plan import Hold
from qtisync.planning.removal import ledger_of

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


Change = Callable[[RemovalWorld], object]


def a_row(world: RemovalWorld, **changes: object) -> None:
    """Change only this of the row: the store's own ways change its generation as well."""
    world.kept._change(a_key("b"), **changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda world: (world.source.commit({"b.xml": item("b")}), world.write_down()),
        lambda world: a_row(world, protect=True),
        lambda world: a_row(world, status=ItemStatus.IN_FLIGHT),
        lambda world: a_row(world, standing=Standing.WANTED),
        lambda world: a_row(world, generation=99),
        lambda world: world.kept.forget([a_key("b")]),
    ],
    ids=["its file is back", "protected", "in flight", "wanted", "another target", "forgotten"],
)
def test_what_changed_after_the_plan_or_the_read_is_not_deleted(world: RemovalWorld, change: Change) -> None:
    prepared = deleting(world)

    def send(request: Request) -> Reply:
        reply = world.api.send(request)
        if request.method == "GET":
            change(world)
        return reply

    world.send = send
    sweep(world.bench, prepared)
    assert (world.there, world.deletes(), [request.method for request in world.api.requests]) == ("abc", [], ["GET"])


def test_what_was_read_too_long_ago_is_read_again(world: RemovalWorld) -> None:
    prepared, waits = deleting(world), [FRESH]

    def send(request: Request) -> Reply:
        reply = world.api.send(request)
        world.clock.advance(waits.pop() if waits else 0.0)
        return reply

    world.send = send
    sweep(world.bench, prepared)
    assert [request.method for request in world.api.requests] == ["GET", "GET", "DELETE"]


def test_a_delete_that_could_not_be_counted_is_a_bug(world: RemovalWorld) -> None:
    prepared = deleting(world)
    world.kept.put_setting("removals", None)
    with pytest.raises(ValueError, match="a delete without a ledger"):
        sweep(world.bench, prepared)
    assert world.there == "abc"


def test_an_allowance_is_not_given_back_by_an_approval_of_something_else(world: RemovalWorld) -> None:
    """Only a plan that a rule about deleting held was approved by a person."""
    assert world.sync() == ()
    ledger = ledger_of(world.kept.setting("removals"))
    assert ledger is not None
    assert (ledger.approved, len(ledger.spent)) == ((), 1)
