"""Keeps the workers of a daemon busy: one thread that drains the queue whenever something waits and may be sent."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from qtisync.delivery.log_words import for_log
from qtisync.delivery.retry import Finish, Park
from qtisync.engine.cycle import Bench, Run, push
from qtisync.engine.drain import Drained, Ending, Patience
from qtisync.engine.jobs import Jobs
from qtisync.engine.push import Attempt
from qtisync.engine.reconcile import finish_cursor
from qtisync.engine.valve import Valve
from qtisync.errors import RepositoryError
from qtisync.model import ItemStatus
from qtisync.report.job import JobState

IDLE_LOOK = 30.0  # seconds between looks at a queue that nobody told us of
HALT = 60.0  # seconds until what refused us as a whole is asked again; doubled each time
GONE = 2.0  # likewise for what is gone and may be back any moment
HALT_CAP = 900.0
SILENCE = 300.0  # seconds without an attempt or a known wait, from which a drain counts as hung
SMALL = 500  # objects that jobs wait for, up to which each is looked up in the record
MOVING = frozenset({ItemStatus.QUEUED, ItemStatus.IN_FLIGHT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """The API refuses us as a whole, is gone, or a conflict blocks: nothing is sent until ``until``, or ``resume``."""

    reason: str
    until: float
    conflict: bool = False
    unavailable: bool = False


class Outbox:
    """The sending side of a daemon. ``failures`` counts drains in a row that ended by an error of ours."""

    def __init__(self, bench: Bench, jobs: Jobs, valve: Valve) -> None:
        self._bench, self._jobs, self._valve = bench, jobs, valve
        self._changed = threading.Condition()
        self._asked = True  # what an earlier process left is sent first
        self._thread: threading.Thread | None = None
        self._moved_at = bench.clock.now()
        self._draining = False
        self._halts = 0
        self.halt: Halt | None = None
        self.failures = 0
        self.crash: Exception | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="outbox")
        self._thread.start()

    def wake(self, *, news: bool = True) -> None:
        """Something may be there to send. ``news``: of a new commit, which may have settled what blocked us."""
        self._valve.ring()
        with self._changed:
            self._asked = True
            if news and self.halt is not None and self.halt.conflict:
                self.halt = None
            self._changed.notify_all()

    def resume(self) -> None:
        """A person says that what halted us is mended."""
        with self._changed:
            self.halt, self._halts = None, 0
        self.wake()

    def join(self, seconds: float) -> bool:
        """Wait until it ended, after the valve was shut for good; false if it still has calls in flight."""
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    def finish(self) -> None:
        """Say "synced" if nothing of the newest pass is on its way any more."""
        store, now = self._bench.store, self._bench.clock.now()
        before = store.setting("synced_commit")
        if finish_cursor(store, now) and store.setting("synced_commit") != before:
            self._bench.log("synced", commit=store.setting("synced_commit"))

    def hung(self, now: float) -> bool:
        """Whether a drain moves no more, although nothing that it waits for explains it."""
        return self._draining and now > max(self._moved_at, self._valve.waiting_until) + SILENCE

    def _run(self) -> None:
        while self._await_work():
            self._draining, self._moved_at = True, self._bench.clock.now()
            try:
                self._bench.store.recover(self._moved_at, "")  # what a drain of ours that failed left behind
                self._after(push(self._bench, self._run_terms()))
                self.failures = 0
            except RepositoryError as error:
                self._halted(Drained(ending=Ending.UNAVAILABLE, reason=error.message))
            except Exception as error:  # noqa: BLE001 - the daemon's turn: counted, logged, tried again
                self._failed(error)
            finally:
                self._draining = False

    def _run_terms(self) -> Run:
        return Run(patience=Patience(without_answer=None), on_attempt=self._moved)

    def _await_work(self) -> bool:
        """Wait until something may be sent; false: it never will."""
        with self._changed:
            while not self._valve.ended:
                now = self._bench.clock.now()
                if self.halt is not None and now >= self.halt.until:
                    self.halt, self._asked = None, True
                if self._asked and self.halt is None and not self._valve.stopped:
                    self._asked = False
                    return True
                until = self.halt.until if self.halt is not None else now + IDLE_LOOK
                if not self._changed.wait(max(0.0, min(until - now, IDLE_LOOK))) and self.halt is None:
                    self._asked = self._bench.store.next_ready(now) is not None
            return False

    def _moved(self, attempt: Attempt) -> None:
        self._moved_at = self._bench.clock.now()
        if not isinstance(attempt.decision, Finish | Park):
            return
        key, pending = attempt.claim.row.key, self._jobs.pending()
        if len(pending) > SMALL:
            self._jobs.settled({key})
        elif key in pending:
            # The row decides: a newer pass may have queued it again, and what refers to a parked object is blocked.
            looked = pending if isinstance(attempt.decision, Park) else {key}
            rows = self._bench.store.recorded_some(looked)
            self._jobs.settled({key for key, row in rows.items() if row.status not in MOVING})

    def _after(self, drained: Drained) -> None:
        if drained.ending is Ending.DRAINED:
            self._halts = 0
            self.finish()
            self._jobs.drained()
        elif drained.ending is Ending.INTERRUPTED:
            self._asked = True
            if not self._valve.ended:
                self._jobs.drained(JobState.PAUSED)
        else:
            self._halted(drained)

    def _halted(self, drained: Drained) -> None:
        clock = self._bench.clock
        gone = drained.ending is Ending.UNAVAILABLE
        pause = min(HALT_CAP, (GONE if gone else HALT) * 2.0 ** min(self._halts, 16)) * (0.75 + clock.jitter() / 2)
        self._halts += 1
        self.halt = Halt(
            reason=drained.reason,
            until=clock.now() + pause,
            conflict=drained.conflict,
            unavailable=gone,
        )
        self._bench.log("queue_halted", reason=for_log(drained.reason), retry_in=round(pause))
        self._jobs.drained(JobState.FAILED, drained.reason, _cause(drained))

    def _failed(self, error: Exception) -> None:
        clock = self._bench.clock
        self.failures, self.crash = self.failures + 1, error
        pause = min(60.0, 2.0**self.failures) * (0.5 + clock.jitter() / 2)
        self.halt = Halt(reason=f"{type(error).__name__} while sending", until=clock.now() + pause, unavailable=True)
        self._bench.log("turn_failed", reason=type(error).__name__, failures=self.failures, retry_in=round(pause, 1))
        self._jobs.drained(JobState.FAILED, self.halt.reason, "unexpected-error")
        self._jobs.wake()


def _cause(drained: Drained) -> str:
    if drained.ending is Ending.UNAVAILABLE:
        return "unavailable"
    return "conflict" if drained.conflict else "wrong-api" if drained.wrong_api else "credentials"
