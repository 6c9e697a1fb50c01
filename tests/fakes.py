"""In-memory twins of what the engine gets from the outside; each passes the same contract tests as the real thing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from builders import START
from memory_store import MemoryStore

__all__ = ["FakeBell", "FakeClock", "MemoryStore", "RecordedLog", "SilentProgress"]


class FakeClock:
    """A clock that moves only when told to, and dice that always show the same."""

    def __init__(self, now: float = START, jitter: float = 0.5) -> None:
        self.time = now
        self.dice = jitter
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.time += seconds

    def jitter(self) -> float:
        return self.dice


class FakeBell:
    """A bell whose waits pass at once: they advance the clock instead."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.rung = False
        self.waits: list[float] = []
        self._stopped = False

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        if not self.rung:
            self.clock.advance(max(0.0, seconds))
        return self.rung

    def ring(self) -> None:
        self.rung = True

    def clear(self) -> None:
        """Forget the ring."""
        self.rung = False

    def stop(self) -> None:
        """Ask for a graceful stop, which also rings."""
        self._stopped = True
        self.rung = True

    @property
    def stopped(self) -> bool:
        return self._stopped


class RecordedLog:
    """Collects events: ``events`` holds pairs of name and fields."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, /, **fields: object) -> None:
        self.events.append((event, fields))

    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    def of(self, event: str) -> list[dict[str, Any]]:
        """The fields of every event of this name."""
        return [fields for name, fields in self.events if name == event]


class SilentProgress:
    """Shows nothing."""

    @contextmanager
    def step(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        del label, total
        yield lambda _count: None
