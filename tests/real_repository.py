"""A real git repository for tests, with the same verbs as ``FakeSource``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from qtisync.model import CommitId

Contents = Mapping[str | bytes, bytes | tuple[str, bytes] | None]


class RealRepository:
    """A repository at ``path``, made by ``git init`` with these options; commits are one minute apart."""

    def __init__(self, path: Path, *options: str) -> None:
        self.path = path
        self._made = 0
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *(options or ("--bare",)))

    def git(self, *arguments: str, data: bytes = b"") -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        env = clean | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        env |= {f"GIT_{who}_{what}": "t@t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", "-c", "core.fsync=none", *arguments],
            cwd=self.path,
            input=data,
            env=env,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "replace").strip()

    def commit(
        self, contents: Contents, author: str = "An Author", branch: str = "main", merge: CommitId | None = None
    ) -> CommitId:
        """Builds on ``branch`` and moves it; with ``merge`` it has a second parent."""
        self._made += 1
        ref = f"refs/heads/{branch}"
        head = subprocess.run(
            ["git", "rev-parse", "-q", "--verify", ref], cwd=self.path, capture_output=True, check=False
        ).stdout
        who = b"%s <a@example.org> %d +0000" % (author.encode(), 1_700_000_000 + 60 * self._made)
        lines = [b"commit %s" % ref.encode(), b"author " + who, b"committer " + who, b"data 1\nm"]
        lines += [b"from " + head.strip()] if head else []
        lines += [b"merge " + merge.encode()] if merge else []
        for path, content in contents.items():
            name = _quoted(path if isinstance(path, bytes) else path.encode())
            if content is None:
                lines.append(b"D " + name)
                continue
            mode, data = content if isinstance(content, tuple) else ("100644", content)
            if mode == "160000":
                lines.append(b"M 160000 %s %s" % (data, name))
            else:
                lines.append(b"M %s inline %s\ndata %d\n%s" % (mode.encode(), name, len(data), data))
        self.git("fast-import", "--quiet", "--force", "--date-format=raw", data=b"\n".join(lines) + b"\n")
        return CommitId(self.git("rev-parse", ref))

    def move_ref(self, ref: str, commit: CommitId | None) -> None:
        name = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        if commit is None:
            self.git("update-ref", "-d", name)
        else:
            self.git("update-ref", name, commit)

    def forget(self, commit: CommitId) -> None:
        """Gc with no mercy; ``commit`` must not be reachable any more."""
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "-q", "--prune=now")
        assert commit not in self.git("cat-file", "--batch-check", "--batch-all-objects")


def _quoted(path: bytes) -> bytes:
    return (
        b'"'
        + b"".join(b"\\%03o" % byte if byte < 48 or byte > 122 or byte == 92 else b"%c" % byte for byte in path)
        + b'"'
    )
