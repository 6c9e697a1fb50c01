"""The clock, the dice and the bell of a process that really runs; tests have their own."""

from __future__ import annotations

import random
import threading
import time


class SystemClock:
    """Seconds since the epoch that never go back: the wall clock is read once, a monotonic clock counts from there."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()
        self._random = random.Random()  # noqa: S311 - jitter, not a secret

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._offset + time.monotonic()

    def jitter(self) -> float:
        """A random number in [0, 1)."""
        return self._random.random()


class ThreadBell:
    """A bell that threads wait on; a stop rings it for good."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._stopped = False

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; true if it was rung."""
        return self._rung.wait(max(0.0, seconds))

    def ring(self) -> None:
        """End all waits."""
        self._rung.set()

    def stop(self) -> None:
        """Ask for a graceful stop."""
        self._stopped = True
        self._rung.set()

    @property
    def stopped(self) -> bool:
        """Whether a graceful stop was asked for."""
        return self._stopped
