"""The ladder of calls that brings one object to its target, sans I/O.

``next_step`` looks at what was asked and answered so far and says what comes next: a request, or what the attempt came
to. POST creates and never updates, PUT updates and never creates, a 404 of one leads to the other, at most once each.
A create whose answer was lost is never repeated blindly: it is read first.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import (
    Accepted,
    Altered,
    Answer,
    Conflicted,
    Exists,
    Missing,
    Outcome,
    RemoteObject,
    Shown,
    Unavailable,
)
from qtisync.model import Digest, Facets, Json, Key, Kind, Metadata, Presence, Remote, Scope, same_json
from qtisync.ownership import NotOurs, Ownership, keys_of

REREADS = 3  # reads after a write that may show what was there before it, until that is believed
COLLECTIONS: Mapping[Kind, str] = {
    Kind.ITEM: "assessment-items",
    Kind.STIMULUS: "stimuli",
    Kind.TEST: "assessment-tests",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a target's configuration and capabilities allow."""

    preserve_foreign: bool = True
    overwrite_conflicts: bool = False
    read_back: bool = False
    metadata_endpoint: bool = False
    """The metadata call may be used: the canary passed."""
    ownership: Ownership = field(default_factory=Ownership)
    on_content_change: Metadata = field(default_factory=dict)
    """Keys that are set in the write that creates an item or changes its content, over git's and foreign ones.

    They are not git's: whoever changes them at the API later (an approval by a person) is a foreign writer.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One object on its way to its target."""

    key: Key
    content: Digest
    metadata: Metadata
    """Git's keys, complete."""
    body: Mapping[str, Json]
    """The content as it is sent, without metadata: ``{"format": "xml", "xml": …}``, or a stimulus' fields."""
    scope: frozenset[Scope]
    presence: Presence
    acknowledged: Facets = Facets()
    acknowledged_metadata: Metadata = field(default_factory=dict)
    remote: Remote | None = None
    force: bool = False
    terms: Terms = Terms()
    shows_ours: Callable[[str], bool] = field(default=lambda _xml: False, compare=False)
    """Whether the API's XML of a stimulus says what ours does, although it is XML of its own making."""


Step: TypeAlias = tuple[Request, Answer]


def next_step(job: Job, steps: tuple[Step, ...]) -> Request | Outcome:
    """The next request for ``job`` after ``steps``, or what the attempt came to."""
    if not steps:
        return _first(job)
    request, answer = steps[-1]
    match answer:
        case Shown() if answer.remote.identifier != job.key.identifier:
            words = f'answer {answer.status} that shows another object, "{answer.remote.identifier}"'
            return Unavailable(status=answer.status, message=words)
        case Shown():
            return _after_shown(job, steps, request, answer)
        case Missing():
            return _after_missing(job, steps, request)
        case Exists():
            return _once(steps, Purpose.PRE_READ, read(job.key, Purpose.PRE_READ), answer)
        case _:
            return answer


def read(key: Key, purpose: Purpose) -> Request:
    """The request that reads one object."""
    return Request(method="GET", segments=(COLLECTIONS[key.kind], key.identifier), purpose=purpose)


def _first(job: Job) -> Request | Outcome:
    if job.presence is Presence.ABSENT:
        return _create(job)
    if job.presence is Presence.DOUBTFUL or needs_reading(job.acknowledged, job.terms):
        return read(job.key, Purpose.PRE_READ)
    return write(job, job.metadata, content=Scope.CONTENT in job.scope)


def needs_reading(acknowledged: Facets, terms: Terms) -> bool:
    """Whether the API's copy is read before it is written: foreign keys, conflicts, or an answer that was lost."""
    return acknowledged.content is None or acknowledged.metadata is None or always_reads(terms)


def always_reads(terms: Terms) -> bool:
    """Whether even what is in no doubt is read before it is written: a stamp may have become another owner's."""
    return terms.preserve_foreign or not terms.overwrite_conflicts or terms.ownership.stamp is not None


def _after_shown(job: Job, steps: tuple[Step, ...], request: Request, answer: Shown) -> Request | Outcome:
    remote = answer.remote
    if request.purpose is Purpose.PRE_READ:
        return _after_reading(job, steps, remote)
    meant = request.body if request.purpose.writes else _last_written(steps)
    if request.purpose.writes and job.terms.read_back:
        return read(job.key, Purpose.READ_BACK)
    different = differences(job, _metadata_of(meant), remote)
    if not different:
        return Accepted(remote=remote, status=answer.status)
    if request.purpose is Purpose.READ_BACK and _lags(steps, remote):
        return read(job.key, Purpose.READ_BACK)
    if request.purpose is Purpose.UPDATE_METADATA or _wrote(steps) is Purpose.UPDATE_METADATA:
        # The special call did not do what it should: the complete one follows at once.
        return _once(steps, Purpose.UPDATE, update(job, _metadata_of(meant)), answer)
    return Altered(remote=remote, differences=different, status=answer.status)


