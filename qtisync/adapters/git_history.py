"""Who last touched a path, read from ``git log`` as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from qtisync.adapters.git_child import GitChild
from qtisync.adapters.git_faults import GitTimeoutError
from qtisync.adapters.git_objects import path_of
from qtisync.adapters.git_process import GitRunner
from qtisync.model import CommitId, CommitInfo, RepoPath

_LOG = (
    "log",
    "-z",
    "--name-only",
    "--format=%x00%H %P%x00%an",
    "--diff-merges=first-parent",
    "--no-renames",
    "--no-relative",
    "--ignore-submodules=none",
    "--no-ext-diff",
    "--no-color",
    "--no-notes",
    "--no-mailmap",
    "--no-show-signature",
    "--no-decorate",
)


_AUTHOR = re.compile(rb"author ([^<>]*?) ?<[^<>]*> \d+ [-+]\d+")


class _Touch(NamedTuple):
    """A commit changed a path."""

    info: CommitInfo
    merge: bool
    path: RepoPath


def last_touched(
    runner: GitRunner, base: CommitId | None, commit: CommitId, paths: Iterable[RepoPath], seconds: float
) -> Mapping[RepoPath, CommitInfo]:
    """For each path the newest ordinary commit of ``base..commit`` that changed it: who wrote it, not who merged it.

    A merge counts only for a path that no ordinary commit of the range changed, and by what it changed in its first
    parent. The author is the name in the commit; mailmaps are not used. Both commits must exist. After ``seconds`` it
    gives what was found so far: whose work it is must not keep a pass from going on.
    """
    missing = set(paths)
    found: dict[RepoPath, CommitInfo] = {}
    merged: dict[RepoPath, CommitInfo] = {}
    if not missing:
        return found
    range_end = () if base is None else (f"^{base}",)
    child = runner.start(*_LOG, "--end-of-options", commit, *range_end, "--", timeout=min(seconds, runner.timeout))
    try:
        for touch in _touches(child):
            if touch.path not in missing:
                continue
            if touch.merge:
                merged.setdefault(touch.path, touch.info)
                continue
            found[touch.path] = touch.info
            missing.discard(touch.path)
            if not missing:
                break
        else:
            child.finish()
    except GitTimeoutError:
        pass
    finally:
        runner.release(child)
    return merged | found


def parents_of(commit: bytes) -> list[str]:
    """The parents that a commit object names."""
    head = commit.partition(b"\n\n")[0].split(b"\n")
    return [row[len(b"parent ") :].decode("ascii", "replace") for row in head if row.startswith(b"parent ")]


def author_of(commit: bytes, name: CommitId) -> CommitInfo | None:
    """Who made a commit, from its object; ``None`` if git must say it, because it is not in UTF-8."""
    head = commit.partition(b"\n\n")[0].split(b"\n")
    rows = [row for row in head if row.startswith(b"author ")]
    found = _AUTHOR.fullmatch(rows[0]) if len(rows) == 1 else None
    if found is None or any(row.startswith(b"encoding ") for row in head):
        return None
    try:
        author = found[1].decode()
    except UnicodeDecodeError:
        return None
    return CommitInfo(commit=name, author="".join(filter(str.isprintable, author)))


def _touches(child: GitChild) -> Iterator[_Touch]:
    """The log, newest commit first. An empty part begins a commit; then its ids, its author, its paths."""
    info, merge, first = CommitInfo(commit=CommitId(""), author=""), False, False
    parts = _parts(child)
    for part in parts:
        if not part:
            ids = next(parts, b"").decode("ascii", "replace").split(" ")
            author = next(parts, b"").decode("utf-8", "replace")
            merge, first = len(ids) > 2, True  # noqa: PLR2004 - itself and one parent
            info = CommitInfo(commit=CommitId(ids[0]), author="".join(filter(str.isprintable, author)))
            continue
        yield _Touch(info, merge, path_of(part[1:] if first else part))
        first = False


def _parts(child: GitChild) -> Iterator[bytes]:
    rest = b""
    while data := child.chunk():
        *parts, rest = (rest + data).split(b"\0")
        yield from parts
