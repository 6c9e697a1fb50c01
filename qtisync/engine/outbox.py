"""Keeps the workers of a daemon busy: one thread that drains the queue whenever something waits and may be sent."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable

from qtisync.delivery.log_words import for_log
from qtisync.delivery.retry import Finish, Park
from qtisync.engine.cycle import Bench, Run, look, push
from qtisync.engine.drain import Drained, Ending, Patience
from qtisync.engine.halting import Halt, halted_for
from qtisync.engine.health import remember
from qtisync.engine.jobs import Jobs
from qtisync.engine.push import Attempt
from qtisync.engine.reconcile import finish_cursor
from qtisync.engine.tally import Tallies
from qtisync.engine.valve import Valve
from qtisync.errors import RepositoryError
from qtisync.model import ItemStatus, Key, Recorded, Standing
from qtisync.report.job import JobState

IDLE_LOOK = 30.0  # seconds between looks at a queue that nobody told us of
SILENCE = 300.0  # seconds without an attempt or a known wait, from which a drain counts as hung
MOVING = frozenset({ItemStatus.QUEUED, ItemStatus.IN_FLIGHT})


class Outbox:
    """The sending side of a daemon. ``failures`` counts drains in a row that ended by an error of ours."""

    def __init__(self, bench: Bench, jobs: Jobs, valve: Valve) -> None:
        self._bench, self._jobs, self._valve = bench, jobs, valve
        self._changed = threading.Condition()
        self._asked = True  # what an earlier process left is sent first
        self._rung = False
        self._thread: threading.Thread | None = None
        self._moved_at = bench.clock.now()
        self._draining = False
        self._halts = 0
        self.tallies = Tallies()
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
            self._asked = self._rung = True
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
        if self._thread is not None and not self._thread.is_alive():
            return not self._valve.ended
        return self._draining and now > max(self._moved_at, self._valve.waiting_until) + SILENCE

    def settle(self) -> None:
        """End the jobs whose objects wait for nothing any more, as far as the record says; or all, if it is down."""
        self._settle_by_record()
        self._tell_if_down()

    def _settle_by_record(self) -> None:
        waiting, store = self._jobs.waiting(), self._bench.store
        if not waiting.jobs:
            return
        if waiting.keys is not None:
            self._jobs.settled(waiting.keys - _moving(store.recorded_some(waiting.keys).values()), waiting)
        else:
            self._jobs.settled_but(_moving(store.unsettled()), waiting)

    def _tell_if_down(self) -> None:
        """Nobody should wait for the end of a long trouble of the API: jobs end, and it is tried on and on."""
        trouble = self._bench.health.down(self._bench.clock.now())
        if trouble is not None:
            self._jobs.drained(JobState.FAILED, trouble.words, "unavailable")

    def _run(self) -> None:
        try:
            while self._await_work():
                self._drain()
        except Exception as error:  # noqa: BLE001 - nobody would send any more: the daemon's turn raises it at once
            self.crash, self.failures = error, sys.maxsize
            self._jobs.wake()

    def _drain(self) -> None:
        self._draining, self._moved_at = True, self._bench.clock.now()
        try:
            self._bench.store.recover(self._moved_at, "")  # what a drain of ours that failed left behind
            drained = push(self._bench, self._run_terms())
            self._after(drained)
            self._look_after_health(drained)
            self.failures = 0
        except RepositoryError as error:
            self._halted(Drained(ending=Ending.UNAVAILABLE, reason=error.message))
        except Exception as error:  # noqa: BLE001 - the daemon's turn: counted, logged, tried again
            self._failed(error)
        finally:
            self._draining = False

    def _run_terms(self) -> Run:
        return Run(patience=Patience(without_answer=None), on_attempt=self._moved, on_list=self.tallies.called)

    def _look_after_health(self, drained: Drained) -> None:
        """Keep for later what is known of the API; ask it if it was in trouble and nothing is left to send."""
        bench = self._bench
        if drained.ending is Ending.DRAINED and bench.health.trouble is not None:
            look(bench)
        gave_up = drained.reason if drained.ending is Ending.UNAVAILABLE else ""
        remember(bench.store, bench.health, gave_up, bench.clock.now())

    def _await_work(self) -> bool:
        """Wait until something may be sent; false: it never will."""
        while not self._valve.ended:
            if self._begins():
                return True
            self._dismiss()
            now, halt = self._bench.clock.now(), self.halt
            seconds = IDLE_LOOK if halt is None else max(0.0, min(halt.until - now, IDLE_LOOK))
            with self._changed:
                if not self._changed.wait_for(lambda: self._rung or self._valve.ended, seconds):
                    self._asked = True  # nobody told us; it costs one look at the queue
                self._rung = False
        return False

    def _begins(self) -> bool:
        with self._changed:
            if self.halt is not None and self._bench.clock.now() >= self.halt.until:
                self.halt, self._asked = None, True
            if not self._asked or self.halt is not None or self._valve.stopped:
                return False
            self._asked = False
            return True

    def _dismiss(self) -> None:
        """Nothing is sent for now: tell those why who wait for a job."""
        halt = self.halt
        if self._valve.stopped:
            if not self._valve.ended:
                self._jobs.drained(JobState.PAUSED)
        elif halt is not None:
            self._jobs.drained(JobState.FAILED, halt.reason, halt.cause)

    def _moved(self, attempt: Attempt) -> None:
        self._moved_at = self._bench.clock.now()
        self.tallies.called((attempt.claim.row.key,), attempt.calls)
        if not isinstance(attempt.decision, Finish | Park):
            self._tell_if_down()
            return
        key, waiting = attempt.claim.row.key, self._jobs.waiting()
        if waiting.keys is None:
            self._jobs.settled({key}, waiting)
        elif key in waiting.keys:
            # The row decides: a newer pass may have queued it again, and what refers to a parked object is blocked.
            looked = waiting.keys if isinstance(attempt.decision, Park) else {key}
            self._jobs.settled(looked - _moving(self._bench.store.recorded_some(looked).values()), waiting)

    def _after(self, drained: Drained) -> None:
        if drained.ending is Ending.DRAINED:
            self._halts = 0
            self.finish()
            self.settle()  # not `drained`: a pass may have written more down since the last look at the queue
        elif drained.ending is Ending.INTERRUPTED:
            self._asked = True
        else:
            self._halted(drained)

    def _halted(self, drained: Drained) -> None:
        clock = self._bench.clock
        gone = drained.ending is Ending.UNAVAILABLE
        pause = halted_for(self._halts, gone=gone, jitter=clock.jitter())
        self._halts += 1
        self.halt = Halt(
            reason=drained.reason,
            until=clock.now() + pause,
            conflict=drained.conflict,
            unavailable=gone,
            cause=_cause(drained),
        )
        self._bench.log("queue_halted", reason=for_log(drained.reason), retry_in=round(pause))

    def _failed(self, error: Exception) -> None:
        clock = self._bench.clock
        self.failures, self.crash = self.failures + 1, error
        pause = min(60.0, 2.0**self.failures) * (0.5 + clock.jitter() / 2)
        self.halt = Halt(
            reason=f"{type(error).__name__} while sending",
            until=clock.now() + pause,
            unavailable=True,
            cause="unexpected-error",
        )
        self._bench.log("turn_failed", reason=type(error).__name__, failures=self.failures, retry_in=round(pause, 1))
        self._jobs.wake()


def _moving(rows: Iterable[Recorded]) -> set[Key]:
    """The objects that are still to be sent."""
    return {row.key for row in rows if row.standing is Standing.WANTED and row.status in MOVING}


def _cause(drained: Drained) -> str:
    if drained.ending is Ending.UNAVAILABLE:
        return "unavailable"
    return "conflict" if drained.conflict else "wrong-api" if drained.wrong_api else "credentials"
