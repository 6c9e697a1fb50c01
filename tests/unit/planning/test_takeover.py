"""Rows for what is at the API already: what is git's of it, what is not known, and who decides."""

from __future__ import annotations

from builders import a_commit, a_content_digest, a_key, a_metadata_digest, a_snapshot, an_item, facets

from qtisync.model import CommitInfo, Facets, ItemStatus, Presence, Remote, RepoPath, Standing, Steering
from qtisync.planning.diff import diff
from qtisync.planning.plan import Action, Destination
from qtisync.planning.takeover import UNKNOWN, Seen, adopted, recognised, without_file

ITEM = an_item(metadata={"grade": "5", "topic": "sets"}, steering=Steering(protect=True))
INFO = CommitInfo(commit=a_commit("3"), author="Ada")
SAME = Seen(
    content=a_content_digest("c1"),
    metadata={"grade": "5", "topic": "sets", "status": "live"},
    version=7,
    updated_at="2026-11-28T00:00:00.000Z",
    same_content=True,
)


def planned(*rows):
    plan = diff(
        a_snapshot(ITEM), {row.key: row for row in rows}, Destination(target="t", base_url="http://127.0.0.1/api")
    )
    return [(change.action, sorted(change.scope), change.details) for change in plan.changes]


def test_what_is_as_in_git_is_recorded_as_synced_with_the_keys_of_others():
    row = recognised(ITEM, SAME, INFO)
    assert (row.desired, row.acknowledged, row.status, row.presence) == (
        ITEM.facets, ITEM.facets, ItemStatus.SYNCED, Presence.PRESENT,
    )  # fmt: skip
    assert row.remote == Remote(content=SAME.content, version=7, updated_at=SAME.updated_at, foreign={"status": "live"})
    assert (row.commit, row.author, row.protect, row.blob, row.acknowledged_blob) == (
        INFO.commit, "Ada", True, ITEM.blob, ITEM.blob,
    )  # fmt: skip
    assert planned(row) == []
    assert adopted(ITEM, SAME, INFO, a_metadata_digest) == row


def test_content_that_differs_is_recognised_as_changed_by_somebody():
    other = Seen(content=a_content_digest("zz"), metadata=SAME.metadata, version=7, updated_at="x")
    row = recognised(ITEM, other, INFO)
    assert row.acknowledged == Facets(content=UNKNOWN, metadata=ITEM.facets.metadata)
    assert (row.remote, row.commit, row.blob) == (Remote(foreign={"status": "live"}), None, None)
    assert planned(row) == [(Action.UPDATE, ["content"], ())]


def test_metadata_that_differs_is_unknown_and_what_is_not_there_is_simply_missing():
    other = Seen(content=SAME.content, metadata={"grade": "6"}, version=7, updated_at="x", same_content=True)
    row = recognised(ITEM, other, INFO)
    assert row.acknowledged == Facets(content=ITEM.facets.content, metadata=UNKNOWN)
    assert (row.acknowledged_metadata, row.remote.version) == ({"grade": "(unknown)"}, None)
    assert [(action, scope) for action, scope, _ in planned(row)] == [(Action.UPDATE, ["metadata"])]


def test_what_is_adopted_is_known_as_the_api_has_it_and_git_is_ahead():
    other = Seen(content=a_content_digest("zz"), metadata={"grade": "6", "x": 1}, version=7, updated_at="x")
    row = adopted(ITEM, other, INFO, a_metadata_digest)
    assert row.acknowledged == facets("zz", {"grade": "6"})
    assert (row.desired, row.acknowledged_metadata) == (row.acknowledged, {"grade": "6"})
    assert row.remote == Remote(content=other.content, version=7, updated_at="x", foreign={"x": 1})
    assert [(action, scope) for action, scope, _ in planned(row)] == [(Action.UPDATE, ["content", "metadata"])]


def test_what_git_does_not_have_yet_is_protected_until_it_has():
    row = without_file(a_key(), SAME, RepoPath("a/q1.xml"), a_metadata_digest, {"grade": "5"})
    assert (row.standing, row.protect, row.path, row.desired) == (
        Standing.ORPHAN, True, "a/q1.xml", facets("c1", {"grade": "5"}),
    )  # fmt: skip
    assert row.remote is not None
    assert row.remote.foreign == {"topic": "sets", "status": "live"}
    nothing = without_file(a_key(), SAME, RepoPath(""), a_metadata_digest)
    assert (nothing.acknowledged_metadata, nothing.remote.foreign) == ({}, SAME.metadata)


def test_true_is_not_one():
    seen = Seen(content=SAME.content, metadata={"grade": "5", "topic": True}, same_content=True)
    item = an_item(metadata={"grade": "5", "topic": 1})
    assert recognised(item, seen, INFO).acknowledged.metadata == UNKNOWN