def _lags(steps: tuple[Step, ...], remote: RemoteObject) -> bool:
    """Whether a read shows what was there before the write, and was not repeated often: a copy that lags."""
    written = next((answer for request, answer in reversed(steps) if request.purpose.writes), None)
    if not isinstance(written, Shown) or None in (written.remote.version, remote.version):
        return False
    reads = sum(request.purpose is Purpose.READ_BACK for request, _ in steps)
    return (remote.version or 0) < (written.remote.version or 0) and reads < REREADS


def _after_reading(job: Job, steps: tuple[Step, ...], remote: RemoteObject) -> Request | Outcome:
    foreign = foreign_keys(job, remote)
    ours = confirmed_keys(job, remote) if Scope.CONTENT in job.scope else job.metadata
    same = not differences(job, {**foreign, **ours}, remote) and content_seen(job, remote)
    # A person may insist on our version (`retry`), but never over an object that is not ours. What our own lost create
    # left there is ours.
    unfamiliar = _is_unfamiliar(job, remote)
    done = same and (unfamiliar or job.terms.preserve_foreign or remote.metadata == ours)
    not_ours = whose(job, steps, remote)
    if not_ours is not None and not (done and job.presence is Presence.DOUBTFUL):
        return Conflicted(message=f"{not_ours.message}. {not_ours.remedy}", remote=remote)
    if done:
        return Accepted(remote=remote, written=False)
    complaint = unfamiliar_words(job.key) if unfamiliar and not job.terms.overwrite_conflicts else conflict(job, remote)
    if complaint is not None and not job.force:
        return Conflicted(message=complaint, remote=remote)
    if any(step.purpose in {Purpose.UPDATE, Purpose.UPDATE_METADATA} for step, _ in steps):
        return Unavailable(message="the object appears and disappears at the API; trying again later")
    kept = foreign if job.terms.preserve_foreign else {}
    # What lies there decides whether the content changes: after a lost answer it may have changed already.
    content = Scope.CONTENT in job.scope if job.key.kind is not Kind.ITEM else not content_as_meant(job, remote)
    return write(job, {**kept, **ours}, content=content)


def whose(job: Job, steps: tuple[Step, ...], remote: RemoteObject) -> NotOurs | None:
    """Why what the API shows is not ours to write; ``None``: it is.

    What we know was ours when we wrote it last. What was gone meanwhile and is there again is another object.
    """
    gone = any(isinstance(answer, Missing) for _, answer in steps)
    recorded = None if gone else keys_of(job.presence, job.remote, job.acknowledged_metadata)
    return job.terms.ownership.refuses(job.key, remote.metadata, recorded)


def _after_missing(job: Job, steps: tuple[Step, ...], request: Request) -> Request | Outcome:
    if request.purpose is Purpose.READ_BACK:
        return Unavailable(message="what was just written cannot be read yet")
    return _once(steps, Purpose.CREATE, _create(job), Missing())


def _once(steps: tuple[Step, ...], purpose: Purpose, request: Request, otherwise: Answer) -> Request | Outcome:
    """``request``, unless its like was asked after the last other turn already; then the attempt ends."""
    repeats = sum(step.purpose is purpose for step, _ in steps)
    allowed = 2 if purpose is Purpose.PRE_READ else 1  # one before the first write, one after a create that met a 409
    if repeats < allowed:
        return request
    return (
        Unavailable(message="the API answers in circles; trying again later")
        if isinstance(otherwise, Shown)
        else otherwise
    )


def write(job: Job, metadata: Metadata, *, content: bool) -> Request:
    """The call that writes ``job`` with all of ``metadata``; ``content``: it changes the content as well."""
    if content:
        return update(job, {**metadata, **_set_with_content(job)})
    # A key that leaves git can only leave a server that merges metadata by the complete call, and nobody says which do.
    leaves = bool(job.acknowledged_metadata.keys() - job.metadata.keys())
    alone = job.scope == {Scope.METADATA} and job.key.kind is Kind.ITEM
    if job.terms.metadata_endpoint and alone and not leaves:
        return update_metadata(job, metadata)
    return update(job, metadata)


def _set_with_content(job: Job) -> Metadata:
    return job.terms.on_content_change if job.key.kind is Kind.ITEM else {}


def _create(job: Job) -> Request:
    body = {**job.body, "metadata": {**job.metadata, **_set_with_content(job)}}
    return Request(method="POST", segments=(COLLECTIONS[job.key.kind],), purpose=Purpose.CREATE, body=body)


def update(job: Job, metadata: Metadata) -> Request:
    """PUT with the complete object: what is left out would be cleared."""
    body = {**job.body, "metadata": dict(metadata)}
    segments = (COLLECTIONS[job.key.kind], job.key.identifier)
    return Request(method="PUT", segments=segments, purpose=Purpose.UPDATE, body=body)


def update_metadata(job: Job, metadata: Metadata, purpose: Purpose = Purpose.UPDATE_METADATA) -> Request:
    """POST /assessment-items/metadata, with the complete item as its documentation shows it."""
    body = {**job.body, "metadata": dict(metadata)}
    return Request(method="POST", segments=("assessment-items", "metadata"), purpose=purpose, body=body)


