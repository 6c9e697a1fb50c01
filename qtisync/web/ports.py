"""What the HTTP surface needs of the daemon and around it; ``app`` joins them, tests use in-memory twins."""

from __future__ import annotations

from typing import Protocol

from qtisync.report.gauges import Gauges
from qtisync.report.job import Job
from qtisync.report.value import Report


class Control(Protocol):
    """The daemon as those see it who look and steer. Threads may share it; each answer takes well under a second."""

    def ring(self, origin: str) -> Job:
        """Something may have changed: ask for a pass. Rings that one pass will answer share one job."""

    def approve(self, checksum: str, rules: tuple[str, ...], origin: str) -> Job:
        """A person saw the held plan with this checksum and lets it pass these rules: ask for that pass."""

    def job(self, job: str) -> Job | None:
        """A job by its id; old ones are forgotten."""

    def so_far(self, job: str) -> Job | None:
        """As ``job``, with the report of what came of it so far if it is being pushed."""

    def wait_for(self, job: str, seconds: float) -> Job | None:
        """As ``job``, after it ended or after so many seconds, whichever is first."""

    def status(self) -> Report:
        """The status report (``kind: status``)."""

    def item(self, identifier: str) -> Report | None:
        """The status report narrowed to one object with its latest calls; ``None`` if the record has none."""

    def pause(self, reason: str, until: float | None) -> None:
        """Send nothing until ``resume``, or until this time. Passes go on; what is in flight is finished."""

    def resume(self) -> str | None:
        """End a pause; also takes up a queue that halted: why it had, ``None`` if it had not."""

    def retry(self, identifiers: tuple[str, ...] | None) -> int:
        """Queue parked objects again: these, or all of them; how many were."""

    def gauges(self) -> Gauges:
        """The state in numbers."""

    def unready(self) -> tuple[str, ...]:
        """Why it is not ready, in words; empty: it is. Reads nothing but memory."""

    def alive(self) -> bool:
        """Whether its turns go round: false means that it hangs and should be started anew."""


class Exposition(Protocol):
    """The metrics as the HTTP surface sees them. Threads may share it."""

    content_type: str

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""

    def delivered(self, forge: str, outcome: str) -> None:
        """A webhook was answered."""


class Log(Protocol):
    """Structured events: a name of the catalogue and fields."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Write one event."""
