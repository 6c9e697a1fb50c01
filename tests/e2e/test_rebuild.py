"""A lost record: nothing is written, nothing is created twice, and what differs is nobody's to overwrite."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from world import World, item_xml, stimulus_xml

COUNT = 14


@pytest.fixture
def world(tmp_path):
    with World(tmp_path) as world:
        files = {f"i/q{n}.xml": item_xml(f"q{n}", references="s1" if n == 3 else "") for n in range(COUNT)}
        files |= {f"i/q{n}.yaml": f"grade: {n}\ndifficulty: easy\ntopic: [a, 1.5, true]\n" for n in range(0, COUNT, 2)}
        files |= {
            "s1.xml": stimulus_xml("s1"),
            "s1.yaml": "lesson: 'one'\n",
            "s2.xml": stimulus_xml("s2", "A &lt; B <b>c</b>"),
        }
        world.commit(files)
        assert world.run("sync").code == 0
        yield world


def lose(world: World) -> None:
    shutil.rmtree(world.folder / "state")
    world.api.journal.clear()


def test_a_rebuilt_record_is_in_sync_and_nothing_was_written(world):
    head = world.git("rev-parse", "HEAD")
    lose(world)
    rebuilt = world.report("state", "rebuild", code=0)

    assert (rebuilt["recorded"], rebuilt["as_in_git"], rebuilt["differ"], rebuilt["in_sync"]) == (16, 16, [], True)
    assert (world.writes(), len(world.calls()) <= 2) == ([], True)
    status = world.report("status")["status"]
    assert (status["in_sync"], status["synced_commit"]) == (True, head)
    assert world.report("plan")["items"] == []
    assert world.report("sync", code=0)["items"] == []
    assert world.writes() == []
    live = world.report("audit", "--at", "now")["entries"]
    assert [(e["commit"], e["author"]) for e in live] == [(head, "Ada Author")] * 16


def test_a_sync_with_an_empty_record_costs_one_reading_of_the_list_and_no_write(world):
    lose(world)
    assert world.run("sync").code == 0
    assert world.writes() == []
    assert len(world.calls()) <= 3
    assert world.report("status")["status"]["in_sync"]


def test_after_a_lost_record_an_edit_is_sent_as_usual(world):
    world.configure(metadata_updates="put")
    lose(world)
    assert world.run("state", "rebuild").code == 0
    world.commit(
        {"i/q4.xml": item_xml("q4", "Changed?"), "i/q6.yaml": "grade: 7\n", "s2.xml": stimulus_xml("s2", "New.")}
    )
    assert world.run("sync").code == 0
    written = {path for _, path in world.writes()} - {"/assessment-items/metadata"}
    assert written == {"/assessment-items/q4", "/assessment-items/q6", "/stimuli/s2"}


@pytest.mark.parametrize("how", ["rebuild", "sync"])
def test_what_differs_after_a_lost_record_is_pending_and_not_overwritten(world, how):
    world.commit({"i/q4.xml": item_xml("q4", "Changed in git"), "i/q6.yaml": "grade: 9\ndifficulty: easy\ntopic: x\n"})
    lose(world)
    if how == "rebuild":
        rebuilt = world.report("state", "rebuild", code=2)
        assert (rebuilt["as_in_git"], rebuilt["differ"], rebuilt["in_sync"]) == (14, ["q4", "q6"], False)
        plan = world.report("plan")["items"]
        assert [(item["identifier"], item["action"], item["scope"]) for item in plan] == [
            ("q4", "update", ["content"]),
            ("q6", "update", ["metadata"]),
        ]
    assert world.run("sync").code == 3
    assert world.writes() == []
    parked = world.report("status")["items"]
    assert [(item["identifier"], item["outcome"]["status"]) for item in parked] == [("q4", "parked"), ("q6", "parked")]
    assert world.run("retry", "--failed").code == 0
    assert world.run("sync").code == 0, "a person looked at it: git's version is sent"
    assert world.report("status")["status"]["in_sync"]


FEW_FILES = {
    "i/q0.xml": item_xml("q0", references="s1"),
    "i/q1.xml": item_xml("q1"),
    "i/q1.yaml": "grade: 5\n",
    "s1.xml": stimulus_xml("s1", "A &lt; B <b>c</b>"),
}


def test_a_lost_record_of_a_few_objects_costs_no_write_either(tmp_path):
    """Too few for a look at the list: each create meets a 409, and what is there is compared with git."""
    with World(tmp_path) as world:
        world.commit(FEW_FILES)
        assert world.run("sync").code == 0
        lose(world)
        assert world.run("sync").code == 0
        assert [(entry.method, entry.status) for entry in world.api.journal.writes()] == [("POST", 409)] * 3
        assert world.report("status")["status"]["in_sync"]


@pytest.mark.parametrize("name", ["i/q1.xml", "i/q1.yaml", "s1.xml"])
def test_what_differs_after_a_lost_record_of_a_few_objects_is_not_overwritten(tmp_path, name):
    edited = {
        "i/q1.xml": item_xml("q1", "Changed in git"),
        "i/q1.yaml": "grade: 6\n",
        "s1.xml": stimulus_xml("s1", "Changed in git"),
    }
    with World(tmp_path) as world:
        world.commit(FEW_FILES)
        assert world.run("sync").code == 0
        world.commit({name: edited[name]})
        lose(world)
        identifier = name[-6:-4] if name.startswith("s") else "q1"
        report = world.report("sync", code=3)
        assert {entry.status for entry in world.api.journal.writes()} == {409}
        assert [item["identifier"] for item in report["conflicts"]] == [identifier]
        assert f"qtisync adopt {identifier}" in report["conflicts"][0]["outcome"]["error"]
        assert world.run("retry", identifier).code == 0
        assert world.run("sync").code == 0, "a person looked at it: git's version is sent"
        assert world.report("status")["status"]["in_sync"]


def test_with_on_conflict_overwrite_git_wins_after_a_lost_record(world):
    world.configure(on_conflict="overwrite")
    world.commit({"i/q4.xml": item_xml("q4", "Changed in git")})
    lose(world)
    assert world.run("state", "rebuild").code == 2
    assert world.run("sync").code == 0
    assert world.writes() == [("PUT", "/assessment-items/q4")]


def test_what_is_not_ours_is_not_recorded(world):
    world.configure(owned_prefixes=["q1", "s"])
    lose(world)
    rebuilt = world.report("state", "rebuild", code=2)
    assert (rebuilt["as_in_git"], len(rebuilt["not_ours"])) == (7, 9)
    assert world.run("sync").code == 3
    assert [method for method, _ in world.writes()] == ["POST"] * 9, "each meets a 409 and is parked"
    assert world.report("status")["summary"]["parked"] == 9


def test_a_rebuild_of_a_complete_record_changes_nothing(world):
    before = world.run("state", "export").out
    assert world.report("state", "rebuild", code=0)["recorded"] == 0
    assert world.run("state", "export").out == before


def test_a_rebuild_needs_the_api_and_says_so(world):
    lose(world)
    world.api.stop()
    failed = world.run("state", "rebuild")
    assert (failed.code, "could not be read" in failed.err) == (8, True)
    world.api.start()


def test_a_sync_that_finds_nothing_to_do_loads_no_reader_of_xml():
    code = "import sys, qtisync.cli.pushing; sys.exit('lxml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
