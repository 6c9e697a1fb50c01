"""With an owner stamp: what is ours is told by the API itself, and what is not ours is left alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from builders import a_key
from engine_world import AIM, BASE_URL
from stamped_world import US, StampedWorld
from test_importing import MemoryShelf
from world import item_xml, stimulus_xml

from qtisync.content.facts import FACTS_VERSION
from qtisync.engine.adopt import OURS_ALREADY
from qtisync.engine.cycle import Run, apply
from qtisync.engine.importing import Order as ImportOrder
from qtisync.engine.importing import import_objects
from qtisync.engine.recognise import FEW, recognise_first
from qtisync.model import ItemStatus, Scope
from qtisync.ownership import Ownership, Stamp
from qtisync.planning.comparison import OnDrift
from qtisync.planning.guard import Limits
from qtisync.planning.removal import Removals

THEM = {"managedBy": "them"}


@pytest.fixture
def world() -> Iterator[StampedWorld]:
    world = StampedWorld()
    world.source.commit(
        {"q1.xml": item_xml("q1").encode(), "q1.yaml": b"grade: 5\n", "q2.xml": item_xml("q2").encode()}
    )
    world.source.commit({"s.xml": stimulus_xml("s").encode()})
    world.configure()
    yield world
    world.close()


def test_everything_that_is_sent_carries_the_stamp_stimuli_included(world: StampedWorld):
    world.cycle()
    assert [world.metadata(name) for name in ("q1", "q2", "s")] == [
        {"managedBy": "us", "grade": "5"},
        {"managedBy": "us"},
        {"managedBy": "us"},
    ]
    assert world.look().comparison.in_sync == 3


def test_stamp_is_turned_on_changed_and_removed_as_metadata_of_each_object_and_nothing_else(world: StampedWorld):
    world.configure(None)
    world.cycle()
    world.api.store_metadata("q1", status="live")
    for stamp in (US, Stamp(key="managedBy", value="team-us"), Stamp(key="owner", value="us"), None):
        world.configure(stamp)
        plan = world.prepare().plan
        assert [(str(change.item.key), change.scope) for change in plan.changes] == [
            ("q1", {Scope.METADATA}),
            ("q2", {Scope.METADATA}),
            ("stimulus s", {Scope.METADATA}),
        ]
        world.cycle()
        stamps = {} if stamp is None else stamp.metadata
        assert world.metadata("q1") == {**stamps, "grade": "5", "status": "live"}
        assert [world.metadata(name) for name in ("q2", "s")] == [stamps, stamps]
        sent = len(world.api.writes())
        world.cycle()
        assert len(world.api.writes()) == sent


def test_turning_it_on_is_an_update_in_bulk_like_any_other(world: StampedWorld):
    world.source.commit({f"n{number}.xml": item_xml(f"n{number}").encode() for number in range(10)})
    world.configure(None)
    world.cycle()
    world.configure()
    world.aim = replace(world.aim, limits=Limits(max_update=0.3))
    assert [hold.rule for hold in world.prepare().plan.holds] == ["mass-update"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("theirs", [{}, THEM])
def test_what_a_stranger_has_under_an_identifier_of_ours_is_left_as_it_is(
    world: StampedWorld, theirs: dict[str, str], overwrite: bool
):
    world.configure(overwrite_conflicts=overwrite, preserve_foreign=not overwrite)
    before = dict(world.api.store_item(item_xml("q1", "Theirs"), theirs))
    world.cycle()
    world.store.retry(None)
    world.cycle()
    assert world.api.items["q1"] == before
    status, error = world.rows()["q1"]
    assert (status, "it exists at the API and is not ours" in (error or "")) == (ItemStatus.PARKED, True)
    assert [str(one.key) for one in world.look().comparison.conflicts] == ["q1"]


def test_what_a_stranger_has_is_taken_over_on_purpose_only(world: StampedWorld):
    world.api.store_item(item_xml("q1", "Theirs"), {**THEM, "theirs": 1})
    world.cycle()
    assert world.adopt("q1").skipped == {
        a_key("q1"): 'not ours: its managedBy is "them". If it is meant, say --foreign'
    }
    assert [str(row.key) for row in world.adopt("q1", foreign=True).rows] == ["q1"]
    world.cycle()
    assert world.metadata("q1") == {"managedBy": "us", "grade": "5", "theirs": 1}
    assert "Two plus two?" in world.api.items["q1"]["rawXml"]
    assert world.adopt("q1").skipped == {a_key("q1"): OURS_ALREADY}


def test_object_of_ours_that_somebody_took_over_is_a_conflict_until_it_is_adopted_again(world: StampedWorld):
    """Whatever the policies say of other edits: the fixture's on_drift is ``overwrite``."""
    world.cycle()
    world.configure(overwrite_conflicts=True)
    world.api.store_metadata("q1", **THEM)
    taken = dict(world.api.items["q1"])
    seen = world.look()
    assert [(str(one.key), one.message) for one in seen.comparison.conflicts] == [
        ("q1", 'it is not ours any more: its managedBy is now "them"')
    ]
    assert seen.drifted(OnDrift.OVERWRITE) == ()
    world.source.commit({"q1.xml": item_xml("q1", "New words?").encode()})
    world.cycle()
    world.store.retry(None)
    world.cycle()
    assert world.api.items["q1"] == taken
    assert world.adopt("q1").rows == ()
    assert len(world.adopt("q1", foreign=True).rows) == 1
    world.cycle()
    assert world.metadata("q1") == {"managedBy": "us", "grade": "5"}


