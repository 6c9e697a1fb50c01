"""demo: the whole story on one machine, with a real repository, a real server and the real commands."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

from qtisync.cli.hook import program
from qtisync.cli.start import configuration
from qtisync.demo import edits
from qtisync.errors import QtisyncError, UsageError

USUAL_PORT = 8765
AUTHOR = {"user.name": "Ada Author", "user.email": "ada@example.org", "commit.gpgsign": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the story plays: a folder with a content repository and a configuration, and a running API."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def content(self) -> Path:
        """The content repository."""
        return self.folder / "content"

    def qtisync(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> None:
        """Run one of our own commands, as a user would."""
        click.echo(click.style(f"$ qtisync {shlex.join(arguments)}", bold=True))
        sys.stdout.flush()
        # Loggings of the demo's own syncs would bury its story; a report says what happened.
        command = [sys.executable, "-m", "qtisync", *arguments, "--quiet"]
        done = subprocess.run(command, cwd=self.folder, env=dict(self.environ), check=False)
        if done.returncode not in expect:
            hint = f"Look at {self.folder}, where the demo stopped."
            raise QtisyncError(f"qtisync {arguments[0]} left with {done.returncode}.", hint=hint)
        click.echo(click.style(f"(exit {done.returncode})", dim=True))

    def git(self, *arguments: str) -> None:
        """Run git in the content repository."""
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=self.content, env=dict(self.environ), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise QtisyncError(f"git {arguments[0]} failed: {done.stderr.strip()}", hint="Is git installed?")

    def commit(self, message: str) -> None:
        """Commit everything in the content repository."""
        click.echo(click.style(f'$ git commit -a -m "{message}"', bold=True))
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)


@click.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
def demo(*, directory: Path | None) -> int:
    """Show everything at once: a sandbox API, a content repository, a sync, an edit, a second sync.

    DIR (new or empty; default: a new temporary folder) is left for you to play with.
    """
    from qtisync.sandbox.options import Options  # noqa: PLC0415 - h11 and lxml are heavy
    from qtisync.sandbox.server import Sandbox  # noqa: PLC0415 - likewise

    folder = directory or Path(tempfile.mkdtemp(prefix="qtisync-demo-"))
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty.", hint="Name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    state = folder.resolve() / "sandbox.json"
    with Sandbox(Options(state_file=state, port=_port())) as api:
        # Settings of whoever runs the demo (QTISYNC_…, a git hook's GIT_…) must not change its story.
        own = {name: value for name, value in os.environ.items() if not name.startswith(("QTISYNC_", "GIT_"))}
        environ = {**own, "QTI_CLIENT_ID": api.client_id, "QTI_CLIENT_SECRET": api.client_secret}
        stage = Stage(folder=folder.resolve(), environ=environ)
        prepare(stage, api.base_url, api.token_url)
        tell(stage)
        click.echo(
            f"\nThe sandbox was asked {len(api.journal)} times, tokens and the first look at it included; "
            f"{len(api.journal.writes())} of them were writes."
        )
    click.echo(goodbye(stage, state, urlsplit(api.base_url).port))
    return 0


def prepare(stage: Stage, base_url: str, token_url: str) -> None:
    """A content repository with a first commit, and a configuration beside it."""
    for name, data in edits.content_files().items():
        file = stage.content / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    stage.git("init", "-q", "-b", "main")
    for name, value in AUTHOR.items():  # whoever plays on may have no name for git yet
        stage.git("config", name, value)
    text = configuration("./content", ref="main", name="demo", base_url=base_url, token_url=token_url)
    (stage.folder / "qtisync.yaml").write_text(text, encoding="utf-8")


def tell(stage: Stage) -> None:
    """The story: plan, apply, four edits, plan, apply, status."""
    _chapter("1. A content repository: items as XML, metadata as YAML beside them.")
    stage.commit("Mathematics and biology: the first items")
    stage.qtisync("plan", expect=(0,))
    _chapter("2. Apply it. The API is a sandbox on this machine; every item is written once.")
    stage.qtisync("apply", "--yes")
    _chapter("3. An author edits: one answer key, one sidecar, one broken file, one file moved.")
    change(stage)
    stage.commit("Correct a key, adjust a difficulty, work on a draft, tidy up")
    stage.qtisync("plan")
    _chapter("4. Apply: exactly the calls it needs. The broken file is held; the API keeps its last good version.")
    stage.qtisync("apply", "--yes", expect=(3,))
    _chapter("5. And where do we stand?")
    stage.qtisync("status")


def change(stage: Stage) -> None:
    """Four edits of four files."""
    for name, edit in (
        (edits.EDITED_ITEM, edits.edit_answer_key),
        (edits.EDITED_SIDECAR, edits.edit_sidecar),
        (edits.BROKEN_ITEM, edits.break_file),
    ):
        file = stage.content / name
        file.write_text(edit(file.read_text(encoding="utf-8")), encoding="utf-8")
        click.echo(click.style(f"$ edit {name}", bold=True))
    for old, new in edits.MOVES:
        (stage.content / new).parent.mkdir(parents=True, exist_ok=True)
        click.echo(click.style(f"$ git mv {old} {new}", bold=True))
        stage.git("mv", old, new)


def _chapter(title: str) -> None:
    click.echo()
    click.echo(click.style(title, fg="cyan", bold=True))


def _port() -> int:
    """The sandbox's usual port, so that one can play on with the same configuration; any other if it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return 0
    return USUAL_PORT


def goodbye(stage: Stage, state: Path, port: int | None) -> str:
    """Where everything is, and commands that go on with it when they are pasted into a terminal."""
    credentials = " ".join(
        f"{name}={shlex.quote(stage.environ[name])}" for name in ("QTI_CLIENT_ID", "QTI_CLIENT_SECRET")
    )
    mend, start = edits.MEND, shlex.join(["qtisync", "sandbox", "--port", str(port), "--state", str(state)])
    lines = [
        f"cd {shlex.quote(str(stage.folder))}",
        *find_us(),
        f"export {credentials}",
        f"{start} &",
        f"sed -i {shlex.quote(mend)} content/{edits.BROKEN_ITEM}",
        'git -C content commit -qam "Mend the draft"',
        "qtisync plan",
        "qtisync sync",
        "qtisync status",
    ]
    return "\n".join(
        [
            f"\nEverything is in {stage.folder}. To play on, paste this:",
            *(f"  {line}" for line in lines),
            "It starts the sandbox again (`kill %1` ends it), mends the broken file and syncs.",
            "For your own repository: qtisync init, then qtisync doctor.",
        ]
    )


def find_us() -> list[str]:
    """What a shell needs before it finds ``qtisync``; nothing if it finds this one already."""
    ours = program()
    found = shutil.which("qtisync")
    if len(ours) > 1:
        return [f'qtisync() {{ {shlex.join(ours)} "$@"; }}']
    if found is not None and Path(found).resolve() == Path(ours[0]).resolve():
        return []
    return [f'export PATH={shlex.quote(str(Path(ours[0]).parent))}:"$PATH"']
