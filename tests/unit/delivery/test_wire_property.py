"""Whatever the API answers, an attempt ends soon, creates at most once and never writes over a stranger."""

from __future__ import annotations

from typing import Any

from builders import GRADE_5, a_content_digest, a_key, facets
from hypothesis import given
from hypothesis import strategies as st

from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import (
    Answer,
    Denied,
    Exists,
    Missing,
    NotTheApi,
    Refused,
    RemoteObject,
    Shown,
    Throttled,
    Unavailable,
)
from qtisync.delivery.wire import Job, Step, Terms, next_step
from qtisync.model import Facets, Identifier, Kind, Presence, Remote, Scope
from qtisync.ownership import Ownership, Stamp

LONGEST = 8
OWNERS = [
    Ownership(),
    Ownership(prefixes=("our-",)),
    Ownership(stamp=Stamp(key="grade", value="5")),
    Ownership(stamp=Stamp(key="status", value="mine")),
]
METADATA = st.sampled_from([{}, GRADE_5, {"grade": "6"}, {"grade": "5", "status": "live"}])
CONTENTS = st.sampled_from([a_content_digest("c1"), a_content_digest("c2"), a_content_digest("c3"), None])
REMOTES = st.builds(
    RemoteObject,
    identifier=st.sampled_from([Identifier("q1")] * 9 + [Identifier("q2")]),
    xml=st.just("<q1/>"),
    content=CONTENTS,
    metadata=METADATA,
    version=st.sampled_from([1, 2, None]),
    updated_at=st.sampled_from(["a", "b", None]),
)
SHOWN = st.builds(Shown, remote=REMOTES)
ANSWERS: st.SearchStrategy[Answer] = st.one_of(
    SHOWN,
    SHOWN,
    st.just(Missing()),
    st.just(Exists()),
    st.sampled_from(
        [
            Unavailable(message="lost"),
            Refused(status=400, message="no"),
            Throttled(until=None),
            Denied(message="no"),
            NotTheApi(message="?"),
        ]
    ),
)
JOBS = st.builds(
    Job,
    key=st.sampled_from([a_key("q1"), a_key("q1", Kind.STIMULUS)]),
    content=st.just(a_content_digest("c2")),
    metadata=METADATA,
    body=st.just({"format": "xml", "xml": "<q1/>"}),
    scope=st.sets(st.sampled_from(Scope), min_size=1).map(frozenset),
    presence=st.sampled_from(Presence),
    acknowledged=st.sampled_from([Facets(), facets("c1"), facets("c1", None), facets(None)]),
    acknowledged_metadata=METADATA,
    remote=st.none() | st.builds(Remote, content=CONTENTS, version=st.just(1), updated_at=st.just("a")),
    force=st.booleans(),
    terms=st.builds(
        Terms,
        preserve_foreign=st.booleans(),
        overwrite_conflicts=st.booleans(),
        read_back=st.booleans(),
        metadata_endpoint=st.booleans(),
        ownership=st.sampled_from(OWNERS),
    ),
)


def attempt(job: Job, data: Any, answers: st.SearchStrategy[Answer] = ANSWERS) -> tuple[Step, ...]:
    steps: tuple[Step, ...] = ()
    while isinstance(asked := next_step(job, steps), Request):
        assert len(steps) < LONGEST, [request.purpose for request, _ in steps]
        steps = (*steps, (asked, data.draw(answers)))
    return steps


@given(job=JOBS, data=st.data())
def test_attempt_ends_within_8_requests_with_one_create_at_most(job: Job, data: Any):
    purposes = [request.purpose for request, _ in attempt(job, data)]

    assert purposes.count(Purpose.CREATE) <= 1
    assert purposes.count(Purpose.UPDATE) <= 1
    assert purposes.count(Purpose.UPDATE_METADATA) <= 1


@given(job=JOBS, data=st.data())
def test_api_that_only_shows_misses_and_meets_objects_never_makes_circles(job: Job, data: Any):
    turning = st.one_of(SHOWN, st.just(Missing()), st.just(Exists()))

    assert len(attempt(job, data, turning)) <= LONGEST


@given(job=JOBS, data=st.data())
def test_create_is_only_sent_for_what_is_not_known_to_be_there(job: Job, data: Any):
    steps = attempt(job, data)

    for number, (request, _) in enumerate(steps):
        if request.purpose is Purpose.CREATE:
            assert (number == 0 and job.presence is Presence.ABSENT) or isinstance(steps[number - 1][1], Missing)


@given(job=JOBS, data=st.data())
def test_lost_create_is_read_before_it_is_written(job: Job, data: Any):
    steps = attempt(job, data)

    if job.presence is Presence.DOUBTFUL:
        assert steps[0][0].purpose is Purpose.PRE_READ


@given(job=JOBS, data=st.data())
def test_stranger_is_never_written_over(job: Job, data: Any):
    known = job.presence is Presence.PRESENT and job.remote is not None
    steps = attempt(job, data)

    ownership, theirs, gone = job.terms.ownership, False, False
    for request, answer in steps:
        assert not (request.purpose.writes and theirs and request.purpose is not Purpose.CREATE)
        gone = gone or isinstance(answer, Missing)
        if request.purpose is Purpose.PRE_READ and isinstance(answer, Shown):
            recorded = job.acknowledged_metadata if known and not gone else None
            theirs = ownership.refuses(job.key, answer.remote.metadata, recorded) is not None


@given(job=JOBS, data=st.data())
def test_with_a_stamp_nothing_that_is_there_is_written_unread(job: Job, data: Any):
    steps = attempt(job, data)

    if job.terms.ownership.stamp is not None:
        for number, (request, _) in enumerate(steps):
            if request.purpose is Purpose.UPDATE:
                assert any(before.purpose is Purpose.PRE_READ for before, _ in steps[:number])
