"""Random worlds on the in-memory engine: every class is found, exactly, nothing is written, and healing converges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine_world import AIM, EngineWorld
from fakes import SilentProgress
from histories import histories
from hypothesis import given
from hypothesis import strategies as st
from world import item_xml

from qtisync.content.canonical import digest_text
from qtisync.delivery.wire import Terms
from qtisync.engine.check import Reconciliation, eyes_of, heal, reconcile
from qtisync.engine.push import Manners
from qtisync.engine.reconcile import prepare
from qtisync.ownership import Ownership
from qtisync.planning.comparison import OnDrift

OURS = Ownership(prefixes=("our-", "q", "new", "s"))
AT_THE_API = ("nothing", "touched", "learner", "content", "key", "key removed", "gone", "as git wants it")
IN_GIT = ("nothing", "content", "key", "removed", "broken", "moved")
CHANGED = frozenset({"content", "key", "key removed", "gone"})
AHEAD = frozenset({"content", "key"})


@dataclass(frozen=True)
class Fate:
    """What happens to one item after it was synced."""

    api: str
    git: str

    @property
    def drifts(self) -> bool:
        return self.api in CHANGED and self.git not in AHEAD | {"removed"}

    @property
    def conflicts(self) -> bool:
        return self.api in CHANGED and self.git in AHEAD

    @property
    def pending(self) -> bool:
        return self.git in AHEAD and not self.conflicts


FATES = st.builds(Fate, st.sampled_from(AT_THE_API), st.sampled_from(IN_GIT))
WORLDS = st.fixed_dictionaries(
    {
        "fates": st.lists(FATES, min_size=1, max_size=9),
        "strangers": st.sets(st.sampled_from(["our-lost", "our-x", "their-1", "zz"])),
        "new": st.integers(0, 2),
        "page": st.integers(1, 7),
        "deep": st.booleans(),
    }
)


def sidecar(difficulty: str) -> bytes:
    return f"difficulty: {difficulty}\nsubject: Math\n".encode()


def planted(chosen: Mapping[str, Any], manners: Manners) -> EngineWorld:
    """A world in sync to which all that happens."""
    world = EngineWorld(manners=manners)
    names = {f"q{number}": fate for number, fate in enumerate(chosen["fates"])}
    files = {f"{name}.xml": item_xml(name).encode() for name in names}
    world.source.commit(files | {f"{name}.yaml": sidecar("medium") for name in names})
    world.cycle()
    world.api.max_limit = chosen["page"]
    for name, fate in names.items():
        happen_at_the_api(world, name, fate)
    edits: dict[str, bytes | None] = {
        f"new{number}.xml": item_xml(f"new{number}").encode() for number in range(chosen["new"])
    }
    for name, fate in names.items():
        edits |= in_git(name, fate)
    world.source.commit(edits)
    for name in chosen["strangers"]:
        world.api.store_item(item_xml(name), {"theirs": True})
    world.api.requests.clear()
    return world


def happen_at_the_api(world: EngineWorld, name: str, fate: Fate) -> None:
    metadata = dict(world.api.items[name]["metadata"])
    match fate.api:
        case "touched":
            world.api.store_item(item_xml(name), metadata)
        case "learner":
            world.api.store_metadata(name, status="reported")
        case "content":
            world.api.store_item(item_xml(name, "Theirs"), metadata)
        case "key":
            world.api.store_metadata(name, difficulty="theirs")
        case "key removed":
            world.api.store_item(item_xml(name), {"subject": "Math"})
        case "gone":
            del world.api.items[name]
        case "as git wants it" if fate.git == "content":
            world.api.store_item(item_xml(name, "Ours"), metadata)
        case "as git wants it" if fate.git == "key":
            world.api.store_metadata(name, difficulty="hard")


def in_git(name: str, fate: Fate) -> dict[str, bytes | None]:
    match fate.git:
        case "content":
            return {f"{name}.xml": item_xml(name, "Ours").encode()}
        case "key":
            return {f"{name}.yaml": sidecar("hard")}
        case "removed":
            return {f"{name}.xml": None, f"{name}.yaml": None}
        case "broken":
            return {f"{name}.xml": b"<qti-assessment-item"}
        case "moved":
            return {
                f"{name}.xml": None,
                f"{name}.yaml": None,
                f"moved/{name}.xml": item_xml(name).encode(),
                f"moved/{name}.yaml": sidecar("medium"),
            }
    return {}


def look(world: EngineWorld, *, deep: bool = False) -> Reconciliation:
    plan = prepare(world.source, world.store, AIM, world.clock.now(), SilentProgress(), thorough=True).plan  # type: ignore[arg-type]
    return reconcile(eyes_of(world.bench), world.store, world.manners, plan, deep=deep)  # type: ignore[arg-type]


@histories(60)
@given(WORLDS)
def test_every_class_is_found_exactly_and_nothing_is_written(chosen: Mapping[str, Any]) -> None:
    world = planted(chosen, Manners(terms=Terms(ownership=OURS)))
    try:
        before = world.kept.recorded()
        seen = look(world, deep=chosen["deep"])
        found, fates = seen.comparison, {f"q{number}": fate for number, fate in enumerate(chosen["fates"])}

        assert {one.key.identifier for one in found.drift} == {name for name, fate in fates.items() if fate.drifts}
        assert {one.key.identifier for one in found.conflicts} == {n for n, fate in fates.items() if fate.conflicts}
        new = {f"new{number}" for number in range(chosen["new"])}
        assert {key.identifier for key in found.pending} == new | {n for n, fate in fates.items() if fate.pending}
        assert {key.identifier for key in found.orphans} == {n for n, fate in fates.items() if fate.git == "removed"}
        assert {row.key.identifier for row in found.held} == {n for n, fate in fates.items() if fate.git == "broken"}
        assert {one.key.identifier for one in found.unmanaged} == {n for n in chosen["strangers"] if n[:4] == "our-"}
        assert {one.key.identifier for one in found.foreign} == {n for n in chosen["strangers"] if n[:4] != "our-"}
        quiet = [
            f
            for f in fates.values()
            if not (f.drifts or f.conflicts or f.pending) and f.git not in {"removed", "broken"}
        ]
        assert found.in_sync == len(quiet)
        assert seen.survey.complete
        assert world.api.writes() == []
        assert world.kept.recorded() == before
    finally:
        world.close()


@histories(40)
@given(WORLDS)
def test_overwriting_converges_and_touches_nothing_that_is_not_gits(chosen: Mapping[str, Any]) -> None:
    manners = Manners(terms=Terms(overwrite_conflicts=True, ownership=OURS), on_drift=lambda _path: OnDrift.OVERWRITE)
    world = planted(chosen, manners)
    try:
        strangers = {name: world.api.items[name] for name in chosen["strangers"]}
        held = {f"q{n}" for n, fate in enumerate(chosen["fates"]) if fate.git == "broken"}
        heal(world.store, look(world), world.log)  # type: ignore[arg-type]
        world.cycle()

        again = look(world).comparison
        drifted = {one.key.identifier for one in again.drift}
        assert drifted <= held  # what is held has no version to send
        assert (again.conflicts, again.pending, again.parked) == ((), (), ())
        assert world.prepare().plan.changes == ()
        world.api.requests.clear()
        world.cycle()
        assert world.api.writes() == []
        assert {name: world.api.items[name] for name in chosen["strangers"]} == strangers
        for number, fate in enumerate(chosen["fates"]):
            document = world.api.items.get(f"q{number}")
            if fate.git in {"removed", "broken"}:
                continue
            assert document is not None
            expected = "Ours" if fate.git == "content" else "Two plus two?"
            assert digest_text(document["rawXml"]) == digest_text(item_xml(f"q{number}", expected))
            kept = {"status": "reported"} if fate.api == "learner" else {}
            wanted = "hard" if fate.git == "key" else "medium"
            assert document["metadata"] == {"difficulty": wanted, "subject": "Math", **kept}
    finally:
        world.close()


@histories(40)
@given(WORLDS)
def test_what_is_only_reported_is_never_written_over(chosen: Mapping[str, Any]) -> None:
    world = planted(chosen, Manners(terms=Terms(ownership=OURS)))
    try:
        fates = {f"q{number}": fate for number, fate in enumerate(chosen["fates"])}
        theirs = {name: world.api.items.get(name) for name, fate in fates.items() if fate.drifts}
        heal(world.store, look(world), world.log)  # type: ignore[arg-type]
        world.cycle()

        assert {name: world.api.items.get(name) for name in theirs} == theirs
        edited = {n for n, fate in fates.items() if fate.conflicts and fate.api != "gone"}
        assert {n for n in edited if "Ours" in world.api.items[n]["rawXml"]} == set()
        assert {row.key.identifier for row in look(world).comparison.parked} == set()
        assert {one.key.identifier for one in look(world).comparison.conflicts} == edited
    finally:
        world.close()


def test_fates_name_every_class_at_least_once() -> None:
    fates = [Fate(api, git) for api in AT_THE_API for git in IN_GIT]

    assert any(fate.drifts for fate in fates)
    assert any(fate.conflicts for fate in fates)
    assert any(fate.pending for fate in fates)
    assert replace(fates[0]) == fates[0]
