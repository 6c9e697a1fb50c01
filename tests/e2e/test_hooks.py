"""Real pushes into a repository with our hooks: what the pusher sees, what is refused, and what never fails a push."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_daemon import FakeDaemon
from pushed_world import Pushed, said
from world import Ran, item_xml


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Pushed]:
    with Pushed(tmp_path) as made:
        made.commit({"a.xml": item_xml("q-a")})
        yield made


def an_item(identifier: str, action: str = "update", status: str = "applied") -> dict[str, Any]:
    return {"identifier": identifier, "action": action, "outcome": {"status": status, "error": None}}


def test_pusher_is_told_what_became_of_the_push(world: Pushed) -> None:
    assert world.run("hook", "install").code == 0
    problem = {"path": "g.xml", "identifier": "geo-0040", "line": 17, "message": "ends too early"}
    report = {"items": [an_item("q1"), an_item("q2"), an_item("q3")], "broken": [problem]}
    with FakeDaemon(world.folder / "state") as daemon:
        daemon.jobs = [
            {"state": "reading", "ended": False, "report": None},
            {"state": "done", "ended": True, "report": report},
        ]

        assert world.heard() == ["3 updated, 1 refused: geo-0040 (line 17: ends too early)"]
        assert daemon.asked[0] == ("POST", "/api/v1/sync", {"origin": "hook"})
        assert daemon.asked[1][1].startswith("/api/v1/jobs/j1?wait=")


def test_pass_that_the_watch_began_before_the_hook_rang_is_the_one_that_is_told(world: Pushed) -> None:
    """Watching the refs is quicker than starting Python, so the hook's own pass finds nothing new, mostly."""
    world.run("hook", "install")
    new = world.git("rev-parse", "HEAD").strip()
    with FakeDaemon(world.folder / "state") as daemon:
        jobs = [
            {"id": "j1", "commit": new},
            {"id": "j2"},
            {"id": "j0", "commit": new},
            {"id": "old", "commit": "1" * 40},
        ]
        daemon.status = {"status": {"daemon": {"jobs": [*jobs, {"id": "older", "commit": new}]}}}
        daemon.others = {"j0": {"state": "done", "ended": True, "report": {"items": [an_item("q1")], "broken": []}}}

        assert world.heard() == ["1 updated"]


def test_push_that_takes_longer_is_left_to_the_daemon(world: Pushed) -> None:
    world.run("hook", "install", "--wait", "0.5")
    with FakeDaemon(world.folder / "state") as daemon:
        daemon.jobs = [{"state": "pushing", "ended": False, "report": None}]
        daemon.status = {"status": {"queue": {"queued": 212, "in_flight": 0}}}

        assert world.heard() == ["still pushing 212, follow with: qtisync status"]


def test_held_pass_tells_the_command_that_continues_it(world: Pushed) -> None:
    world.run("hook", "install")
    with FakeDaemon(world.folder / "state") as daemon:
        holds = [{"rule": "mass-update", "message": "412 of 1240 would be updated"}]
        daemon.jobs = [{"state": "held", "ended": True, "report": {"holds": holds}}]
        daemon.status = {"status": {"held_pass": {"command": "qtisync apply x --allow mass-update"}}}

        assert world.heard() == [
            "held, nothing was sent: mass-update: 412 of 1240 would be updated",
            "if this is meant: qtisync apply x --allow mass-update",
        ]


def test_daemon_that_is_down_fails_no_push_and_is_said(world: Pushed) -> None:
    world.run("hook", "install")
    heard = world.heard()

    assert len(heard) == 1
    assert heard[0].startswith("No daemon listens at ")
    assert "The push is kept, and synced when it runs." in heard[0]
    assert world.head


def test_daemon_that_hangs_or_breaks_fails_no_push(world: Pushed) -> None:
    world.run("hook", "install")
    with FakeDaemon(world.folder / "state") as daemon:
        daemon.is_silent = True
        assert "does not answer within" in world.heard()[0]
        daemon.is_silent, daemon.code = False, 503
        world.commit({"b.xml": item_xml("q-b")})
        assert world.heard() == ["The daemon answered 503. See its log."]


