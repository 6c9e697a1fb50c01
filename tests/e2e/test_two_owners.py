"""Two repositories with a stamp each on one API: what is whose, as users of both see it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from world import World, item_xml, stimulus_xml

ALG = {"owner_stamp": {"key": "managedBy", "value": "alg-content"}, "max_update": "100%"}
GEO = {"owner_stamp": {"key": "managedBy", "value": "geo-team"}, "max_update": "100%"}


class Neighbour(World):
    """A second repository with a configuration of its own, on the API of another world."""

    def __init__(self, folder: Path, host: World, target: Mapping[str, Any]) -> None:
        super().__init__(folder, target=target)
        self.api = host.api
        self.configure()


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[tuple[World, World]]:
    with World(tmp_path / "alg", target=ALG) as alg:
        yield alg, Neighbour(tmp_path / "geo", alg, GEO)


def metadata(world: World, name: str) -> dict[str, Any]:
    return dict(world.api.world.item(name).metadata)


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {item["identifier"]: item["outcome"]["status"] for item in report["items"]}


def test_neither_writes_what_the_other_has(worlds: tuple[World, World]) -> None:
    alg, geo = worlds
    alg.commit({"a.xml": item_xml("shared", "Algebra"), "b.xml": item_xml("alg-1"), "s.xml": stimulus_xml("alg-s")})
    assert outcomes(alg.report("sync", code=0)) == {"alg-1": "applied", "shared": "applied", "alg-s": "applied"}
    geo.commit({"a.xml": item_xml("shared", "Geometry"), "b.xml": item_xml("geo-1")})
    geo.configure(on_conflict="overwrite", on_drift="overwrite", foreign_metadata="replace")

    report = geo.report("sync", code=3)
    assert outcomes(report) == {"geo-1": "applied", "shared": "parked"}
    words = report["conflicts"][0]["outcome"]["error"]
    assert 'it exists at the API and is not ours: its managedBy is "alg-content"' in words
    assert "qtisync adopt ID --foreign" in words
    assert geo.run("retry", "shared").code == 0
    geo.report("sync", code=3)
    assert "Algebra" in alg.api.world.item("shared").xml

    assert alg.run("check").code == 0
    checked = geo.report("check", code=5)
    assert [(one["identifier"], one["message"]) for one in checked["conflicts"]] == [
        ("shared", 'it exists at the API and is not ours: its managedBy is "alg-content"')
    ]
    assert (checked["summary"]["foreign"], checked["summary"]["unmanaged"]) == (2, 0)
    listed = geo.report("check", "-v", code=5)["foreign"]
    assert [(one["identifier"], one["message"]) for one in listed] == [
        (name, 'it is somebody else\'s: its owner is "alg-content"') for name in ("alg-1", "alg-s")
    ]


def test_takeover_is_on_purpose_and_the_other_side_is_told(worlds: tuple[World, World]) -> None:
    alg, geo = worlds
    alg.commit({"a.xml": item_xml("shared", "Algebra"), "a.yaml": "grade: 5\n"})
    alg.report("sync", code=0)
    geo.commit({"a.xml": item_xml("shared", "Geometry")})
    geo.report("sync", code=3)

    refused = geo.report("adopt", "shared", "--yes", code=3)
    assert refused["skipped"] == [
        {
            "identifier": "shared",
            "kind": "item",
            "reason": 'not ours: its managedBy is "alg-content". If it is meant, say --foreign',
        }
    ]
    geo.report("adopt", "shared", "--yes", "--foreign", code=0)
    plan = geo.run("plan").out
    assert "managedBy: alg-content → geo-team" in plan
    geo.report("sync", code=0)
    assert metadata(geo, "shared") == {"managedBy": "geo-team", "grade": "5"}

    told = alg.report("check", code=5)
    assert [(one["identifier"], one["message"], one["hint"]) for one in told["conflicts"]] == [
        (
            "shared",
            'it is not ours any more: its managedBy is now "geo-team"',
            "Agree with them whose it is; if it is yours, `qtisync adopt ID --foreign` takes it over",
        )
    ]
    alg.commit({"a.xml": item_xml("shared", "More algebra")})
    assert outcomes(alg.report("sync", code=3)) == {"shared": "parked"}
    assert alg.run("retry", "shared").code == 0
    alg.report("sync", code=3)
    assert "Geometry" in alg.api.world.item("shared").xml


def test_stamp_is_turned_on_as_updates_that_a_person_sees_and_removed_again(worlds: tuple[World, World]) -> None:
    alg, _ = worlds
    alg.configure(owner_stamp=None, max_update="30%")
    alg.commit({f"q{number}.xml": item_xml(f"q{number}") for number in range(12)} | {"q1.yaml": "grade: 5\n"})
    alg.report("sync", code=0)
    alg.api.world.edit_item("q1", metadata={"grade": "5", "status": "live"})

    alg.configure(max_update="30%")
    held = alg.report("plan", "--out", "plan.json")
    assert ([hold["rule"] for hold in held["holds"]], held["summary"]["update_metadata"]) == (["mass-update"], 12)
    assert "managedBy: (none) → alg-content" in alg.run("plan").out
    alg.report("apply", "plan.json", "--allow", "mass-update", code=0)
    assert metadata(alg, "q1") == {"grade": "5", "status": "live", "managedBy": "alg-content"}
    assert alg.run("check").code == 0
    assert alg.report("plan")["items"] == []

    alg.configure(owner_stamp={"key": "owner", "value": "algebra"})
    alg.report("sync", code=0)
    assert metadata(alg, "q1") == {"grade": "5", "status": "live", "owner": "algebra"}
    alg.configure(owner_stamp=None)
    alg.report("sync", code=0)
    assert metadata(alg, "q1") == {"grade": "5", "status": "live"}
    assert alg.run("check").code == 0


@pytest.mark.parametrize("how", ["rebuild", "sync"])
def test_a_lost_record_costs_no_write_and_gives_nothing_of_the_neighbour_s_away(
    worlds: tuple[World, World], how: str
) -> None:
    alg, geo = worlds
    geo.commit({f"geo-{number}.xml": item_xml(f"geo-{number}") for number in range(3)})
    geo.report("sync", code=0)
    files = {f"q{number}.xml": item_xml(f"q{number}") for number in range(12)}
    alg.commit({**files, "s.xml": stimulus_xml("s"), "geo-1.xml": item_xml("geo-1", "Mine?")})
    alg.report("sync", code=3)
    before = {name: alg.api.world.item(name) for name in ("q1", "geo-1")}
    shutil.rmtree(alg.folder / "state")
    alg.api.journal.clear()
    if how == "rebuild":
        rebuilt = alg.report("state", "rebuild", code=2)
        assert (rebuilt["as_in_git"], rebuilt["differ"], rebuilt["not_ours"]) == (13, [], ["geo-1"])
        shutil.rmtree(alg.folder / "state")
        assert 'not ours  geo-1: its managedBy is "geo-team"' in alg.run("state", "rebuild").out
        assert alg.writes() == []
    alg.report("sync", code=3)
    assert alg.writes() == [("POST", "/assessment-items")], "geo-1, which the API has already"
    assert {name: alg.api.world.item(name) for name in before} == before


def test_only_what_carries_the_stamp_is_deleted_and_what_does_without_git_is_unmanaged(
    worlds: tuple[World, World],
) -> None:
    alg, _ = worlds
    alg.configure(removal="delete")
    alg.commit({f"q{number}.xml": item_xml(f"q{number}") for number in range(4)})
    alg.report("sync", code=0)
    alg.api.world.edit_item("q1", metadata={"managedBy": "geo-team"})
    alg.api.world.put_item("lost", item_xml("lost"), {"managedBy": "alg-content"})
    assert [one["identifier"] for one in alg.report("check", code=5)["unmanaged"]] == ["lost"]
    alg.commit({"q1.xml": None, "q2.xml": None})
    alg.report("plan", "--out", "plan.json")
    report = alg.report("apply", "plan.json", "--allow", "mass-delete", "--allow", "unproven-delete")
    assert {i["identifier"]: i["outcome"]["status"] for i in report["items"] if i["action"] == "delete"} == {
        "q1": "parked",
        "q2": "applied",
    }
    assert 'kept: its managedBy is "geo-team"' in alg.run("plan", "-v").out


def test_sidecar_that_names_another_owner_is_an_error_of_that_file(worlds: tuple[World, World]) -> None:
    alg, _ = worlds
    alg.commit({"a.xml": item_xml("q-a"), "a.yaml": "managedBy: geo-team\n", "b.xml": item_xml("q-b")})
    ran = alg.run("validate")
    assert ran.code == 9
    assert "a.yaml" in ran.out
    assert "`managedBy` is something else here than the owner stamp of this target, `managedBy: alg-content`" in ran.out
    report = alg.report("sync", code=3)
    assert outcomes(report) == {"q-b": "applied"}
    assert [(one["path"], one["code"]) for one in report["broken"]] == [("a.yaml", "other-owner")]


def test_imported_files_do_not_repeat_the_stamp(worlds: tuple[World, World]) -> None:
    alg, _ = worlds
    alg.api.world.put_item("q-a", item_xml("q-a"), {"managedBy": "alg-content", "grade": "5"})
    alg.api.world.put_item("q-b", item_xml("q-b"), {"grade": "5"})
    done = alg.report("import", "content", code=0)
    assert {one["identifier"]: one["outcome"] for one in done["objects"]} == {"q-a": "new", "q-b": "not_ours"}
    assert (alg.content / "items/q-a.yaml").read_text() == 'grade: "5"\n'
    alg.commit({})
    assert alg.report("plan")["items"] == []
