"""audit: what happened, what was live when, by whose change and decision; and whether anybody touched the journal."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from world import World, item_xml

from qtisync.sandbox.options import Options

A, B = "a.xml", "b.xml"


@pytest.fixture
def world(tmp_path):
    with World(tmp_path, Options()) as world:
        world.commit({A: item_xml("a"), B: item_xml("b"), "b.yaml": "grade: 5\n"})
        assert world.run("sync").code == 0
        yield world


def test_an_audit_tells_what_was_live_then_and_since_when(world):
    first = world.git("rev-parse", "HEAD")
    second = world.commit({A: item_xml("a", "Three plus one?")})
    before = world.report("audit")["entries"][-1]["at"]
    assert world.run("sync").code == 0
    now, then = world.report("audit", "a", "--at", "now"), world.report("audit", "--at", before)

    assert [(e["identifier"], e["commit"], e["author"]) for e in now["entries"]] == [("a", second, "Ada Author")]
    assert [(e["identifier"], e["commit"]) for e in then["entries"]] == [("a", first), ("b", first)]
    assert (then["complete"], then["entries"][0]["since"] <= before) == (True, True)
    shown = world.run("audit", "a", "--at", "now")
    assert (shown.code, f"commit {second[:9]} by Ada Author" in shown.out) == (0, True)
    early = world.run("audit", "--at", "1 day ago").out.splitlines()
    assert (early[0].startswith("Live at "), early[0].endswith(": 0 objects")) == (True, True)
    began = world.report("audit")["entries"][0]["at"]
    assert early[1:] == [f"The journal begins at {began}: what was live before is not known here."]
    assert world.report("audit", "--at", "1 day ago")["complete"] is False


def test_the_journal_tells_decisions_of_people_and_calls_in_one_order(world):
    world.commit({A: item_xml("a", "Four?")})
    assert world.run("plan", "--out", "plan.json").code == 0
    assert world.run("apply", "plan.json", "--allow", "mass-update").code == 0
    assert world.run("retry", "b").code == 3
    purposes = [(e["purpose"], e["identifier"], bool(e["actor"])) for e in world.report("audit")["entries"]]

    assert purposes[0] == ("sync", None, True)
    assert purposes[3:] == [
        ("apply", None, True),
        ("pre_read", "a", False),
        ("update", "a", False),
        ("retry", "b", True),
    ]
    allowed = world.report("audit")["entries"][3]
    assert (allowed["message"], allowed["commit"]) == (
        "1 change, allowed mass-update", world.git("rev-parse", "HEAD")
    )  # fmt: skip
    assert "retry" in world.run("audit", "b").out


def test_a_journal_that_was_not_touched_verifies_and_one_that_was_does_not(world):
    intact = world.run("audit", "--verify")
    assert (intact.code, "intact" in intact.out) == (0, True)
    noted = world.report("audit", "--verify")["digest"]
    assert world.run("audit", "--verify", "--noted", noted).code == 0
    assert world.run("audit", "--verify", "--noted", "0" * 63 + "1").code == 1
    with closing(sqlite3.connect(world.folder / "state/test.sqlite3")) as file, file:
        file.execute("DROP TRIGGER journal_never_changes")
        file.execute("UPDATE journal SET author = 'Eve' WHERE id = 2")
    spoiled = world.run("audit", "--verify")
    assert (spoiled.code, "entry 2: was changed" in spoiled.out) == (1, True)
    assert world.report("audit", "--verify", code=1)["faults"] == [
        {"entry": 2, "message": "was changed, or is not the entry that stood there"}
    ]


def test_looking_leaves_the_record_as_it_is_and_needs_none(world, tmp_path):
    file = world.folder / "state/test.sqlite3"
    before = file.read_bytes()
    for asked in (["audit"], ["audit", "a", "--at", "now"], ["audit", "--verify"]):
        assert world.run(*asked).code == 0
    assert file.read_bytes() == before
    file.unlink()
    assert world.run("audit").out == "The journal has nothing of it.\n"
    assert world.run("audit", "--verify").out == "The journal is intact; it has no entries.\n"


def test_the_journal_is_exported_as_lines_of_json_that_prove_themselves(world):
    lines = [json.loads(line) for line in world.run("audit", "--format", "ndjson").out.splitlines()]
    assert [line["entry"] for line in lines] == [1, 2, 3]
    assert lines[-1]["digest"] == world.report("audit", "--verify")["digest"]
    (live,) = map(json.loads, world.run("audit", "a", "--at", "now", "--format", "ndjson").out.splitlines())
    assert (live["identifier"], live["author"]) == ("a", "Ada Author")


def test_a_wrong_question_is_explained(world):
    for asked in (
        ["--at", "soon"],
        ["--at", "2999-01-01"],
        ["--verify", "a"],
        ["--noted", "x"],
        ["--format", "markdown"],
    ):
        assert world.run("audit", *asked).code == 64


def test_no_body_and_no_secret_is_exported(world):
    out = json.dumps(world.report("audit"))
    assert ("Two plus two" in out, world.api.client_secret in out) == (False, False)
