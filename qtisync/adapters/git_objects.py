"""Objects by ``git cat-file --batch``, differences by ``git diff-tree --stdin``: processes that stay between questions.

Starting a git costs 2 ms and more, an answer of a running one 0.1 ms. A running one sees later refs and objects, too.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar, cast

from qtisync.adapters.git_child import GitChild, GitEndedError
from qtisync.adapters.git_process import GitRunner
from qtisync.errors import RepositoryError
from qtisync.model import BlobId, RepoPath, TreeEntry

_UNDER_WAY = 4096
"""Bytes of questions that may be unanswered: every pipe holds as many, so writing them never waits for git to read."""
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_READ = ("cat-file", "--batch")
_COMPARE = (
    "diff-tree",
    "--stdin",
    "-r",
    "-z",
    "--name-only",
    "--no-renames",
    "--no-relative",
    "--ignore-submodules=none",
)
_COMPARISONS = 32
"""After so many, a new diff-tree is started: it keeps the top tree of everything that it compared in memory."""

T = TypeVar("T")


class GitObject(NamedTuple):
    """An object that was found: complete id, type, size in bytes and, unless it is too large, its content."""

    id: str
    type: str
    size: int
    data: bytes | None


def is_object_id(text: str) -> bool:
    """Whether this is a complete id, 40 or 64 lower-case hexadecimal digits."""
    return _OBJECT_ID.fullmatch(text) is not None


def path_of(raw: bytes) -> RepoPath:
    r"""A path as it is shown: UTF-8, and bytes that are not are written ``\xE9``, so that the entry stays visible.

    A path is shown alike wherever it occurs, so those of trees, differences and histories can be compared.
    """
    return RepoPath(raw.decode("utf-8", "backslashreplace"))


def paths_of(raw: bytes | bytearray) -> list[RepoPath]:
    """Paths that each end with NUL."""
    return cast("list[RepoPath]", raw.decode("utf-8", "backslashreplace").split("\0")[:-1])


def tree_entries(listing: bytes | bytearray, digits: int) -> list[TreeEntry]:
    """Entries of ``git ls-tree -r -z``: ``<mode> blob <id>TAB<path>NUL``, for submodules ``commit``; ids of ``digits``.

    By position, because of 200,000 of them: a regular expression takes twice as long.
    """
    blob, commit = len("100644 blob "), len("160000 commit ")
    blob_end, commit_end = blob + digits, commit + digits
    return [
        TreeEntry(RepoPath(entry[blob_end + 1 :]), entry[:6], BlobId(entry[blob:blob_end]))
        if entry[7] == "b"
        else TreeEntry(RepoPath(entry[commit_end + 1 :]), entry[:6], BlobId(entry[commit:commit_end]))
        for entry in paths_of(listing)
    ]


_IN_TREE = {digits: re.compile(rb"([0-7]+) ([^\0]+)\0(.{%d})" % (digits // 2), re.DOTALL) for digits in (40, 64)}


def entries_of(tree: bytes, folder: str, names: set[bytes], digits: int) -> Iterator[TreeEntry]:
    """The files with one of these names in a tree object, whose entries are ``<mode> <name>NUL<binary id>``."""
    prefix = f"{folder}/" if folder else ""
    for mode, name, blob in _IN_TREE[digits].findall(tree):
        if name in names and mode != b"40000":
            yield TreeEntry(path_of(prefix.encode() + name), mode.decode().zfill(6), BlobId(blob.hex()))


def answers(child: GitChild, names: Sequence[str], max_bytes: int) -> Iterator[GitObject | None]:
    """Ask a running ``cat-file --batch`` for ``names``, pipelined; ``None`` for what is not there.

    Each object has the full time limit. The child is of no use any more if the iterator is left before its end.
    """
    window = max(1, _UNDER_WAY // (max(map(len, names), default=0) + 1))
    asked = 0
    for answered, name in enumerate(names):
        if asked < len(names) and asked - answered <= window // 2:
            questions = names[asked : answered + window]
            child.write(("\n".join(questions) + "\n").encode())
            asked += len(questions)
        child.restart_clock()
        yield _answer(child, name, max_bytes)


def _answer(child: GitChild, name: str, max_bytes: int) -> GitObject | None:
    fields = child.line().decode("utf-8", "replace").split(" ")
    if len(fields) != 3 or not fields[2].isdigit():  # noqa: PLR2004 - "<id> <type> <size>"; else "<name> missing"
        return None
    found, kind, size = fields[0], fields[1], int(fields[2])
    if found != name and len(found) == len(name) and is_object_id(name):
        raise RepositoryError(f"git answered with the object {found} for {name}.", hint="Try again.")
    if size <= max_bytes:
        return GitObject(found, kind, size, child.exactly(size + 1)[:-1])
    child.skip(size + 1)
    return GitObject(found, kind, size, None)


class SharedChild:
    """A git that stays, for one question at a time; it is started when needed and again after it broke."""

    def __init__(self, runner: GitRunner, *command: str) -> None:
        self._runner = runner
        self._command = command
        self._lock = threading.Lock()
        self._child: GitChild | None = None

    def ask(self, question: Callable[[GitChild], T]) -> T:
        """The result of ``question``; asked once more if a child that had worked before is found dead."""
        with self._lock:
            was_running = self._child is not None
            try:
                return self._attempt(question)
            except GitEndedError:
                if not was_running:
                    raise
                return self._attempt(question)

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._drop()

    def _attempt(self, question: Callable[[GitChild], T]) -> T:
        if self._child is None:
            self._child = self._runner.start(*self._command, speaks=True)
        self._child.restart_clock()
        try:
            return question(self._child)
        except BaseException:  # whatever it was: where we stand in its output is not known any more
            self._drop()
            raise

    def _drop(self) -> None:
        if self._child is not None:
            self._runner.release(self._child)
            self._child = None


class ObjectReader:
    """Objects of one repository. Threads may share it."""

    def __init__(self, runner: GitRunner) -> None:
        self._runner = runner
        self._shared = SharedChild(runner, *_READ)

    def read(self, names: Sequence[str], max_bytes: int = 1 << 30) -> tuple[list[GitObject | None], bytes]:
        """A few objects by anything that names one on a single line, and what git complained about meanwhile."""

        def question(child: GitChild) -> tuple[list[GitObject | None], bytes]:
            found = list(answers(child, names, max_bytes))
            return found, child.errors

        return self._shared.ask(question)

    def stream(self, names: Sequence[str], max_bytes: int) -> Generator[GitObject | None, None, None]:
        """Many objects, by a process of its own, so that others are answered meanwhile."""
        child = self._runner.start(*_READ, speaks=True)
        try:
            yield from answers(child, names, max_bytes)
        finally:
            self._runner.release(child)

    def close(self) -> None:
        """End the process that stays."""
        self._shared.close()


class TreeComparer:
    """Differences of two trees. Threads may share it."""

    def __init__(self, runner: GitRunner) -> None:
        self._shared = SharedChild(runner, *_COMPARE)
        self._count = 0

    def paths(self, old: str, new: str) -> list[RepoPath]:
        """The paths that differ, sorted; raises ``GitEndedError`` if a tree cannot be read."""
        self._count += 1
        if self._count % _COMPARISONS == 0:
            self._shared.close()
        # git repeats a line that does not begin with an id, which marks the end; no path contains this one.
        end = f"//{secrets.token_hex(8)}\n"

        def question(child: GitChild) -> bytes:
            child.write(f"{old} {new}\n{end}".encode())
            return child.until(end.encode())

        header, found, paths = self._shared.ask(question).partition(b"\n")
        if not found or header != f"{old} {new}".encode():
            raise GitEndedError(f"git cannot compare the trees {old} and {new}.", hint="Look at it with `git fsck`.")
        return paths_of(paths)

    def close(self) -> None:
        """End the process that stays."""
        self._shared.close()


def all_object_ids(names: Iterable[str]) -> bool:
    """Whether every name is a complete id: only then may it be written to git, one per line."""
    return all(map(is_object_id, names))
