"""A world in which authors push to a bare repository, and see what its hooks say."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from world import IDENTITY, World


class Pushed(World):
    """A world in which authors push to a bare repository; the configuration names that one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.bare = self.folder / "bare repo.git"
        self.command_of_git("init", "-q", "--bare", "-b", "main", str(self.bare))
        self.git("remote", "add", "origin", str(self.bare))

    def command_of_git(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *IDENTITY, *arguments],
            cwd=cwd or self.folder,
            env={**self.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def configure(self, **changes: Any) -> None:
        super().configure(**changes)
        file = self.folder / "qtisync.yaml"
        config = json.loads(file.read_text())
        config["repository"]["path"] = str(self.bare)
        file.write_text(json.dumps(config))

    def push(self, *refs: str) -> subprocess.CompletedProcess[str]:
        return self.command_of_git("push", "-q", "origin", *(refs or ("main",)), cwd=self.content)

    def heard(self, *refs: str) -> list[str]:
        """What the pusher of a push that arrived was told."""
        done = self.push(*refs)
        assert done.returncode == 0, done.stderr
        return said(done)

    @property
    def head(self) -> str:
        return self.command_of_git("rev-parse", "-q", "--verify", "refs/heads/main", cwd=self.bare).stdout.strip()


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    lines = [line.removeprefix("remote: ").rstrip() for line in done.stderr.splitlines() if line.startswith("remote: ")]
    return [line.removeprefix("qtisync: ") for line in lines if line]
