"""Other writers at the API, as a user sees them: what is kept, what is reported, what is overwritten on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from world import World, item_xml

from qtisync.sandbox.options import Options

NAMES = ("q-a", "q-b", "q-c", "q-d", "q-e")


def edited_on_both_sides(world: World) -> None:
    """Five items, all edited in git; q-a at the API as well, and q-b has got a key of a run-time writer."""
    world.commit({f"{name}.xml": item_xml(name) for name in NAMES} | {"q-a.yaml": "grade: 5\n"})
    world.report("sync", code=0)
    world.api.world.edit_item("q-a", xml=item_xml("q-a", "Edited at the API"))
    world.api.world.edit_item("q-b", metadata={"reportedBy": "a learner"})
    world.commit({f"{name}.xml": item_xml(name, "Edited in git") for name in NAMES})
    world.api.journal.clear()


def words(world: World) -> dict[str, bool]:
    """Which items have at the API what git wants."""
    return {name: "Edited in git" in world.api.world.item(name).xml for name in NAMES}


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {item["identifier"]: item["outcome"]["status"] for item in report["items"]}


def test_report_parks_the_one_and_updates_the_others_with_one_list(tmp_path: Path) -> None:
    with World(tmp_path, target={"max_concurrency": 1, "max_update": "100%"}) as world:
        edited_on_both_sides(world)
        report = world.report("sync", code=3)
        assert words(world) == {name: name != "q-a" for name in NAMES}
        assert world.api.world.item("q-b").metadata == {"reportedBy": "a learner"}
        assert [item["identifier"] for item in report["conflicts"]] == ["q-a"]
        # One list, one GET that makes sure of the conflict, four writes.
        assert report["sent"]["calls"] == len(world.calls()) == 6
        assert report["sent"]["calls_per_change"] == 1.5
        assert report["target"]["capabilities"]["list_filter"] == "fit"


def test_overwrite_overwrites(tmp_path: Path) -> None:
    target = {"on_conflict": "overwrite", "max_update": "100%"}
    with World(tmp_path, target=target) as world:
        edited_on_both_sides(world)
        world.report("sync", code=0)
        assert all(words(world).values())
        assert world.api.world.item("q-b").metadata == {"reportedBy": "a learner"}


def test_block_holds_the_pass_and_leaves_with_5(tmp_path: Path) -> None:
    target = {"on_conflict": "block", "max_concurrency": 1, "max_update": "100%"}
    with World(tmp_path, target=target) as world:
        edited_on_both_sides(world)
        report = world.report("sync", code=5)
        assert world.writes() == []
        assert set(outcomes(report).values()) == {"pending"}
        assert [item["identifier"] for item in report["conflicts"]] == ["q-a"]
        assert "q-a" in world.run("status").out
        assert world.run("sync").code == 5  # until somebody decides
        world.configure(on_conflict="overwrite")
        world.report("sync", code=0)
        assert all(words(world).values())


def test_foreign_metadata_goes_where_git_is_everything(tmp_path: Path) -> None:
    with World(tmp_path, target={"foreign_metadata": "replace", "max_update": "100%"}) as world:
        edited_on_both_sides(world)
        world.report("sync", code=3)
        assert world.api.world.item("q-b").metadata == {}


def test_what_is_not_ours_is_never_overwritten_and_the_message_says_what_to_do(tmp_path: Path) -> None:
    target = {"owned_prefixes": ["ours-"], "on_conflict": "overwrite", "foreign_metadata": "replace"}
    with World(tmp_path, target=target) as world:
        world.api.world.put_item("theirs-1", item_xml("theirs-1", "Theirs"))
        world.commit({"a.xml": item_xml("theirs-1", "Ours?"), "b.xml": item_xml("ours-1")})
        report = world.report("sync", code=3)
        assert outcomes(report) == {"theirs-1": "parked", "ours-1": "applied"}
        assert "owned_prefixes" in report["conflicts"][0]["outcome"]["error"]
        assert world.run("retry", "theirs-1").code == 0  # insisting does not make it ours
        world.report("sync", code=3)
        assert "Theirs" in world.api.world.item("theirs-1").xml
        world.configure(owned_prefixes=["ours-", "theirs-"])
        assert world.run("retry", "theirs-1").code == 0
        world.report("sync", code=0)
        assert "Ours?" in world.api.world.item("theirs-1").xml


def test_read_back_reads_what_was_written_and_tells_what_the_api_made_of_it(tmp_path: Path) -> None:
    with World(tmp_path, target={"verify": "read_back"}, options=Options(raw_xml="drop_element:qti-prompt")) as world:
        world.commit({"a.xml": item_xml("q-a")})
        report = world.report("sync", code=3)
        assert world.calls() == [
            ("GET", "/assessment-items"),
            ("POST", "/assessment-items"),
            ("GET", "/assessment-items/q-a"),
        ]
        assert outcomes(report) == {"q-a": "altered"}


@pytest.mark.parametrize("verify", ["response", "read_back"])
def test_content_change_takes_an_approval_back_and_a_metadata_change_does_not(tmp_path: Path, verify: str) -> None:
    target = {"on_content_change": {"humanApproved": False}, "metadata_updates": "put", "verify": verify}
    with World(tmp_path, target=target) as world:

        def approved() -> Any:
            return world.api.world.item("q-a").metadata["humanApproved"]

        def approve() -> None:
            world.api.world.edit_item("q-a", metadata={**world.api.world.item("q-a").metadata, "humanApproved": True})

        world.commit({"a.xml": item_xml("q-a"), "a.yaml": "grade: 5\n"})
        world.report("sync", code=0)
        assert approved() is False
        approve()
        world.commit({"a.yaml": "grade: 6\n"})
        world.report("sync", code=0)
        assert approved() is True
        world.commit({"a.xml": item_xml("q-a", "Other words")})
        world.report("sync", code=0)
        assert approved() is False
        approve()
        assert world.report("sync", code=0)["sent"] == {
            "calls": 0,
            "calls_per_change": None,
            "seconds": pytest.approx(0, abs=30),
        }
        assert approved() is True


def test_capabilities_are_shown_and_can_be_reset(tmp_path: Path) -> None:
    with World(tmp_path, options=Options(metadata_endpoint="ignore")) as world:
        world.commit({"a.xml": item_xml("q-a"), "a.yaml": "grade: 5\n", "b.xml": item_xml("q-b")})
        world.report("sync", code=0)
        world.commit({"a.yaml": "grade: 6\n"})
        world.report("sync", code=0)
        shown = world.run("doctor").out
        assert "metadata call unfit, list filter untested" in shown
        assert "qtisync doctor --reset-capabilities" in shown

        again = world.run("doctor", "--reset-capabilities")

        assert again.code == 0
        assert "metadata call untested, list filter untested" in again.out
        assert world.report("status")["status"]["metadata_endpoint"]["fitness"] == "untested"
