"""Look at everything, conclude, and act as the policy says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from engine_world import AIM, EngineWorld
from fake_api import Fault
from fakes import SilentProgress
from world import item_xml, stimulus_xml

from qtisync.delivery.messages import Reply, Request
from qtisync.delivery.wire import Terms
from qtisync.engine.check import Reconciliation, chosen, eyes_of, heal, look_after, reconcile, refreshed
from qtisync.engine.drift import blocked_by_drift, last_check
from qtisync.engine.push import Manners
from qtisync.engine.reconcile import Aim, Prepared, prepare
from qtisync.model import ItemStatus, Key, Reason, RepoPath
from qtisync.ownership import Ownership
from qtisync.planning.comparison import OnDrift
from qtisync.planning.guard import Limits

NAMES = ("qa", "qb", "qc")


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[EngineWorld]:
    """Three items and a stimulus in sync."""
    policy = getattr(request, "param", OnDrift.REPORT)
    world = EngineWorld(
        manners=Manners(terms=Terms(ownership=Ownership(prefixes=("q", "s"))), on_drift=lambda _path: policy)
    )
    world.source.commit(
        {f"{name}.xml": item_xml(name).encode() for name in NAMES} | {"s.xml": stimulus_xml("s").encode()}
    )
    world.source.commit({f"{name}.yaml": b"difficulty: medium\n" for name in NAMES})
    world.cycle()
    world.api.requests.clear()
    yield world
    world.close()


def whole_plan(world: EngineWorld, aim: Aim = AIM) -> Prepared:
    return prepare(world.source, world.store, aim, world.clock.now(), SilentProgress(), thorough=True)  # type: ignore[arg-type]


def look(world: EngineWorld, **options: Any) -> Reconciliation:
    return reconcile(eyes_of(world.bench), world.store, world.manners, whole_plan(world).plan, **options)  # type: ignore[arg-type]


def classes(seen: Reconciliation) -> dict[str, list[str]]:
    found = seen.comparison
    lists = {
        "drift": [str(one.key) for one in found.drift],
        "conflicts": [str(one.key) for one in found.conflicts],
        "pending": [str(key) for key in found.pending],
        "unmanaged": [str(one.key) for one in found.unmanaged],
        "foreign": [str(one.key) for one in found.foreign],
    }
    return {name: keys for name, keys in lists.items() if keys}


def edit_at_the_api(world: EngineWorld, *names: str) -> None:
    for name in names:
        world.api.store_item(item_xml(name, "Theirs"), world.api.items[name]["metadata"])


def test_after_a_cycle_everything_is_in_sync_and_nothing_is_written(world: EngineWorld):
    seen = look(world)

    assert (classes(seen), seen.comparison.in_sync, seen.survey.complete) == ({}, 4, True)
    assert world.api.writes() == []


def test_each_side_has_its_own_list(world: EngineWorld):
    edit_at_the_api(world, "qa", "qb")
    world.source.commit({"qb.xml": item_xml("qb", "Ours").encode(), "qc.xml": item_xml("qc", "Ours").encode()})
    world.api.store_item(item_xml("q-lost"))
    world.api.store_item(item_xml("their-1"))

    assert classes(look(world)) == {
        "drift": ["qa"],
        "conflicts": ["qb"],
        "pending": ["qc"],
        "unmanaged": ["q-lost"],
        "foreign": ["their-1"],
    }


def test_list_alone_accuses_nobody(world: EngineWorld):
    """The list shows another text than the item itself: the item is right."""

    def lying(request: Request, _number: int) -> Fault | None:
        if request.segments != ("assessment-items",):
            return None
        rows = [{**row, "rawXml": item_xml("qa", "stale"), "__v": 99} for row in world.api.items.values()]
        return Fault.answers(200, {"items": rows, "total": len(rows), "pages": 1, "page": 1, "limit": 50})

    world.api.faults.append(lying)

    assert classes(look(world)) == {}


def test_object_that_vanished_between_list_and_look_is_drift(world: EngineWorld):
    edit_at_the_api(world, "qa")

    def vanish(request: Request) -> Reply:
        if request.segments == ("assessment-items", "qa"):
            world.api.items.pop("qa", None)
        return world.api.send(request)

    world.send = vanish

    (one,) = look(world).comparison.drift
    assert (one.key.identifier, one.vanished) == ("qa", True)


def test_our_own_write_meanwhile_is_no_drift(world: EngineWorld):
    """The daemon pushes while the survey runs: what the list showed before is older than the record."""
    world.source.commit({"qa.xml": item_xml("qa", "Ours").encode()})
    plan = whole_plan(world).plan
    pushed: list[bool] = []

    def push_after_list(request: Request) -> Reply:
        reply = world.api.send(request)
        if request.segments == ("stimuli",) and not pushed:
            pushed.append(True)
            world.send = world.api.send
            world.cycle()
        return reply

    world.send = push_after_list
    seen = reconcile(eyes_of(world.bench), world.store, world.manners, plan)  # type: ignore[arg-type]

    assert pushed
    assert (seen.comparison.drift, seen.comparison.conflicts) == ((), ())


@pytest.mark.parametrize("world", [OnDrift.OVERWRITE], indirect=True)
def test_what_is_overwritten_is_sent_again_and_then_all_is_in_sync(world: EngineWorld):
    edit_at_the_api(world, "qa")
    world.api.store_metadata("qb", difficulty="hard", status="reported")
    del world.api.items["qc"]

    seen = look(world)
    healed = heal(world.store, seen, world.log)  # type: ignore[arg-type]

    assert (healed.queued, healed.blocked) == (3, ())
    assert {change.reason for change in world.prepare().plan.changes} == {Reason.DRIFT}
    assert world.cycle().settled == 3
    assert classes(look(world)) == {}
    assert world.api.items["qb"]["metadata"] == {"difficulty": "medium", "status": "reported"}
    assert "Theirs" not in world.api.items["qa"]["rawXml"]
    assert [event["item"] for event in world.log.of("drift")] == ["qa", "qb", "qc"]


def test_what_is_only_reported_stays_as_it_is(world: EngineWorld):
    edit_at_the_api(world, "qa")

    assert heal(world.store, look(world), world.log).queued == 0  # type: ignore[arg-type]
    world.cycle()

    assert "Theirs" in world.api.items["qa"]["rawXml"]
    assert blocked_by_drift(world.store) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("world", [OnDrift.BLOCK], indirect=True)
def test_what_blocks_holds_every_pass_until_it_is_well_again(world: EngineWorld):
    before = world.api.items["qa"]
    edit_at_the_api(world, "qa")
    look_after(world.bench, AIM, SilentProgress())
    world.source.commit({"qb.xml": item_xml("qb", "Ours").encode()})

    prepared = world.prepare()
    assert [(hold.rule, [str(key) for key in hold.keys]) for hold in prepared.plan.holds] == [("drift", ["qa"])]
    assert "allow drift" in prepared.plan.holds[0].override

    world.api.items["qa"] = before
    look_after(world.bench, AIM, SilentProgress())
    assert world.prepare().plan.holds == ()


@pytest.mark.parametrize("world", [OnDrift.BLOCK], indirect=True)
def test_pass_of_the_same_commit_is_held_as_well_and_may_be_allowed(world: EngineWorld):
    edit_at_the_api(world, "qa")
    look_after(world.bench, AIM, SilentProgress())

    assert [hold.rule for hold in world.prepare().plan.holds] == ["drift"]
    allowed = replace(AIM, allow=frozenset({"drift"}))
    assert prepare(world.source, world.store, allowed, world.clock.now(), SilentProgress()).plan.holds == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("world", [OnDrift.BLOCK], indirect=True)
def test_look_that_is_incomplete_ends_no_block(world: EngineWorld):
    edit_at_the_api(world, "qa")
    look_after(world.bench, AIM, SilentProgress())
    world.api.faults.append(lambda _request, _number: Fault.answers(502))

    look_after(world.bench, AIM, SilentProgress())

    assert [key.identifier for key in blocked_by_drift(world.store)] == ["qa"]  # type: ignore[arg-type]
    checked = last_check(world.store)  # type: ignore[arg-type]
    assert checked is not None
    assert checked["complete"] is False


@pytest.mark.parametrize("world", [OnDrift.OVERWRITE], indirect=True)
def test_too_much_drift_at_once_is_not_overwritten_unasked(world: EngineWorld):
    edit_at_the_api(world, "qa", "qb")
    aim = replace(AIM, limits=Limits(max_update=1))

    look_after(world.bench, aim, SilentProgress())

    assert {row.status for row in world.kept.recorded().values()} == {ItemStatus.SYNCED}


def test_last_check_is_remembered(world: EngineWorld):
    edit_at_the_api(world, "qa")
    look_after(world.bench, AIM, SilentProgress())

    checked = last_check(world.store)  # type: ignore[arg-type]

    assert checked is not None
    assert {name: checked[name] for name in ("at", "complete", "drift", "in_sync")} == {
        "at": checked["at"],
        "complete": True,
        "drift": 1,
        "in_sync": 3,
    }


@pytest.mark.parametrize("world", [OnDrift.OVERWRITE], indirect=True)
def test_refreshed_plan_announces_what_is_sent_again_and_is_bound_to_what_was_seen(world: EngineWorld):
    prepared, quiet = whole_plan(world), look(world)
    calm = refreshed(prepared, quiet, world.store, AIM).plan  # type: ignore[arg-type]
    edit_at_the_api(world, "qa")
    plan = refreshed(prepared, look(world), world.store, AIM).plan  # type: ignore[arg-type]

    assert [(str(c.item.key), c.action.value, c.reason) for c in plan.changes] == [("qa", "update", Reason.DRIFT)]
    assert len({prepared.plan.checksum, calm.checksum, plan.checksum}) == 3
    assert plan.unchanged == calm.unchanged - 1


@pytest.mark.parametrize("world", [OnDrift.BLOCK], indirect=True)
def test_refreshed_plan_is_held_by_what_blocks(world: EngineWorld):
    edit_at_the_api(world, "qa")

    plan = refreshed(whole_plan(world), look(world), world.store, AIM).plan  # type: ignore[arg-type]

    assert [hold.rule for hold in plan.holds] == ["drift"]


@pytest.mark.parametrize("world", [OnDrift.OVERWRITE], indirect=True)
def test_refreshed_plan_may_be_narrowed(world: EngineWorld):
    edit_at_the_api(world, "qa", "qb")
    world.source.commit({"qc.xml": item_xml("qc", "Ours").encode()})
    aim, seen = replace(AIM, only=("qa",)), look(world)

    plan = refreshed(whole_plan(world), seen, world.store, aim).plan  # type: ignore[arg-type]

    assert ([str(change.item.key) for change in plan.changes], plan.partial) == (["qa"], True)
    assert [str(one.key) for one in chosen(seen, ("q?.xml",)).comparison.drift] == ["qa", "qb"]


def test_policy_is_asked_by_path(world: EngineWorld):
    edit_at_the_api(world, "qa", "qb")
    policy = {"qa.xml": OnDrift.BLOCK}
    manners = Manners(on_drift=lambda path: policy.get(path, OnDrift.REPORT))

    seen = reconcile(eyes_of(world.bench), world.store, manners, whole_plan(world).plan)  # type: ignore[arg-type]

    assert [one.path for one in seen.drifted(OnDrift.BLOCK)] == [RepoPath("qa.xml")]
    assert [one.path for one in seen.drifted(OnDrift.REPORT)] == [RepoPath("qb.xml")]


def test_lost_record_and_a_look_write_nothing(world: EngineWorld):
    world.lose_the_record()
    world.api.requests.clear()

    seen = look_after(world.bench, AIM, SilentProgress())

    assert classes(seen) == {"pending": ["qa", "qb", "qc", "stimulus s"]}
    assert world.api.writes() == []


def test_deep_look_finds_what_bears_no_new_stamps(world: EngineWorld):
    key = next(key for key in world.kept.recorded() if key.identifier == "qa")
    assert isinstance(key, Key)
    world.api.items["qa"] = {**world.api.items["qa"], "rawXml": item_xml("qa", "Theirs")}

    assert classes(look(world)) == {}
    assert classes(look(world, deep=True)) == {"drift": ["qa"]}
