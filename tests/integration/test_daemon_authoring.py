"""The daemon on a working tree: what authors save is at the API, however they save it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_world import daemon, wait_until
from editors import EDITORS
from world import World, item_xml


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    sections = {
        "daemon": {"listen": None},
        "repository": {"path": "content", "source": "worktree", "poll_every": "1h"},
    }
    with World(tmp_path, sections=sections) as made:
        made.commit({"a.xml": item_xml("q-a"), "b.xml": item_xml("q-b"), ".gitignore": "drafts/\n"})
        yield made


def updates(world: World) -> list[tuple[str, str | None]]:
    return [call for call in world.writes() if call[0] == "PUT"]


def test_every_way_to_save_is_one_call(world: World) -> None:
    saves = {name: save for name, save in EDITORS.items() if name != "sed"}  # which can change a line, not an item
    with daemon(world) as process:
        process.until_there("q-a", "Two plus two?")
        for number, (name, save) in enumerate(saves.items(), 1):
            save(world.content / "a.xml", item_xml("q-a", f"Saved by {name}."))
            process.until_there("q-a", f"Saved by {name}.")
            process.settled()
            assert len(updates(world)) == number

        assert updates(world) == [("PUT", "/assessment-items/q-a")] * len(saves)


def test_a_half_written_file_is_held_and_the_next_save_mends_it(world: World) -> None:
    whole = item_xml("q-a", "Whole.")
    with daemon(world) as process:
        process.until_there("q-a", "Two plus two?")
        (world.content / "a.xml").write_text(whole[:400])
        wait_until(lambda: process.service.bench.store.counts().get("held") == 1, "the broken file held")
        (world.content / "a.xml").write_text(whole)
        process.until_there("q-a", "Whole.")

        assert len(updates(world)) == 1


def test_a_branch_that_is_checked_out_is_one_pass(world: World) -> None:
    world.git("checkout", "-q", "-b", "next")
    world.commit({f"items/{n}.xml": item_xml(f"q-{n:03}") for n in range(150)} | {"a.xml": item_xml("q-a", "Next.")})
    world.git("checkout", "-q", "main")
    with daemon(world) as process:
        process.until_there("q-a", "Two plus two?")
        process.settled()
        before = len(process.log.of("pass_finished"))
        world.git("checkout", "-q", "next")
        process.until_there("q-a", "Next.")
        process.until_there("q-149", "Two plus two?")
        process.settled()

        assert len(process.log.of("pass_finished")) - before <= 2


def test_what_is_ignored_or_left_by_an_editor_is_never_sent(world: World) -> None:
    with daemon(world) as process:
        process.until_there("q-b", "Two plus two?")
        world.write({"drafts/c.xml": item_xml("q-c"), "a.xml~": item_xml("q-d"), ".#e.xml": item_xml("q-e")})
        world.write({"b.xml": item_xml("q-b", "Real.")})
        process.until_there("q-b", "Real.")
        process.settled()

        assert {row.identifier for row in process.service.bench.store.recorded()} == {"q-a", "q-b"}


def test_wait_ends_when_what_is_saved_is_at_the_api(world: World) -> None:
    with daemon(world) as process:
        process.until_there("q-b", "Two plus two?")
        world.write({"b.xml": item_xml("q-b", "Waited for.")})
        waited = world.run("wait", "--commit", "worktree", "--timeout", "60")

        assert (waited.code, world.run("wait", "--commit", "main").code) == (0, 64)
        process.until_there("q-b", "Waited for.")
