"""The authoring source: what lies in a working tree is what is desired, committed or not.

It shows a working tree as git shows a commit: a *snapshot* of all files has an id, which is the same whenever all files
are. The newest snapshots are remembered, so that two can be compared; what is sent is only what the pinned one had.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from qtisync.adapters.git_process import GitRunner
from qtisync.adapters.worktree_files import Kept, TreeReader
from qtisync.adapters.worktree_listing import list_files
from qtisync.errors import BlobMissingError, RepositoryError
from qtisync.model import BlobId, CommitId, CommitInfo, RepoPath, TooLarge, TreeEntry

REF = "worktree"
REMEMBERED = 8
"""Snapshots. A pass needs the one before it, and workers what they are sending."""
_ANY_SIZE = 1 << 40


class _Snapshot:
    """The files of one moment, by the order of their paths."""

    def __init__(self, files: Sequence[tuple[bytes, TreeEntry]]) -> None:
        self.files = files

    @cached_property
    def id(self) -> CommitId:
        """A digest of paths, modes and contents."""
        digest = hashlib.sha1(b"qtisync worktree\0", usedforsecurity=False)
        for path, entry in self.files:
            digest.update(b"%s %s %s\0" % (entry.mode.encode(), entry.blob.encode(), path))
        return CommitId(digest.hexdigest())

    @cached_property
    def by_path(self) -> Mapping[RepoPath, TreeEntry]:
        """Every entry by its path."""
        return {entry.path: entry for _, entry in self.files}

    @cached_property
    def places(self) -> Mapping[BlobId, tuple[bytes, ...]]:
        """Where a content lies."""
        found: dict[BlobId, tuple[bytes, ...]] = {}
        for path, entry in self.files:
            found[entry.blob] = (*found.get(entry.blob, ()), path)
        return found


class WorktreeSource:
    """One working tree, named by its top folder. Threads may share it.

    ``wall_clock`` is the clock of the files' times, in seconds since the epoch; ``timeout`` (seconds) bounds each git.
    """

    def __init__(self, path: Path, *, wall_clock: Callable[[], float], timeout: float = 60.0) -> None:
        self._path = path
        self._runner = GitRunner(path, timeout)
        self._kept = Kept()
        self._reader = TreeReader(path, wall_clock, self._kept)
        self._looking = threading.Lock()
        self._snapshots: tuple[_Snapshot, ...] = ()

    def location(self) -> str:
        """The path that was given."""
        return str(self._path)

    def full_ref(self, ref: str) -> str:
        """There is one ref, whatever it is called."""
        del ref
        return REF

    def resolve(self, ref: str) -> CommitId:
        """The id of what lies in the tree now: 40 digits that no commit has, the same for the same files."""
        del ref
        with self._looking:
            return self._look().id

    def tree(self, commit: CommitId) -> Sequence[TreeEntry]:
        """All files of a snapshot, links and submodules among them; what git ignores and droppings are not."""
        return [entry for _, entry in self._snapshot(commit).files]

    def entries(self, commit: CommitId, paths: Iterable[RepoPath]) -> Sequence[TreeEntry] | None:
        """Those of them that lie at these paths."""
        known = self._snapshot(commit).by_path
        return [known[path] for path in sorted(set(paths)) if path in known]

    def changed(self, base: CommitId, commit: CommitId) -> Sequence[RepoPath] | None:
        """Paths that differ; ``None`` if ``base`` is no longer remembered, as after a restart."""
        new = self._snapshot(commit)
        old = self._remembered(base)
        if old is None:
            return None
        there, here = old.by_path, new.by_path
        return sorted(path for path in there.keys() | here.keys() if there.get(path) != here.get(path))

    def is_ancestor(self, base: CommitId, commit: CommitId) -> bool:
        """Whether ``base`` was there before ``commit``: what an earlier process saw was before all that is known."""
        ids = [known.id for known in self._snapshots]  # newest first
        return base == commit or (commit in ids and (base not in ids or ids.index(base) > ids.index(commit)))

    def blobs(self, wanted: Iterable[BlobId], max_bytes: int) -> Iterator[tuple[BlobId, bytes | TooLarge]]:
        """Contents, in the order asked for; raises ``BlobMissingError`` at one that was saved over."""
        for blob in list(wanted):
            yield blob, self._content(blob, max_bytes)

    def blob(self, wanted: BlobId) -> bytes:
        """One content, exactly the one with this id; raises ``BlobMissingError`` if it was saved over."""
        data = self._content(wanted, _ANY_SIZE)
        return data if isinstance(data, bytes) else b""

    def sole_author(self, base: CommitId, commit: CommitId) -> CommitInfo | None:
        """Not known: what is not committed has no author."""
        del base, commit
        return None

    def last_touched(
        self, base: CommitId | None, commit: CommitId, paths: Iterable[RepoPath]
    ) -> Mapping[RepoPath, CommitInfo]:
        """Not known, likewise."""
        del base, commit, paths
        return {}

    def close(self) -> None:
        """End every git and let go of contents; it may be used again afterwards."""
        self._runner.stop_all()
        self._kept.clear()

    def _look(self) -> _Snapshot:
        """See what lies there now. What seems to be gone is looked for twice: some editors save by moving files."""
        before = self._snapshots[0] if self._snapshots else _Snapshot(())
        found = self._files()
        gone = {path for path, _ in before.files} - {path for path, _ in found}
        if any(os.path.lexists(os.path.join(os.fsencode(self._path), path)) for path in gone):  # noqa: PTH118 - bytes
            found = self._files()
        new = _Snapshot(found)
        if new.id == before.id and self._snapshots:
            return before
        others = tuple(known for known in self._snapshots if known.id != new.id)
        self._snapshots = (new, *others)[:REMEMBERED]
        return new

    def _files(self) -> Sequence[tuple[bytes, TreeEntry]]:
        return self._reader.look(list_files(self._runner))

    def _remembered(self, commit: CommitId) -> _Snapshot | None:
        return next((known for known in self._snapshots if known.id == commit), None)

    def _snapshot(self, commit: CommitId) -> _Snapshot:
        found = self._remembered(commit)
        if found is None:
            raise RepositoryError(
                f"What {self._path} held as {commit[:12]} is no longer known.",
                hint="Files were saved since. Run the command again.",
                reference="commit-missing",
            )
        return found

    def _content(self, wanted: BlobId, max_bytes: int) -> bytes | TooLarge:
        data = self._kept.get(wanted)
        if data is not None:
            return data if len(data) <= max_bytes else TooLarge(len(data))
        if not self._snapshots:
            self.resolve(REF)  # a queue that an earlier process left
        for path in dict.fromkeys(path for known in self._snapshots for path in known.places.get(wanted, ())):
            reading = self._reader.content(path, max_bytes)
            if reading is not None and reading.blob == wanted:
                return TooLarge(reading.size) if reading.data is None else reading.data
        raise BlobMissingError(
            f"The file content {wanted[:64]} is no longer in {self._path}.",
            hint="It was saved over. The next pass looks at what is there now.",
        )
