"""``check``: every class is found, exactly; nothing is written; the exit code is the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from planted_world import TARGET, Planted, plant
from world import World, item_xml

from qtisync.report.schema import REPORT_SCHEMA


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Planted]]:
    with World(tmp_path_factory.mktemp("planted"), target=TARGET) as world:
        yield world, plant(world, 120)


def names(found: list[dict[str, Any]]) -> set[str]:
    return {one["identifier"] for one in found}


def fingerprint(world: World) -> dict[str, str]:
    """The record's folder, byte by byte."""
    files = sorted(path for path in (world.folder / "state").rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def expect_every_class(report: dict[str, Any], planted: Planted, *, deep: bool) -> None:
    classes = planted.classes
    drift = {one["identifier"]: one["what"] for one in report["drift"]}
    assert {name for name, what in drift.items() if what == ["content"]} == (
        classes["drift content"] | classes["drift stimulus"]
    )
    assert {name for name, what in drift.items() if what == ["metadata"]} == classes["drift metadata"]
    assert {name for name, what in drift.items() if what == ["vanished"]} == classes["drift vanished"]
    assert names(report["conflicts"]) == classes["conflict"] | classes["taken"]
    assert names(report["unmanaged"]) == classes["unmanaged"]
    assert names(report["altered"]) == classes["altered"]
    assert names(report["orphans"]) == classes["orphan"]
    assert {problem["identifier"] or problem["path"][-12:-4] for problem in report["broken"]} == classes["broken"]
    statuses: dict[str, set[str]] = {}
    for item in report["items"]:
        statuses.setdefault(item["outcome"]["status"], set()).add(item["identifier"])
    pending = classes["pending update"] | classes["pending metadata"] | classes["pending create"]
    assert statuses == {"pending": pending, "parked": classes["parked"], "skipped": classes["moved"]}
    each = len(classes["conflict"])
    assert {name: count for name, count in report["summary"].items() if count} == {
        "noop": planted.in_sync,
        "pending": 3 * each,
        "drift": 4 * each,
        "conflict": 2 * each,
        "unmanaged": each,
        "foreign": each,
        "orphan": each,
        "altered": each,
        "parked": each,
        "failed": each,
        "invalid": each,
        "moved": each,
    }
    assert report["observed"]["complete"]
    assert report["observed"]["deep"] is deep


@pytest.mark.parametrize("deep", [False, True])
def test_every_class_is_found_exactly_and_nothing_is_written(planted: tuple[World, Planted], deep: bool) -> None:
    world, planted_classes = planted
    before = fingerprint(world)
    world.api.journal.clear()

    report = world.report("check", *(["--deep"] if deep else []), code=5)

    jsonschema.validate(report, REPORT_SCHEMA)
    expect_every_class(report, planted_classes, deep=deep)
    assert world.writes() == []
    assert {method for method, _ in world.calls()} == {"GET"}
    assert report["sent"]["calls"] == len(world.calls())
    assert fingerprint(world) == before


def test_drift_says_what_changed_and_by_whom(planted: tuple[World, Planted]) -> None:
    world, planted_classes = planted

    report = world.report("check")

    name = min(planted_classes.classes["drift metadata"])
    (found,) = [one for one in report["drift"] if one["identifier"] == name]
    assert found["keys"] == [
        {
            "name": "difficulty",
            "sides": {"git": "medium", "recorded": "medium", "remote": "hard"},
            "hidden": False,
        }
    ]
    assert (found["by"], found["verdict"], found["recorded_version"], found["remote_version"]) == (
        "pat",
        "report",
        0,
        1,
    )


def test_bodies_are_shown_only_on_demand(planted: tuple[World, Planted]) -> None:
    world, planted_classes = planted
    name = min(planted_classes.classes["drift content"])

    assert "Edited at the API" not in world.run("check", "--format", "json").out
    report = world.report("check", "--show-content")

    (found,) = [one for one in report["drift"] if one["identifier"] == name]
    assert "Two plus two?" in found["bodies"]["git"]
    assert "Edited at the API" in found["bodies"]["remote"]


def test_text_lists_each_class_by_itself(planted: tuple[World, Planted]) -> None:
    world, planted_classes = planted

    ran = world.run("check")

    assert ran.code == 5
    lines = ran.out.splitlines()
    for verb, count in (("drift", 20), ("conflict", 10), ("unmanaged", 5), ("altered", 5)):
        assert sum(line.split()[1] == verb for line in lines[1:-1] if len(line.split()) > 1) == count, ran.out
    assert any("Last checked" in line for line in lines[-2:])
    assert planted_classes.in_sync > 0


def test_what_only_looks_attempts_no_write_and_leaves_the_record_byte_by_byte(planted: tuple[World, Planted]) -> None:
    world, _ = planted
    before = fingerprint(world)
    world.api.faults.add("403@POST|PUT|DELETE")
    world.api.journal.clear()
    try:
        for command in ("plan", "plan --refresh", "check", "check --deep", "validate content", "status", "queue ls"):
            world.run(*command.split())
    finally:
        world.api.faults.clear()

    assert world.writes() == []
    assert fingerprint(world) == before


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_2000_items_with_every_class_planted(tmp_path: Path) -> None:
    with World(tmp_path, target=TARGET) as world:
        planted_classes = plant(world, 2000)
        world.api.journal.clear()

        report = world.report("check", code=5)

        expect_every_class(report, planted_classes, deep=False)
        assert world.writes() == []
        assert report["sent"]["calls"] == len(world.calls())
        assert report["sent"]["calls"] < 100  # 41 pages, one of stimuli, and a GET for each suspect


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, target={"owned_prefixes": ["q-"]}) as world:
        world.commit({f"q-{letter}.xml": item_xml(f"q-{letter}") for letter in "abc"})
        world.report("sync", code=0)
        world.api.journal.clear()
        yield world


