"""The daemon of a repository elsewhere: what is pushed there arrives, whatever the forge does meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_world import daemon, wait_until
from world import World, item_xml


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """ssh is a fake that runs its command here, unless the forge is down."""
    folder = tmp_path / "bin"
    folder.mkdir()
    down = tmp_path / "forge-is-down"
    (folder / "ssh").write_text(
        f'#!/bin/sh\n[ -e {down} ] && {{ echo "ssh: connect to host forge.example port 22: Connection refused" >&2; exit 255; }}\n'
        'for word in "$@"; do last="$word"; done\neval "exec $last"\n'
    )
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    times = {"poll_every": "1s", "fetch_retry_every": "1s"}
    address = {"path": None, "url": f"git@forge.example:{tmp_path}/content", **times}
    with World(tmp_path, sections={"daemon": {"listen": None}, "repository": address}) as made:
        made.commit({"a.xml": item_xml("q-a")})
        yield made


def test_what_is_pushed_elsewhere_arrives_at_the_next_fetch(world: World) -> None:
    with daemon(world) as process:
        process.until_there("q-a", "Two plus two?")
        head = world.commit({"a.xml": item_xml("q-a", "Pushed elsewhere?")})
        process.until_there("q-a", "Pushed elsewhere?")
        process.synced(head)
        status = process.controls.status()

        assert status.place.repository == world.sections["repository"]["url"]
        assert status.status["fetched_at"] is not None


def test_forge_that_is_down_is_said_and_forgotten_when_it_is_back(world: World) -> None:
    down = world.folder / "forge-is-down"
    with daemon(world) as process:
        process.until_there("q-a", "Two plus two?")
        down.touch()
        wait_until(lambda: any("cannot be reached" in why for why in process.controls.degraded()), "the trouble")
        head = world.commit({"a.xml": item_xml("q-a", "While it was down?")})
        down.unlink()
        process.until_there("q-a", "While it was down?")
        process.synced(head)
        wait_until(lambda: process.controls.degraded() == (), "a calm daemon")


def test_first_fetch_that_fails_is_tried_again(world: World) -> None:
    down = world.folder / "forge-is-down"
    down.touch()
    with daemon(world) as process:
        wait_until(process.controls.unready, "the trouble")
        down.unlink()
        process.until_there("q-a", "Two plus two?")
