"""Other writers: foreign keys, conflicts, and what is not ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import GRADE_5, a_content_digest, a_key, facets
from wire_values import (
    METADATA,
    STAMP,
    a_job,
    a_metadata_job,
    a_new_job,
    a_remote,
    climb,
    get,
    put,
    shown,
)

from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import (
    Accepted,
    Altered,
    Conflicted,
    Exists,
    Missing,
    Outcome,
    Shown,
)
from qtisync.delivery.wire import Job, Terms, always_reads, unfamiliar_words
from qtisync.model import Facets, Identifier, Key, Kind, Presence, Remote, Scope
from qtisync.ownership import Ownership, Stamp

STRANGER = Ownership(prefixes=("our-",))
NOT_OURS = (
    "it exists at the API and is not ours: its identifier has none of the owned prefixes. Give the item another "
    "identifier, or add its prefix to owned_prefixes and run `qtisync retry` for it."
)
UNFAMILIAR = unfamiliar_words(a_key())


def met(job: Job, seen: Shown) -> Request | Outcome:
    """What follows when a create meets this object, or when it was met before."""
    known = job.presence is Presence.PRESENT
    return climb(job, seen)[-1] if known else climb(job, Exists(), seen)[-1]


@pytest.mark.parametrize(
    "unknown",
    [a_new_job(), a_new_job(presence=Presence.PRESENT), a_new_job(terms=Terms(preserve_foreign=False))],
    ids=["never seen", "met before", "git is everything"],
)
def test_existing_object_that_nothing_is_recorded_of_and_that_differs_is_a_conflict(unknown: Job):
    other, key = shown("c1"), shown("c2", {"grade": "6"})

    assert met(unknown, other) == Conflicted(message=UNFAMILIAR, remote=other.remote)
    assert met(unknown, key) == Conflicted(message=UNFAMILIAR, remote=key.remote)
    assert met(replace(unknown, force=True), other) == put()
    assert met(replace(unknown, terms=replace(unknown.terms, overwrite_conflicts=True)), other) == put()


def test_existing_object_with_more_keys_is_taken_as_it_is_even_where_git_is_everything():
    """As one that a list shows after a lost record: what a list finds and what a 409 finds is judged alike."""
    seen = shown("c2", {**GRADE_5, "status": "live"})

    assert met(a_new_job(terms=Terms(preserve_foreign=False)), seen) == Accepted(remote=seen.remote, written=False)


def test_object_that_was_not_found_and_is_there_as_we_left_it_is_ours():
    job = a_job(presence=Presence.ABSENT, acknowledged=Facets(), scope=frozenset(Scope))

    assert met(job, shown()) == put()
    assert met(job, shown(version=2)) == Conflicted(message=UNFAMILIAR, remote=a_remote(version=2))


def test_existing_stimulus_is_taken_as_it_is_if_it_says_the_same_in_other_words():
    stimulus = replace(a_new_job(), key=Key(Kind.STIMULUS, Identifier("q1")))
    seen = shown("made by the API")

    assert met(stimulus, seen) == Conflicted(message=UNFAMILIAR, remote=seen.remote)
    assert met(replace(stimulus, shows_ours=lambda xml: xml == "<q1/>"), seen) == Accepted(
        remote=seen.remote, written=False
    )


def test_existing_object_that_is_as_meant_is_adopted_without_a_write():
    path = climb(a_new_job(), Exists(), shown("c2", {**GRADE_5, "status": "live"}))

    assert path[-1] == Accepted(remote=a_remote("c2", {**GRADE_5, "status": "live"}), written=False)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
def test_existing_object_that_is_not_ours_is_never_overwritten(force: bool, overwrite: bool):
    terms = Terms(ownership=STRANGER, overwrite_conflicts=overwrite, preserve_foreign=not overwrite)

    assert climb(a_new_job(terms=terms, force=force), Exists(), shown("c1"))[2] == Conflicted(
        message=NOT_OURS,
        remote=a_remote("c1"),
    )


def test_object_that_we_created_ourselves_may_be_updated_without_a_prefix():
    assert climb(a_job(terms=Terms(ownership=STRANGER)), shown())[-1] == put()


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


def test_lost_create_is_no_right_to_what_somebody_added_under_a_prefix_that_is_not_ours():
    """The content is as we sent it, and a key is there that we did not send: `replace` would take it away."""
    terms = Terms(ownership=STRANGER, preserve_foreign=False)
    job = a_job(terms=terms, presence=Presence.DOUBTFUL, acknowledged=Facets(), acknowledged_metadata={}, remote=None)
    seen = shown("c2", {**job.metadata, "owner": "somebody"})

    assert climb(job, seen)[-1] == Conflicted(message=NOT_OURS, remote=seen.remote)


US = Ownership(stamp=Stamp(key="owner", value="us"))
STAMPED = {**GRADE_5, "owner": "us"}
THEIRS = {**GRADE_5, "owner": "them"}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("metadata", "why"),
    [(GRADE_5, "it does not carry the owner stamp owner: us"), (THEIRS, 'its owner is "them"')],
)
def test_existing_object_without_our_stamp_is_never_overwritten(metadata, why, force: bool, overwrite: bool):
    terms = Terms(ownership=US, overwrite_conflicts=overwrite, preserve_foreign=not overwrite)
    job = a_new_job(terms=terms, force=force, metadata=STAMPED)

    assert climb(job, Exists(), shown("c2", metadata))[2] == Conflicted(
        message=f"it exists at the API and is not ours: {why}. Give the item another identifier; or, if it is meant, "
        "`qtisync adopt ID --foreign` takes it over.",
        remote=a_remote("c2", metadata),
    )


def test_existing_object_with_our_stamp_is_ours_although_nothing_is_recorded_of_it():
    job = a_new_job(terms=Terms(ownership=US), metadata=STAMPED)

    assert climb(job, Exists(), shown("c2", STAMPED))[2] == Accepted(remote=a_remote("c2", STAMPED), written=False)
    assert climb(job, Exists(), shown("c1", STAMPED))[2] == Conflicted(
        message=UNFAMILIAR, remote=a_remote("c1", STAMPED)
    )
    assert climb(replace(job, force=True), Exists(), shown("c1", STAMPED))[2] == put(STAMPED)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
def test_another_owner_s_stamp_on_an_object_of_ours_is_a_conflict_whatever_the_policy(force: bool, overwrite: bool):
    terms = Terms(ownership=US, overwrite_conflicts=overwrite, preserve_foreign=not overwrite)
    job = a_job(terms=terms, force=force, metadata=STAMPED, acknowledged_metadata=STAMPED)

    assert climb(job, shown("c1", THEIRS, version=2)) == [
        get(),
        Conflicted(
            message='it is not ours any more: its owner is now "them". Agree with them whose it is; if it is yours, '
            "`qtisync adopt ID --foreign` takes it over.",
            remote=a_remote("c1", THEIRS, 2),
        ),
    ]


def test_another_owner_s_stamp_is_seen_even_where_nobody_touched_the_object_since_and_even_in_doubt():
    """It was a foreign key to us until our own stamp was configured."""
    job = a_job(terms=Terms(ownership=US), metadata=STAMPED)
    assert isinstance(climb(job, shown("c1", THEIRS))[1], Conflicted)
    doubtful = a_job(terms=Terms(ownership=US), metadata=STAMPED, acknowledged=Facets())
    assert isinstance(climb(doubtful, shown("c1", THEIRS))[1], Conflicted)


def test_object_that_was_adopted_from_another_owner_gets_our_stamp():
    job = a_job(terms=Terms(ownership=US), metadata=STAMPED, acknowledged_metadata=THEIRS)
    assert climb(job, shown("c1", THEIRS))[1] == put(STAMPED)


def test_stamp_that_was_removed_is_an_edit_of_a_key_of_git_s():
    job = a_job(terms=Terms(ownership=US), metadata=STAMPED, acknowledged_metadata=STAMPED)
    stripped = climb(job, shown("c1", GRADE_5, version=2))[1]
    assert isinstance(stripped, Conflicted)
    assert stripped.message == 'its metadata "owner" was removed at the API since our last write'
    assert climb(replace(job, force=True), shown("c1", GRADE_5, version=2))[1] == put(STAMPED)


def test_stamp_is_turned_on_changed_and_removed_without_losing_foreign_keys():
    """What there was before is told by the record; ``status`` is a run-time writer's."""
    seen = {**GRADE_5, "status": "live"}
    on = a_job(terms=Terms(ownership=US), scope=METADATA, metadata=STAMPED)
    assert climb(on, shown("c1", seen))[1] == put({**STAMPED, "status": "live"})
    other = Ownership(stamp=Stamp(key="managedBy", value="us"))
    changed = a_job(
        terms=Terms(ownership=other),
        scope=METADATA,
        metadata={**GRADE_5, "managedBy": "us"},
        acknowledged_metadata=STAMPED,
    )
    assert climb(changed, shown("c1", {**STAMPED, "status": "live"}))[1] == put(
        {**GRADE_5, "managedBy": "us", "status": "live"}
    )
    off = a_job(scope=METADATA, acknowledged_metadata=STAMPED)
    assert climb(off, shown("c1", {**STAMPED, "status": "live"}))[1] == put({**GRADE_5, "status": "live"})


def test_object_that_vanished_and_was_made_anew_by_a_stranger_is_his():
    blind = Terms(ownership=US, preserve_foreign=False, overwrite_conflicts=True)
    job = a_job(terms=blind, metadata=STAMPED, acknowledged_metadata=STAMPED)
    path = climb(job, Missing(), Exists(), shown("c3", GRADE_5, version=1))
    assert [getattr(step, "purpose", None) for step in path[:3]] == [Purpose.PRE_READ, Purpose.CREATE, Purpose.PRE_READ]
    assert isinstance(path[-1], Conflicted)
    assert "does not carry the owner stamp" in path[-1].message


def test_with_a_stamp_even_a_write_that_may_overwrite_everything_is_read_first():
    blind = Terms(ownership=US, preserve_foreign=False, overwrite_conflicts=True)
    assert (always_reads(blind), always_reads(replace(blind, ownership=Ownership()))) == (True, False)
    assert climb(a_job(terms=blind, metadata=STAMPED, acknowledged_metadata=STAMPED)) == [get()]