def test_object_that_somebody_took_over_can_be_adopted_although_nothing_else_changed(world: StampedWorld):
    world.cycle()
    world.api.store_metadata("q1", **THEM)
    assert world.adopt("q1").skipped == {
        a_key("q1"): 'not ours: its managedBy is now "them". If it is meant, say --foreign'
    }
    assert len(world.adopt("q1", foreign=True).rows) == 1
    world.cycle()
    assert world.metadata("q1") == {"managedBy": "us", "grade": "5"}


def test_stamp_that_somebody_removed_is_drift_like_any_key_of_git_s(world: StampedWorld):
    world.cycle()
    world.api.store_item(world.api.items["q1"]["rawXml"], {"grade": "5"})
    seen = world.look()
    assert [(str(one.key), one.names) for one in seen.comparison.drift] == [("q1", ("managedBy",))]


def test_lost_record_is_rebuilt_from_what_carries_the_stamp_and_nothing_is_written(world: StampedWorld):
    world.cycle()
    world.api.store_item(item_xml("q3", "Theirs"), {"grade": "1"})
    world.source.commit({"q3.xml": item_xml("q3").encode()})
    world.lose_the_record()
    before = len(world.api.writes())
    done = world.rebuild()
    assert (done.planted, [f"{key}: {why.why}" for key, why in done.found.foreign.items()]) == (
        3,
        ["q3: it does not carry the owner stamp managedBy: us"],
    )
    assert len(world.api.writes()) == before
    world.cycle()
    assert [request.purpose.value for request in world.api.writes()[before:]] == ["create"], "q3, which met a 409"


def test_sync_after_a_lost_record_changes_nothing_at_the_api(world: StampedWorld):
    world.cycle()
    before = {**world.api.items, **world.api.stimuli}
    world.lose_the_record()
    world.cycle()
    assert {**world.api.items, **world.api.stimuli} == before
    assert {status for status, _ in world.rows().values()} == {ItemStatus.SYNCED}


def test_first_pass_of_an_empty_record_recognises_what_carries_the_stamp(world: StampedWorld):
    world.source.commit({f"n{number}.xml": item_xml(f"n{number}").encode() for number in range(FEW)})
    world.cycle()
    world.lose_the_record()
    before = len(world.api.writes())
    prepared = world.prepare()
    ownership = world.manners.terms.ownership
    assert recognise_first(world.eyes, world.store, world.source, prepared, ownership, "ada")  # type: ignore[arg-type]
    world.cycle()
    assert len(world.api.writes()) == before


def test_what_carries_our_stamp_and_is_not_in_git_is_unmanaged(world: StampedWorld):
    world.cycle()
    world.api.store_item(item_xml("lost"), {"managedBy": "us"})
    world.api.store_item(item_xml("theirs"), THEM)
    world.api.store_item(item_xml("nobody's".replace("'", "")))
    found = world.look().comparison
    assert [str(one.key) for one in found.unmanaged] == ["lost"]
    assert [(str(one.key), one.owner) for one in found.foreign] == [("nobodys", ""), ("theirs", '"them"')]


