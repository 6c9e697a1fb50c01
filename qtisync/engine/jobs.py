"""The rings of the bell as jobs: who asked for a pass can ask how it went."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from qtisync.engine.ports import Clock
from qtisync.engine.timing import Rings
from qtisync.model import Key
from qtisync.report.job import Job, JobState
from qtisync.report.value import Report

KEPT = 200  # jobs that are remembered
WORTH_KNOWING = frozenset({"hook", "command", "api"})  # origins that somebody may be waiting for
MANY_ORIGINS = 5  # names of those who rang that one job shows


@dataclass(slots=True)
class _Entry:
    job: Job
    last: float
    origins: tuple[str, ...]
    pending: set[Key] = field(default_factory=set)
    report: Callable[[], Report] | None = None


class Jobs:
    """All jobs of a daemon. Threads share it; whatever changes wakes those who wait for it.

    ``told`` hears of every job that began to be pushed or came to an end; it must not wait.
    """

    def __init__(self, clock: Clock, told: Callable[[Job], None] = lambda _job: None) -> None:
        self._clock = clock
        self._told = told
        self._changed = threading.Condition()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._numbers = itertools.count(1)
        self._started = f"{int(clock.now()):x}"
        self._waiting: _Entry | None = None

    def ring(self, origin: str) -> Job:
        """Join the job that waits for its pass, or begin one."""
        now = self._clock.now()
        with self._changed:
            entry = self._waiting
            if entry is None:
                job = Job(id=f"{self._started}-{next(self._numbers)}", origin=origin, asked_at=now)
                entry = self._waiting = self._entries[job.id] = _Entry(job=job, last=now, origins=(origin,))
                self._forget()
            elif origin not in entry.origins and len(entry.origins) < MANY_ORIGINS:
                entry.origins = (*entry.origins, origin)
                entry.job = replace(entry.job, origin=", ".join(entry.origins))
            entry.last = now
            self._changed.notify_all()
            return entry.job

    def rings(self) -> Rings | None:
        """The rings that wait for a pass, ``None`` if there are none."""
        with self._changed:
            entry = self._waiting
            return None if entry is None else Rings(first=entry.job.asked_at, last=entry.last, origins=entry.origins)

    def wait_for_ring(self, seconds: float) -> None:
        """Wait until somebody rings (again) or ``wake`` is called, at most so long."""
        with self._changed:
            self._changed.wait(max(0.0, seconds))

    def wake(self) -> None:
        """End the wait for a ring without one."""
        with self._changed:
            self._changed.notify_all()

    def take(self) -> Job | None:
        """A pass begins: it answers all rings so far. What rings from now on is another job."""
        with self._changed:
            entry, self._waiting = self._waiting, None
            if entry is None:
                return None
            entry.job = replace(entry.job, state=JobState.READING)
            return entry.job

    def pushing(self, job: Job, commit: str, pending: Collection[Key], report: Callable[[], Report]) -> None:
        """What the pass of a job wants is written down; ``report`` makes its report once it ends."""
        with self._changed:
            entry = self._entries.get(job.id)
            if entry is None:
                return
            entry.job = replace(entry.job, state=JobState.PUSHING, commit=commit)
            entry.pending, entry.report = set(pending), report
            job = entry.job
        if pending:
            self._told(job)
        self.settled(())

    def end(self, job: Job, state: JobState, **said: object) -> None:
        """A job comes to this end; ``said`` are fields of it."""
        with self._changed:
            entry = self._entries.get(job.id)
            if entry is None or entry.job.state.ended:
                return
            entry.job = ended = replace(entry.job, state=state, ended_at=self._clock.now(), **said)  # type: ignore[arg-type]  # see above
            entry.report, entry.pending = None, set()
            self._changed.notify_all()
        self._told(ended)

    def settled(self, keys: Iterable[Key]) -> None:
        """These objects wait for nothing any more: jobs that waited for them alone are done."""
        done = set(keys)
        with self._changed:
            pushing = [entry for entry in self._entries.values() if entry.job.state is JobState.PUSHING]
            for entry in pushing:
                entry.pending -= done
            ended = [entry for entry in pushing if not entry.pending]
        self._finish(ended, JobState.DONE)

    def pending(self) -> set[Key]:
        """The objects that any job waits for."""
        with self._changed:
            return set().union(*(e.pending for e in self._entries.values() if e.job.state is JobState.PUSHING))

    def drained(self, state: JobState = JobState.DONE, error: str | None = None, cause: str | None = None) -> None:
        """Nothing more is sent for now: every job that was being pushed ends like this."""
        with self._changed:
            ended = [entry for entry in self._entries.values() if entry.job.state is JobState.PUSHING]
        self._finish(ended, state, error=error, cause=cause)

    def _finish(self, entries: list[_Entry], state: JobState, **said: str | None) -> None:
        for entry in entries:
            make = entry.report
            # Not under the lock: a report reads the record.
            self.end(entry.job, state, report=make() if make is not None else None, **said)

    def find(self, job: str) -> Job | None:
        """A job by its id."""
        with self._changed:
            entry = self._entries.get(job)
            return None if entry is None else entry.job

    def wait_for(self, job: str, seconds: float) -> Job | None:
        """A job after it ended, or after so many seconds."""
        until = self._clock.now() + seconds
        with self._changed:
            while True:
                entry = self._entries.get(job)
                left = until - self._clock.now()
                if entry is None or entry.job.state.ended or left <= 0:
                    return None if entry is None else entry.job
                self._changed.wait(left)

    def newest(self, count: int) -> list[Job]:
        """The newest jobs that say something, newest first: a look that found nothing is left out."""
        with self._changed:
            jobs = [entry.job for entry in reversed(self._entries.values())]
        return [job for job in jobs if job.report is None or job.report.items or job.origin in WORTH_KNOWING][:count]

    def _forget(self) -> None:
        while len(self._entries) > KEPT:
            oldest = next(iter(self._entries))
            if not self._entries[oldest].job.state.ended:
                return
            del self._entries[oldest]
