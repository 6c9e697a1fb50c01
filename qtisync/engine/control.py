"""The daemon as those see it who look and steer: the web surface, and through it the command line and git's hooks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtisync.delivery.ledger import decided
from qtisync.engine import pause
from qtisync.engine.cycle import Bench
from qtisync.engine.daemon import Daemon
from qtisync.engine.halting import Halt
from qtisync.engine.jobs import Jobs
from qtisync.engine.outbox import Outbox
from qtisync.engine.overview import Sight, is_in_sync, overview
from qtisync.engine.ports import Meter
from qtisync.model import Identifier, Key
from qtisync.report.gauges import Gauges
from qtisync.report.job import Job
from qtisync.report.status import item_report, tombstone_report
from qtisync.report.tombstone import tombstones
from qtisync.report.value import Report, moment

CALLS = 20  # calls of one object that are shown
MOST_QUEUED = 1000  # objects that only wait, in one status: of a first load of 100,000 nobody reads more
JOBS = 10  # jobs that the status shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What does not change while a daemon lives."""

    target: str
    base_url: str
    metadata_call: bool
    started: float
    version: str
    poll_every: float
    actor: str
    """Who runs it, for the journal of decisions."""


class Controls:
    """``web.ports.Control``. Threads share it; nothing here waits for a pass or a call."""

    def __init__(
        self,
        *,
        bench: Bench,
        daemon: Daemon,
        outbox: Outbox,
        jobs: Jobs,
        meter: Meter,
        identity: Identity,
        watched: Callable[[], tuple[str, ...]],
        fetched: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._bench, self._daemon, self._outbox, self._jobs = bench, daemon, outbox, jobs
        self._meter, self._identity = meter, identity
        self._watched, self._fetched = watched, fetched

    def ring(self, origin: str) -> Job:
        """See ``web.ports``."""
        self._meter.rung(origin)
        return self._jobs.ring(origin)

    def approve(self, checksum: str, rules: tuple[str, ...], origin: str) -> Job:
        """See ``web.ports``."""
        self._decided("approve", words=f"plan {checksum}: {', '.join(rules)}")
        return self._daemon.approve(checksum, frozenset(rules), origin)

    def job(self, job: str) -> Job | None:
        """See ``web.ports``."""
        return self._jobs.find(job)

    def so_far(self, job: str) -> Job | None:
        """See ``web.ports``."""
        return self._jobs.so_far(job)

    def wait_for(self, job: str, seconds: float) -> Job | None:
        """See ``web.ports``."""
        return self._jobs.wait_for(job, seconds)

    def status(self) -> Report:
        """See ``web.ports``."""
        return overview(self._bench.store, self._sight(), self._bench.clock.now(), MOST_QUEUED)

    def _sight(self) -> Sight:
        seen, identity = self._daemon.seen, self._identity
        return Sight(
            repository=self._bench.source.location(),
            ref=seen.ref,
            head=seen.head or "",
            target=identity.target,
            base_url=identity.base_url,
            metadata_call=identity.metadata_call,
            fetched=self._fetched(),
            degraded=self.degraded(),
            daemon=self._of_daemon(),
        )

    def item(self, identifier: str) -> Report | None:
        """See ``web.ports``."""
        store = self._bench.store
        rows, history = store.find(Identifier(identifier)), store.history(Identifier(identifier), CALLS)
        graves = tombstones(history) if not rows else ()
        if graves:
            return tombstone_report(self.status(), graves, history)
        return item_report(self.status(), rows, history) if rows else None

    def pause(self, reason: str, until: float | None) -> None:
        """See ``web.ports``."""
        now = self._bench.clock.now()
        self._decided("pause", words=reason or None)
        self._daemon.pause(pause.Pause(reason=reason, since=now, until=until))
        self._bench.log("paused", reason=reason, until=None if until is None else moment(until))

    def resume(self) -> str | None:
        """See ``web.ports``."""
        self._decided("resume")
        halt = self._halt()
        self._daemon.resume()
        self._bench.log("resumed")
        self._jobs.ring("resume")
        return None if halt is None else halt.reason

    def retry(self, identifiers: tuple[str, ...] | None) -> int:
        """See ``web.ports``."""
        store, keys = self._bench.store, None
        if identifiers is not None:
            keys = [row.key for name in identifiers for row in store.find(Identifier(name))]
        for key in keys if keys is not None else (None,):
            self._decided("retry", key=key, words="all parked objects" if key is None else None)
        count = store.retry(keys)
        if count:
            self._jobs.ring("retry")
            self._outbox.wake()
        return count

    def gauges(self) -> Gauges:
        """See ``web.ports``."""
        store, seen, now = self._bench.store, self._daemon.seen, self._bench.clock.now()
        pace, synced, synced_at = store.pace(), store.setting("synced_commit"), store.setting("synced_at")
        return Gauges(
            target=self._identity.target,
            head=seen.head,
            head_seen_at=seen.head_at,
            synced=synced if isinstance(synced, str) else None,
            synced_at=synced_at if isinstance(synced_at, float) else None,
            in_sync=is_in_sync(store, self._sight(), now),
            items=store.counts(),
            queued=store.lanes(),
            rate=None if pace is None else pace.rate,
            ceiling=None if pace is None else pace.ceiling,
            paused_seconds=0.0 if pace is None else max(0.0, pace.paused_until - now),
            paused_by_person=pause.paused(store, now) is not None,
            held=store.setting("held") is not None,
            api_up=self._bench.health.trouble is None,
            degraded=self.degraded(),
            unready=self.unready(),
        )

    def unready(self) -> tuple[str, ...]:
        """Why it is not ready: the first pass is not done, sending halted, or the API is down for a while."""
        halt, reasons = self._halt(), []
        down = self._bench.health.down(self._bench.clock.now())
        if not self._daemon.seen.passed:
            reasons.append(self._daemon.seen.trouble or "the first pass is not done")
        if halt is not None:
            reasons.append(halt.reason)
        if down is not None and (halt is None or not halt.unavailable):
            reasons.append(down.words)
        return tuple(reasons)

    def _halt(self) -> Halt | None:
        """What keeps us from sending, or at least from deleting."""
        return self._outbox.halt or self._daemon.deleting.halt

    def degraded(self) -> tuple[str, ...]:
        """Why it works less well than it could."""
        seen, now = self._daemon.seen, self._bench.clock.now()
        reasons, trouble = list(self._watched()), self._bench.health.trouble
        reasons += [trouble.words] if trouble is not None else []
        if seen.trouble is not None:
            reasons.append(f"the last pass failed: {seen.trouble}")
        elif seen.head_at is not None and now - seen.head_at > 2 * self._identity.poll_every + 60:
            reasons.append(f"the ref was last read {now - seen.head_at:.0f} s ago")
        return tuple(reasons)

    def alive(self) -> bool:
        """See ``web.ports``."""
        now = self._bench.clock.now()
        return now <= self._daemon.seen.beat_until and not self._outbox.hung(now)

    def _decided(self, what: str, *, key: Key | None = None, words: str | None = None) -> None:
        now = self._bench.clock.now()
        self._bench.store.note([decided(what, self._identity.actor, now, key=key, words=words)])

    def _of_daemon(self) -> dict[str, Any]:
        identity, halt = self._identity, self._halt()
        jobs = [
            {
                "id": job.id,
                "origin": job.origin,
                "state": job.state.value,
                "at": moment(job.asked_at),
                "commit": job.commit,
                "error": job.error,
            }
            for job in self._jobs.newest(JOBS)
        ]
        return {
            "since": moment(identity.started),
            "version": identity.version,
            "ready": not self.unready(),
            "halted": None if halt is None else {"reason": halt.reason, "until": moment(halt.until)},
            "jobs": jobs,
        }
