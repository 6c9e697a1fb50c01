"""The service: wait on the bell, make passes, keep the workers busy, stop cleanly. Rings carry nothing but a name.

Passes run in the caller's thread while the queue drains in another, so what a newer commit wants supersedes what waits,
and a fix overtakes a bulk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from qtisync.engine import pause
from qtisync.engine.cycle import Bench
from qtisync.engine.deleting import Deleting
from qtisync.engine.jobs import Jobs
from qtisync.engine.outbox import Outbox
from qtisync.engine.ports import Meter
from qtisync.engine.recognise import first_look
from qtisync.engine.reconcile import HELD, Aim, Prepared, prepare, write_down
from qtisync.engine.reports import pass_report, pushed_report
from qtisync.engine.rounds import STEP, Beating, PatientBell, Rounds, Seen
from qtisync.engine.tally import Tally
from qtisync.engine.timing import Rhythm, Timing, next_pass_at
from qtisync.engine.valve import Valve
from qtisync.engine.warm import Memory
from qtisync.errors import QtisyncError, RepositoryError, StoreError
from qtisync.model import Json
from qtisync.report.job import Job, JobState
from qtisync.report.value import Report

LOOK = 1.0  # seconds; the longest wait of a turn, so that a stop, a pause's end and a poll are never overlooked
TIDY_EVERY = 3600.0  # seconds
FIRST_LOOK = 3600.0  # seconds; a first look at everything, before it shows any progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A plan that a person lets pass these rules: for the first pass that begins after it was given, and no other."""

    checksum: str
    rules: frozenset[str]


