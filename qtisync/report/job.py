"""What became of one ring of the bell: somebody asked for a pass, and may want to know how it went."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from qtisync.report.value import Report, as_json, moment


class JobState(enum.StrEnum):
    """How far a ring came; declared in the order in which it moves."""

    WAITING = "waiting"
    """The pass that answers it has not begun."""
    READING = "reading"
    """Its pass reads and compares."""
    PUSHING = "pushing"
    """What its pass wants is written down and being sent."""
    DONE = "done"
    """Nothing of it is left to send; the report says what was refused."""
    HELD = "held"
    """A safety rule holds its pass; nothing of it was written down."""
    PAUSED = "paused"
    """It is written down, and nothing is sent until somebody resumes."""
    FAILED = "failed"
    """Its pass, or the push, could not go on; ``error`` says why. The daemon tries again by itself."""

    @property
    def ended(self) -> bool:
        """Whether it will not move any more."""
        return self in {JobState.DONE, JobState.HELD, JobState.PAUSED, JobState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One ring, or several that one pass answers."""

    id: str
    origin: str
    """Who rang: ``hook``, ``webhook/github``, ``command``, ``refs``, ``poll``, ``signal``, ``start``…"""
    asked_at: float
    state: JobState = JobState.WAITING
    commit: str | None = None
    """The commit that its pass pinned."""
    ended_at: float | None = None
    report: Report | None = None
    """The report of its pass and push, once it ended."""
    error: str | None = None
    cause: str | None = None
    """What kind of failure ``error`` is: ``credentials``, ``wrong-api``, ``conflict``, ``unavailable``, or the
    reference of an error of ours."""


def job_json(job: Job) -> dict[str, Any]:
    """A job as the status API shows it."""
    return {
        "id": job.id,
        "origin": job.origin,
        "asked_at": moment(job.asked_at),
        "state": job.state.value,
        "ended": job.state.ended,
        "commit": job.commit,
        "ended_at": None if job.ended_at is None else moment(job.ended_at),
        "error": job.error,
        "cause": job.cause,
        "report": None if job.report is None else as_json(job.report),
    }