def test_world_in_sync_leaves_with_0(world: World) -> None:
    report = world.report("check", code=0)

    assert (report["summary"]["noop"], report["drift"], report["complete"]) == (3, [], True)


def test_pending_leaves_with_2_and_drift_as_well(world: World) -> None:
    world.commit({"q-d.xml": item_xml("q-d")})
    assert world.run("check").code == 2
    world.run("sync")
    world.api.world.remove_item("q-a")
    assert world.run("check").code == 2


def test_parked_leaves_with_3(world: World) -> None:
    world.api.faults.add("400@PUT:id=q-a")
    world.commit({"q-a.xml": item_xml("q-a", "Edited")})
    world.run("sync")
    assert world.run("check").code == 3


def test_broken_file_leaves_with_3(world: World) -> None:
    world.commit({"q-a.xml": "<"})
    assert world.run("check").code == 3


@pytest.mark.parametrize(("fault", "code"), [("403", 7), ("html-404", 78), ("html-502", 8), ("html-200", 8)])
def test_api_that_cannot_be_read_is_said_and_nothing_is_concluded(world: World, fault: str, code: int) -> None:
    world.api.faults.add(f"{fault}@GET")

    report = world.report("check", code=code)

    assert (report["drift"], report["conflicts"], report["errored"], report["complete"]) == ([], [], True, False)
    assert report["observed"]["reasons"]
    assert world.writes() == []


def test_list_that_leaves_something_out_is_no_proof_and_leaves_with_8(world: World) -> None:
    world.api.faults.add("omit=q-b")

    report = world.report("check", code=8)

    assert (report["drift"], report["summary"]["noop"]) == ([], 3)
    assert report["observed"]["reasons"] == [
        "the list of items is doubtful: it shows 2 of 3",
        "the list of items leaves out q-b",
    ]


def test_check_without_a_record_says_that_everything_is_pending(world: World) -> None:
    for file in (world.folder / "state").iterdir():
        file.unlink()

    report = world.report("check", code=2)

    assert (report["summary"]["pending"], report["unmanaged"], report["conflicts"]) == (3, [], [])
    assert list((world.folder / "state").iterdir()) == []