def test_push_of_another_branch_rings_nobody(world: Pushed) -> None:
    world.run("hook", "install", "--pre-receive")
    with FakeDaemon(world.folder / "state") as daemon:
        assert world.heard("main:topic") == []
        assert daemon.asked == []


def test_every_target_of_a_configuration_is_told(world: Pushed) -> None:
    file = world.folder / "qtisync.yaml"
    config = json.loads(file.read_text())
    config["targets"]["live"] = config["targets"]["test"]
    file.write_text(json.dumps(config))
    assert world.run("hook", "install").code == 0
    with FakeDaemon(world.folder / "state"), FakeDaemon(world.folder / "state", "live"):
        assert [line.partition(":")[0] for line in world.heard()] == ["test", "live"]
    assert world.run("hook", "install", "--target", "live").code == 0
    world.commit({"b.xml": item_xml("q-b")})
    with FakeDaemon(world.folder / "state", "live") as daemon:
        assert len(world.heard()) == len([asked for asked in daemon.asked if asked[0] == "POST"]) == 1


def test_broken_configuration_fails_no_push_and_is_said(world: Pushed) -> None:
    world.run("hook", "install", "--pre-receive")
    (world.folder / "qtisync.yaml").write_text("targets: [")
    heard = " ".join(world.heard())

    assert "the check did not run, the push passes unchecked" in heard
    assert "nobody was told of this push" in heard


def test_broken_items_refuse_the_push_with_file_line_and_hint(world: Pushed) -> None:
    world.run("hook", "install", "--pre-receive")
    world.push()
    before = world.head
    world.commit({"bad.xml": item_xml("q-b").replace("</qti-item-body>", "")})
    refused = world.push()

    assert refused.returncode != 0
    assert "pre-receive hook declined" in refused.stderr
    assert said(refused)[0].startswith("bad.xml:")
    assert ": error: " in said(refused)[0]
    assert said(refused)[-1].startswith("1 file is broken, the push of refs/heads/main is refused.")
    assert world.head == before
    world.commit({"bad.xml": item_xml("q-b")})
    assert world.push().returncode == 0


def test_twin_of_an_untouched_file_is_found(world: Pushed) -> None:
    world.run("hook", "install", "--pre-receive")
    world.push()
    world.commit({"copy.xml": item_xml("q-a", "A copy")})
    refused = world.push()

    assert refused.returncode != 0
    assert said(refused)[0] == (
        'copy.xml: error: The identifier "q-a" is also in a.xml; none of them is sent. (duplicate-identifier)'
    )
    assert not [line for line in said(refused) if line.startswith("a.xml")]


def test_file_that_was_broken_before_refuses_no_other_push(world: Pushed) -> None:
    world.commit({"old.xml": "<qti-assessment-item"})
    world.push()
    world.run("hook", "install", "--pre-receive")
    world.commit({"a.xml": item_xml("q-a", "Better words?")})

    assert world.push().returncode == 0


def test_warnings_are_shown_and_refuse_nothing(world: Pushed) -> None:
    world.run("hook", "install", "--pre-receive")
    world.commit({"a.xml": item_xml("q-a", key="Z")})
    done = world.push()

    assert done.returncode == 0, done.stderr
    assert [line for line in said(done) if "a.xml" in line and ": warning: " in line]


def test_what_the_record_knows_is_not_read_again_and_counts_as_well(world: Pushed) -> None:
    world.push()
    world.report("sync", code=0)
    world.run("hook", "install", "--pre-receive")
    world.commit({"copy.xml": item_xml("q-a", "A copy")})

    assert world.push().returncode != 0


def test_deletion_and_forced_push_pass(world: Pushed) -> None:
    world.run("hook", "install", "--pre-receive")
    world.push()
    world.commit({"b.xml": item_xml("q-b")})
    world.push()
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.commit({"c.xml": item_xml("q-c")})

    assert world.push("+main").returncode == 0
    world.command_of_git("config", "receive.denyDeleteCurrent", "ignore", cwd=world.bare)
    assert world.push(":main").returncode == 0
    assert world.head == ""


