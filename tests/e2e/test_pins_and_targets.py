"""One object at an older version, and two targets side by side, as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from world import World, item_xml


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, target={"max_update": "100%"}) as world:
        yield world


def text(world: World, name: str) -> str:
    return world.api.world.item(name).xml


def test_rollback_of_one_item_leaves_a_pin_that_all_see_and_that_holds(world: World) -> None:
    first = world.commit({"q-a.xml": item_xml("q-a", "First"), "q-b.xml": item_xml("q-b", "First")})
    world.report("sync", code=0)
    world.commit({"q-a.xml": item_xml("q-a", "Second"), "q-b.xml": item_xml("q-b", "Second")})
    world.report("sync", code=0)

    world.report("apply", "--ref", first, "--only", "q-a", "--yes", code=0)
    assert ("First" in text(world, "q-a"), "Second" in text(world, "q-b")) == (True, True)
    pinned = [{"identifier": "q-a", "kind": "item", "path": "q-a.xml", "commit": first}]
    for command in ("plan", "status", "check"):
        report = world.report(command, code=0)
        assert [{name: pin[name] for name in pinned[0]} for pin in report["pins"]] == pinned, command
    assert "qtisync state unpin q-a" in world.run("status").out

    world.api.journal.clear()
    world.commit({"q-b.xml": item_xml("q-b", "Third")})
    world.report("sync", code=0)
    assert world.writes() == [("PUT", "/assessment-items/q-b")]

    assert world.run("state", "unpin", "q-b").code == 64
    assert world.run("state", "unpin", "q-a").code == 0
    world.report("sync", code=0)
    assert "Second" in text(world, "q-a")
    assert world.report("status")["pins"] == []


def test_two_targets_are_compared_by_their_records_and_by_their_apis(world: World) -> None:
    world.commit({f"q-{letter}.xml": item_xml(f"q-{letter}") for letter in "abc"})
    config = json.loads((world.folder / "qtisync.yaml").read_text())
    config["targets"]["live"] = dict(config["targets"]["test"])
    (world.folder / "qtisync.yaml").write_text(json.dumps(config))
    world.report("sync", "--target", "test", code=0)
    world.report("sync", "--target", "live", code=0)

    same = world.report("plan", "--target", "test", "--against", "live", "--detailed-exitcode", code=0)
    assert (same["differences"], same["summary"]["noop"]) == ([], 3)

    world.commit({"q-d.xml": item_xml("q-d"), "q-a.xml": item_xml("q-a", "Edited")})
    world.report("sync", "--target", "test", code=0)
    ran = world.run("plan", "--target", "test", "--against", "live", "--detailed-exitcode")
    assert ran.code == 2
    assert "only at test" in ran.out
    assert "Compare: 2 difference, 2 the same." in ran.out
    # Both names stand for one API here, so what the APIs show is the same: but one record does not know q-d.
    report = world.report("plan", "--target", "test", "--against", "live", "--refresh", code=0)
    assert [one["identifier"] for one in report["differences"]] == ["q-d"]
    assert world.run("plan", "--target", "test", "--against", "test").code == 64
    assert world.run("plan", "--target", "test", "--against", "live", "--only", "q-a").code == 64
