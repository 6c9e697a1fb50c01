"""``removal: delete`` as a user sees it, against the sandbox: held, approved, deleted, remembered, and there again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from world import World, item_xml, stimulus_xml

from qtisync.report.schema import REPORT_SCHEMA

ALLOW = ("--allow", "mass-delete", "--allow", "unproven-delete")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, target={"removal": "delete", "max_update": "100%"}) as world:
        world.commit({f"{name}.xml": item_xml(name) for name in ("alg-1", "alg-2", "alg-3")})
        world.report("sync", code=0)
        world.api.journal.clear()
        yield world


def approved(world: World) -> dict[str, str]:
    """Plan, approve every rule about deleting that holds it, apply; how far the deletes came."""
    holds = world.report("plan", "--out", "plan.json")["holds"]
    allow = [word for hold in holds for word in ("--allow", hold["rule"])]
    report = world.report("apply", "plan.json", *allow)
    jsonschema.validate(report, REPORT_SCHEMA)
    return {i["identifier"]: i["outcome"]["status"] for i in report["items"] if i["action"] == "delete"}


def test_a_delete_is_held_shown_approved_and_done(world: World) -> None:
    commit = world.commit({"alg-2.xml": None})
    ran = world.run("plan")
    assert f"- delete   alg-2  alg-2.xml  removed in {commit[:7]}" in ran.out
    assert "0 create, 0 update, 1 delete" in ran.out
    held = world.run("sync")
    assert held.code == 4
    assert "--allow mass-delete" in held.err
    assert world.calls() == []
    assert approved(world) == {"alg-2": "applied"}
    assert world.calls() == [("GET", "/assessment-items/alg-2"), ("DELETE", "/assessment-items/alg-2")]
    assert world.run("check").code == 0
    assert "1 change, allowed mass-delete" in world.run("audit").out


def test_the_record_remembers_what_is_gone_and_a_file_that_comes_back_is_created_anew(world: World) -> None:
    world.commit({"alg-2.xml": None})
    approved(world)
    status = world.run("status", "alg-2")
    assert status.code == 0
    assert status.out.startswith("item alg-2: no longer at the API since 20")
    assert ": deleted: alg-2.xml is not in" in status.out
    report = world.report("status", "alg-2", code=0)
    jsonschema.validate(report, REPORT_SCHEMA)
    (grave,) = report["status"]["deleted"]
    assert (grave["identifier"], grave["commit"], grave["message"][:8]) == (
        "alg-2",
        world.git("rev-parse", "HEAD"),
        "deleted:",
    )
    retried = world.run("retry", "alg-2")
    assert (retried.code, "alg-2: no longer at the API since 20" in retried.err) == (64, True)
    assert "deleted: alg-2.xml is not in" in world.run("audit", "alg-2").out
    world.commit({"alg-2.xml": item_xml("alg-2")})
    world.api.journal.clear()
    world.report("sync", code=0)
    assert ("POST", "/assessment-items") in world.writes()
    assert world.run("status", "alg-2").code == 0
    assert world.report("plan")["summary"]["noop"] == 3


def test_without_it_an_orphan_is_only_reported(world: World) -> None:
    world.configure(removal="report")
    world.commit({"alg-2.xml": None})
    report = world.report("sync", code=0)
    assert [(orphan["identifier"], orphan["kept"]) for orphan in report["orphans"]] == [("alg-2", "")]
    assert world.writes() == []


def test_a_broken_file_elsewhere_keeps_everything(world: World) -> None:
    world.commit({"alg-2.xml": None, "alg-3.xml": "<broken"})
    report = world.report("sync")
    assert report["summary"]["delete"] == 0
    assert [orphan["kept"] for orphan in report["orphans"]] == ["a file cannot be read, and it may be the one"]
    assert "kept: a file cannot be read" in world.run("plan", "-v").out
    assert world.writes() == []


def test_what_somebody_changed_is_parked(world: World) -> None:
    world.api.world.edit_item("alg-2", xml=item_xml("alg-2", "Edited at the API"))
    world.commit({"alg-2.xml": None})
    assert approved(world) == {"alg-2": "parked"}
    assert [call for call in world.writes() if call[0] == "DELETE"] == []
    assert "kept: its content was changed at the API" in world.run("plan", "-v").out


def test_a_stimulus_leaves_after_its_last_item(world: World) -> None:
    world.commit({"s.xml": stimulus_xml("s"), "d.xml": item_xml("d", references="s")})
    world.report("sync", code=0)
    world.commit({"s.xml": None, "d.xml": None})
    world.api.journal.clear()
    assert approved(world) == {"d": "applied", "s": "applied"}
    assert world.writes() == [("DELETE", "/assessment-items/d"), ("DELETE", "/stimuli/s")]