def test_previous_hook_of_the_repository_still_refuses_and_comes_back(world: Pushed) -> None:
    old = world.bare / "hooks" / "pre-receive"
    old.write_text("#!/bin/sh\necho not today\nexit 1\n")
    old.chmod(0o755)
    before = old.read_bytes()
    world.run("hook", "install", "--pre-receive")
    refused = world.push()

    assert refused.returncode != 0
    assert said(refused) == ["not today"]
    assert "pre-receive.qtisync-previous runs first" in world.run("hook", "status").out
    assert world.run("hook", "uninstall").code == 0
    assert old.read_bytes() == before
    assert not (world.bare / "hooks" / "post-receive").exists()


def test_status_says_what_is_there_and_what_cannot_work(world: Pushed) -> None:
    assert world.run("hook", "status").out == "post-receive: not installed\npre-receive: not installed\n"
    first = world.run("hook", "install").out
    again = world.run("hook", "install").out
    file = world.bare / "hooks" / "post-receive"
    good = world.run("hook", "status")

    assert (first, again) == (
        f"post-receive: installed in {file}\n",
        f"post-receive: is installed already in {file}\n",
    )
    assert (good.code, good.out.splitlines()[0]) == (0, f"post-receive: installed in {file}")
    file.chmod(0o644)
    bad = world.run("hook", "status", "--format", "json")
    assert bad.code == 1
    assert bad.report["hooks"][0]["trouble"] == "it is not executable, so git ignores it; install it again"
    assert world.run("hook", "install").out == first


def test_hook_of_a_repository_elsewhere_needs_its_folder(world: Pushed) -> None:
    file = world.folder / "qtisync.yaml"
    config = json.loads(file.read_text())
    config["repository"] = {"url": "git@forge.example:x.git"}
    file.write_text(json.dumps(config))
    refused = world.run("hook", "install")

    assert (refused.code, "--repository" in refused.err) == (64, True)
    assert world.run("hook", "install", "--repository", str(world.bare)).code == 0
    assert world.heard()[0].startswith("No daemon listens at ")


def received(world: Pushed, *before: str, kind: str = "post-receive", flags: tuple[str, ...] = ()) -> Ran:
    """Our part of a hook, called as its script calls it."""
    command = [sys.executable, *before, "-m", "qtisync", "hook", kind, "--config", str(world.folder / "qtisync.yaml")]
    line = f"{'0' * 40} {world.head or 'a' * 40} refs/heads/main\n"
    environ = {**world.environ, "GIT_DIR": "."}
    done = subprocess.run(
        [*command, *flags], input=line, cwd=world.bare, env=environ, capture_output=True, text=True, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_hook_loads_nothing_heavy(world: Pushed) -> None:
    """A pusher waits for it: it may cost little more than Python and click do."""
    world.push()
    with FakeDaemon(world.folder / "state"):
        ran = received(world, "-X", "importtime")
    loaded = {line.rpartition("|")[2].strip() for line in ran.err.splitlines() if line.startswith("import time:")}

    assert ran.code == 0
    assert "qtisync.adapters.control_client" in loaded
    assert loaded & {"pydantic", "sqlalchemy", "httpx", "lxml.etree", "git", "structlog", "rich", "jinja2"} == set()


def test_check_that_crashes_or_takes_too_long_lets_the_push_pass_and_says_so(world: Pushed) -> None:
    world.commit({f"{n}.xml": item_xml(f"q-{n}") for n in range(300)})
    world.push()
    late = received(world, kind="pre-receive", flags=("--limit", "0.01"))
    (world.bare / "HEAD").unlink()
    broken = received(world, kind="pre-receive")

    assert (late.code, broken.code) == (0, 0)
    assert late.out.startswith("qtisync: the check did not run, the push passes unchecked: It took longer than 0.01 s.")
    assert broken.out.startswith("qtisync: the check did not run, the push passes unchecked: ")
