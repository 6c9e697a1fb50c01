"""An object that was brought back to an older version stays there, until it is edited or let go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from builders import START, a_commit, a_content_digest, a_key, a_recorded, a_snapshot, an_item, facets
from engine_world import AIM, EngineWorld
from fakes import MemoryStore, SilentProgress
from world import item_xml

from qtisync.content.metadata import metadata_digest
from qtisync.engine.cycle import Run, apply
from qtisync.engine.pins import Pin, chosen_pins, fingerprint, held_back, pins_of, put_pins, shown_pins
from qtisync.engine.reconcile import prepare
from qtisync.engine.view import View
from qtisync.engine.warm import Memory
from qtisync.model import CommitId, Facets, Item
from qtisync.ownership import Stamp
from qtisync.planning.plan import Pinned

PIN = Pin(commit=a_commit("old"), since=START, kept=facets("old"), instead_of=facets("new"))
Q1 = a_key("q1")


def a_view(content: str = "new", row: str = "old") -> View:
    recorded = a_recorded("q1", content=row)
    return View(
        snapshot=a_snapshot(an_item("q1", content=content, path="moved/q1.xml")),
        recorded={Q1: recorded},
        items=1,
        present=1,
    )


def test_pins_are_kept_in_the_record():
    store = MemoryStore()
    assert pins_of(store) == {}
    put_pins(store, {Q1: PIN})
    assert pins_of(store) == {Q1: PIN}
    put_pins(store, {})
    assert (pins_of(store), store.setting("pins")) == ({}, None)


def test_pinned_object_keeps_its_version_wherever_its_file_lies():
    view, left = held_back(a_view(), {Q1: PIN})

    item = view.snapshot.items[Q1]
    assert (item.facets, item.path, item.blob) == (facets("old"), "moved/q1.xml", view.recorded[Q1].blob)
    assert left == {Q1: PIN}


def test_edit_ends_a_pin():
    view, left = held_back(a_view(content="newer"), {Q1: PIN})

    assert (view.snapshot.items[Q1].facets, left) == (facets("newer"), {})


def test_pin_whose_version_is_not_recorded_is_over():
    assert held_back(a_view(row="another"), {Q1: PIN})[1] == {}
    assert held_back(replace(a_view(), recorded={}), {Q1: PIN})[1] == {}


def test_object_that_is_not_looked_at_stays_pinned():
    view = replace(a_view(), snapshot=a_snapshot())

    assert held_back(view, {Q1: PIN}) == (view, {Q1: PIN})


def test_what_is_the_same_there_needs_no_pin():
    old, new = an_item("q1", content="old"), an_item("q1", content="new")
    other = an_item("q2", content="old")
    before = {a_key("q2"): PIN}

    pins = chosen_pins(
        {Q1: old, other.key: other}, {Q1: new, other.key: other}, before, commit=a_commit("old"), now=START
    )

    assert pins == {Q1: PIN}
    assert chosen_pins({Q1: new}, {Q1: new}, pins, commit=a_commit("x"), now=START) == {}
    assert chosen_pins({Q1: old}, {}, {}, commit=a_commit("x"), now=START) == {}


def test_pins_decide_what_is_desired():
    assert fingerprint("f", {}) == "f"
    assert fingerprint("f", {Q1: PIN}) != fingerprint("f", {a_key("q2"): PIN})


def test_pins_are_shown_with_their_file():
    assert shown_pins({Q1: PIN}, {}) == (Pinned(key=Q1, path="", commit=PIN.commit, since=START),)  # type: ignore[arg-type]


US, YOU = Stamp(key="owner", value="us"), Stamp(key="managedBy", value="you")


@pytest.mark.parametrize(("before", "after"), [(None, US), (US, None), (US, YOU), (US, replace(US, value="you"))])
def test_new_owner_stamp_is_no_edit_of_a_pinned_file(before: Stamp | None, after: Stamp | None):
    """The pin holds, its object gets the stamp of today, and once that is recorded the pin still holds."""

    def stamped(content: str, stamp: Stamp | None) -> Item:
        metadata = {"grade": "5", **(stamp.metadata if stamp is not None else {})}
        found = Facets(content=a_content_digest(content), metadata=metadata_digest(metadata))
        return an_item("q1", content=content, metadata=metadata, facets=found)

    kept, wanted = stamped("old", before), stamped("new", before)
    pins = chosen_pins({Q1: kept}, {Q1: wanted}, {}, commit=a_commit("old"), now=START, stamp=before)
    row = a_recorded("q1", desired=kept.facets, desired_metadata=kept.metadata)
    for recorded in (
        row,
        replace(row, desired=stamped("old", after).facets, desired_metadata=stamped("old", after).metadata),
    ):
        view = View(snapshot=a_snapshot(stamped("new", after)), recorded={Q1: recorded}, items=1, present=1)

        found, left = held_back(view, pins, after)

        item, today = found.snapshot.items[Q1], stamped("old", after)
        assert (item.facets, item.metadata, left) == (today.facets, today.metadata, pins)
        edited = replace(view, snapshot=a_snapshot(stamped("newer", after)))
        assert held_back(edited, pins, after)[1] == {}


def test_pins_with_a_stamp_are_kept_in_the_record():
    store = MemoryStore()
    put_pins(store, {Q1: replace(PIN, stamp=US)})
    assert pins_of(store) == {Q1: replace(PIN, stamp=US)}


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    world = EngineWorld()
    yield world
    world.close()


def roll_back(world: EngineWorld, commit: CommitId) -> None:
    """What ``apply --ref COMMIT --only qa`` does."""
    aim = replace(AIM, ref=commit, only=("qa",), keep_pins=False)
    prepared = prepare(world.source, world.store, aim, world.clock.now(), SilentProgress())  # type: ignore[arg-type]
    usual = prepare(
        world.source,
        world.store,  # type: ignore[arg-type]
        replace(AIM, keep_pins=False),
        world.clock.now(),
        SilentProgress(),
        thorough=True,
    )
    assert prepared.snapshot is not None
    assert usual.snapshot is not None
    chosen = {key: item for key, item in prepared.snapshot.items.items() if key.identifier == "qa"}
    put_pins(world.store, chosen_pins(chosen, usual.snapshot.items, {}, commit=commit, now=world.clock.now()))  # type: ignore[arg-type]
    apply(world.bench, prepared, Run())


def words(world: EngineWorld, name: str) -> str:
    return next(word for word in ("One", "Two", "Three") if f"{word}?" in world.api.items[name]["rawXml"])


@pytest.mark.parametrize("warm", [False, True])
def test_item_stays_rolled_back_on_every_pass_until_it_is_edited(world: EngineWorld, warm: bool):
    memory = Memory() if warm else None

    def cycle() -> None:
        prepared = prepare(world.source, world.store, AIM, world.clock.now(), SilentProgress(), memory)  # type: ignore[arg-type]
        apply(world.bench, prepared, Run())

    first = world.source.commit({f"{name}.xml": item_xml(name, "One?").encode() for name in ("qa", "qb")})
    cycle()
    world.source.commit({f"{name}.xml": item_xml(name, "Two?").encode() for name in ("qa", "qb")})
    cycle()
    roll_back(world, first)
    assert (words(world, "qa"), words(world, "qb")) == ("One", "Two")
    world.api.requests.clear()

    cycle()
    world.source.commit({"qb.xml": item_xml("qb", "Three?").encode()})
    cycle()
    cycle()
    assert (words(world, "qa"), words(world, "qb")) == ("One", "Three")
    assert [pin.commit for pin in world.prepare().plan.pins] == [first]

    world.source.commit({"qa.xml": item_xml("qa", "Three?").encode()})
    cycle()
    assert words(world, "qa") == "Three"
    assert (pins_of(world.store), world.prepare().plan.pins) == ({}, ())  # type: ignore[arg-type]


def test_unpinned_item_is_brought_to_gits_version_by_the_next_pass(world: EngineWorld):
    first = world.source.commit({"qa.xml": item_xml("qa", "One?").encode()})
    world.cycle()
    world.source.commit({"qa.xml": item_xml("qa", "Two?").encode()})
    world.cycle()
    roll_back(world, first)
    world.cycle()

    put_pins(world.store, {})  # type: ignore[arg-type]
    world.cycle()

    assert words(world, "qa") == "Two"
