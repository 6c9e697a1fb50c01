"""Keeps folders watched while they come, go and are replaced, and rings for what matters in them.

Nothing here knows inotify: ``watcher`` hands in the kernel, ``watched_places`` says what is to be watched. A ring
carries nothing, and none is promised: the daemon polls as well, and calls ``revive`` when it does.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from qtisync.adapters.watch_ports import Happening, Kernel, Notice, OpenKernel, Places
from qtisync.adapters.watch_words import NO_EVENTS, OVERFLOWED, why

OVERFLOW_IS_TOLD_FOR = 2
"""Calls of ``revive`` until an overflow is no longer told."""


class _Watched(NamedTuple):
    watch: int
    identity: tuple[int, int]


class FolderWatcher:
    """Rings when something in ``places`` changed. Threads may share it; ``ring`` is called in a thread of its own."""

    def __init__(
        self,
        places: Places,
        ring: Callable[[], None],
        on_change_of_health: Callable[[tuple[str, ...]], None] | None,
        open_kernel: OpenKernel,
    ) -> None:
        self._places, self._ring, self._on_health, self._open = places, ring, on_change_of_health, open_kernel
        self._lock = threading.RLock()
        self._kernel: Kernel | None = None
        self._closed = False
        self._roots: tuple[str, ...] = ()
        self._folders: dict[str, _Watched] = {}
        self._paths: dict[int, str] = {}
        self._holders: dict[tuple[int, int], str] = {}  # a folder is watched by one name, however many lead to it
        self._faults: dict[str, None] = {}  # in order, each once
        self._overflow_told = 0
        self._told: tuple[str, ...] = ()

    @property
    def degraded(self) -> tuple[str, ...]:
        """Why changes may be noticed by polling only, and what to do about it; empty: all is well."""
        with self._lock:
            return (*self._faults, *((OVERFLOWED,) if self._overflow_told else ()))

    def start(self) -> None:
        """Begin to watch. What cannot be watched makes it degraded and is tried again by ``revive``."""
        self._arm()
        self._tell()

    def revive(self) -> None:
        """Look whether everything is still watched, and mend it: to be called at each poll. Rings if it did."""
        with self._lock:
            if self._closed:
                return
            self._overflow_told = max(0, self._overflow_told - 1)
            outdated = self._places.at_poll()
            sick = (
                outdated or bool(self._faults) or self._kernel is None or not self._kernel.alive or self._is_replaced()
            )
        if sick:
            self._arm()
            self._ring()
        self._tell()

    def close(self) -> None:
        """Watch no longer; bounded in time."""
        with self._lock:
            self._closed = True
            kernel, self._kernel = self._kernel, None
            self._forget_all()
        if kernel is not None:  # outside of the lock, which the thread that is to end may be waiting for
            kernel.close()

    # Told by the kernel

    def noticed(self, notice: Notice) -> None:
        """Follow what happened to folders; ring for what matters."""
        with self._lock:
            folder = self._paths.get(notice.watch)
            rings = folder is not None and not self._closed and self._follow(folder, notice) and not self._places.busy
        if rings:
            self._ring()
            self._tell()

    def overflowed(self) -> None:
        """Events were lost: look for folders that came meanwhile, and ring for whatever it was."""
        with self._lock:
            if self._closed:
                return
            self._overflow_told = OVERFLOW_IS_TOLD_FOR
            self._places.at_poll()
            for path in list(self._folders):  # one that was deleted and made again may look as if it were watched
                self._forget(path)
            self._survey()
        self._ring()
        self._tell()

    def ended(self, watch: int) -> None:
        """The folder of a watch was deleted."""
        with self._lock:
            if watch in self._paths:
                self._drop(self._paths[watch])

    # Under the lock

    def _follow(self, folder: str, notice: Notice) -> bool:
        """Watch what came, let go of what went; whether to ring."""
        if notice.what is Happening.ITSELF:
            if folder in self._roots:
                self._survey()
                return True
            return False  # its own folder tells, too
        path = os.path.join(folder, notice.name)  # noqa: PTH118 - thousands of times during a checkout
        came = notice.what in {Happening.CREATED, Happening.MOVED_IN}
        if notice.folder or path in self._folders:  # what is watched may be a link, which is no folder to the kernel
            if not self._places.enters(folder, notice.name):
                return False
            self._leave(path)
            if came:
                self._enter([path])
            elif not notice.folder:
                self._survey()  # a link went; what it led to may have another name
            return self._places.rings(folder, notice.name, notice.what, is_folder=True)
        linked = came and self._places.follows and self._enter_link(folder, notice.name, path)
        rings = self._places.rings(folder, notice.name, notice.what, is_folder=False)
        return linked or (rings and (notice.what is not Happening.CREATED or _is_whole(path)))

    def _enter_link(self, folder: str, name: str, path: str) -> bool:
        """Watch what a new link to a folder leads to."""
        if not os.path.isdir(path) or not self._places.enters(folder, name):  # noqa: PTH112 - see `_follow`
            return False
        self._enter([path])
        return True

    def _arm(self) -> None:
        """Make sure that there is a kernel, and that everything is watched."""
        dead = None
        with self._lock:
            if self._closed:
                return
            if self._kernel is None or not self._kernel.alive:
                dead, self._kernel = self._kernel, None
                self._forget_all()
                self._faults = {}
                try:
                    self._kernel = self._open(self)
                except (OSError, RuntimeError) as exc:  # the second: no further thread can be started
                    self._faults[why(exc, None)] = None
                except ImportError:
                    self._faults[NO_EVENTS] = None
            if self._kernel is not None:
                self._survey()
        if dead is not None:
            dead.close()

    def _survey(self) -> None:
        """Watch everything that is to be watched and is not, and nothing else."""
        self._faults = {}
        try:
            self._roots = tuple(self._places.roots())
            self._places.prepare()
        except OSError as exc:
            self._roots = ()
            self._faults[why(exc, exc.filename)] = None
        seen = self._enter(self._roots)
        for path in self._folders.keys() - seen:
            self._forget(path)

    def _enter(self, paths: Iterable[str]) -> set[str]:
        """Watch these folders and those below them that are to be; what is watched of them then."""
        waiting, seen = list(paths), set[str]()
        while waiting:
            path = waiting.pop()
            try:
                if self._watch(path):
                    seen.add(path)
                    waiting.extend(self._below(path))  # after it is watched, so that none is missed between
            except OSError as exc:
                if exc.errno not in {errno.ENOENT, errno.ENOTDIR} or path in self._roots:
                    self._faults[why(exc, path)] = None
                if exc.errno in {errno.ENOSPC, errno.EMFILE, errno.ENOMEM}:
                    return seen | self._folders.keys()  # the rest would fail alike; what is watched of it stays so
        return seen

    def _below(self, path: str) -> list[str]:
        with os.scandir(path) as entries:
            return [
                entry.path
                for entry in entries
                if entry.is_dir(follow_symlinks=self._places.follows) and self._places.enters(path, entry.name)
            ]

    def _watch(self, path: str) -> bool:
        """Watch one folder unless it is; false if it is watched by another name: a link, which may lead back up."""
        identity = _identity(path)
        known = self._folders.get(path)
        if known is not None and known.identity == identity:
            return True
        if known is not None:
            self._forget(path)
        holder = self._holders.get(identity)
        if holder is not None and _is_still(holder, identity):
            return False
        if holder is not None:
            self._forget(holder)
        if self._kernel is not None:
            watch = self._kernel.add(path)
            self._folders[path] = _Watched(watch, identity)
            self._paths[watch] = self._holders[identity] = path
        return True

    def _leave(self, path: str) -> None:
        """Let go of a folder and all below it."""
        if path not in self._folders:
            return
        inside = path + os.sep
        for known in [one for one in self._folders if one == path or one.startswith(inside)]:
            self._forget(known)

    def _forget(self, path: str) -> None:
        watched = self._drop(path)
        if self._kernel is not None:
            self._kernel.drop(watched.watch)

    def _drop(self, path: str) -> _Watched:
        watched = self._folders.pop(path)
        del self._holders[watched.identity], self._paths[watched.watch]
        return watched

    def _forget_all(self) -> None:
        self._folders, self._holders, self._paths, self._roots = {}, {}, {}, ()

    def _is_replaced(self) -> bool:
        """Whether another folder lies where a root was watched, without an event having told."""
        try:
            if tuple(self._places.roots()) != self._roots:
                return True
            identities = list(map(_identity, self._roots))
        except OSError:
            return True
        return identities != [known.identity for known in map(self._folders.get, self._roots) if known is not None]

    # Outside of it

    def _tell(self) -> None:
        """Tell a change of health, once."""
        with self._lock:
            health = self.degraded
            changed, self._told = health != self._told, health
        if changed and self._on_health is not None:
            self._on_health(health)


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - see `FolderWatcher._follow`
    return status.st_dev, status.st_ino


def _is_still(path: str, identity: tuple[int, int]) -> bool:
    try:
        return _identity(path) == identity
    except OSError:
        return False


def _is_whole(path: str) -> bool:
    """Whether a file that was just created needs no writing: a link. Of others, the end of the writing is told."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_nlink > 1 or os.path.islink(path)  # noqa: PTH114 - see `FolderWatcher._follow`
