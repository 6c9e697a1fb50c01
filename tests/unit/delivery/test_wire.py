"""The ladder of calls: POST creates, PUT updates, the metadata call is tried only where it is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import GRADE_5, a_content_digest, a_key, facets
from wire_values import (
    BLIND,
    CONTENT,
    LOST,
    STAMP,
    a_job,
    a_metadata_job,
    a_new_job,
    a_remote,
    climb,
    get,
    metadata_call,
    post,
    put,
    shown,
)

from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import (
    Accepted,
    Altered,
    Answer,
    Denied,
    Exists,
    Missing,
    NotTheApi,
    Refused,
    Throttled,
    Unavailable,
)
from qtisync.delivery.wire import Job, Terms, recorded_remote
from qtisync.model import Facets, Identifier, Json, Key, Kind, Presence, Remote, Scope, same_json


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
    assert climb(job, shown("c2", named="q2"))[-1] == Unavailable(
        status=200, message='answer 200 that shows another object, "q2"'
    )


def test_verification_by_read_back_reads_after_the_write_and_again_if_it_sees_what_was_before():
    job = a_job(terms=replace(BLIND, read_back=True))
    lying, real = shown("c2", version=2), shown("c1", version=1)

    assert climb(job, lying, real, lying)[1:] == [
        get(Purpose.READ_BACK),
        get(Purpose.READ_BACK),
        Accepted(remote=lying.remote, status=200),
    ]
    assert climb(job, lying, real, real, real) == [
        put(),
        *[get(Purpose.READ_BACK)] * 3,
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


def test_metadata_call_is_not_used_for_a_key_that_leaves_git():
    job = a_metadata_job(acknowledged_metadata={**GRADE_5, "subject": "Math"})

    assert climb(job, shown("c1", {**GRADE_5, "subject": "Math"}))[1] == put({"grade": "6"})


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

    assert climb(job, shown(), right, shown(), shown(), shown(), right, right) == [
        get(),
        metadata_call({"grade": "6"}),
        *[get(Purpose.READ_BACK)] * 3,
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


def test_changed_stimulus_is_sent_although_what_lies_there_cannot_be_compared():
    key = Key(Kind.STIMULUS, Identifier("q1"))
    job = a_job(key=key, body={"identifier": "q1", "title": "T", "content": "<p/>"})

    assert climb(job, shown("made by the API"))[1] == Request(
        method="PUT", segments=("stimuli", "q1"), purpose=Purpose.UPDATE, body={**job.body, "metadata": GRADE_5}
    )


def test_stimulus_whose_copy_at_the_api_is_ours_word_for_word_is_not_sent_again():
    job = a_job(key=Key(Kind.STIMULUS, Identifier("q1")), acknowledged=Facets())

    assert climb(job, shown("c2"))[1:] == [Accepted(remote=a_remote("c2"), written=False)]


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
