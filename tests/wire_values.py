"""Jobs, answers and requests for the tests of the ladder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builders import GRADE_5, a_content_digest, a_key, facets

from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import (
    Answer,
    Outcome,
    RemoteObject,
    Shown,
    Unavailable,
)
from qtisync.delivery.wire import Job, Step, Terms, next_step
from qtisync.model import Facets, Identifier, Json, Metadata, Presence, Remote, Scope

CONTENT, METADATA = frozenset({Scope.CONTENT}), frozenset({Scope.METADATA})
BLIND = Terms(preserve_foreign=False, overwrite_conflicts=True)
BODY: dict[str, Json] = {"format": "xml", "xml": "<q1/>"}
LOST = Unavailable(message="connection reset", in_doubt=True)
STAMP = "2027-01-15T08:00:00.000Z"


def a_job(**others: Any) -> Job:
    """A known object whose content changed from c1 to c2, untouched by others since."""
    job = Job(
        key=a_key(),
        content=a_content_digest("c2"),
        metadata=GRADE_5,
        body=BODY,
        scope=CONTENT,
        presence=Presence.PRESENT,
        acknowledged=facets("c1"),
        acknowledged_metadata=GRADE_5,
        remote=Remote(content=a_content_digest("c1"), version=1, updated_at=STAMP),
    )
    return replace(job, **others)


def a_new_job(**others: Any) -> Job:
    unknown: dict[str, Any] = {"acknowledged": Facets(), "acknowledged_metadata": {}, "remote": None}
    return a_job(**{"presence": Presence.ABSENT, "scope": frozenset(Scope), **unknown, **others})


def a_metadata_job(**others: Any) -> Job:
    """A known object whose grade changed from 5 to 6."""
    terms = Terms(metadata_endpoint=True)
    return a_job(
        **{"content": a_content_digest("c1"), "metadata": {"grade": "6"}, "scope": METADATA, "terms": terms, **others}
    )


def a_remote(
    content: str | None = "c1", metadata: Metadata = GRADE_5, version: int = 1, named: str = "q1"
) -> RemoteObject:
    return RemoteObject(
        identifier=Identifier(named),
        xml="<q1/>",
        content=None if content is None else a_content_digest(content),
        metadata=metadata,
        version=version,
        updated_at=STAMP if version == 1 else f"version {version}",
    )


def shown(content: str | None = "c1", metadata: Metadata = GRADE_5, version: int = 1, named: str = "q1") -> Shown:
    return Shown(remote=a_remote(content, metadata, version, named))


def post(metadata: Metadata = GRADE_5) -> Request:
    body = {**BODY, "metadata": dict(metadata)}
    return Request(method="POST", segments=("assessment-items",), purpose=Purpose.CREATE, body=body)


def put(metadata: Metadata = GRADE_5) -> Request:
    body = {**BODY, "metadata": dict(metadata)}
    return Request(method="PUT", segments=("assessment-items", "q1"), purpose=Purpose.UPDATE, body=body)


def metadata_call(metadata: Metadata) -> Request:
    body = {**BODY, "metadata": dict(metadata)}
    segments = ("assessment-items", "metadata")
    return Request(method="POST", segments=segments, purpose=Purpose.UPDATE_METADATA, body=body)


def get(purpose: Purpose = Purpose.PRE_READ) -> Request:
    return Request(method="GET", segments=("assessment-items", "q1"), purpose=purpose)


def climb(job: Job, *answers: Answer) -> list[Request | Outcome]:
    """Everything that happens if the API answers so; the last is what follows the last answer."""
    steps: tuple[Step, ...] = ()
    path: list[Request | Outcome] = [next_step(job, steps)]
    for answer in answers:
        asked = path[-1]
        assert isinstance(asked, Request), f"the attempt ended before {answer}: {asked}"
        steps = (*steps, (asked, answer))
        path.append(next_step(job, steps))
    return path
