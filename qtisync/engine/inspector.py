"""Compares everything with the API now and then, in a thread beside passes and pushing: reading it all takes long."""

from __future__ import annotations

import threading
from collections.abc import Callable

from qtisync.engine.check import look_after
from qtisync.engine.cycle import Bench
from qtisync.engine.drift import blocked_by_drift, last_check
from qtisync.engine.ports import Progress
from qtisync.engine.reconcile import Aim
from qtisync.errors import QtisyncError
from qtisync.planning.comparison import OnDrift

AGAIN = 600.0  # seconds until a comparison that failed is tried again, at most
SPREAD = 0.1  # of the interval: many daemons shall not read one API at the same moment


class Inspector:
    """Git, record and API side by side, every so many seconds and once when the record knows of no comparison."""

    def __init__(self, bench: Bench, aim: Aim, progress: Progress, every: float, found: Callable[[], None]) -> None:
        self._bench, self._aim, self._progress = bench, aim, progress
        self._every = every * (1.0 + SPREAD * bench.clock.jitter())
        self._found = found
        self._thread: threading.Thread | None = None
        self._not_before = 0.0

    def look(self, now: float) -> None:
        """Begin a comparison if one is due and none runs. Never waits."""
        if now < self._not_before or (self._thread is not None and self._thread.is_alive()):
            return
        last = last_check(self._bench.store)
        at = last.get("at") if last is not None else None
        since = now - at if isinstance(at, int | float) else None
        # What an API in trouble broke off is worth another look soon; a list that is wrong by itself stays wrong.
        every = min(self._every, AGAIN) if last is not None and last.get("broken_off") else self._every
        if since is not None and since < every:
            self._not_before = now + min(every - since, AGAIN)
            return
        self._not_before = now + min(self._every, AGAIN)
        self._thread = threading.Thread(target=self._inspect, name="inspector")
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait until none runs, after those who send were stopped; false if one still does."""
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _inspect(self) -> None:
        bench = self._bench
        try:
            seen = look_after(bench, self._aim, self._progress)
        except QtisyncError as error:
            bench.log("check_failed", reason=error.reference, message=error.message)
            return
        except Exception as error:  # noqa: BLE001 - beside the daemon's turn: a look that fails must not end the service
            bench.log("check_failed", reason=type(error).__name__, message="a bug: the comparison ended early")
            return
        if seen.drifted(OnDrift.OVERWRITE) or blocked_by_drift(bench.store):
            self._found()
