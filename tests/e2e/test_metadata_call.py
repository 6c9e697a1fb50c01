"""The metadata call is believed only after it was seen to do what it should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from world import World, item_xml

from qtisync.sandbox.options import Options

READS_NOTHING = {"foreign_metadata": "replace", "on_conflict": "overwrite"}


def two_items(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a"), "a.yaml": "grade: 5\n", "b.xml": item_xml("q-b"), "b.yaml": "grade: 6\n"})
    world.report("sync", code=0)
    world.api.journal.clear()


def capability(world: World) -> dict[str, Any]:
    return world.report("status")["status"]["metadata_endpoint"]


def test_metadata_only_commit_goes_by_the_metadata_call_once_the_canary_passed(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        two_items(world)
        world.commit({"a.yaml": "grade: 7\n"})
        world.report("sync", code=0)
        assert world.writes() == [("POST", "/assessment-items/metadata")]
        reads = [path for method, path in world.calls() if method == "GET"]
        assert sorted(set(reads)) == ["/assessment-items/q-a", "/assessment-items/q-b"]
        assert capability(world)["fitness"] == "fit"

        world.api.journal.clear()
        world.commit({"b.yaml": "grade: 8\n"})
        world.report("sync", code=0)
        # One look before the write, because other writers' keys are kept and their edits are not overwritten.
        assert world.calls() == [("GET", "/assessment-items/q-b"), ("POST", "/assessment-items/metadata")]
        assert world.api.world.item("q-b").metadata == {"grade": "8"}


@pytest.mark.parametrize("target", [{}, READS_NOTHING, {"verify": "read_back"}, {"metadata_updates": "put"}])
def test_plan_says_how_many_calls_the_first_and_the_second_metadata_change_cost(tmp_path: Path, target: Any) -> None:
    with World(tmp_path, target=target) as world:
        two_items(world)
        for name, grade in (("a", 7), ("b", 8)):
            world.api.journal.clear()
            world.commit({f"{name}.yaml": f"grade: {grade}\n"})
            planned = world.report("plan", code=0)["estimate"]["calls"]
            sent = world.report("sync", code=0)["sent"]["calls"]
            assert (planned, sent) == (len(world.calls()), len(world.calls())), (target, name, world.calls())


def test_without_other_writers_a_metadata_change_is_the_metadata_call_and_nothing_else(tmp_path: Path) -> None:
    with World(tmp_path, target=READS_NOTHING) as world:
        two_items(world)
        world.commit({"a.yaml": "grade: 7\n"})
        world.report("sync", code=0)
        world.api.journal.clear()
        world.commit({"b.yaml": "grade: 8\n"})
        world.report("sync", code=0)
        assert world.calls() == [("POST", "/assessment-items/metadata")]


@pytest.mark.parametrize("mode", ["ignore", "merge_wrongly", "reset_all", "404"])
def test_canary_catches_a_call_that_does_something_else_and_puts_from_then_on(tmp_path: Path, mode: Any) -> None:
    with World(tmp_path, options=Options(metadata_endpoint=mode)) as world:
        two_items(world)
        before = world.api.world.item("q-b").metadata
        world.commit({"a.yaml": "grade: 7\nsubject: Math\ntopics: [one, two]\n"})
        world.report("sync", code=0)
        stored = world.api.world.item("q-a").metadata
        assert {name: stored[name] for name in ("grade", "subject", "topics")} == {
            "grade": "7",
            "subject": "Math",
            "topics": ["one", "two"],
        }
        assert world.api.world.item("q-b").metadata == before

        world.api.journal.clear()
        world.commit({"b.yaml": "grade: 8\n"})
        world.report("sync", code=0)
        assert world.writes() == [("PUT", "/assessment-items/q-b")]
        found = capability(world)
        assert found["fitness"] == "unfit"
        assert found["reason"]
        assert found["reason"] in world.run("status").out
        assert "PUT" in world.run("doctor").out


def test_replacing_call_is_fit_because_the_complete_object_is_sent(tmp_path: Path) -> None:
    with World(tmp_path, options=Options(metadata_endpoint="replace")) as world:
        two_items(world)
        world.api.world.edit_item("q-a", metadata={"grade": "5", "reportedBy": "a learner"})
        world.commit({"a.yaml": "grade: 7\n"})
        world.report("sync", code=0)
        assert world.api.world.item("q-a").metadata == {"grade": "7", "reportedBy": "a learner"}
        assert capability(world)["fitness"] == "fit"


def test_metadata_updates_put_never_calls_it(tmp_path: Path) -> None:
    with World(tmp_path, target={"metadata_updates": "put"}) as world:
        two_items(world)
        world.commit({"a.yaml": "grade: 7\n"})
        world.report("sync", code=0)
        assert world.writes() == [("PUT", "/assessment-items/q-a")]


def test_key_removed_in_git_is_removed_at_the_api_and_foreign_keys_stay(tmp_path: Path) -> None:
    with World(tmp_path, target={"metadata_updates": "put"}) as world:
        world.commit({"a.xml": item_xml("q-a"), "a.yaml": "grade: 5\nsubject: Math\n"})
        world.report("sync", code=0)
        world.api.world.edit_item("q-a", metadata={"grade": "5", "subject": "Math", "status": "reported"})
        world.commit({"a.yaml": "grade: 5\n"})
        world.report("sync", code=0)
        assert world.api.world.item("q-a").metadata == {"grade": "5", "status": "reported"}


def test_edit_at_the_api_is_a_conflict_and_never_silently_overwritten(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        two_items(world)
        world.api.world.edit_item("q-a", xml=item_xml("q-a", "Edited at the API"))
        world.commit({"a.xml": item_xml("q-a", "Edited in git")})
        report = world.report("sync", code=3)
        assert world.writes() == []
        assert report["conflicts"][0]["identifier"] == "q-a"
        assert "changed at the API" in report["conflicts"][0]["outcome"]["error"]
        assert world.run("retry", "q-a").code == 0  # somebody looked, and means it
        world.report("sync", code=0)
        assert "Edited in git" in world.api.world.item("q-a").xml
