"""The bell of those who push: shut while nothing may be sent, rung when there is something new to send."""

from __future__ import annotations

import threading

from qtisync.engine.ports import Clock


class Valve:
    """``engine.ports.Bell``. A stop shuts it for good, a pause until it is opened again.

    ``wait`` is what everything that pushes waits on, so it also knows until when that is a known wait: who supervises
    us must not take obedience to a Retry-After for a hang.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._rings = 0
        self._stopped = self._paused = False
        self._waiting_until = 0.0

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; true if it was rung or shut meanwhile, or is shut."""
        until = self._clock.now() + max(0.0, seconds)
        with self._changed:
            self._waiting_until = max(self._waiting_until, until)
            before = self._rings
            if not self.stopped:
                self._changed.wait(max(0.0, seconds))
            return self.stopped or self._rings != before

    def ring(self) -> None:
        """End all waits; nothing else changes."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def pause(self) -> None:
        """Shut it until ``resume``."""
        self._paused = True
        self.ring()

    def resume(self) -> None:
        """Open it again, unless it was stopped."""
        self._paused = False
        self.ring()

    def stop(self) -> None:
        """Shut it for good."""
        self._stopped = True
        self.ring()

    @property
    def stopped(self) -> bool:
        """Whether those who push are to come to an end."""
        return self._stopped or self._paused

    @property
    def ended(self) -> bool:
        """Whether it was shut for good."""
        return self._stopped

    @property
    def waiting_until(self) -> float:
        """The end of the longest wait that was begun: until then silence is no hang."""
        return self._waiting_until
