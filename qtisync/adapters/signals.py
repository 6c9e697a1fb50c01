"""Signals of a long-lived process, read like letters from a box: nothing of ours runs inside a handler."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable
from types import FrameType

NOBODY = 0
"""The letter that ``wake`` puts in."""


class Signals:
    """Collects signals from ``open`` to ``close``. Use it in the main thread; ``wake`` may be called from any.

    Python writes the number of each signal into a pipe (``signal.set_wakeup_fd``), and whoever waits reads it there: no
    handler can meet a lock that its own thread holds.
    """

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self._numbers = tuple(numbers)
        self._before: dict[int, object] = {}
        self._reading = self._writing = self._old = -1

    def open(self) -> None:
        """Begin to collect; what the process did with these signals before is kept for ``close``."""
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self._old = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, _ignore)

    def wait(self, seconds: float) -> tuple[int, ...]:
        """The signals that came, in order; empty after so many seconds or a ``wake``."""
        ready, _, _ = select.select([self._reading], [], [], max(0.0, seconds))
        if not ready:
            return ()
        with contextlib.suppress(BlockingIOError):
            return tuple(number for number in os.read(self._reading, 512) if number in self._before)
        return ()

    def wake(self) -> None:
        """End a wait from another thread."""
        with contextlib.suppress(OSError):  # a full pipe wakes as well, a closed one has nobody waiting
            os.write(self._writing, bytes((NOBODY,)))

    def close(self) -> None:
        """Put everything back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what `signal.signal` gave is what it takes
        self._before.clear()
        signal.set_wakeup_fd(self._old)
        descriptors = (self._reading, self._writing)
        self._reading = self._writing = -1  # first: the numbers may be another file's soon, and `wake` may still come
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The pipe tells of it."""
