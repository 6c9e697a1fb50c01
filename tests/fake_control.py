"""An in-memory twin of the daemon as the HTTP surface sees it, and a running surface around it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes import RecordedLog

from qtisync.delivery.pace import Pace
from qtisync.report.gauges import Gauges
from qtisync.report.job import Job, JobState
from qtisync.report.status import Observed, status_report
from qtisync.report.value import ItemOutcome, Place, Report, ReportItem, ReportProblem
from qtisync.web.metrics import Metrics
from qtisync.web.server import Pushers, WebServer
from qtisync.web.signatures import Forge
from qtisync.web.surface import Surface

HEAD, SYNCED = "3f2a9c1" + "0" * 33, "8be0d44" + "0" * 33
NOW = 1_795_000_000.0
TOKEN = "the-token-of-the-surface"
PLACE = Place(
    repository="/srv/content.git",
    ref="refs/heads/main",
    head=HEAD,
    base=SYNCED,
    target="staging",
    base_url="https://qti.example.org/api",
    capabilities={},
)
PARKED = ReportItem(
    identifier="geo-0040",
    kind="item",
    path="items/geometry/geo-0040.xml",
    outcome=ItemOutcome(status="parked", attempts=1, http_status=400, error="400: Stimulus(s) not found"),
)


OBSERVED = Observed(
    last=None,
    synced=SYNCED,
    synced_at=NOW - 600,
    counts={"synced": 1236, "queued": 3, "in_flight": 1, "parked": 1},
    unsettled=(),
    pace=Pace(rate=12.5, ceiling=50.0),
    capability={"fitness": "fit", "reason": ""},
    lists={"fitness": "fit", "reason": ""},
    daemon={"since": "2026-11-01T00:00:00.000Z", "version": "0", "ready": True, "halted": None, "jobs": []},
    degraded=(),
    now=NOW,
)


def a_report(*, status: Mapping[str, Any] | None = None, **others: Any) -> Report:
    """A status report; ``status`` and ``others`` replace parts of it."""
    report = replace(status_report(OBSERVED, PLACE), items=(PARKED,))
    return replace(report, status={**report.status, **(status or {})}, **others)


def until(what: Callable[[], Any], seconds: float = 60.0) -> None:
    """Look until it is true."""
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.005)


class FakeControl:
    """``web.ports.Control`` in memory: one job until ``end`` is called, as if one pass answered all rings."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.report = a_report()
        self.numbers = Gauges(target="staging")
        self.reasons: tuple[str, ...] = ()
        self.lives = True
        self.halted: str | None = None
        self.crash: Exception | None = None
        self.hang = threading.Event()
        """Cleared by ``hangs``: every call waits for it."""
        self.hang.set()
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()

    def _note(self, *call: Any) -> None:
        self.hang.wait(60)
        self.calls.append(call)
        if self.crash is not None:
            raise self.crash

    def rings(self) -> int:
        return sum(call[0] == "ring" for call in self.calls)

    def ring(self, origin: str) -> Job:
        self._note("ring", origin)
        return self._open(origin)

    def approve(self, checksum: str, rules: tuple[str, ...], origin: str) -> Job:
        self._note("approve", checksum, rules, origin)
        return self._open(origin)

    def _open(self, origin: str) -> Job:
        with self._changed:
            waiting = [job for job in self._jobs.values() if not job.state.ended]
            if waiting:
                return waiting[0]
            job = Job(id=f"j-{len(self._jobs) + 1}", origin=origin, asked_at=NOW)
            self._jobs[job.id] = job
            return job

    def end(self, job: str, state: JobState = JobState.DONE) -> None:
        with self._changed:
            self._jobs[job] = replace(self._jobs[job], state=state, commit=HEAD, ended_at=NOW + 1, report=self.report)
            self._changed.notify_all()

    def job(self, job: str) -> Job | None:
        self._note("job", job)
        return self._jobs.get(job)

    def so_far(self, job: str) -> Job | None:
        self._note("so far", job)
        found = self._jobs.get(job)
        return None if found is None else replace(found, report=self.report)

    def wait_for(self, job: str, seconds: float) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: job not in self._jobs or self._jobs[job].state.ended, seconds)
            return self._jobs.get(job)

    def status(self) -> Report:
        self._note("status")
        return self.report

    def item(self, identifier: str) -> Report | None:
        self._note("item", identifier)
        return replace(self.report, status={**self.report.status, "history": []}) if "geo" in identifier else None

    def pause(self, reason: str, until: float | None) -> None:
        self._note("pause", reason, until)
        self.numbers = replace(self.numbers, paused_by_person=True)

    def resume(self) -> str | None:
        self._note("resume")
        self.numbers = replace(self.numbers, paused_by_person=False)
        return self.halted

    def retry(self, identifiers: tuple[str, ...] | None) -> int:
        self._note("retry", identifiers)
        return 7 if identifiers is None else len(identifiers)

    def gauges(self) -> Gauges:
        self._note("gauges")
        return self.numbers

    def unready(self) -> tuple[str, ...]:
        return self.reasons

    def alive(self) -> bool:
        return self.lives


class Served:
    """A running surface and those who ask it."""

    def __init__(self, server: WebServer, control: Any, surface: Surface, log: RecordedLog, file: Path) -> None:
        self.server, self.control, self.surface, self.log, self.file = server, control, surface, log, file

    @property
    def port(self) -> int:
        assert self.server.address is not None
        return self.server.address[1]

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        token: str | None = None,
        patience: float = 60.0,
    ) -> Reply:
        """One request over TCP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        try:
            sent = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Bytes as they are, and what comes back until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as wire:
            wire.sendall(data)
            parts = []
            while part := wire.recv(65536):
                parts.append(part)
            return b"".join(parts)


class Reply:
    """An answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def told(self) -> tuple[int, Any]:
        return self.status, self.json


SECRETS: dict[Forge, Callable[[], str]] = {forge: lambda: "a secret that nobody guesses" for forge in Forge}


@contextmanager
def served(
    folder: Path,
    *,
    listen: str | None = "127.0.0.1:0",
    token: str | None = TOKEN,
    push_group: str | None = None,
    **others: Any,
) -> Iterator[Served]:
    """A surface that listens on a free port and on a socket in ``folder``."""
    control, log = FakeControl(), RecordedLog()
    metrics = Metrics(time.time)
    metrics.watch(control.gauges)
    values: dict[str, Any] = {
        "control": control,
        "metrics": metrics,
        "log": log,
        "now": lambda: NOW,
        "ref": "refs/heads/main",
        "secrets": SECRETS,
        "token": None if token is None else lambda: token,
    }
    surface = Surface(**{**values, **others})
    file = folder / "staging.sock"
    pushers = None if push_group is None else Pushers(file=folder / "staging.pushers", group=push_group)
    server = WebServer(surface=surface, file=file, listen=listen, pushers=pushers)
    server.start()
    try:
        yield Served(server, control, surface, log, file)
    finally:
        control.hang.set()
        assert server.close(30)


PROBLEM = ReportProblem(
    path="items/geometry/geo-0041.xml",
    line=17,
    identifier="geo-0041",
    code="correct-response-not-a-choice",
    message='correct response "D" is not a choice',
    hint="Add the choice or correct the key.",
)
