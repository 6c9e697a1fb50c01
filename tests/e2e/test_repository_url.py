"""A configuration with repository.url, used through the installed command; ssh is a fake that runs its command here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from world import Ran, World, item_xml


class Elsewhere(World):
    """A world whose configuration knows only the address of the repository."""

    def __post_init__(self) -> None:
        super().__post_init__()
        folder = self.folder / "bin"
        folder.mkdir()
        self.down = self.folder / "forge-is-down"
        (folder / "ssh").write_text(
            f'#!/bin/sh\n[ -e {self.down} ] && {{ echo "ssh: connect to host forge.example port 22: Connection refused" >&2; '
            'exit 255; }\nfor word in "$@"; do last="$word"; done\neval "exec $last"\n'
        )
        (folder / "ssh").chmod(0o755)
        self.url = f"git@forge.example:{self.content}"

    @property
    def environ(self) -> dict[str, str]:
        clean = super().environ
        return {**clean, "PATH": f"{self.folder / 'bin'}:{clean['PATH']}"}

    def configure(self, **changes: Any) -> None:
        super().configure(**changes)
        file = self.folder / "qtisync.yaml"
        config = json.loads(file.read_text())
        config["repository"] = {"url": self.url, "ref": "main"}
        file.write_text(json.dumps(config))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Elsewhere]:
    with Elsewhere(tmp_path) as made:
        made.commit({"a.xml": item_xml("q-a")})
        yield made


def test_plan_and_sync_fetch_first_and_name_the_address(world: Elsewhere) -> None:
    planned = world.report("plan", code=0)
    assert (planned["repository"]["path"], planned["summary"]["create"]) == (world.url, 1)

    world.commit({"b.xml": item_xml("q-b")})
    assert world.report("sync", code=0)["summary"]["applied"] == 2
    assert {path.suffix for path in (world.folder / "state").glob("mirror-*")} == {".git", ".lock", ".fetched"}
    assert world.report("plan", "--detailed-exitcode", code=0)["items"] == []


def test_saved_plan_is_stale_when_the_remote_moved(world: Elsewhere) -> None:
    world.run("plan", "--out", "plan.json")
    world.commit({"a.xml": item_xml("q-a", "Other words?")})

    assert world.run("apply", "plan.json", "--yes").code == 5


def test_status_does_not_fetch_and_says_when_somebody_did(world: Elsewhere) -> None:
    before = world.report("status", code=0)["status"]
    assert before["fetched_at"] is None
    assert before["degraded"] == [f"{world.url} was never fetched to this machine."]
    world.report("sync", code=0)
    world.down.touch()
    after = world.report("status", code=0)

    assert after["status"]["in_sync"] is True
    assert after["status"]["fetched_at"] is not None
    assert f"from {world.url}" in world.run("status").out


def test_status_needs_none_of_the_credentials_of_a_fetch(world: Elsewhere) -> None:
    """A person who looks has no systemd credential and not the token of the service."""
    file = world.folder / "qtisync.yaml"
    for repository in (
        {"url": "git@forge.example:x", "ssh_key": "credential/deploy_key"},
        {"url": "https://forge.example/x", "token": "env/NO_SUCH_TOKEN"},
    ):
        file.write_text(json.dumps({**json.loads(file.read_text()), "repository": repository}))
        assert world.run("status").code == 0
        assert world.run("plan").code == 78


def test_forge_that_is_down_ends_a_sync_with_words_and_changes_nothing(world: Elsewhere) -> None:
    world.report("sync", code=0)
    world.down.touch()
    world.api.journal.clear()
    failed = world.run("sync")

    assert failed.code == 1
    assert f"{world.url} cannot be reached: connect to host forge.example port 22: Connection refused" in failed.err
    assert world.calls() == []


def test_doctor_says_whether_the_repository_is_reached(world: Elsewhere) -> None:
    good = world.run("doctor")
    assert good.code == 0, good.out
    assert f"fetch          {world.url} answers, its host key is known; fetched in" in good.out
    world.down.touch()
    bad = world.run("doctor")
    assert bad.code == 1
    assert "FAIL  fetch" in bad.out


def test_doctor_names_mirrors_that_are_no_longer_used(world: Elsewhere) -> None:
    (world.folder / "state" / "mirror-0123456789ab.git").mkdir(parents=True)

    assert "mirror-0123456789ab.git" in world.run("doctor").out


def test_validate_of_a_ref_fetches_and_of_files_does_not(world: Elsewhere) -> None:
    assert world.run("validate", "--ref", "main").code == 0
    world.down.touch()
    assert world.run("validate", "content").code == 0
    assert world.run("validate", "--ref", "main").code == 1


@pytest.mark.parametrize(
    ("repository", "words"),
    [
        ({"url": "https://me:pw@forge.example/a"}, "has credentials in it"),
        ({"url": "ext::sh%20-c%20x"}, "is not an https or ssh URL"),
        ({"url": "https://forge.example/a b"}, "has white space"),
        ({"url": "git@forge.example:a\x07"}, "has white space or control characters"),
        ({"url": "file:///srv/a.git"}, "is not an https or ssh URL"),
        ({"url": "--upload-pack=x"}, "is not an https or ssh URL"),
        ({"url": "https://forge.example/a", "ssh_key": "file/k"}, "https url needs username and token"),
        ({"url": "git@forge.example:a", "token": "env/X"}, "ssh url needs ssh_key"),
        ({"url": "git@forge.example:a", "ssh_key": "env/X"}, "write file/PATH or credential/NAME"),
        ({"url": "git@forge.example:a", "ref": "HEAD"}, "name the branch"),
        ({"url": "git@forge.example:a", "source": "worktree"}, "name its folder in path"),
        ({"url": "https://forge.example/a", "username": "me"}, "say where the access token is"),
    ],
)
def test_repository_that_cannot_work_is_a_fault_of_the_configuration(
    world: Elsewhere, repository: dict[str, str], words: str
) -> None:
    file = world.folder / "qtisync.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "repository": repository}))
    ran: Ran = world.run("plan")

    assert ran.code == 78
    assert words in ran.err
    assert "pw@" not in ran.err


def test_missing_token_is_told_before_anything_is_asked(world: Elsewhere) -> None:
    file = world.folder / "qtisync.yaml"
    repository = {"url": "https://127.0.0.1:1/a.git", "token": "env/NO_SUCH_TOKEN"}
    file.write_text(json.dumps({**json.loads(file.read_text()), "repository": repository}))
    ran = world.run("plan")

    assert ran.code == 78
    assert "repository.token: the environment variable NO_SUCH_TOKEN is not set" in ran.err


@pytest.mark.parametrize(
    ("repository", "line"),
    [
        ("git@forge.example:team/items.git", "url: git@forge.example:team/items.git "),
        ("ssh://git@forge.example/items.git", "# ssh_key: "),
        ("https://forge.example/items.git", "# token: "),
        ("../items.git", "path: ../items.git "),
    ],
)
def test_init_takes_an_address_or_a_folder(world: Elsewhere, repository: str, line: str) -> None:
    ran = world.run("init", "fresh", "--repository", repository)

    assert ran.code == 0, ran.err
    assert line in (world.folder / "fresh" / "qtisync.yaml").read_text()
