"""The ladder of calls: POST creates, PUT updates, the metadata call is tried only where it is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import GRADE_5, a_content_digest, a_key, facets

from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import (
    Accepted,
    Altered,
    Answer,
    Conflicted,
    Denied,
    Exists,
    Missing,
    NotTheApi,
    Outcome,
    Refused,
    RemoteObject,
    Shown,
    Throttled,
    Unavailable,
)
from qtisync.delivery.wire import Job, Step, Terms, next_step, recorded_remote, same_json
from qtisync.model import Facets, Identifier, Json, Key, Kind, Metadata, Presence, Remote, Scope

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
    content: str | None = "c1", metadata: Metadata = GRADE_5, version: int = 1, id: str = "q1"
) -> RemoteObject:
    return RemoteObject(
        identifier=Identifier(id),
        xml="<q1/>",
        content=None if content is None else a_content_digest(content),
        metadata=metadata,
        version=version,
        updated_at=STAMP if version == 1 else f"version {version}",
    )


def shown(content: str | None = "c1", metadata: Metadata = GRADE_5, version: int = 1, id: str = "q1") -> Shown:  # noqa: A002
    return Shown(remote=a_remote(content, metadata, version, id))


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


def test_unknown_object_is_posted_without_a_read():
    created = shown("c2", version=0)

    assert climb(a_new_job(), created) == [post(), Accepted(remote=created.remote, status=200)]


def test_known_object_is_read_and_put():
    written = shown("c2", version=2)

    assert climb(a_job(), shown(), written) == [get(), put(), Accepted(remote=written.remote, status=200)]


def test_known_object_is_put_blindly_only_if_nothing_at_the_api_counts():
    assert climb(a_job(terms=BLIND)) == [put()]
    assert climb(a_job(terms=replace(BLIND, preserve_foreign=True))) == [get()]
    assert climb(a_job(terms=replace(BLIND, overwrite_conflicts=False))) == [get()]


@pytest.mark.parametrize("doubt", [facets(content=None), facets(metadata=None), Facets()])
def test_object_in_doubt_is_read_first_whatever_the_terms(doubt: Facets):
    assert climb(a_job(terms=BLIND, acknowledged=doubt)) == [get()]


def test_put_that_finds_nothing_becomes_one_post():
    created = shown("c2", version=0)

    assert climb(a_job(terms=BLIND), Missing(), created) == [
        put(),
        post(),
        Accepted(remote=created.remote, status=200),
    ]


def test_read_that_finds_nothing_becomes_one_post():
    assert climb(a_job(), Missing())[1] == post()


def test_missing_and_existing_in_turn_ends_the_attempt():
    path = climb(a_job(terms=BLIND), Missing(), Exists(), shown("c1", version=9))

    assert path == [
        put(),
        post(),
        get(),
        Unavailable(message="the object appears and disappears at the API; trying again later"),
    ]
    assert climb(a_job(terms=BLIND), Missing(), Exists(), Missing())[-1] == Missing()


def test_create_whose_answer_was_lost_ends_the_attempt_and_is_not_repeated():
    assert climb(a_new_job(), LOST) == [post(), LOST]


def test_lost_create_is_read_before_anything_else():
    assert climb(a_new_job(presence=Presence.DOUBTFUL)) == [get()]


def test_lost_create_that_arrived_is_done_without_a_write():
    path = climb(a_new_job(presence=Presence.DOUBTFUL), shown("c2", version=0))

    assert path == [get(), Accepted(remote=a_remote("c2", version=0), written=False)]


def test_lost_create_that_did_not_arrive_is_created():
    assert climb(a_new_job(presence=Presence.DOUBTFUL), Missing()) == [get(), post()]


def test_lost_create_of_an_older_version_is_updated():
    assert climb(a_new_job(presence=Presence.DOUBTFUL), shown("c1", version=0)) == [get(), put()]


def test_existing_object_that_is_ours_by_prefix_is_adopted():
    assert climb(a_new_job(), Exists(), shown("c1")) == [post(), get(), put()]


def test_existing_object_that_is_as_meant_is_adopted_without_a_write():
    path = climb(a_new_job(), Exists(), shown("c2", {**GRADE_5, "status": "live"}))

    assert path[-1] == Accepted(remote=a_remote("c2", {**GRADE_5, "status": "live"}), written=False)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
def test_existing_object_that_is_not_ours_is_never_overwritten(force: bool, overwrite: bool):
    terms = Terms(owned=False, overwrite_conflicts=overwrite, preserve_foreign=not overwrite)

    assert climb(a_new_job(terms=terms, force=force), Exists(), shown("c1"))[2] == Conflicted(
        message="it exists at the API and is not ours: its identifier has none of the owned prefixes",
        remote=a_remote("c1"),
    )


def test_object_that_we_created_ourselves_may_be_updated_without_a_prefix():
    assert climb(a_job(terms=Terms(owned=False)), shown())[-1] == put()


@pytest.mark.parametrize(
    "answer",
    [
        LOST,
        Unavailable(message="502", status=502),
        Refused(status=400, message="400: no"),
        Throttled(until=None),
        Denied(message="no", status=403),
        NotTheApi(message="html", status=404),
    ],
)
@pytest.mark.parametrize("before", [(), (shown(),)])
def test_answer_that_shows_nothing_ends_the_attempt(answer: Any, before: tuple[Answer, ...]):
    assert climb(a_job(), *before, answer)[-1] == answer


def test_foreign_keys_are_sent_back_unchanged():
    foreign = {"status": "reported", "report": {"by": ["x"]}}

    assert climb(a_job(), shown(metadata={**GRADE_5, **foreign}))[1] == put({**foreign, **GRADE_5})


def test_foreign_keys_are_left_out_where_git_is_everything():
    terms = Terms(preserve_foreign=False)

    assert climb(a_job(terms=terms), shown(metadata={**GRADE_5, "status": "live"}))[1] == put()


def test_foreign_keys_alone_are_reason_to_write_where_git_is_everything():
    job = a_job(content=a_content_digest("c1"), terms=Terms(preserve_foreign=False))
    same = shown(metadata={**GRADE_5, "status": "live"})

    assert climb(job, same)[1] == put()
    assert climb(replace(job, terms=Terms()), same)[1] == Accepted(remote=same.remote, written=False)


def test_key_that_git_takes_over_from_others_is_gits():
    assert climb(a_job(metadata={**GRADE_5, "topic": "ours"}), shown(metadata={**GRADE_5, "topic": "theirs"}))[
        1
    ] == put({**GRADE_5, "topic": "ours"})


def test_key_that_was_removed_in_git_goes():
    before = {**GRADE_5, "topic": "sums"}
    job = a_metadata_job(metadata=GRADE_5, acknowledged=facets("c1", before), acknowledged_metadata=before)
    kept = shown(metadata={**before, "status": "live"}, version=2)

    path = climb(replace(job, terms=Terms()), shown(metadata={**before, "status": "live"}), kept)

    assert path[1:] == [
        put({"status": "live", **GRADE_5}),
        Altered(
            remote=kept.remote, differences=('metadata "topic" was removed in git and is still there',), status=200
        ),
    ]


@pytest.mark.parametrize(
    ("remote", "complaint"),
    [
        (shown("other", version=2), "its content was changed at the API since our last write"),
        (shown(None, version=2), "its content was changed at the API since our last write"),
        (shown(metadata={"grade": "7"}, version=2), 'its metadata "grade" was changed at the API since our last write'),
        (shown(metadata={}, version=2), 'its metadata "grade" was removed at the API since our last write'),
    ],
)
def test_what_others_changed_of_ours_is_a_conflict(remote: Shown, complaint: str):
    job = a_job()

    assert climb(job, remote)[1] == Conflicted(message=complaint, remote=remote.remote)
    assert climb(replace(job, force=True), remote)[1] == put()
    assert climb(replace(job, terms=Terms(overwrite_conflicts=True)), remote)[1] == put()


def test_writer_at_run_time_who_touches_only_their_own_keys_is_no_conflict():
    theirs = {**GRADE_5, "status": "reported", "reportedBy": "u1"}

    assert climb(a_job(), shown(metadata=theirs, version=7))[1] == put(theirs)


def test_others_who_wrote_what_git_wants_are_no_conflict():
    job = a_job(metadata={"grade": "6"}, scope=frozenset(Scope))

    assert climb(job, shown("c2", {"grade": "5"}, version=7))[1] == put({"grade": "6"})
    assert climb(job, shown("c1", {"grade": "6"}, version=7))[1] == put({"grade": "6"})


def test_untouched_stamps_are_no_conflict_however_the_api_rewrote_our_xml():
    assert (
        climb(a_job(remote=Remote(content=a_content_digest("rewritten"), version=1, updated_at=STAMP)), shown("c1"))[1]
        == put()
    )


def test_what_is_in_doubt_accuses_nobody():
    job = a_job(acknowledged=Facets())

    assert climb(job, shown("lost write", {"grade": "lost"}, version=2))[1] == put()


def test_copy_that_is_not_what_was_meant_is_told_once_and_not_fought():
    written = shown("reflowed", {"grade": 5}, version=2)

    assert climb(a_job(), shown(), written)[-1] == Altered(
        remote=written.remote,
        differences=("its XML differs from ours", 'metadata "grade" has another value'),
        status=200,
    )


def test_keys_that_the_api_adds_are_no_difference():
    written = shown("c2", {**GRADE_5, "humanApproved": False}, version=2)

    assert climb(a_job(), shown(), written)[-1] == Accepted(remote=written.remote, status=200)


@pytest.mark.parametrize(
    "job", [a_new_job(), a_job(terms=BLIND), a_job(), a_metadata_job(terms=replace(BLIND, metadata_endpoint=True))]
)
def test_answer_that_shows_another_object_leaves_doubt(job: Job):
    assert climb(job, shown("c2", id="q2"))[-1] == Unavailable(
        status=200, message='answer 200 that shows another object, "q2"'
    )


def test_verification_by_read_back_reads_once_after_the_write():
    job = a_job(terms=replace(BLIND, read_back=True))
    lying, real = shown("c2", version=2), shown("c1", version=1)

    assert climb(job, lying, real) == [
        put(),
        get(Purpose.READ_BACK),
        Altered(remote=real.remote, differences=("its XML differs from ours",), status=200),
    ]
    assert climb(job, lying, lying)[-1] == Accepted(remote=lying.remote, status=200)


def test_read_back_that_finds_nothing_is_tried_again_later_and_creates_nothing():
    assert climb(a_job(terms=replace(BLIND, read_back=True)), shown("c2"), Missing())[-1] == Unavailable(
        message="what was just written cannot be read yet"
    )


def test_metadata_alone_travels_by_the_metadata_call_with_the_complete_item():
    done = shown("c1", {"grade": "6", "status": "live"}, version=2)

    assert climb(a_metadata_job(), shown(metadata={**GRADE_5, "status": "live"}), done) == [
        get(),
        metadata_call({"status": "live", "grade": "6"}),
        Accepted(remote=done.remote, status=200),
    ]


@pytest.mark.parametrize(
    "job",
    [
        a_metadata_job(terms=Terms()),
        a_metadata_job(scope=frozenset(Scope)),
        a_metadata_job(scope=CONTENT),
    ],
)
def test_metadata_call_is_used_only_where_it_is_allowed_and_only_for_metadata(job: Job):
    assert climb(job, shown())[1] == put({"grade": "6"})


def test_metadata_call_is_not_used_if_the_content_at_the_api_must_be_written_too():
    job = a_metadata_job(terms=Terms(metadata_endpoint=True, overwrite_conflicts=True))

    assert climb(job, shown("other", version=2))[1] == put({"grade": "6"})


def test_metadata_call_that_did_something_else_is_followed_by_a_put():
    wrong, right = shown("c1", GRADE_5, version=2), shown("c1", {"grade": "6"}, version=3)

    assert climb(a_metadata_job(), shown(), wrong, right) == [
        get(),
        metadata_call({"grade": "6"}),
        put({"grade": "6"}),
        Accepted(remote=right.remote, status=200),
    ]


def test_metadata_call_that_read_back_unmasks_is_followed_by_a_put():
    job = a_metadata_job(terms=Terms(metadata_endpoint=True, read_back=True))
    right = shown("c1", {"grade": "6"}, version=3)

    assert climb(job, shown(), right, shown(), right, right) == [
        get(),
        metadata_call({"grade": "6"}),
        get(Purpose.READ_BACK),
        put({"grade": "6"}),
        get(Purpose.READ_BACK),
        Accepted(remote=right.remote, status=200),
    ]


def test_content_that_did_not_change_may_stay_as_the_api_rewrote_it():
    job = a_metadata_job(remote=Remote(content=a_content_digest("rewritten"), version=1, updated_at=STAMP))
    done = shown("rewritten", {"grade": "6"}, version=2)

    assert climb(job, shown("rewritten"), done)[1:] == [
        metadata_call({"grade": "6"}),
        Accepted(remote=done.remote, status=200),
    ]


def test_stimulus_goes_to_its_own_collection_and_its_xml_is_not_compared():
    key = Key(Kind.STIMULUS, Identifier("q1"))
    body: dict[str, Json] = {"identifier": "q1", "title": "T", "content": "<p/>"}
    job = a_metadata_job(key=key, body=body)
    done = shown("made by the API", {"grade": "6"}, version=2)

    assert climb(job, shown("anything"), done) == [
        Request(method="GET", segments=("stimuli", "q1"), purpose=Purpose.PRE_READ),
        Request(
            method="PUT",
            segments=("stimuli", "q1"),
            purpose=Purpose.UPDATE,
            body={**body, "metadata": {"grade": "6"}},
        ),
        Accepted(remote=done.remote, status=200),
    ]


def test_identifier_with_a_slash_stays_one_segment():
    job = a_job(key=a_key("a/b"), terms=BLIND)

    assert climb(job) == [replace(put(), segments=("assessment-items", "a/b"))]


def test_record_keeps_stamps_digest_and_foreign_keys_of_the_apis_copy():
    assert recorded_remote(a_job(), a_remote("c2", {**GRADE_5, "status": "live"}, version=4)) == Remote(
        content=a_content_digest("c2"), version=4, updated_at="version 4", foreign={"status": "live"}
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (False, 0, False),
        ("5", 5, False),
        (None, None, True),
        ({"a": [1, {"b": True}]}, {"a": [1, {"b": True}]}, True),
        ({"a": [1, {"b": True}]}, {"a": [1, {"b": 1}]}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({"a": None}, {}, False),
    ],
)
def test_json_values_are_the_same(one: Json, other: Json, same: bool):
    assert same_json(one, other) is same
    assert same_json(other, one) is same
