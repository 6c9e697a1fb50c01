"""A push into a repository with our hook, while the real daemon of the configuration runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_world import daemon
from pushed_world import Pushed
from world import item_xml


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Pushed]:
    with Pushed(tmp_path, sections={"daemon": {"listen": None}}) as made:
        made.commit({f"q-{n:02}.xml": item_xml(f"q-{n:02}") for n in range(12)})
        yield made


def test_pusher_sees_what_the_daemon_did_with_the_push(world: Pushed) -> None:
    assert world.run("hook", "install", "--wait", "60").code == 0
    assert world.push().returncode == 0
    with daemon(world) as process:
        process.settled()
        changed = {f"q-{n:02}.xml": item_xml(f"q-{n:02}", "Other words?") for n in range(3)}
        head = world.commit({**changed, "bad.xml": item_xml("q-bad").replace("</qti-item-body>", "")})
        heard = world.heard()

        assert len(heard) == 1, heard
        assert re.fullmatch(r"3 updated, 1 refused: q-bad \(line \d+: .+\)", heard[0]), heard
        assert "Other words?" in world.api.world.item("q-02").xml
        process.synced(head)


def test_pusher_is_told_of_what_is_gone_from_git_and_stays_at_the_api(world: Pushed) -> None:
    world.run("hook", "install", "--wait", "60")
    world.push()
    with daemon(world) as process:
        process.settled()
        head = world.commit({"q-01.xml": None})
        heard = world.heard()

        assert heard == [
            f"nothing to send, in sync at {head[:7]}",
            "  orphan: q-01, q-01.xml is gone; it stays at the API",
        ]
        waited = world.run("wait", "--commit", head, "--timeout", "1m")
        assert (waited.code, waited.out) == (
            0,
            f"{head[:7]} is synced; 1 orphan left at the API, see: qtisync status\n",
        )
        assert "? orphan   q-01  q-01.xml  its file is gone, it is still at the API" in world.run("status").out


def test_held_push_is_answered_with_the_command_that_continues_it(world: Pushed) -> None:
    world.run("hook", "install", "--wait", "60")
    world.push()
    with daemon(world) as process:
        process.settled()
        world.commit({f"q-{n:02}.xml": item_xml(f"q-{n:02}", "All others?") for n in range(12)})
        heard = world.heard()

        assert heard[0].startswith("held, nothing was sent: mass-update: 12 of 12")
        assert heard[1].startswith("if this is meant: qtisync apply ")
        assert "--allow mass-update" in heard[1]


def test_push_that_takes_long_is_followed_by_status(world: Pushed) -> None:
    world.run("hook", "install", "--wait", "2")
    world.configure(max_requests_per_second=1.0)
    world.push()
    with daemon(world) as process:
        world.commit({f"new-{n}.xml": item_xml(f"new-{n}") for n in range(60)})
        heard = world.heard()

        assert re.fullmatch(r"still pushing [\d,]+( of [\d,]+)?, follow with: qtisync status", heard[0]), heard
        process.service.stop(0.0)
