"""The pace of a process that may not write the record: it begins at what was learned, and is forgotten at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from qtisync.delivery.pace import Pace, ready_at, taken


class PrivatePace:
    """``engine.ports.PaceKeeper`` in memory. Threads may share it.

    It knows nothing of what other processes send meanwhile: beside a busy daemon the API sees the rates of both.
    """

    def __init__(self, learned: Pace | None = None) -> None:
        self._pace = learned
        self._slot = 0.0
        self._lock = threading.Lock()

    def reserve(self, now: float) -> float:
        """See ``engine.ports``; ``now`` if there is no pace yet."""
        with self._lock:
            if self._pace is None:
                return now
            self._slot = ready_at(self._pace, now, self._slot)
            self._pace = taken(self._pace, self._slot)
            return self._slot

    def update_pace(self, change: Callable[[Pace | None], Pace]) -> Pace:
        """See ``engine.ports``."""
        with self._lock:
            self._pace = change(self._pace)
            return self._pace

    def counts(self) -> Mapping[str, int]:
        """Nothing waits behind it."""
        return {}