class Daemon:
    """One target, kept equal to one ref until it is stopped. ``run`` is its whole life."""

    def __init__(
        self,
        *,
        bench: Bench,
        aim: Aim,
        jobs: Jobs,
        valve: Valve,
        outbox: Outbox,
        meter: Meter,
        memory: Memory,
        rounds: Rounds,
        timing: Timing,
    ) -> None:
        self._bench, self._aim, self._jobs, self._valve, self._outbox = bench, aim, jobs, valve, outbox
        self._meter, self._memory, self._rounds, self._timing = meter, memory, rounds, timing
        self.deleting = Deleting(bench, valve, outbox)
        self._rhythm = Rhythm()
        self._failures = 0
        self._held = self._complaint = ""
        self._approval: Approval | None = None
        self._dice = bench.clock.jitter()
        self._steering = threading.Lock()
        """Guards the pause in the record together with the valve: they must never say different things."""
        self.seen = Seen()
        self.beat(STEP)  # until the first turn

    def run(self) -> None:
        """Turn until the valve is shut for good; raises what failed too often in a row."""
        bench = self._bench
        bench.store.recover(bench.clock.now(), bench.worker)
        with self._steering:
            if pause.paused(bench.store, bench.clock.now()) is not None:
                self._valve.pause()
        self.seen.polled_at = bench.clock.now()
        self._jobs.ring("start")
        self._outbox.start()
        while not self._valve.ended:
            self._turn()
            self._give_up()

    def approve(self, checksum: str, rules: frozenset[str], origin: str) -> Job:
        """A person saw the plan with this checksum and lets it pass these rules: make that pass now."""
        self._approval = Approval(checksum=checksum, rules=rules)
        return self._jobs.ring(origin)

    def beat(self, seconds: float = 60.0) -> None:
        """The loop moves: it need not be heard of for so long."""
        self.seen.beat_until = self._bench.clock.now() + seconds

    def _turn(self) -> None:
        """Wait for what is due next, at most ``LOOK``; make the pass that is due."""
        clock = self._bench.clock
        now = clock.now()
        self.beat(STEP)
        self._guarded(None, lambda: self._look_around(now))
        self.beat()
        rings = self._jobs.rings()
        due = next_pass_at(rings, self._rhythm, self._timing, self._dice) if rings is not None else None
        if due is not None and due <= now:
            self._pass()
        else:
            self._jobs.wait_for_ring(min(LOOK, due - now if due is not None else LOOK))

    def _look_around(self, now: float) -> None:
        """What time alone brings about."""
        rounds = self._rounds
        if self._valve.stopped and not self._valve.ended:
            self._resume_when_over()
        if now - self.seen.polled_at >= rounds.poll_every:
            self.seen.polled_at = now
            rounds.revive()
            self._jobs.ring("poll")
        if self.seen.head is not None and not self._valve.stopped:
            rounds.inspect(now)
        tidied = self.seen.tidied_at
        if rounds.keep_journal is not None and (tidied is None or now - tidied >= TIDY_EVERY):
            self.seen.tidied_at = now  # first: what fails is tried again at the next time, not at each turn
            self._bench.store.drop_journal(now - rounds.keep_journal)

    def pause(self, said: pause.Pause) -> None:
        """Send nothing until ``resume``, or until the time that it names."""
        with self._steering:
            pause.begin(self._bench.store, said)
            self._valve.pause()

    def resume(self) -> None:
        """End a person's pause."""
        with self._steering:
            pause.end(self._bench.store)
            self._valve.resume()
        self._take_up()

    def _resume_when_over(self) -> None:
        with self._steering:
            if pause.paused(self._bench.store, self._bench.clock.now()) is not None:
                return
            pause.end(self._bench.store)
            self._valve.resume()
        self._take_up()

    def _take_up(self) -> None:
        """Nothing halts any more: sending begins at once, and the next pass deletes."""
        self.deleting.resume()
        self._outbox.resume()

    def _pass(self) -> None:
        job = self._jobs.take()
        if job is None:
            return
        began = self._bench.clock.now()
        self.beat(self._rounds.fetch_takes + FIRST_LOOK)  # `progress` shortens it
        news = self._guarded(job, lambda: self._reconcile(job))
        ended, self._dice = self._bench.clock.now(), self._bench.clock.jitter()
        if news is None:
            self._meter.passed("failed", ended - began)
            self._rhythm = self._rhythm.after_failure(ended)
            self._jobs.ring("again")
            return
        self._failures = 0
        self._meter.passed("held" if self._held else "finished", ended - began)
        self._rhythm = self._rhythm.after(ended, news=news)

    def _reconcile(self, job: Job) -> bool:
        """One pass; whether it found anything new."""
        bench, approval, absent = self._bench, self._approval, self._fetch()
        self.beat(FIRST_LOOK)
        try:
            now = bench.clock.now()
            prepared = prepare(bench.source, bench.store, self._aim, now, Beating(self.beat), self._memory)
            patient = replace(bench, bell=PatientBell(bench.bell, self.beat))
            prepared = first_look(patient, self._aim, prepared, Beating(self.beat), self._memory)
        except RepositoryError as error:
            raise absent or error from error
        plan, before = prepared.plan, self.seen.head
        self.seen.head, self.seen.ref = plan.commit, prepared.record.ref
        if absent is None:
            self.seen.head_at, self.seen.trouble, self._complaint = bench.clock.now(), None, ""
        if approval is not None and plan.holds and plan.checksum == approval.checksum:
            holds = tuple(hold for hold in plan.holds if hold.rule not in approval.rules)
            prepared = replace(prepared, plan=replace(plan, holds=holds))
        if prepared.plan.holds:
            if self._approval is approval:
                self._approval = None  # it was for another plan, and whoever gave it is told so
            self._hold(job, prepared)
            self.seen.passed = True
            return before != plan.commit
        self._release()
        if prepared.snapshot is not None:
            bench.log("pass_started", commit=plan.commit, changes=len(plan.changes), broken=len(plan.broken))
        tally = self._outbox.tallies.open([change.item.key for change in plan.ready])
        write_down(bench.store, prepared)
        self.beat(FIRST_LOOK)
        tally.calls += self.deleting.after(prepared)
        self._hand_over(job, prepared, tally)
        self.seen.passed = True
        if absent is not None:
            raise absent
        return before != plan.commit or prepared.snapshot is not None

    def _fetch(self) -> RepositoryError | None:
        """Bring the repository up to date; if that cannot be, what was fetched before is still worth a pass."""
        if self._rounds.fetch is None:
            return None
        try:
            self._rounds.fetch()
        except RepositoryError as error:
            return error
        return None

    def _hand_over(self, job: Job, prepared: Prepared, tally: Tally) -> None:
        """Let the workers have what the pass wrote down."""
        bench, began = self._bench, prepared.record.at
        ready = [change.item.key for change in prepared.plan.ready]
        told = replace(prepared, snapshot=None, recorded={}, fresh={})  # a long push must not keep all of it in memory

        def report() -> Report:
            return pushed_report(bench, told, bench.clock.now() - began, tally.calls)

        self._jobs.pushing(job, prepared.plan.commit, ready, report)
        if not ready:
            self._outbox.finish()
        self._outbox.wake(news=prepared.snapshot is not None)
        if ready:
            self._outbox.settle()  # workers that were busy may have sent some of it before the job was known
        if prepared.snapshot is not None:
            bench.log("pass_finished", commit=prepared.plan.commit, changes=len(ready), rung_by=job.origin)

    def _hold(self, job: Job, prepared: Prepared) -> None:
        """Nothing is written down. It is told once for each plan, and shown until it is no longer so."""
        bench, plan = self._bench, prepared.plan
        report = pass_report(bench, prepared)
        if self._held != plan.checksum:
            command = self._rounds.hold(report)
            rules: list[Json] = [{"rule": hold.rule, "message": hold.message} for hold in plan.holds]
            bench.store.put_setting(
                HELD,
                {"commit": plan.commit, "checksum": plan.checksum, "rules": rules, "command": command},
            )
            bench.log("pass_held", commit=plan.commit, rules=[hold.rule for hold in plan.holds], continue_with=command)
            self._held = plan.checksum
        self._jobs.end(job, JobState.HELD, commit=plan.commit, report=report)

    def _release(self) -> None:
        self._held, self._approval = "", None
        if self._bench.store.setting(HELD) is not None:
            self._bench.store.put_setting(HELD, None)

    def _guarded(self, job: Job | None, work: Callable[[], bool | None]) -> bool | None:
        """Do it; what fails is logged and told, and tried again later. ``None``: it failed."""
        try:
            return bool(work())
        except StoreError as error:
            self._unexpected(job, error, error.message)
        except QtisyncError as error:
            self.seen.trouble = error.message
            self._complain(error)
            if job is not None:
                words = f"{error.message} {error.hint}".strip()
                self._jobs.end(job, JobState.FAILED, error=words, cause=error.reference)
        except Exception as error:  # noqa: BLE001 - the daemon's turn: counted, logged, tried again
            self._unexpected(job, error, type(error).__name__)
        return None

    def _complain(self, error: QtisyncError) -> None:
        """Log a failure once, not at each try."""
        if self._complaint != error.message:
            self._bench.log("pass_failed", reason=error.reference, message=error.message)
            self._complaint = error.message

    def _unexpected(self, job: Job | None, error: Exception, words: str) -> None:
        self._failures += 1
        self.seen.trouble = words
        self._bench.log("turn_failed", reason=type(error).__name__, message=words, failures=self._failures)
        if job is not None:
            self._jobs.end(job, JobState.FAILED, error=words, cause="unexpected-error")
        if self._failures >= self._rounds.give_up_after:
            raise error

    def _give_up(self) -> None:
        """The supervisor starts us anew if sending fails by errors of ours again and again."""
        if self._outbox.failures >= self._rounds.give_up_after and self._outbox.crash is not None:
            raise self._outbox.crash
