"""An in-memory repository: the twin of ``GitSource`` for tests of the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from qtisync.errors import BlobMissingError, RepositoryError
from qtisync.model import BlobId, CommitId, CommitInfo, RepoPath, TooLarge, TreeEntry

Contents = Mapping[str, bytes | tuple[str, bytes] | None]
"""What a commit changes: path → bytes, or (mode, bytes), or ``None`` to delete it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeCommit:
    id: CommitId
    parent: CommitId | None
    author: str
    files: Mapping[str, tuple[str, BlobId]]
    """The whole tree: path → (mode, blob)."""


class FakeSource:
    """Begins empty with ``HEAD`` at ``refs/heads/main``; ``commit`` builds on the branch and moves it.

    Ids of blobs are those of git. It keeps no process, so ``close`` only counts.
    """

    def __init__(self) -> None:
        self.commits: dict[CommitId, FakeCommit] = {}
        self.refs: dict[str, CommitId] = {}
        self.data: dict[BlobId, bytes] = {}
        self.closed = 0
        self._made = 0

    # What a person with git does

    def commit(self, contents: Contents, author: str = "An Author", branch: str = "main") -> CommitId:
        parent = self.refs.get(f"refs/heads/{branch}")
        files = dict(self.commits[parent].files) if parent else {}
        for path, content in contents.items():
            if content is None:
                del files[path]
                continue
            mode, data = content if isinstance(content, tuple) else ("100644", content)
            blob = BlobId(hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest())
            self.data[blob] = data
            files[path] = (mode, blob)
        self._made += 1
        commit = CommitId(hashlib.sha1(f"commit {self._made} on {parent} by {author}".encode()).hexdigest())
        self.commits[commit] = FakeCommit(id=commit, parent=parent, author=author, files=files)
        self.refs[f"refs/heads/{branch}"] = commit
        return commit

    def move_ref(self, ref: str, commit: CommitId | None) -> None:
        """Set a ref, given by its full name or as a branch; ``None`` deletes it."""
        name = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        if commit is None:
            del self.refs[name]
        else:
            self.refs[name] = commit

    def forget(self, commit: CommitId) -> None:
        """What gc does to an unreachable commit: it is gone, and so is every blob that no other commit has."""
        del self.commits[commit]
        kept = {blob for other in self.commits.values() for _, blob in other.files.values()}
        self.data = {blob: data for blob, data in self.data.items() if blob in kept}

    # Source

    def location(self) -> str:
        return "memory"

    def full_ref(self, ref: str) -> str:
        return self._find(ref)[0]

    def resolve(self, ref: str) -> CommitId:
        return self._find(ref)[1]

    def tree(self, commit: CommitId) -> Sequence[TreeEntry]:
        files = self._commit(commit).files
        return [TreeEntry(RepoPath(path), mode, blob) for path, (mode, blob) in sorted(files.items())]

    def entries(self, commit: CommitId, paths: Iterable[RepoPath]) -> Sequence[TreeEntry] | None:
        files = self._commit(commit).files
        return [TreeEntry(path, *files[path]) for path in sorted(set(paths)) if path in files]

    def changed(self, base: CommitId, commit: CommitId) -> Sequence[RepoPath] | None:
        new = self._commit(commit).files
        if base not in self.commits:
            return None
        old = self.commits[base].files
        return [RepoPath(path) for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]

    def is_ancestor(self, base: CommitId, commit: CommitId) -> bool:
        self._commit(commit)
        return any(known.id == base for known in self._history(commit))

    def blobs(self, wanted: Iterable[BlobId], max_bytes: int) -> Iterator[tuple[BlobId, bytes | TooLarge]]:
        for name in list(wanted):
            data = self.blob(name)
            yield name, data if len(data) <= max_bytes else TooLarge(len(data))

    def blob(self, wanted: BlobId) -> bytes:
        if wanted not in self.data:
            raise BlobMissingError(f"The file content {wanted} is gone.", hint="The next pass looks at the new commit.")
        return self.data[wanted]

    def sole_author(self, base: CommitId, commit: CommitId) -> CommitInfo | None:
        known = self._commit(commit)
        return CommitInfo(commit=known.id, author=known.author) if known.parent == base in self.commits else None

    def last_touched(
        self, base: CommitId | None, commit: CommitId, paths: Iterable[RepoPath]
    ) -> Mapping[RepoPath, CommitInfo]:
        self._commit(commit)
        missing = set(paths)
        old = {known.id for known in self._history(base)} if base in self.commits else set()
        found: dict[RepoPath, CommitInfo] = {}
        for known in self._history(commit):
            if known.id in old:
                break
            before = self.commits[known.parent].files if known.parent in self.commits else {}
            touched = {path for path in missing if known.files.get(path) != before.get(path)}
            found |= dict.fromkeys(touched, CommitInfo(commit=known.id, author=known.author))
            missing -= touched
        return found

    def close(self) -> None:
        self.closed += 1

    def _history(self, commit: CommitId | None) -> Iterator[FakeCommit]:
        while commit is not None and commit in self.commits:
            yield self.commits[commit]
            commit = self.commits[commit].parent

    def _commit(self, commit: CommitId) -> FakeCommit:
        if commit not in self.commits:
            raise RepositoryError(f"The commit {commit} is not in memory.", reference="commit-missing")
        return self.commits[commit]

    def _find(self, ref: str) -> tuple[str, CommitId]:
        if ref in self.commits:
            return ref, CommitId(ref)
        name = "refs/heads/main" if ref == "HEAD" else ref
        for full in (name,) if name.startswith("refs/") else (f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}"):
            if self.refs.get(full) in self.commits:
                return full, self.refs[full]
        matches = [commit for commit in self.commits if commit.startswith(ref)] if len(ref) >= 4 else []
        if len(matches) == 1:
            return ref, matches[0]
        branches = ", ".join(sorted(name.removeprefix("refs/heads/") for name in self.refs))
        hint = f"Its branches are: {branches}." if branches else "The repository has no commits yet."
        raise RepositoryError(f"There is no branch, tag or commit {ref} in memory.", hint=hint, reference="ref-unknown")
