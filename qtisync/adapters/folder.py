"""Files of a folder as a source of content: for ``validate``, which looks at what an author has not committed yet."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from qtisync.errors import RepositoryError
from qtisync.model import BlobId, CommitId, CommitInfo, RepoPath, TooLarge, TreeEntry

NO_COMMIT = CommitId("")
SUBMODULE = "160000"  # git's mode: a repository inside the repository, whose files are not the outer one's


class FolderSource:
    """A folder as it lies on the disk. There is no commit; a blob's id is its path."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def location(self) -> str:
        """The folder."""
        return str(self._root)

    def full_ref(self, ref: str) -> str:
        """There are no refs."""
        return ref

    def resolve(self, ref: str) -> CommitId:
        """There are no commits."""
        del ref
        return NO_COMMIT

    def tree(self, commit: CommitId) -> Sequence[TreeEntry]:
        """All files below the folder, ``.git`` left out; links are listed and never followed."""
        del commit
        if not self._root.is_dir():
            raise RepositoryError(f"There is no folder {self._root}.", hint="Name a folder or a file inside one.")
        return sorted(self._walk(), key=lambda entry: entry.path)

    def _walk(self) -> Iterator[TreeEntry]:
        for folder, folders, files in os.walk(self._root):
            folders[:] = [name for name in folders if name != ".git"]
            linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH118, PTH114 - os.walk's strings
            inner = [name for name in folders if name not in linked and Path(folder, name, ".git").exists()]
            folders[:] = [name for name in folders if name not in inner]
            for name in (*files, *linked, *inner):
                path = Path(folder, name)
                relative = RepoPath(path.relative_to(self._root).as_posix())
                yield TreeEntry(relative, SUBMODULE if name in inner else _mode(path), BlobId(relative))

    def entries(self, commit: CommitId, paths: Iterable[RepoPath]) -> Sequence[TreeEntry] | None:
        """Not known."""
        del commit, paths
        return None

    def changed(self, base: CommitId, commit: CommitId) -> Sequence[RepoPath] | None:
        """Not known."""
        del base, commit
        return None

    def is_ancestor(self, base: CommitId, commit: CommitId) -> bool:
        """Not known."""
        del base, commit
        return False

    def blobs(self, wanted: Iterable[BlobId], max_bytes: int) -> Iterator[tuple[BlobId, bytes | TooLarge]]:
        """The contents of files; larger ones are not read."""
        for blob in wanted:
            path = self._root / blob
            try:
                size = path.stat().st_size
                yield blob, TooLarge(size) if size > max_bytes else path.read_bytes()
            except OSError as exc:
                hint = "Check its permissions; a file that vanished while it was read is found again by the next run."
                raise RepositoryError(f"Cannot read {path}: {exc.strerror}.", hint=hint) from exc

    def blob(self, wanted: BlobId) -> bytes:
        """One file's content."""
        for _, data in self.blobs([wanted], 1 << 62):
            if isinstance(data, bytes):
                return data
        raise RepositoryError(f"Cannot read {self._root / wanted}.")

    def sole_author(self, base: CommitId, commit: CommitId) -> CommitInfo | None:
        """Not known."""
        del base, commit
        return None

    def last_touched(
        self, base: CommitId | None, commit: CommitId, paths: Iterable[RepoPath]
    ) -> Mapping[RepoPath, CommitInfo]:
        """Not known."""
        del base, commit, paths
        return {}

    def close(self) -> None:
        """Nothing is open."""


def _mode(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "120000"
    return "100644" if stat.S_ISREG(mode) else "000000"
