"""The calls that delete one object, sans I/O: read first, deleted only as we left it, read again after a lost answer.

``Missing`` is the good end: the API itself said that the object is not there. Whatever else says 404 is never that.
"""

from __future__ import annotations

from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import Conflicted, Outcome, RemoteObject, Shown, Unavailable
from qtisync.delivery.wire import COLLECTIONS, Job, Step, Terms, conflict, read
from qtisync.model import Presence, Recorded, Scope
from qtisync.ownership import Ownership

TRIES = 2  # deletes of one attempt: the second one after a read that still shows the object


def removal_job(row: Recorded, ownership: Ownership) -> Job:
    """An orphan as the API acknowledged it; conflicts are never passed over."""
    content = row.acknowledged.content
    if content is None or row.remote is None or row.presence is not Presence.PRESENT:
        raise ValueError(f"{row.key} would be deleted without knowing what it is")
    return Job(
        key=row.key,
        content=content,
        metadata=row.acknowledged_metadata,
        body={},
        scope=frozenset(Scope),
        presence=row.presence,
        acknowledged=row.acknowledged,
        acknowledged_metadata=row.acknowledged_metadata,
        remote=row.remote,
        terms=Terms(ownership=ownership),
    )


def next_removal_step(job: Job, steps: tuple[Step, ...]) -> Request | Outcome:
    """The next request that brings ``job``'s object to its end, or what the attempt came to."""
    if not steps:
        return read(job.key, Purpose.PRE_READ)
    request, answer = steps[-1]
    deleted = request.purpose is Purpose.DELETE
    if deleted and (isinstance(answer, Shown) or (isinstance(answer, Unavailable) and answer.in_doubt)):
        return read(job.key, Purpose.PRE_READ)
    if not isinstance(answer, Shown):
        return answer
    changed = _changed(job, answer.remote)
    if changed is not None:
        return Conflicted(message=changed, remote=answer.remote, status=answer.status)
    if sum(asked.purpose is Purpose.DELETE for asked, _ in steps) >= TRIES:
        return Unavailable(message="it is still there after it was deleted", in_doubt=False)
    return Request(method="DELETE", segments=(COLLECTIONS[job.key.kind], job.key.identifier), purpose=Purpose.DELETE)


def _changed(job: Job, remote: RemoteObject) -> str | None:
    """Why it is not ours any more, or what others changed since we wrote it; what cannot be compared counts as changed.

    That it is recorded is not enough for a delete: what is there now must carry our stamp, if there is one.
    """
    not_ours = job.terms.ownership.refuses(job.key, remote.metadata)
    if not_ours is not None:
        return not_ours.why
    found = conflict(job, remote)
    if found is not None or job.remote is None:
        return found
    stamps = (job.remote.version, job.remote.updated_at)
    same = stamps != (None, None) and stamps == (remote.version, remote.updated_at)
    if not same and None in (remote.content, job.remote.content):
        return "it was written at the API since our last write, and its content cannot be compared"
    return None
