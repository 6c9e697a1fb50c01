"""Drain the queue: one dispatcher claims at the moment when the pace allows, a few workers push."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from qtisync.delivery.outcome import Conflicted, NotTheApi, Unavailable
from qtisync.delivery.retry import Finish, Halt, Park, RetryPolicy, backoff
from qtisync.engine.pacing import Pacing
from qtisync.engine.ports import Bell, Clock, Store
from qtisync.engine.push import Attempt, Pusher

IDLE_WAIT = 0.05  # seconds between looks at the queue while calls are in flight
TROUBLE_AFTER = 5  # calls in a row without a usable answer, from which the whole queue pauses
LEASE = 600.0  # seconds; longer than all calls of one attempt with their timeouts and a long pause together


class Ending(enum.StrEnum):
    """Why the workers stopped."""

    DRAINED = "drained"
    """Nothing is left to send."""
    HALTED = "halted"
    """The API refuses us as a whole, or a conflict blocks the pass."""
    UNAVAILABLE = "unavailable"
    """No usable answer for longer than we are patient."""
    INTERRUPTED = "interrupted"
    """A stop was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What draining came to."""

    ending: Ending
    reason: str = ""
    calls: int = 0
    writes: int = 0
    settled: int = 0
    throttles: int = 0
    conflict: bool = False
    """The halt is a conflict, not a refusal of our credentials."""
    wrong_api: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a drain goes on without success. Seconds; ``None``: for ever (the daemon)."""

    without_answer: float | None = 30.0
    deadline: float | None = None
    """A point in time."""


class Drain:
    """Workers of one process on one target."""

    def __init__(
        self,
        *,
        store: Store,
        pusher: Pusher,
        pacing: Pacing,
        clock: Clock,
        bell: Bell,
        worker: str,
        concurrency: int,
        patience: Patience,
        on_attempt: Callable[[Attempt], None],
    ) -> None:
        self._store, self._pusher, self._pacing, self._clock, self._bell = store, pusher, pacing, clock, bell
        self._worker, self._concurrency, self._patience = worker, concurrency, patience
        self._on_attempt = on_attempt
        self._lock = threading.Lock()
        self._busy = 0
        self._failures = 0
        self._failing_since: float | None = None
        self._halt: Attempt | None = None
        self._crash: BaseException | None = None
        self._calls = self._writes = self._settled = 0
        self._trouble = ""

    def run(self) -> Drained:
        """Push until nothing is left or something ends it. In-flight calls are always finished."""
        with ThreadPoolExecutor(max_workers=self._concurrency, thread_name_prefix="push") as pool:
            ending = self._dispatch(pool)
        if self._crash is not None:
            raise self._crash
        halt = self._halt.decision if self._halt is not None else None
        return Drained(
            ending=ending,
            reason=halt.reason if isinstance(halt, Halt) else self._trouble if ending is Ending.UNAVAILABLE else "",
            calls=self._calls,
            writes=self._writes,
            settled=self._settled,
            throttles=self._pacing.throttles,
            conflict=self._halt is not None and isinstance(self._halt.outcome, Conflicted),
            wrong_api=self._halt is not None and isinstance(self._halt.outcome, NotTheApi),
        )

    def _dispatch(self, pool: ThreadPoolExecutor) -> Ending:
        while True:
            ending = self._ending()
            if ending is not None:
                return ending
            now = self._clock.now()
            ready = self._store.next_ready(now)
            if self._busy >= self._concurrency or ready is None or ready > now:
                if ready is None and self._busy == 0 and self._store.next_ready(self._clock.now()) is None:
                    return Ending.DRAINED
                self._bell.wait(self._nap(ready, now))
                continue
            if not self._pacing.wait(self._patience.deadline):
                continue  # a stop or the deadline; `_ending` says which
            self._hand_out(pool)

    def _ending(self) -> Ending | None:
        if self._halt is not None or self._crash is not None:
            return Ending.HALTED
        if self._bell.stopped:
            return Ending.INTERRUPTED
        now, patience = self._clock.now(), self._patience
        if patience.deadline is not None and now >= patience.deadline - 0.05:
            self._trouble = "the deadline is over"
            return Ending.UNAVAILABLE
        since = self._failing_since
        if patience.without_answer is not None and since is not None and now - since > patience.without_answer:
            return Ending.UNAVAILABLE
        return None

    def _nap(self, ready: float | None, now: float) -> float:
        if self._busy or ready is None:
            return IDLE_WAIT
        return min(max(ready - now, 0.001), 1.0)

    def _hand_out(self, pool: ThreadPoolExecutor) -> None:
        claim = self._store.claim(self._worker, self._clock.now(), LEASE)
        if claim is None:
            return
        with self._lock:
            self._busy += 1

        def work() -> None:
            try:
                self._account(self._pusher.push(claim))
            except BaseException as error:  # noqa: BLE001 - handed to the dispatcher's thread, which raises it
                self._crash = error
            finally:
                with self._lock:
                    self._busy -= 1

        pool.submit(work)

    def _account(self, attempt: Attempt) -> None:
        with self._lock:
            self._calls += attempt.calls
            self._writes += attempt.writes
            if isinstance(attempt.decision, Halt):
                self._halt = attempt
            self._settled += isinstance(attempt.decision, Finish | Park)
            pause = self._note_trouble(attempt)
        if pause is not None and isinstance(attempt.outcome, Unavailable):
            self._pacing.trouble(pause, attempt.outcome.message)
        self._on_attempt(attempt)

    def _note_trouble(self, attempt: Attempt) -> float | None:
        """Count answers that are none; the pause for the whole queue if there were too many in a row."""
        if not isinstance(attempt.outcome, Unavailable):
            self._failures, self._failing_since = 0, None
            return None
        self._failures += 1
        self._trouble = attempt.outcome.message
        self._failing_since = self._failing_since or self._clock.now()
        if self._failures < TROUBLE_AFTER:
            return None
        return backoff(self._failures - TROUBLE_AFTER, RetryPolicy(cap=60.0), 1.0)
