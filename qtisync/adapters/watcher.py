"""The one door to watchdog: rings as soon as a change can be seen.

A ring is a hint and carries nothing: whoever is rung looks at git. Events can be lost (a full kernel queue, a network
share that another machine writes to), so the daemon polls as well; ``degraded`` says when it depends on that.

Watchdog's inotify is used directly, without its observer: that one has a thread for each watch and a third that hands
events on, sleeps half a second if it meets the first half of a rename before the second, says nothing if the limit of
watches is reached below the first folder, and cannot leave a folder out.
"""

from __future__ import annotations

import errno
import functools
import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from qtisync.adapters.watch_ports import Happening, Kernel, Listener, Notice, OpenKernel
from qtisync.adapters.watched_folders import FolderWatcher
from qtisync.adapters.watched_places import RefPlaces
from qtisync.adapters.watched_tree import TreePlaces
from qtisync.errors import QtisyncError

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import CallbackId, InotifyEvent, InotifyFD, Mask, WatchDescriptor

CLOSE_SECONDS = 5.0
GIT_SECONDS = 30.0

# Bits of inotify(7), as the kernel has them; watchdog's own names for them would load watchdog.
_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x8, 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _UNMOUNT = 0x400, 0x800, 0x2000
_ONLY_FOLDERS, _NOT_UNLINKED, _IS_FOLDER = 0x0100_0000, 0x0400_0000, 0x4000_0000
_HAPPENINGS = {
    _CLOSE_WRITE: Happening.WRITTEN,
    _CREATE: Happening.CREATED,
    _MOVED_TO: Happening.MOVED_IN,
    _MOVED_FROM: Happening.MOVED_OUT,
    _DELETE: Happening.DELETED,
    _DELETE_SELF: Happening.ITSELF,
    _MOVE_SELF: Happening.ITSELF,
    _UNMOUNT: Happening.ITSELF,
}
_MASK = (
    (_CLOSE_WRITE | _CREATE | _MOVED_TO | _MOVED_FROM | _DELETE)
    | (_DELETE_SELF | _MOVE_SELF)
    | (_ONLY_FOLDERS | _NOT_UNLINKED)
)


def open_inotify(listener: Listener) -> Kernel:
    """Begin to listen to the kernel; raises ``OSError``, or ``ImportError`` where there is no inotify."""
    from watchdog.observers.inotify_c import InotifyFD  # noqa: PLC0415 - watchdog is only for a process that stays

    _spare_descriptors()
    thread = InotifyFD()
    thread.start()
    return _Inotify(thread, listener)


def _spare_descriptors() -> None:
    """Raise ``OSError`` if there are not enough: watchdog would leak the first one that it got."""
    found = [*os.pipe()]
    try:
        found.append(os.dup(found[0]))
    finally:
        for descriptor in found:
            os.close(descriptor)


class _Inotify:
    """One inotify instance and the thread that reads it."""

    def __init__(self, thread: InotifyFD, listener: Listener) -> None:
        self._thread, self._listener = thread, listener
        self._ids = itertools.count()  # a folder that moved may be watched by two names for a moment
        self._added: dict[int, list[CallbackId]] = {}

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def add(self, folder: str) -> int:
        name = cast("CallbackId", next(self._ids))
        watch = self._thread.add_callback(os.fsencode(folder), cast("Mask", _MASK), self, name)
        if watch < 0:  # watchdog makes nothing of EACCES
            self._thread.remove_callbacks([(watch, name)])
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        self._added.setdefault(watch, []).append(name)
        return watch

    def drop(self, watch: int) -> None:
        self._thread.remove_callbacks([(cast("WatchDescriptor", watch), name) for name in self._added.pop(watch, ())])

    def close(self) -> None:
        self._thread.stop()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS)

    # Called by watchdog, in its thread

    def on_event(self, event: InotifyEvent) -> None:
        what = _HAPPENINGS.get(event.mask & ~_IS_FOLDER)
        if what is not None:
            self._listener.noticed(Notice(event.wd, what, os.fsdecode(event.name), bool(event.mask & _IS_FOLDER)))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        self._added.pop(wd, None)
        self._listener.ended(wd)

    def on_queue_overflow(self) -> None:
        self._listener.overflowed()


class RefWatcher(FolderWatcher):
    """Rings when a ref of a repository may have moved.

    Any repository on this machine: bare, ordinary, a linked worktree. ``ring`` is called at once, for each event that
    matters, in a thread of the watcher; ``on_change_of_health`` with ``degraded`` whenever that changes. ``start`` it,
    ``revive`` it at each poll, ``close`` it at the end.
    """

    def __init__(
        self,
        repository: Path,
        ring: Callable[[], None],
        on_change_of_health: Callable[[tuple[str, ...]], None] | None = None,
        *,
        open_kernel: OpenKernel = open_inotify,
    ) -> None:
        super().__init__(RefPlaces(repository), ring, on_change_of_health, open_kernel)


class WorktreeWatcher(FolderWatcher):
    """Rings when a file of a working tree may have changed: used as ``RefWatcher`` is.

    Droppings of editors and ignored folders ring nothing, and neither does a git that is checking files out, until it
    is done.
    """

    def __init__(
        self,
        repository: Path,
        ring: Callable[[], None],
        on_change_of_health: Callable[[tuple[str, ...]], None] | None = None,
        *,
        open_kernel: OpenKernel = open_inotify,
    ) -> None:
        places = TreePlaces(repository, functools.partial(_ignored, repository))
        super().__init__(places, ring, on_change_of_health, open_kernel)


def _ignored(repository: Path) -> frozenset[str]:
    """Folders that git ignores; none if it cannot say."""
    from qtisync.adapters.git_process import GitRunner  # noqa: PLC0415 - GitPython is heavy
    from qtisync.adapters.worktree_listing import ignored_folders  # noqa: PLC0415 - likewise

    try:
        return ignored_folders(GitRunner(repository, GIT_SECONDS))
    except QtisyncError:
        return frozenset()
