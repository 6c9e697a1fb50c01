"""The recipes for a forge, run: every line of shell in them, against the sandbox and a stand-in for the forge's API.

What needs the forge itself is not run: checkout, setup-python, the artifacts and the runner's choice of a machine.
``pip`` and ``apt-get`` are stand-ins that only say what they were asked for; ``gh`` is one that keeps comments in a
file; ``curl`` and ``jq`` are the real ones.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from world import World, item_xml

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
GITHUB, GITLAB = (yaml.safe_load((EXAMPLES / name).read_text()) for name in ("github-actions.yml", "gitlab-ci.yml"))
NEEDED = [tool for tool in ("bash", "jq", "curl") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason=f"the recipes call {', '.join(NEEDED)}, which this machine lacks")

GH = r"""#!/usr/bin/env python3
import json, os, subprocess, sys
words, file = sys.argv[1:], os.environ["COMMENTS_FILE"]
comments = json.load(open(file))
assert words[0] == "api" and os.environ["GH_TOKEN"], words
if "--jq" in words:
    assert words[1:3] == ["--paginate", os.environ["COMMENTS"]], words
    print(subprocess.run(["jq", "-r", words[-1]], input=json.dumps(comments), text=True, check=True,
                         capture_output=True).stdout, end="")
else:
    method, url, body = words[words.index("--method") + 1], words[words.index("--method") + 2], words[-1]
    assert body.startswith("body=@") and words[-2] == "-F", words
    text = open(body.removeprefix("body=@")).read()
    if method == "POST":
        assert url == os.environ["COMMENTS"], url
        comments.append({"id": 100 + len(comments), "user": {"type": "Bot"}, "body": text})
    else:
        (one,) = [one for one in comments if url == f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/comments/{one['id']}"]
        one["body"] = text
    json.dump(comments, open(file, "w"))
"""
STRANGERS = [{"id": 7, "user": {"type": "User"}, "body": "<!-- qtisync:plan:test --> I only quote it"}]


@dataclass
class Runner:
    """A machine that runs jobs, in a folder of its own, with the service's configuration and record at hand."""

    world: World
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tools = self.folder / "bin"
        tools.mkdir(parents=True)
        self.job = self.folder / "job"
        self.job.mkdir()
        said = f'#!/bin/sh\necho "$(basename "$0") $*" >> "{self.folder}/said"\n'
        ours = f'#!/bin/sh\nexec "{sys.executable}" -W error -m qtisync "$@"\n'
        for name, text in {"pip": said, "apt-get": said, "qtisync": ours, "gh": GH}.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        path = f"{tools}:{self.world.environ['PATH']}"
        self.environ = {**self.world.environ, "PATH": path, "SYNC_PACKAGE": "qtisync", **self.environ}
        self.environ["SYNC_CONFIG"] = str(self.world.folder / "qtisync.yaml")

    def run(self, shell: str, code: int = 0, *, options: str = "-e", cwd: Path | None = None, **environ: str) -> str:
        """One piece of shell, as the forge starts it."""
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", *options.split(), "-c", shell],
            cwd=cwd or self.job,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == code, (shell, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    @property
    def said(self) -> list[str]:
        """What was asked of the stand-ins."""
        return (self.folder / "said").read_text().splitlines()

    def checkout(self) -> Path:
        """What a forge checks out for a job."""
        shutil.copytree(self.world.content, self.folder / "checkout", dirs_exist_ok=True)
        return self.folder / "checkout"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "service") as world:
        world.commit({"a.xml": item_xml("a"), "b.xml": item_xml("b")})
        world.report("sync", code=0)
        yield world


def steps(job: str) -> list[dict[str, Any]]:
    """The steps of a job of GitHub's recipe that run a shell."""
    return [step for step in GITHUB["jobs"][job]["steps"] if "run" in step]


def expanded(values: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Environment variables with GitHub's expressions replaced; an expression that is not known here is a fault."""
    return {
        name: re.sub(r"\$\{\{ *([\w.]+) *\}\}", lambda found: known[found[1]], text) for name, text in values.items()
    }


class TestGitHub:
    """github-actions.yml."""

    def test_validate_annotates_the_broken_line_and_fails(self, world: World, tmp_path: Path) -> None:
        runner = Runner(world, tmp_path / "runner")
        install, validate = steps("validate")
        runner.run(install["run"])
        assert runner.said == ["pip install qtisync"]
        runner.run(validate["run"], cwd=runner.checkout())
        world.commit({"b.xml": "<broken"})
        out = runner.run(validate["run"], 9, cwd=runner.checkout())
        assert "::error file=b.xml,line=1" in out

    def test_plan_comments_once_and_brings_its_comment_up_to_date(self, world: World, tmp_path: Path) -> None:
        comments = tmp_path / "comments.json"
        comments.write_text(json.dumps(STRANGERS))
        github = {"GITHUB_REPOSITORY": "school/items", "COMMENTS_FILE": str(comments)}
        runner = Runner(world, tmp_path / "runner", github)
        plan, comment = steps("plan")
        seen = []
        for words in ("One", "Two"):
            world.commit({"a.xml": item_xml("a", words), f"{words}.xml": item_xml(words)})
            known = {
                "github.event.pull_request.head.sha": world.git("rev-parse", "HEAD"),
                "github.token": "t",
                "github.repository": "school/items",
                "github.event.pull_request.number": "5",
            }
            environ = expanded(GITHUB["jobs"]["plan"]["env"], known)
            runner.run(plan["run"], **environ)
            assert "<html" in (runner.job / "plan.html").read_text()
            runner.run(comment["run"], **environ, **expanded(comment["env"], known))
            stranger, ours = json.loads(comments.read_text())
            assert stranger == STRANGERS[0]
            seen.append((ours["id"], ours["body"].startswith("<!-- qtisync:plan:test -->\n"), words in ours["body"]))
        assert seen == [(101, True, True)] * 2
        assert world.report("plan")["summary"]["create"] == 2, "nothing was sent by any of it"

    def test_wait_ends_when_the_commit_is_live_and_fails_if_something_was_refused(
        self, world: World, tmp_path: Path
    ) -> None:
        runner = Runner(world, tmp_path / "runner")
        wait, summary = steps("wait")
        sha = world.commit({"a.xml": item_xml("a", "Edited")})
        world.report("sync", code=0)
        runner.run(wait["run"], GITHUB_SHA=sha)
        runner.run(summary["run"], GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
        assert sha[:7] in (tmp_path / "summary.md").read_text()
        refused = world.commit({"b.xml": "<broken"})
        assert world.run("sync").code != 0
        runner.run(wait["run"], 3, GITHUB_SHA=refused)
        assert "b.xml" in runner.run(
            f"{summary['run']} && cat '{tmp_path}/summary.md'", GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md")
        )


class Notes(ThreadingHTTPServer):
    """The part of GitLab's API that the recipe calls: the notes of one merge request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), NotesHandler)
        self.notes: list[dict[str, Any]] = [{"id": 3, "body": "Looks good."}]
        self.calls: list[str] = []
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/v4"

    def end(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class NotesHandler(BaseHTTPRequestHandler):
    """One request."""

    server: Notes
    path_of_notes = "/api/v4/projects/9/merge_requests/4/notes"

    def do_GET(self) -> None:
        self._answer(f"{self.path_of_notes}?per_page=100&order_by=created_at&sort=asc", lambda: self.server.notes)

    def do_POST(self) -> None:
        def add() -> dict[str, Any]:
            self.server.notes.append({"id": 40 + len(self.server.notes), "body": self._body()})
            return self.server.notes[-1]

        self._answer(self.path_of_notes, add)

    def do_PUT(self) -> None:
        def change() -> dict[str, Any]:
            (note,) = [note for note in self.server.notes if self.path.endswith(f"/{note['id']}")]
            note["body"] = self._body()
            return note

        self._answer(re.sub(r"/\d+$", "", self.path) == self.path_of_notes and self.path, change)

    def _body(self) -> str:
        """The one field of a form in several parts."""
        data = self.rfile.read(int(self.headers["Content-Length"])).decode()
        found = re.search(r'name="body"\r\n\r\n(.*)\r\n--', data, re.DOTALL)
        assert found is not None, data
        return found[1]

    def _answer(self, expected: str | bool, act: Any) -> None:
        allowed = self.path == expected and self.headers["PRIVATE-TOKEN"] == "secret"
        self.server.calls.append(f"{self.command} {'ok' if allowed else self.path}")
        body = json.dumps(act() if allowed else {}).encode()
        self.send_response(200 if allowed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def notes() -> Iterator[Notes]:
    server = Notes()
    yield server
    server.end()


def script(job: str, name: str = "script") -> str:
    """The lines of a job of GitLab's recipe, joined as a runner joins them."""
    return "\n".join(GITLAB[job][name])


STRICT = "-e -o pipefail"


class TestGitLab:
    """gitlab-ci.yml."""

    def test_validate_writes_test_results_and_fails_for_a_broken_file(self, world: World, tmp_path: Path) -> None:
        runner = Runner(world, tmp_path / "runner")
        checkout = runner.checkout()
        runner.run(script("qtisync-validate"), options=STRICT, cwd=checkout)
        assert runner.said == ["apt-get update -qq", "apt-get install -qq -y git", "pip install qtisync"]
        assert "<testsuite" in (checkout / GITLAB["qtisync-validate"]["artifacts"]["reports"]["junit"]).read_text()
        world.commit({"b.xml": "<broken"})
        checkout = runner.checkout()
        runner.run(script("qtisync-validate"), 9, options=STRICT, cwd=checkout)
        assert "<failure" in (checkout / "validate.xml").read_text()

    def test_plan_comments_once_and_brings_its_comment_up_to_date(
        self, world: World, notes: Notes, tmp_path: Path
    ) -> None:
        gitlab = {
            "CI_API_V4_URL": notes.url,
            "CI_PROJECT_ID": "9",
            "CI_MERGE_REQUEST_IID": "4",
            "NOTES_TOKEN": "secret",
            "no_proxy": "127.0.0.1",
        }
        runner = Runner(world, tmp_path / "runner", gitlab)
        for words, branch in (("One", ""), ("Two", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")):
            sha = world.commit({"a.xml": item_xml("a", words), f"{words}.xml": item_xml(words)})
            environ = {branch or "CI_COMMIT_SHA": sha}
            runner.run(script("qtisync-plan"), options=STRICT, **environ)
            assert "<html" in (runner.job / GITLAB["qtisync-plan"]["artifacts"]["paths"][0]).read_text()
            runner.run(script("qtisync-plan", "after_script"), options=STRICT)
            stranger, ours = notes.notes
            assert stranger == {"id": 3, "body": "Looks good."}
            assert (ours["id"], ours["body"].startswith("<!-- qtisync:plan:test -->"), words in ours["body"]) == (
                41,
                True,
                True,
            )
        assert notes.calls == ["GET ok", "POST ok", "GET ok", "PUT ok"]

    def test_wait_ends_when_the_commit_is_live(self, world: World, tmp_path: Path) -> None:
        runner = Runner(world, tmp_path / "runner")
        sha = world.commit({"a.xml": item_xml("a", "Edited")})
        world.report("sync", code=0)
        runner.run(script("qtisync-wait"), options=STRICT, CI_COMMIT_SHA=sha)
        assert sha[:7] in runner.run(script("qtisync-wait", "after_script"), options=STRICT)


def test_every_line_of_shell_in_the_recipes_is_run_above() -> None:
    """A job that is added to a recipe needs a test here."""
    github = {(job, len(steps(job))) for job in GITHUB["jobs"]}
    gitlab = {
        (name, tuple(sorted(job.keys() & {"script", "after_script", "before_script"})))
        for name, job in GITLAB.items()
        if isinstance(job, dict) and "script" in job
    }

    assert github == {("validate", 2), ("plan", 2), ("wait", 2)}
    assert gitlab == {
        ("qtisync-validate", ("script",)),
        ("qtisync-plan", ("after_script", "script")),
        ("qtisync-wait", ("after_script", "script")),
    }
