"""The rings of the bell as jobs: who asked for a pass can ask how it went."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from qtisync.engine.ports import Clock
from qtisync.engine.timing import Rings
from qtisync.errors import StoreError
from qtisync.model import Key
from qtisync.report.job import Job, JobState
from qtisync.report.value import Report

KEPT = 200  # jobs that are remembered
WORTH_KNOWING = frozenset({"hook", "command", "api"})  # origins that somebody may be waiting for
FEW = 500  # objects that jobs wait for, up to which they are looked up one by one
MANY_ORIGINS = 5  # names of those who rang that one job shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The jobs that are being pushed at one moment."""

    jobs: frozenset[str]
    keys: frozenset[Key] | None
    """The objects that they wait for; ``None``: more than ``FEW``."""


@dataclass(slots=True)
class _Entry:
    job: Job
    last: float
    origins: tuple[str, ...]
    waits: tuple[set[Key], ...] = ()
    """The objects that it waits for. A set may belong to several jobs."""
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
        self._started = f"{int(clock.now() * 1000):x}"
        self._waiting: _Entry | None = None
        self._rung = False
        """Since the last wait for a ring: what rings before the wait begins ends it too."""

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
            self._rung = True
            self._changed.notify_all()
            return entry.job

    def rings(self) -> Rings | None:
        """The rings that wait for a pass, ``None`` if there are none."""
        with self._changed:
            entry = self._waiting
            return None if entry is None else Rings(first=entry.job.asked_at, last=entry.last, origins=entry.origins)

    def wait_for_ring(self, seconds: float) -> None:
        """Wait until somebody rings (again) or ``wake`` is called, at most so long; at once if it was meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._rung, max(0.0, seconds))
            self._rung = False

    def wake(self) -> None:
        """End the wait for a ring without one."""
        with self._changed:
            self._rung = True
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
        """What the pass of a job wants is written down; ``report`` makes its report once it ends.

        A look at a commit that is being pushed already adds nothing: it shares what the first one waits for and its
        report, or every poll during a long push would keep a plan of its own.
        """
        wanted = set(pending)
        with self._changed:
            entry = self._entries.get(job.id)
            if entry is None:
                return
            entry.waits, entry.report = (wanted,), report
            for other in self._pushing():
                if other.job.commit == commit and other.waits[0] and other.waits[0] <= wanted:
                    entry.waits, entry.report = (other.waits[0], wanted - other.waits[0]), other.report
                    break
            entry.job = job = replace(entry.job, state=JobState.PUSHING, commit=commit)
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
            entry.report, entry.waits = None, ()
            self._changed.notify_all()
        self._told(ended)

    def settled(self, keys: Iterable[Key], waiting: Waiting | None = None) -> None:
        """These objects wait for nothing any more: jobs that waited for them alone are done.

        ``waiting``: who waited when the record was looked at. A job that came since then may want a newer target.
        """
        done = set(keys)
        with self._changed:
            for entry in self._pushing():
                if waiting is None or entry.job.id in waiting.jobs:
                    for wanted in entry.waits:
                        wanted.difference_update(done)
            ended = [entry for entry in self._pushing() if not any(entry.waits)]
        self._finish(ended, JobState.DONE)

    def settled_but(self, moving: Collection[Key], waiting: Waiting) -> None:
        """As ``settled``, of everything besides these objects."""
        with self._changed:
            sets = _sets(one for one in self._pushing() if one.job.id in waiting.jobs)
            done = frozenset[Key]().union(*sets).difference(moving)
        self.settled(done, waiting)

    def waiting(self) -> Waiting:
        """Who waits, and for what."""
        with self._changed:
            pushing = self._pushing()
            sets = _sets(pushing)
            jobs, objects = frozenset(entry.job.id for entry in pushing), sum(map(len, sets))
            few = frozenset[Key]().union(*sets) if objects <= FEW else None
            return Waiting(jobs=jobs, keys=few)

    def _pushing(self) -> list[_Entry]:
        return [entry for entry in self._entries.values() if entry.job.state is JobState.PUSHING]

    def drained(self, state: JobState = JobState.DONE, error: str | None = None, cause: str | None = None) -> None:
        """Nothing more is sent for now: every job that was being pushed ends like this."""
        with self._changed:
            ended = self._pushing()
        self._finish(ended, state, error=error, cause=cause)

    def _finish(self, entries: list[_Entry], state: JobState, **said: str | None) -> None:
        made: dict[int, Report | None] = {}
        for entry in entries:
            make = entry.report
            # Not under the lock: a report reads the record.
            if make is not None and id(make) not in made:
                made[id(make)] = _made(make)
            self.end(entry.job, state, report=made.get(id(make)), **said)

    def find(self, job: str) -> Job | None:
        """A job by its id."""
        with self._changed:
            entry = self._entries.get(job)
            return None if entry is None else entry.job

    def so_far(self, job: str) -> Job | None:
        """A job by its id, with what came of it so far if it is being pushed."""
        with self._changed:
            entry = self._entries.get(job)
            found, make = (None, None) if entry is None else (entry.job, entry.report)
        return found if found is None or make is None else replace(found, report=_made(make))

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
        return [job for job in jobs if job.origin in WORTH_KNOWING or _says_something(job)][:count]

    def _forget(self) -> None:
        if len(self._entries) > KEPT:
            ended = (name for name, entry in self._entries.items() if entry.job.state.ended)
            oldest = next(ended, None)  # one that is still pushed is not in the way of the others
            if oldest is not None:
                del self._entries[oldest]


def _says_something(job: Job) -> bool:
    report = job.report
    return report is None or bool(report.items) or any(orphan.new for orphan in report.orphans)


def _sets(entries: Iterable[_Entry]) -> list[set[Key]]:
    """What jobs wait for, each set once."""
    return list({id(keys): keys for entry in entries for keys in entry.waits}.values())


def _made(make: Callable[[], Report]) -> Report | None:
    """A report; a record that cannot be read now must not keep a job from its end."""
    try:
        return make()
    except StoreError:
        return None
