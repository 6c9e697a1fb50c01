"""Rings that a test can wait for, and a kernel that fails as it is told."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from qtisync.adapters.watch_ports import Kernel, Listener
from qtisync.adapters.watcher import open_inotify

PATIENCE = 20.0
"""Seconds that a loaded machine may take for what takes a millisecond."""
QUIET = 0.1
"""Seconds within which nothing must happen."""


class Bell:
    """Counts rings."""

    def __init__(self) -> None:
        self._rung = threading.Condition()
        self._count = 0

    def ring(self) -> None:
        with self._rung:
            self._count += 1
            self._rung.notify_all()

    def rings_for(self, act: Callable[[], object]) -> bool:
        """Whether it rings because of ``act``, or soon after it."""
        with self._rung:
            before = self._count
        act()
        with self._rung:
            return self._rung.wait_for(lambda: self._count > before, PATIENCE)

    def is_silent_for(self, act: Callable[[], object]) -> bool:
        """Whether ``act`` rings nothing within a moment; what rings for something earlier is let pass first."""
        with self._rung:
            while self._rung.wait(QUIET):
                pass
            before = self._count
        act()
        with self._rung:
            return not self._rung.wait_for(lambda: self._count > before, QUIET)


class Follower:
    """What the daemon does, in short: at each ring it looks, and in the end it has seen how things are."""

    def __init__(self, look: Callable[[], object]) -> None:
        self._look = look
        self._rung, self._ended, self._looked = threading.Event(), threading.Event(), threading.Condition()
        self.seen, self.looks = look(), 0
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def ring(self) -> None:
        self._rung.set()

    def _follow(self) -> None:
        while not self._ended.is_set():
            if self._rung.wait(0.05):
                self._rung.clear()
                seen = self._look()
                with self._looked:
                    self.seen, self.looks = seen, self.looks + 1
                    self._looked.notify_all()

    def settles_at(self, expected: object) -> bool:
        with self._looked:
            return self._looked.wait_for(lambda: self.seen == expected, PATIENCE)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()


@dataclass
class Health:
    """What was told of it, each time."""

    told: list[tuple[str, ...]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, degraded: tuple[str, ...]) -> None:
        with self._changed:
            self.told.append(degraded)
            self._changed.notify_all()

    def becomes(self, count: int) -> list[tuple[str, ...]]:
        """What was told, as soon as it was told so often."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.told) >= count, PATIENCE)
            return list(self.told)


class Narrow:
    """A real kernel that watches ``limit`` folders at most, or cannot be opened at all."""

    def __init__(self, limit: int | None = None, *, opens: bool = True) -> None:
        self.limit, self.opens = limit, opens
        self.listener: Listener | None = None
        self.opened: list[_Limited] = []

    def open(self, listener: Listener) -> Kernel:
        if not self.opens:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self.listener = listener
        self.opened.append(_Limited(self, open_inotify(listener)))
        return self.opened[-1]


class _Limited:
    def __init__(self, terms: Narrow, inner: Kernel) -> None:
        self._terms, self.inner, self.watches = terms, inner, set[int]()

    @property
    def alive(self) -> bool:
        return self.inner.alive

    def add(self, folder: str) -> int:
        if self._terms.limit is not None and len(self.watches) >= self._terms.limit:
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        watch = self.inner.add(folder)
        self.watches.add(watch)
        return watch

    def drop(self, watch: int) -> None:
        self.watches.discard(watch)
        self.inner.drop(watch)

    def close(self) -> None:
        self.inner.close()
