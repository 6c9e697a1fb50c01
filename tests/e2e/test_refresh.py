"""Plans that can be trusted: bound to git, record and API; a changed world is refused, and the difference shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from test_check_command import fingerprint
from world import World, item_xml

from qtisync.report.schema import REPORT_SCHEMA

NAMES = tuple(f"q-{letter}" for letter in "abcde")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    target = {"on_drift": {"exams/**": "overwrite", "blocked/**": "block"}, "owned_prefixes": ["q-"]}
    with World(tmp_path, target=target) as world:
        world.commit({f"exams/{name}.xml": item_xml(name) for name in NAMES} | {"drafts/q-x.xml": item_xml("q-x")})
        world.report("sync", code=0)
        world.api.journal.clear()
        yield world


def edit(world: World, *names: str, words: str = "Edited at the API") -> None:
    for name in names:
        world.api.world.edit_item(name, xml=item_xml(name, words))


def text(world: World, name: str) -> str:
    return world.api.world.item(name).xml


def test_refreshed_plan_shows_what_changed_at_the_api_and_writes_nothing(world: World) -> None:
    edit(world, "q-a", "q-x")
    before = fingerprint(world)

    report = world.report("plan", "--refresh", code=0)

    jsonschema.validate(report, REPORT_SCHEMA)
    assert {one["identifier"]: one["verdict"] for one in report["drift"]} == {"q-a": "overwrite", "q-x": "report"}
    assert [(item["identifier"], item["reason"]) for item in report["items"]] == [("q-a", "drift")]
    assert (world.writes(), fingerprint(world)) == ([], before)
    assert world.report("plan")["drift"] == []
    shown = world.run("plan", "--refresh").out
    assert "≠ drift" in shown
    assert "2 drift" in shown


def test_saved_plan_carries_out_what_it_announced_and_then_all_is_in_sync(world: World) -> None:
    edit(world, "q-a", "q-b")
    announced = world.report("plan", "--refresh", "--out", "p.json")
    world.api.journal.clear()

    report = world.report("apply", "p.json", code=0)

    assert [(item["identifier"], item["outcome"]["status"]) for item in report["items"]] == [
        ("q-a", "applied"),
        ("q-b", "applied"),
    ]
    assert sorted(world.writes()) == [("PUT", "/assessment-items/q-a"), ("PUT", "/assessment-items/q-b")]
    assert len(announced["items"]) == len(world.writes())
    assert "Edited" not in text(world, "q-a")
    assert world.run("check").code == 0
    assert world.report("plan")["items"] == []


def test_changed_api_makes_a_refreshed_plan_stale_and_the_difference_is_shown(world: World) -> None:
    edit(world, "q-a")
    world.run("plan", "--refresh", "--out", "p.json")
    edit(world, "q-b")

    ran = world.run("apply", "p.json", "--yes")

    assert ran.code == 5
    assert "new: q-b, q-b at the API" in ran.err
    assert world.writes() == []


def test_other_edit_at_the_api_makes_it_stale_too(world: World) -> None:
    edit(world, "q-x")
    world.run("plan", "--refresh", "--out", "p.json")
    edit(world, "q-x", words="Edited again")

    ran = world.run("apply", "p.json", "--yes", "--format", "json")

    assert ran.code == 5
    assert "changed: q-x at the API" in json.loads(ran.out)["error"]


def test_new_commit_makes_it_stale_and_says_what_is_new(world: World) -> None:
    world.commit({"exams/q-f.xml": item_xml("q-f")})
    world.run("plan", "--out", "p.json")
    world.commit({"exams/q-g.xml": item_xml("q-g"), "exams/q-f.xml": item_xml("q-f", "Edited")})

    ran = world.run("apply", "p.json", "--yes")

    assert ran.code == 5
    assert "new: q-g; changed: q-f" in ran.err
    assert world.writes() == []


def test_run_time_writer_does_not_make_it_stale(world: World) -> None:
    edit(world, "q-a")
    world.run("plan", "--refresh", "--out", "p.json")
    world.api.world.edit_item("q-b", metadata={"status": "reported"})

    assert world.run("apply", "p.json", "--yes").code == 0


def test_only_what_is_named_is_sent_again(world: World) -> None:
    edit(world, "q-a", "q-b")

    report = world.report("apply", "--refresh", "--yes", "--only", "q-a", code=0)

    assert [item["identifier"] for item in report["items"]] == ["q-a"]
    assert world.writes() == [("PUT", "/assessment-items/q-a")]
    assert "Edited" in text(world, "q-b")


def test_drift_that_blocks_holds_the_plan_and_names_the_command_that_goes_on(world: World) -> None:
    world.commit({f"blocked/{name}.xml": item_xml(name) for name in ("q-m", "q-n")})
    world.report("sync", code=0)
    edit(world, "q-m")
    world.commit({"exams/q-o.xml": item_xml("q-o")})
    world.api.journal.clear()

    held = world.run("apply", "--refresh", "--yes")

    assert held.code == 4
    assert "qtisync apply plan.json --allow drift" in held.err
    assert "plan --out plan.json --refresh" in held.err
    world.run("plan", "--refresh", "--out", "plan.json")
    assert world.writes() == []
    assert world.run("apply", "plan.json", "--allow", "drift", "--yes").code == 0
    assert world.writes() == [("POST", "/assessment-items")]


def test_too_much_drift_is_a_mass_update(world: World) -> None:
    world.commit({f"exams/q-{number:02}.xml": item_xml(f"q-{number:02}") for number in range(10)})
    world.report("sync", code=0)
    edit(world, *NAMES)

    report = world.report("plan", "--refresh")

    assert [hold["rule"] for hold in report["holds"]] == ["mass-update"]
    assert report["holds"][0]["actual"] == "5 of 16"


def test_api_that_is_away_makes_no_plan(world: World) -> None:
    world.api.faults.add("html-502@GET")

    assert world.run("plan", "--refresh").code == 8
    assert world.run("apply", "--refresh", "--yes").code == 8


def test_guards_look_at_what_is_asked_for_only(world: World) -> None:
    """One item of an old version is no mass update, although the rest of that version would be one."""
    first = world.git("rev-parse", "HEAD")
    world.commit({f"exams/q-{number:02}.xml": item_xml(f"q-{number:02}") for number in range(6)})
    world.commit({f"exams/{name}.xml": item_xml(name, "Second") for name in NAMES})
    world.configure(max_update="100%")
    world.report("sync", code=0)
    world.configure()

    report = world.report("plan", "--ref", first, "--only", "q-a")

    assert (report["holds"], [item["identifier"] for item in report["items"]]) == ([], ["q-a"])
