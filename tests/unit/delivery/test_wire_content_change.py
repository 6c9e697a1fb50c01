"""``on_content_change``: keys that are set in the write that changes an item's content, and are nobody's otherwise."""

from __future__ import annotations

from typing import Any

from builders import GRADE_5, a_content_digest, a_key, facets
from wire_values import (
    BLIND,
    CONTENT,
    a_job,
    a_metadata_job,
    a_new_job,
    a_remote,
    climb,
    metadata_call,
    post,
    put,
    shown,
)

from qtisync.delivery.outcome import Accepted
from qtisync.delivery.wire import Terms, confirmed_keys
from qtisync.model import Facets, Kind, Metadata, Scope

UNSEEN: Metadata = {"humanApproved": False}
SETS = Terms(on_content_change=UNSEEN)


def test_new_item_is_created_with_them_because_nobody_has_seen_it():
    assert climb(a_new_job(terms=SETS)) == [post({**GRADE_5, **UNSEEN})]


def test_changed_content_sets_them_over_what_the_api_holds():
    path = climb(
        a_job(terms=SETS),
        shown("c1", {**GRADE_5, "humanApproved": True, "status": "live"}, version=7),
        shown("c2", {**GRADE_5, **UNSEEN, "status": "live"}, version=8),
    )

    assert path[1:] == [
        put({**GRADE_5, "status": "live", **UNSEEN}),
        Accepted(remote=a_remote("c2", {**GRADE_5, **UNSEEN, "status": "live"}, version=8), status=200),
    ]


def test_changed_content_sets_them_where_nothing_is_read_first():
    terms = Terms(preserve_foreign=False, overwrite_conflicts=True, on_content_change=UNSEEN)

    assert climb(a_job(terms=terms)) == [put({**GRADE_5, **UNSEEN})]
    assert climb(a_job(terms=BLIND)) == [put()]


def test_they_are_over_gits_in_that_write_and_that_is_what_is_remembered():
    job = a_job(metadata={"humanApproved": True}, acknowledged_metadata={"humanApproved": True}, terms=SETS)

    assert climb(job, shown("c1", {"humanApproved": True}))[1] == put(UNSEEN)
    assert confirmed_keys(job, a_remote("c2", UNSEEN)) == UNSEEN
    assert confirmed_keys(job, a_remote("c2", {"humanApproved": True})) == {"humanApproved": True}


def test_approval_by_a_person_afterwards_is_kept_by_a_metadata_change():
    terms = Terms(metadata_endpoint=True, on_content_change=UNSEEN)
    approved = {**GRADE_5, "humanApproved": True}

    assert climb(a_metadata_job(terms=terms), shown("c1", approved, version=9))[1] == metadata_call(
        {"grade": "6", "humanApproved": True}
    )


def test_answer_that_was_lost_is_done_if_the_content_arrived():
    job = a_job(acknowledged=Facets(content=None, metadata=facets().metadata), terms=SETS)
    arrived = shown("c2", {**GRADE_5, **UNSEEN}, version=2)

    assert climb(job, arrived)[1] == Accepted(remote=arrived.remote, written=False)
    assert climb(job, shown("c1", GRADE_5))[1] == put({**GRADE_5, **UNSEEN})


def test_doubt_about_metadata_does_not_undo_an_approval():
    job = a_job(metadata={"grade": "6"}, acknowledged=Facets(), scope=frozenset(Scope), terms=SETS)
    approved = shown("c2", {**GRADE_5, "humanApproved": True}, version=2)

    assert climb(job, approved)[1] == put({"grade": "6", "humanApproved": True})


def test_lost_answer_does_not_bring_back_gits_own_approval():
    mine: Any = {"humanApproved": True}
    job = a_job(metadata=mine, acknowledged=Facets(), acknowledged_metadata=mine, terms=SETS)
    arrived = shown("c2", UNSEEN, version=2)

    assert climb(job, arrived)[1] == Accepted(remote=arrived.remote, written=False)


def test_stimuli_have_none():
    job = a_job(key=a_key("q1", Kind.STIMULUS), content=a_content_digest("c2"), scope=CONTENT, terms=SETS)

    written = climb(job, shown("c1"))[1]

    assert getattr(written, "body", {})["metadata"] == GRADE_5
