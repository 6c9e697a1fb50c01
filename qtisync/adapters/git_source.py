"""The content repository: commits, files, differences and authors of any local git repository, bare or not."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from qtisync.adapters.git_child import GitEndedError
from qtisync.adapters.git_faults import explain, no_commit
from qtisync.adapters.git_history import author_of, last_touched, parents_of
from qtisync.adapters.git_objects import (
    GitObject,
    ObjectReader,
    TreeComparer,
    all_object_ids,
    entries_of,
    is_object_id,
    tree_entries,
)
from qtisync.adapters.git_process import NO_EXTRAS, Extras, GitRunner
from qtisync.errors import BlobMissingError, RepositoryError
from qtisync.model import BlobId, CommitId, CommitInfo, RepoPath, TooLarge, TreeEntry

HISTORY_SECONDS = 10.0
"""How long the search for authors may take."""
_FEW = 16
"""So many blobs are read by the process that stays; more are worth one of their own."""
_NO_REF = re.compile(r"^-|^$|^/|\.\.|//|[\x00-\x20\x7f\\?*\[:{]")
_LONGEST_REF = 512
_BRANCHES_SHOWN = 5


class GitSource:
    """One local repository, named by its top folder, its ``.git`` or, if it is bare, itself. Threads may share it.

    Nothing is started before the first question. ``timeout``, in seconds, bounds every answer; of many blobs, each.
    ``name``: what reports call it, if that is not its path. ``extras``: see ``git_process``.
    """

    def __init__(self, path: Path, *, timeout: float = 60.0, name: str = "", extras: Extras = NO_EXTRAS) -> None:
        self._path = path
        self._name = name or str(path)
        self._runner = GitRunner(path, timeout, extras)
        self._objects = ObjectReader(self._runner)
        self._comparer = TreeComparer(self._runner)

    def location(self) -> str:
        """The name that was given, else the path."""
        return self._name

    def full_ref(self, ref: str) -> str:
        """``main`` → ``refs/heads/main``, ``HEAD`` → the branch it stands for; a commit id or ``main~1`` as it is."""
        name, _ = self._find(ref)
        if name in {"HEAD", "@"}:
            code, output = self._runner.run("symbolic-ref", "-q", "HEAD", accept=(0, 1))
            return output.decode("utf-8", "replace").strip() if code == 0 else "HEAD"
        return name

    def resolve(self, ref: str) -> CommitId:
        """The commit of a branch, tag, full ref, ``HEAD`` or (shortened) id; of equal names, the first in this order.

        A complete id; a branch; a tag; ``refs/<ref>``; a remote's branch; whatever git itself makes of it. So a tag
        that is given the name of a branch never takes its place.
        """
        return CommitId(self._find(ref)[1])

    def tree(self, commit: CommitId) -> Sequence[TreeEntry]:
        r"""All entries, sorted by path. A path that is not UTF-8 is shown with ``\xE9`` for its foreign bytes."""
        self._commit(commit)
        _, output = self._runner.run("ls-tree", "-r", "-z", "--full-tree", commit)
        return tree_entries(output, len(commit))

    def entries(self, commit: CommitId, paths: Iterable[RepoPath]) -> Sequence[TreeEntry] | None:
        """By the process that stays, one tree for each folder; ``None`` if a path cannot be asked for on a line."""
        names: dict[str, set[bytes]] = {}
        for path in paths:
            if "\n" in path or "\\" in path:  # the second stands for bytes that are not UTF-8
                return None
            folder, _, name = path.rpartition("/")
            names.setdefault(folder, set()).add(name.encode())
        folders = sorted(names)
        asked = [commit, *(f"{commit}:{folder}" for folder in folders)] if is_object_id(commit) else []
        trees = self._objects.read(asked)[0][1:] if asked else []
        if not any(trees):
            self._commit(commit)
            return []
        found = [
            entry
            for folder, tree in zip(folders, trees, strict=True)
            if tree is not None and tree.type == "tree"
            for entry in entries_of(tree.data or b"", folder, names[folder], len(commit))
        ]
        return sorted(found, key=lambda entry: entry.path)

    def changed(self, base: CommitId, commit: CommitId) -> Sequence[RepoPath] | None:
        """Paths that differ, sorted; ``None`` also if only parts of ``base`` are left: then everything is compared."""
        old, new = self._pair(base, commit)
        if old is None:
            return None
        trees = _tree_of(old), _tree_of(new)
        if trees[0] == trees[1]:
            return []
        try:
            return self._comparer.paths(*trees)
        except GitEndedError:
            return None

    def is_ancestor(self, base: CommitId, commit: CommitId) -> bool:
        """Whether ``commit`` descends from ``base`` or is the same."""
        old, _ = self._pair(base, commit)
        if old is None:
            return False
        return self._runner.run("merge-base", "--is-ancestor", base, commit, accept=(0, 1))[0] == 0

    def blobs(self, wanted: Iterable[BlobId], max_bytes: int) -> Iterator[tuple[BlobId, bytes | TooLarge]]:
        """Contents, in the order asked for, read ahead; raises ``BlobMissingError`` at one that vanished."""
        names = list(wanted)
        if not all_object_ids(names):
            raise self._missing(next(name for name in names if not is_object_id(name)))
        if len(names) <= _FEW:
            yield from self._contents(names, self._objects.read(names, max_bytes)[0], max_bytes)
            return
        with contextlib.closing(self._objects.stream(names, max_bytes)) as found:
            yield from self._contents(names, found, max_bytes)

    def blob(self, wanted: BlobId) -> bytes:
        """One blob, by the process that stays; raises ``BlobMissingError`` if it vanished."""
        return self._blob(wanted).data or b""

    def sole_author(self, base: CommitId, commit: CommitId) -> CommitInfo | None:
        """From the commit's object, by the process that stays."""
        old, new = self._pair(base, commit)
        if old is None or parents_of(new.data or b"") != [old.id]:
            return None
        return author_of(new.data or b"", CommitId(new.id))

    def last_touched(
        self, base: CommitId | None, commit: CommitId, paths: Iterable[RepoPath]
    ) -> Mapping[RepoPath, CommitInfo]:
        """See ``git_history.last_touched``; a ``base`` that is gone is as none: the whole history is searched."""
        self._commit(commit)
        start = base if base is not None and self._lookup(base) else None
        return last_touched(self._runner, start, commit, paths, HISTORY_SECONDS)

    def close(self) -> None:
        """End every process, also one that another thread waits for; it may be used again afterwards."""
        self._runner.stop_all()
        self._objects.close()
        self._comparer.close()

    def _find(self, ref: str) -> tuple[str, str]:
        """The full name of ``ref`` and its commit."""
        if _NO_REF.search(ref) or len(ref) > _LONGEST_REF or not ref.isprintable():
            raise RepositoryError(
                f"{ref[:80]!r} cannot be the name of a branch, tag or commit.",
                hint="Write a branch such as main, a tag, or a commit id.",
                reference="ref-invalid",
            )
        names = _candidates(ref)
        found, complaints = self._objects.read([f"{name}^{{commit}}" for name in names], max_bytes=0)
        for place, commit in enumerate(found):
            if commit is None:
                continue
            if place and (b"broken ref" in complaints or self._existing(names[:place])):
                break  # a branch of this name is there but cannot be read: a tag must not take its place
            return (ref if "~" in ref or "^" in ref else names[place]), commit.id
        raise self._unknown(ref, names, complaints)

    def _unknown(self, ref: str, names: Sequence[str], complaints: bytes) -> RepositoryError:
        """Why ``ref`` is not a commit."""
        text = complaints.decode("utf-8", "replace")
        if "is ambiguous" in text:
            reason, hint = f"{ref} is the beginning of several ids in {self._path}.", "Write more digits of the id."
        elif "expected commit type" in text:
            reason, hint = (
                f"{ref} in {self._path} is not a commit.",
                "Write a branch, a tag of a commit, or a commit id.",
            )
        elif "error: " in text or "broken ref" in text or (broken := self._existing(names)):
            fault = explain(self._path, "cat-file", 1, complaints or f"bad object {broken}".encode())
            return RepositoryError(fault.message, hint=fault.hint, reference=fault.reference)
        else:
            reason = f"There is no branch, tag or commit {ref} in the repository {self._path}."
            hint = self._branches_hint(ref)
        return RepositoryError(reason, hint=hint, reference="ref-unknown")

    def _existing(self, names: Sequence[str]) -> str:
        """The first of these full names that is a ref, whether its commit can be read or not; or empty."""
        full = [name for name in names if name.startswith("refs/")]
        if not full:
            return ""
        _, output = self._runner.run("for-each-ref", "--format=%(refname)", "--", *full)
        known = set(output.decode("utf-8", "replace").splitlines())
        return next((name for name in full if name in known), "")

    def _branches_hint(self, ref: str) -> str:
        """A few branches, those first whose names look like ``ref``."""
        _, output = self._runner.run("for-each-ref", "--format=%(refname)", "refs/heads/")
        names = [name.removeprefix("refs/heads/") for name in output.decode("utf-8", "replace").splitlines()]
        if not names and not self._runner.run("for-each-ref", "--count=1")[1]:
            return "The repository has no commits yet: make or push the first one."
        alike = difflib.get_close_matches(ref, names, n=_BRANCHES_SHOWN)
        shown = ", ".join(list(dict.fromkeys(alike + names))[:_BRANCHES_SHOWN])
        more = " and more" if len(names) > _BRANCHES_SHOWN else ""
        return f"Its branches are: {shown}{more}." if shown else "It has no branches; write a full ref or a commit id."

    def _lookup(self, commit: CommitId) -> GitObject | None:
        if not is_object_id(commit):
            return None
        found, complaints = self._objects.read([commit])
        if found[0] is None:
            self._raise_if_damaged(complaints)
        return found[0] if found[0] is not None and found[0].type == "commit" else None

    def _pair(self, base: CommitId, commit: CommitId) -> tuple[GitObject | None, GitObject]:
        """Two commits, asked for at once; the first may be gone."""
        if is_object_id(base) and is_object_id(commit):
            (old, new), _ = self._objects.read([base, commit])
            if old is not None and new is not None and old.type == new.type == "commit":
                return old, new
        found = self._commit(commit)
        return self._lookup(base), found

    def _commit(self, commit: CommitId) -> GitObject:
        found = self._lookup(commit)
        if found is None:
            raise no_commit(self._path, commit)
        return found

    def _blob(self, name: BlobId, max_bytes: int = 1 << 40) -> GitObject:
        """One blob; asked for again on its own, it is known what git complains about."""
        if not is_object_id(name):
            raise self._missing(name)
        found, complaints = self._objects.read([name], max_bytes)
        if found[0] is not None and found[0].type == "blob":
            return found[0]
        self._raise_if_damaged(complaints)
        # The process that stays calls everything missing once the folder was moved away: a new one says what is wrong.
        self._runner.run("rev-parse", "--git-dir")
        raise self._missing(name)

    def _raise_if_damaged(self, complaints: bytes) -> None:
        """Git calls an object that it cannot read missing, too, but complains about it."""
        if b"error: " in complaints or b"fatal: " in complaints:
            fault = explain(self._path, "cat-file", 1, complaints)
            raise RepositoryError(fault.message, hint=fault.hint, reference=fault.reference)

    def _contents(
        self, names: Sequence[BlobId], found: Iterable[GitObject | None], max_bytes: int
    ) -> Iterator[tuple[BlobId, bytes | TooLarge]]:
        for name, answer in zip(names, found, strict=True):
            blob = answer if answer is not None and answer.type == "blob" else self._blob(name, max_bytes)
            yield name, TooLarge(blob.size) if blob.data is None else blob.data

    def _missing(self, name: str) -> BlobMissingError:
        return BlobMissingError(
            f"The file content {name[:64]} is no longer in the repository {self._path}.",
            hint="Its commit was replaced by a forced push. The next pass looks at the new commit.",
        )


def _candidates(ref: str) -> tuple[str, ...]:
    if is_object_id(ref) or ref in {"HEAD", "@"} or ref.startswith("refs/"):
        return (ref,)
    return (f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}", f"refs/remotes/{ref}", ref)


def _tree_of(commit: GitObject) -> str:
    """The id in a commit's first line, ``tree <id>``."""
    return (commit.data or b"").split(b"\n", 1)[0].removeprefix(b"tree ").decode("ascii", "replace")