def foreign_keys(job: Job, remote: RemoteObject) -> Metadata:
    """Metadata at the API that is not git's: neither wanted now nor confirmed as ours before."""
    ours = job.acknowledged_metadata.keys() | job.metadata.keys()
    return {name: value for name, value in remote.metadata.items() if name not in ours}


def confirmed_keys(job: Job, remote: RemoteObject) -> Metadata:
    """Git's keys as the API holds them once they are confirmed: those that ``on_content_change`` overrode differ."""
    held = {
        name: value
        for name, value in _set_with_content(job).items()
        if name in job.metadata and same_json(remote.metadata.get(name), value)
    }
    return {**job.metadata, **held}


def differences(job: Job, meant: Metadata, remote: RemoteObject) -> tuple[str, ...]:
    """In words, where the API's copy is not what was meant. Keys that the API added by itself are no difference."""
    found = []
    if not content_as_meant(job, remote):
        found.append("its XML differs from ours")
    for name in sorted(meant):
        if name not in remote.metadata:
            found.append(f'metadata "{name}" is missing')
        elif not same_json(remote.metadata[name], meant[name]):
            found.append(f'metadata "{name}" has another value')
    left = sorted((job.acknowledged_metadata.keys() - meant.keys()) & remote.metadata.keys())
    found += [f'metadata "{name}" was removed in git and is still there' for name in left]
    return tuple(found)


def content_as_meant(job: Job, remote: RemoteObject) -> bool:
    """Whether the API's XML is ours, or, if ours did not change, still what the API made of it last time."""
    if job.key.kind is not Kind.ITEM:
        return True  # the API turns a stimulus' fields into XML of its own, which cannot be compared (api notes C9)
    unchanged = Scope.CONTENT not in job.scope and job.remote is not None and remote.content == job.remote.content
    return remote.content == job.content or unchanged


def content_seen(job: Job, remote: RemoteObject) -> bool:
    """Whether the API's copy proves that our content is there. The API writes a stimulus in a way of its own."""
    if job.key.kind is Kind.ITEM or Scope.CONTENT not in job.scope or remote.content == job.content:
        return True
    return job.key.kind is Kind.STIMULUS and job.shows_ours(remote.xml)


def conflict(job: Job, remote: RemoteObject) -> str | None:
    """What others changed of ours at the API since we wrote it; ``None``: nothing, or nothing that matters here."""
    if not _known(job) or job.remote is None or job.terms.overwrite_conflicts or _untouched(job.remote, remote):
        return None
    # What is in doubt may have been changed by our own lost call: it says nothing about other writers.
    if job.acknowledged.content is not None and remote.content not in {job.remote.content, job.content}:
        return "its content was changed at the API since our last write"
    if job.acknowledged.metadata is not None:
        for name, value in sorted(job.acknowledged_metadata.items()):
            if name not in remote.metadata:
                return f'its metadata "{name}" was removed at the API since our last write'
            if not same_json(remote.metadata[name], value) and not same_json(
                remote.metadata[name], job.metadata.get(name)
            ):
                return f'its metadata "{name}" was changed at the API since our last write'
    return None


def _known(job: Job) -> bool:
    return job.presence is Presence.PRESENT and job.remote is not None


def unfamiliar_words(key: Key) -> str:
    """What is said of an object that is there and differs from git, when nothing is recorded of it."""
    name = shlex.quote(key.identifier)
    return (
        "it is at the API already, differs from git there, and nothing is recorded of it: somebody else may have made "
        f"it. `qtisync retry {name}` sends git's version, `qtisync adopt {name}` takes the API's as known"
    )


def _is_unfamiliar(job: Job, remote: RemoteObject) -> bool:
    """Whether no call of ours can have left what is there: it was made by others, or by a record that is lost.

    However many there are: those that a list shows before the first pass are recorded as changed at the API.
    """
    if _known(job) or job.presence is Presence.DOUBTFUL:
        return False
    return job.remote is None or not _untouched(job.remote, remote)


def _untouched(recorded: Remote, remote: RemoteObject) -> bool:
    stamps = (recorded.version, recorded.updated_at)
    return stamps != (None, None) and stamps == (remote.version, remote.updated_at)


def recorded_remote(job: Job, remote: RemoteObject) -> Remote:
    """What is kept of the API's copy after an attempt."""
    ours = job.metadata.keys()
    foreign = {name: value for name, value in remote.metadata.items() if name not in ours}
    return Remote(content=remote.content, version=remote.version, updated_at=remote.updated_at, foreign=foreign)


def _metadata_of(body: Mapping[str, Json] | None) -> Metadata:
    metadata = (body or {}).get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _wrote(steps: tuple[Step, ...]) -> Purpose | None:
    return next((request.purpose for request, _ in reversed(steps) if request.purpose.writes), None)


def _last_written(steps: tuple[Step, ...]) -> Mapping[str, Json] | None:
    return next((request.body for request, _ in reversed(steps) if request.purpose.writes), None)
