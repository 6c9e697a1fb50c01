"""The end of an attempt as the record keeps it: what is still confirmed, what is in doubt, and what happens next."""

from __future__ import annotations

from collections.abc import Callable

from qtisync.delivery.messages import Purpose
from qtisync.delivery.outcome import Accepted, Altered, Exists, Missing, Outcome, Shown, Unavailable
from qtisync.delivery.retry import Decision, Finish, Halt, Park, Pause, RetryAt
from qtisync.delivery.settlement import Claim, Settlement
from qtisync.delivery.wire import Job, Step, confirmed_keys, recorded_remote
from qtisync.model import Facets, ItemStatus, JournalLine, Metadata, Presence, Recorded


def settle(
    claim: Claim,
    job: Job | None,
    steps: tuple[Step, ...],
    outcome: Outcome,
    decision: Decision,
    journal: Callable[[Facets | None], tuple[JournalLine, ...]],
) -> Settlement:
    """The end of an attempt as the record keeps it; ``journal`` gives its lines, told what the API confirmed."""
    row = claim.row
    done = isinstance(outcome, Accepted | Altered) and job is not None
    acknowledged = row.desired if done else _after(row.acknowledged, steps, job)
    status, attempts, not_before = _place(row.attempts, row.not_before, decision)
    # Nothing became doubtful: what the claim added to our keys is taken back. Otherwise it stays; what was in doubt
    # before looks the same afterwards, so it is asked what was written.
    clear = acknowledged.metadata == row.acknowledged.metadata and not any(map(_may_have_written, steps))
    metadata: Metadata | None = row.acknowledged_metadata if clear else None
    if job is not None and isinstance(outcome, Accepted | Altered):
        metadata = confirmed_keys(job, outcome.remote)
    return Settlement(
        status=status,
        attempts=attempts,
        not_before=not_before,
        presence=Presence.PRESENT if done else presence_after(row, steps),
        acknowledged=acknowledged,
        acknowledged_metadata=metadata,
        remote=recorded_remote(job, outcome.remote)
        if job is not None and isinstance(outcome, Accepted | Altered)
        else None,
        outcome=outcome.name,
        message=None if isinstance(outcome, Accepted) else outcome.message,
        http_status=outcome.status,
        altered=outcome.message if isinstance(outcome, Altered) else None,
        journal=journal(acknowledged if isinstance(outcome, Accepted | Altered) else None),
    )


def _place(attempts: int, not_before: float, decision: Decision) -> tuple[ItemStatus, int, float]:
    match decision:
        case Finish():
            return ItemStatus.SYNCED, 0, 0.0
        case Park():
            return ItemStatus.PARKED, attempts + 1, 0.0
        case RetryAt(at):
            return ItemStatus.QUEUED, attempts + 1, at
        case Pause() | Halt():
            return ItemStatus.QUEUED, attempts, not_before


def presence_after(row: Recorded, steps: tuple[Step, ...]) -> Presence:
    """What the answers of an unfinished attempt say about the object's existence.

    Doubtful is also what is there by a call of ours of which nothing is recorded yet: it is not a stranger's.
    """
    presence, known = row.presence, row.presence is Presence.PRESENT and row.remote is not None
    for request, answer in steps:
        match answer:
            case Missing():
                presence, known = Presence.ABSENT, False
            case _ if _may_have_written((request, answer)) and not known:
                presence = Presence.DOUBTFUL
            case Shown() | Exists() if presence is Presence.ABSENT:
                presence = Presence.PRESENT
    return presence


def _after(acknowledged: Facets, steps: tuple[Step, ...], job: Job | None) -> Facets:
    """What is still confirmed after an attempt that did not finish: a write without a clear answer leaves doubt."""
    for request, answer in steps:
        if _may_have_written((request, answer)) and job is not None:
            whole = request.purpose is not Purpose.UPDATE_METADATA
            acknowledged = Facets(content=None if whole else acknowledged.content, metadata=None)
        elif isinstance(answer, Missing):
            acknowledged = Facets()
    return acknowledged


def _may_have_written(step: Step) -> bool:
    request, answer = step
    return request.purpose.writes and (
        isinstance(answer, Shown) or (isinstance(answer, Unavailable) and answer.in_doubt)
    )