def test_import_leaves_the_stamp_to_the_configuration_and_a_commit_of_it_has_nothing_to_do(world: StampedWorld):
    world.source.commit({"q1.xml": None, "q1.yaml": None, "q2.xml": None})
    world.api.store_item(item_xml("q1"), {"managedBy": "us", "grade": "5"})
    world.api.store_item(item_xml("q2"), THEM)
    world.api.store_item(item_xml("q3"))
    shelf, order = MemoryShelf(), ImportOrder(base="")

    def run(**options: Any) -> dict[str, str]:
        done = import_objects(
            world.eyes, world.store, world.source, shelf, world.aim, replace(order, **options), world.ask  # type: ignore[arg-type]
        )  # fmt: skip
        return {str(one.key): one.outcome for one in done.objects}

    assert run() == {"q1": "new", "q2": "not_ours", "q3": "not_ours"}
    assert shelf.held["items/q1.yaml"] == b'grade: "5"\n'
    world.source.commit(dict(shelf.held))
    assert [str(change.item.key) for change in world.prepare().plan.changes] == ["stimulus s"]
    assert run(foreign=True) == {"q1": "same", "q2": "new", "q3": "new"}
    world.source.commit(dict(shelf.held))
    world.cycle()
    assert [world.metadata(name) for name in ("q1", "q2", "q3")] == [
        {"managedBy": "us", "grade": "5"},
        {"managedBy": "us"},
        {"managedBy": "us"},
    ]


def test_only_what_carries_the_stamp_when_it_is_read_is_deleted(world: StampedWorld):
    removals = Removals(ownership=Ownership(stamp=US))

    def sync() -> None:
        world.aim = replace(world.aim, limits=Limits(max_update=1.0, max_churn=1.0), removals=removals)
        prepared = world.prepare()
        apply(world.bench, replace(prepared, plan=replace(prepared.plan, holds=())), Run())

    for name in ("gone", "bare", "taken"):
        world.source.commit({f"{name}.xml": item_xml(name).encode()})
    sync()
    world.api.store_item(world.api.items["bare"]["rawXml"])
    world.api.store_metadata("taken", **THEM)
    world.source.commit({"gone.xml": None, "bare.xml": None, "taken.xml": None})
    sync()
    assert set(world.api.items) == {"q1", "q2", "bare", "taken"}
    assert {name: error for name, (status, error) in world.rows().items() if status is ItemStatus.PARKED} == {
        "bare": "not deleted: it does not carry the owner stamp managedBy: us",
        "taken": 'not deleted: its managedBy is "them"',
    }


def test_orphan_from_before_the_stamp_is_kept(world: StampedWorld):
    world.configure(None)
    world.cycle()
    world.source.commit({"q2.xml": None})
    world.cycle()
    world.configure()
    world.aim = replace(world.aim, removals=Removals(ownership=Ownership(stamp=US)))
    (orphan,) = world.prepare().plan.orphans
    assert (orphan.delete, orphan.kept) == (False, "it does not carry the owner stamp managedBy: us")


def test_file_that_names_another_owner_is_broken_and_what_is_at_the_api_stays(world: StampedWorld):
    world.cycle()
    world.source.commit({"q1.yaml": b"grade: 6\nmanagedBy: them\n"})
    plan = world.write_down().plan
    assert [(broken.path, broken.problems[0].code) for broken in plan.broken] == [("q1.xml", "other-owner")]
    world.cycle()
    assert world.metadata("q1") == {"managedBy": "us", "grade": "5"}


def test_without_a_stamp_the_fingerprint_is_the_one_of_before():
    """Upgrading changes nothing: no pass is made anew, and no delete needs an approval because of it."""
    rules = {"include": ["**/*.xml"], "exclude": [], "sidecar": "{stem}.yaml", "target": "t"}
    parts = [FACTS_VERSION, rules, 2_000_000, 65_536, {"target": "t", "base_url": BASE_URL}]
    assert AIM.fingerprint == hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    assert replace(AIM, rules=replace(AIM.rules, stamp=US)).fingerprint != AIM.fingerprint
