"""Reads the files of a working tree as git's objects: mode, blob id, bytes. Links are not followed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from qtisync.adapters.git_objects import path_of
from qtisync.adapters.worktree_listing import SUBMODULE, Listed
from qtisync.errors import RepositoryError
from qtisync.model import BlobId, TreeEntry

RACY_SECONDS = 2.5
"""So long after a change a file may change again without its times showing it: some disks count in two seconds."""
TRIES = 5
"""How often a file that changes while it is read is read again; then its last reading counts, and it is read anew."""
KEPT_BYTES = 64 << 20
"""Of the files read last so much is kept, so that what a pass has pinned can be sent after the next save."""
_KEPT_EACH = 4 << 20
_CHUNK = 1 << 20
_SHA256_DIGITS = 64
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not keep us waiting
_UNREADABLE = "000000"
_NOTHING = BlobId("0" * 40)
_THERE_BUT_CLOSED = frozenset((errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO))

Signature = tuple[int, int, int, int, int, int]


class Reading(NamedTuple):
    """What one reading of a file gave; ``data`` only if it is small enough."""

    blob: BlobId | None
    """``None``: it became longer or shorter meanwhile, so this was no content of it."""
    size: int
    data: bytes | None
    executable: bool
    signature: Signature | None
    """``None``: it changed meanwhile."""


class _Known(NamedTuple):
    signature: Signature
    entry: TreeEntry


class Kept:
    """The newest contents, up to a number of bytes. Threads may share it."""

    def __init__(self, budget: int = KEPT_BYTES) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._contents: dict[BlobId, bytes] = {}
        self._size = 0

    def put(self, blob: BlobId, data: bytes) -> None:
        """Keep a content, instead of the oldest ones if need be."""
        with self._lock:
            if blob in self._contents or len(data) > min(self._budget, _KEPT_EACH):
                return
            self._contents[blob] = data
            self._size += len(data)
            while self._size > self._budget:
                self._size -= len(self._contents.pop(next(iter(self._contents))))

    def get(self, blob: BlobId) -> bytes | None:
        """A content that is still kept."""
        with self._lock:
            return self._contents.get(blob)

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._contents, self._size = {}, 0


class TreeReader:
    """The files of one tree; what did not change is not read again. ``look`` is for one thread at a time.

    ``wall_clock`` must be the clock of the files' times, in seconds since the epoch.
    """

    def __init__(
        self, top: Path, wall_clock: Callable[[], float], kept: Kept, *, read: Callable[[int, int], bytes] = os.read
    ) -> None:
        self._read = read
        self._top, self._wall_clock, self._kept = os.fsencode(top) + b"/", wall_clock, kept
        self._known: dict[bytes, _Known] = {}
        self._algorithm = "sha1"

    def look(self, listed: Iterable[Listed]) -> list[tuple[bytes, TreeEntry]]:
        """The entries of all files that are there, in the order given."""
        rows = list(listed)
        lengths = {len(row.blob) for row in rows if row.blob}
        self._algorithm = "sha256" if _SHA256_DIGITS in lengths else "sha1"
        before, self._known = self._known, {}
        settled = int((self._wall_clock() - RACY_SECONDS) * 1e9)
        links = {b"": False}
        return [
            (row.path, entry)
            for row in rows
            if not self._is_behind_link(row.path.rpartition(b"/")[0], links)
            if (entry := self._entry(row, before.get(row.path), settled)) is not None
        ]

    def content(self, path: bytes, max_bytes: int) -> Reading | None:
        """What lies at a path now; ``None`` if there is no file or link."""
        place = self._top + path
        if self._is_behind_link(path.rpartition(b"/")[0], {b"": False}):
            return None
        try:
            if stat.S_ISLNK(os.lstat(place).st_mode):
                return self._of_link(place)
            return self._of_file(place, max_bytes)
        except OSError:
            return None

    def _entry(self, row: Listed, known: _Known | None, settled: int) -> TreeEntry | None:
        if row.mode == SUBMODULE:
            return TreeEntry(path_of(row.path), SUBMODULE, BlobId(row.blob))
        place = self._top + row.path
        try:
            status = os.lstat(place)
            if stat.S_ISLNK(status.st_mode):
                return TreeEntry(path_of(row.path), "120000", self._of_link(place).blob or _NOTHING)
            if not stat.S_ISREG(status.st_mode):
                return None
            if known is not None and known.signature == _signature(status):
                self._known[row.path] = known
                return known.entry
            return self._fresh(row.path, place, settled)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            if exc.errno in _THERE_BUT_CLOSED:
                return _unreadable(row.path)
            hint = "Look at the disk; the next pass tries again."
            raise RepositoryError(f"Cannot read {os.fsdecode(place)}: {exc.strerror}.", hint=hint) from exc

    def _fresh(self, path: bytes, place: bytes, settled: int) -> TreeEntry | None:
        """The entry of a file that is new or was touched."""
        reading = self._of_file(place, _KEPT_EACH)
        if reading is None:
            return None
        if reading.blob is None:
            return _unreadable(path)
        entry = TreeEntry(path_of(path), "100755" if reading.executable else "100644", reading.blob)
        if reading.data is not None:
            self._kept.put(reading.blob, reading.data)
        if reading.signature is not None and max(reading.signature[-2:]) < settled:
            self._known[path] = _Known(reading.signature, entry)
        return entry

    def _of_file(self, place: bytes, max_bytes: int) -> Reading | None:
        reading: Reading | None = None
        for _ in range(TRIES):
            reading = _read_once(place, max_bytes, self._algorithm, self._read)
            if reading is None or reading.signature is not None:
                break
        return reading

    def _of_link(self, place: bytes) -> Reading:
        target = os.readlink(place)  # noqa: PTH115 - paths are bytes: they need not be text
        digest = hashlib.new(self._algorithm, b"blob %d\0%s" % (len(target), target), usedforsecurity=False)
        return Reading(BlobId(digest.hexdigest()), len(target), target, executable=False, signature=None)

    def _is_behind_link(self, folder: bytes, known: dict[bytes, bool]) -> bool:
        """Whether a folder of the tree is a link, or lies behind one: then its files belong to somebody else."""
        if folder not in known:
            place = self._top + folder
            above = self._is_behind_link(folder.rpartition(b"/")[0], known)
            known[folder] = above or os.path.islink(place)  # noqa: PTH114 - see `_of_link`
        return known[folder]


def _unreadable(path: bytes) -> TreeEntry:
    """A file that is there, so that it is not taken for removed, and of which no more can be said."""
    return TreeEntry(path_of(path), _UNREADABLE, _NOTHING)


def _signature(status: os.stat_result) -> Signature:
    place = status.st_dev, status.st_ino, status.st_mode, status.st_size
    return (*place, status.st_mtime_ns, status.st_ctime_ns)


def _read_once(place: bytes, max_bytes: int, algorithm: str, read: Callable[[int, int], bytes]) -> Reading | None:
    """Read a file once; ``None`` if it is none."""
    descriptor = os.open(place, _OPEN)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return None
        digest = hashlib.new(algorithm, b"blob %d\0" % before.st_size, usedforsecurity=False)
        parts, size = [], 0
        while part := read(descriptor, _CHUNK):
            digest.update(part)
            size += len(part)
            if before.st_size <= max_bytes:
                parts.append(part)
        unchanged = _signature(before) == _signature(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    return Reading(
        blob=BlobId(digest.hexdigest()) if size == before.st_size else None,
        size=size,
        data=b"".join(parts) if before.st_size <= max_bytes else None,
        executable=bool(before.st_mode & stat.S_IXUSR),
        signature=_signature(before) if unchanged and size == before.st_size else None,
    )
