"""Drain the queue: objects are claimed at the moment when the pace allows, and a few workers push them."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from qtisync.delivery.outcome import Conflicted, NotTheApi, Unavailable
from qtisync.delivery.retry import Finish, Halt, Park, RetryPolicy, backoff
from qtisync.engine.pacing import Pacing
from qtisync.engine.ports import Bell, Clock, Store
from qtisync.engine.prefetch import Prefetch
from qtisync.engine.push import Attempt, Pusher

LOOK = 0.05  # seconds between looks at the queue while calls are in flight
GRACE = 0.001  # seconds; about what our own work for one object takes
PAIR = 2
CALM = 8  # times GRACE: the longest pause between two looks at workers that keep up
TROUBLE_AFTER = 5  # calls in a row without a usable answer, from which the whole queue pauses
LEASE = 600.0  # seconds; longer than all calls of one attempt with their timeouts and a long pause together

Task: TypeAlias = Callable[[], None]


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
    late: bool = False
    """It is unavailable because the deadline is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a drain goes on without success. Seconds; ``None``: for ever (the daemon)."""

    without_answer: float | None = 30.0
    deadline: float | None = None
    """A point in time."""


class Drain:
    """Workers of one process on one target.

    Whoever comes to the front takes the next object: at first the dispatcher, then each worker that has just settled
    one, so that no thread waits for another in between. If nobody comes for ``GRACE``, the dispatcher does, and wakes
    one more worker. So there are as many as the API's latency needs and no more than the processor can feed.
    """

    def __init__(
        self,
        *,
        store: Store,
        pusher: Pusher,
        prefetch: Prefetch,
        pacing: Pacing,
        clock: Clock,
        bell: Bell,
        worker: str,
        concurrency: int,
        patience: Patience,
        on_attempt: Callable[[Attempt], None],
    ) -> None:
        self._store, self._pusher, self._prefetch = store, pusher, prefetch
        self._pacing, self._clock, self._bell = pacing, clock, bell
        self._worker, self._concurrency, self._patience = worker, concurrency, patience
        self._on_attempt = on_attempt
        self._changed = threading.Condition()
        """Its lock guards the numbers below; it is notified when a worker rests or a wait for a slot is over."""
        self._front = threading.Lock()
        """Held by the one who is taking."""
        self._waiting = self._resting = self._over = self._late = False
        self._busy = self._taken = 0
        self._ready: float | None = None
        self._failures = self._pauses = 0
        self._quiet_until = 0.0
        self._failing_since: float | None = None
        self._halt: Attempt | None = None
        self._crash: BaseException | None = None
        self._calls = self._writes = self._settled = 0
        self._trouble = ""

    def run(self) -> Drained:
        """Push until nothing is left or something ends it. In-flight calls are always finished."""
        with ThreadPoolExecutor(max_workers=self._concurrency, thread_name_prefix="push") as pool:
            try:
                ending = self._dispatch(pool)
            finally:
                self._over = True  # nobody takes anything any more
        if self._crash is not None:
            raise self._crash
        halt = self._halt.decision if self._halt is not None else None
        return Drained(
            ending=ending,
            reason=halt.reason if isinstance(halt, Halt) else self._why() if ending is Ending.UNAVAILABLE else "",
            calls=self._calls + self._prefetch.calls,
            writes=self._writes,
            settled=self._settled,
            throttles=self._pacing.throttles,
            conflict=self._halt is not None and isinstance(self._halt.outcome, Conflicted),
            wrong_api=self._halt is not None and isinstance(self._halt.outcome, NotTheApi),
            late=self._late,
        )

    def _why(self) -> str:
        """Why it is unavailable."""
        if not self._late:
            return self._trouble
        failing = f"; the API gave no usable answer: {self._trouble}" if self._failing_since is not None else ""
        return f"the deadline is over{failing}"

    def _dispatch(self, pool: ThreadPoolExecutor) -> Ending:
        calm = 0
        while (ending := self._ending()) is None:
            alone = self._busy == 0
            if not alone and self._is_served(calm):
                calm = min(calm + 1, CALM)
                continue
            calm, before = 0, self._taken
            task = self._take()
            if task is not None:
                self._start(pool, task)
            elif alone and self._ready is None:
                return Ending.DRAINED
            else:
                self._rest(before)
        return ending

    def _is_served(self, calm: int) -> bool:
        """Watch for a moment: whether the workers take what is to be taken, or no more of them are allowed."""
        with self._changed:
            if self._waiting or self._busy >= self._allowed():
                self._changed.wait(LOOK)
                return True
            self._changed.wait(calm * GRACE)
            before = self._taken
            self._changed.wait(GRACE)
            return self._taken != before or self._waiting

    def _allowed(self) -> int:
        """How many may be at work: one by one while we probe whether the API is back, otherwise what the pace needs."""
        return 1 if self._pauses else self._pacing.concurrency(self._concurrency)

    def _rest(self, before: int) -> None:
        """Nothing could be taken: wait until a worker is done or takes something, or it is time for what is queued."""
        ready, now = self._ready, self._clock.now()
        seconds = LOOK if ready is None else max(ready - now, CALM * GRACE)
        with self._changed:
            if self._busy:
                self._resting = True
                if self._taken == before:
                    self._changed.wait(min(seconds, LOOK))
                self._resting = False
                return
        self._bell.wait(min(seconds, 1.0))

    def _ending(self) -> Ending | None:
        if self._halt is not None or self._crash is not None:
            return Ending.HALTED
        if self._bell.stopped:
            return Ending.INTERRUPTED
        now, patience = self._clock.now(), self._patience
        if patience.deadline is not None and now >= patience.deadline - 0.05:
            self._late = True
            return Ending.UNAVAILABLE
        since = self._failing_since
        if patience.without_answer is not None and since is not None and now - since > patience.without_answer:
            return Ending.UNAVAILABLE
        return None

    def _take(self) -> Task | None:
        """What is to be done next, when the pace allows it; ``None``: nothing now, or somebody else is about to."""
        self._ready = self._clock.now()  # until we know better
        # Two stay, so that one works while the other waits for the API; of more, who meets another here may rest.
        patience = GRACE if self._busy <= PAIR and not self._waiting else 0.0
        if self._over or self._ending() is not None or not self._front.acquire(timeout=patience):
            return None
        try:
            return self._next_task()
        finally:
            self._front.release()
            if self._waiting or self._resting:
                with self._changed:
                    self._waiting = False
                    self._changed.notify_all()

    def _next_task(self) -> Task | None:
        now, deadline = self._clock.now(), self._patience.deadline
        if self._prefetch.begin(now):
            return lambda: self._prefetch.fetch(deadline)
        if self._prefetch.hold_back():
            self._ready = now
            return None
        turn = self._store.take(self._worker, now, LEASE)
        self._ready, claim = turn.ready, turn.claim
        if claim is None and turn.begins is None and turn.ready is not None and turn.ready <= now:
            self._store.recover(now)  # what is queued waits for an object whose holder never came back
        if turn.begins is not None:
            self._waiting = True
            if not self._pacing.wait(deadline, turn.begins):
                return None  # a stop or the deadline; `_ending` says which
            claim = self._store.claim(self._worker, self._clock.now(), LEASE)
        if claim is None:
            return None
        self._taken += 1
        return lambda: self._account(self._pusher.push(claim))

    def _start(self, pool: ThreadPoolExecutor, task: Task) -> None:
        with self._changed:
            self._busy += 1

        def work() -> None:
            try:
                following: Task | None = task
                while following is not None:
                    following()
                    following = self._take() if self._busy <= self._allowed() else None
            except BaseException as error:  # noqa: BLE001 - handed to the dispatcher's thread, which raises it
                self._crash = error
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

        pool.submit(work)

    def _account(self, attempt: Attempt) -> None:
        with self._changed:
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
        if attempt.outcome is None:
            return None  # it was given up before anything was sent, and says nothing about the API
        if isinstance(attempt.outcome, Unavailable) and not attempt.calls:
            return None  # likewise: what was to be sent is not there
        if not isinstance(attempt.outcome, Unavailable):
            self._failures, self._pauses, self._failing_since = 0, 0, None
            return None
        self._failures += 1
        self._trouble = attempt.outcome.message
        self._failing_since = self._failing_since or self._clock.now()
        now = self._clock.now()
        if self._failures < TROUBLE_AFTER or now < self._quiet_until:
            return None  # what was in flight when a pause began belongs to the same event
        pause = backoff(self._pauses, RetryPolicy(cap=60.0), 1.0)
        self._pauses, self._quiet_until = self._pauses + 1, now + pause
        return pause
