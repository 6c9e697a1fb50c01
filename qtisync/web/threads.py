"""Calls to the daemon, in threads: the event loop never waits for a lock or a disk, and a daemon that hangs is told.

Few threads for quick answers, others for those who wait for a job, one for "are you alive". What takes too long is
given up, not waited for; the thread is free again when the call comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

QUICK, WAITING, VITAL = 8, 32, 2
PATIENCE = 5.0
"""Seconds; an answer of the daemon takes well under one."""
T = TypeVar("T")


class BusyError(Exception):
    """The daemon does not answer in time."""


class Threads:
    """The threads of one HTTP surface; made and used inside its event loop."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._quick = anyio.CapacityLimiter(QUICK)
        self._waiting = anyio.CapacityLimiter(WAITING)
        self._vital = anyio.CapacityLimiter(VITAL)
        self.closing = False
        """Those who wait for a job shall come to an end."""

    async def quick(self, call: Callable[[], T]) -> T:
        """The answer of a call that takes well under a second; ``BusyError`` if it does not."""
        return await self._within(call, self._quick, self._patience)

    async def vital(self, call: Callable[[], T]) -> T:
        """As ``quick``, even if all threads for quick answers are taken."""
        return await self._within(call, self._vital, self._patience)

    async def waiting(self, call: Callable[[], T], seconds: float) -> T:
        """The answer of a call that may take so long; ``BusyError`` if too many wait already."""
        if self._waiting.available_tokens < 1:
            raise BusyError
        return await self._within(call, self._waiting, seconds + self._patience)

    async def _within(self, call: Callable[[], T], limiter: anyio.CapacityLimiter, seconds: float) -> T:
        try:
            with anyio.fail_after(seconds):
                return await anyio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=limiter)
        except TimeoutError:
            raise BusyError from None
