"""``source: worktree`` as an author uses it: what is saved is what the API gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from world import World, item_xml


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, sections={"repository": {"path": "content", "source": "worktree"}}) as made:
        made.commit({"a.xml": item_xml("q-a"), "a.yaml": "grade: 5\n", ".gitignore": "drafts/\n"})
        yield made


def test_what_is_saved_is_sent_without_a_commit(world: World) -> None:
    world.write({"a.xml": item_xml("q-a", "Saved?"), "b.xml": item_xml("q-b"), "drafts/c.xml": item_xml("q-c")})

    first = world.report("sync", code=0)
    again = world.report("sync", code=0)

    assert {item["identifier"] for item in first["items"]} == {"q-a", "q-b"}
    assert "Saved?" in world.api.world.item("q-a").xml
    assert (first["repository"]["ref"], len(first["repository"]["head"])) == ("worktree", 40)
    assert again["repository"]["head"] == first["repository"]["head"]
    assert again["summary"]["applied"] == 0
    assert world.api.world.item("q-c") is None


def test_an_edit_sends_what_changed_and_a_half_written_file_is_held(world: World) -> None:
    world.report("sync", code=0)
    world.api.journal.clear()
    world.write({"a.yaml": "grade: 6\n"})
    assert world.report("plan")["items"][0]["scope"] == ["metadata"]
    world.write({"a.xml": item_xml("q-a", "Half")[:300]})

    held = world.report("sync")

    assert [broken["path"] for broken in held["broken"]] == ["a.xml"]
    assert world.writes() == []
    world.write({"a.xml": item_xml("q-a", "Whole")})
    world.report("sync", code=0)
    assert "Whole" in world.api.world.item("q-a").xml


def test_a_commit_of_what_was_saved_changes_nothing(world: World) -> None:
    world.write({"a.xml": item_xml("q-a", "Saved?")})
    before = world.report("sync", code=0)["repository"]["head"]
    world.commit({})

    after = world.report("plan", "--detailed-exitcode", code=0)

    assert after["repository"]["head"] == before


def test_a_saved_plan_is_stale_after_the_next_save_and_good_after_its_undoing(world: World) -> None:
    assert world.run("plan", "--out", "plan.json").code == 0
    world.write({"a.xml": item_xml("q-a", "Newer")})
    stale = world.run("apply", "plan.json", "--yes")
    world.write({"a.xml": item_xml("q-a")})
    good = world.run("apply", "plan.json", "--yes")

    assert (stale.code, good.code) == (5, 0)


def test_status_and_doctor_look_at_the_working_tree(world: World) -> None:
    world.report("sync", code=0)
    assert world.run("status").out.count(": in sync") == 1
    world.write({"a.xml": item_xml("q-a", "Newer")})

    assert "not in sync" in world.run("status").out
    assert ", worktree at " in world.run("doctor").out


def test_a_ref_cannot_be_asked_for_but_validated(world: World) -> None:
    world.write({"a.xml": "<broken"})
    refused = world.run("plan", "--ref", "main")

    assert refused.code == 64
    assert "Leave out --ref, or set source: commit." in refused.err
    assert world.run("validate", "--ref", "main").code == 0
    assert world.run("validate").code == 9


@pytest.mark.parametrize("place", ["bare.git", "content/.git"])
def test_a_repository_without_a_working_tree_is_a_fault_of_the_configuration(world: World, place: str) -> None:
    world.git("clone", "-q", "--bare", ".", "../bare.git")
    world.sections["repository"] = {"path": place, "source": "worktree"}
    world.configure()

    refused = world.run("plan")

    assert refused.code == 78
    assert "Name the top folder of a checkout, or use source: commit." in refused.err


def test_a_production_target_never_follows_a_working_tree(world: World) -> None:
    world.configure(production=True)

    refused = world.run("plan")

    assert refused.code == 78
    assert "Let a production target follow a branch: source: commit." in refused.err
