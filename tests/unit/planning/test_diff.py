"""Desired compared with recorded: every case of the table, and rules 1 and 2 of the record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from builders import (
    a_blob,
    a_commit,
    a_key,
    a_recorded,
    a_snapshot,
    an_item,
    facets,
)

from qtisync.model import (
    Broken,
    Digest,
    Facets,
    Item,
    ItemStatus,
    Key,
    Lane,
    Presence,
    Problem,
    Reason,
    Recorded,
    RepoPath,
    Scope,
    Snapshot,
    Standing,
)
from qtisync.planning.diff import compare, diff, never_sent
from qtisync.planning.plan import Action, Change, Destination, KeyDifference, Move, Orphan, Plan

THERE = Destination(target="staging", base_url="http://127.0.0.1:8765/api")
BOTH = frozenset(Scope)
ON_ITS_WAY = [ItemStatus.QUEUED, ItemStatus.IN_FLIGHT, ItemStatus.BLOCKED]


def rows(*recorded: Recorded) -> dict[Key, Recorded]:
    return {row.key: row for row in recorded}


def planned(items: Iterable[Item] | Snapshot, *recorded: Recorded) -> Plan:
    snapshot = items if isinstance(items, Snapshot) else a_snapshot(*items)
    return diff(snapshot, rows(*recorded), THERE)


def a_broken(path: str, key: Key | None = None) -> Broken:
    return Broken(path=RepoPath(path), key=key, problems=(Problem(path=RepoPath(path), code="x", message="is broken"),))


def test_unknown_item_is_created():
    item = an_item()

    assert planned([item]) == Plan(
        commit=a_commit(),
        base=None,
        destination=THERE,
        changes=(Change(item=item, recorded=None, action=Action.CREATE, scope=BOTH, reason=Reason.NEW),),
    )


def test_synced_item_needs_nothing():
    assert planned([an_item()], a_recorded()) == Plan(commit=a_commit(), base=None, destination=THERE, unchanged=1)


@pytest.mark.parametrize("status", ON_ITS_WAY)
@pytest.mark.parametrize("acknowledged", [facets("c0"), Facets(), facets("c1", None)])
def test_item_on_its_way_to_the_same_target_is_left_alone(status: ItemStatus, acknowledged: Facets):
    row = a_recorded(status=status, acknowledged=acknowledged, attempts=3, lane=Lane.HOTFIX)
    (change,) = planned([an_item()], row).changes

    assert (change.queued, change.lane, change.action) == (True, Lane.HOTFIX, Action.UPDATE)


def test_parked_item_waits_for_an_edit_or_a_person():
    row = a_recorded(status=ItemStatus.PARKED, acknowledged=facets("c0"))

    assert planned([an_item()], row) == Plan(commit=a_commit(), base=None, destination=THERE, parked=(row,))


@pytest.mark.parametrize("status", [ItemStatus.PARKED, *ON_ITS_WAY])
def test_edit_gives_a_new_target_whatever_the_old_one_came_to(status: ItemStatus):
    item, row = an_item(content="c3"), a_recorded(content="c2", status=status, acknowledged=facets("c1"))

    assert compare(item, row).change == Change(
        item=item,
        recorded=row,
        action=Action.UPDATE,
        scope=frozenset({Scope.CONTENT}),
        reason=Reason.CONTENT_CHANGED,
        risk=("answer_key",),
    )


@pytest.mark.parametrize("status", [ItemStatus.PARKED, ItemStatus.QUEUED, ItemStatus.BLOCKED, ItemStatus.SYNCED])
def test_revert_to_what_the_api_has_sends_nothing(status: ItemStatus):
    row = a_recorded(content="c2", status=status, acknowledged=facets("c1"))

    assert planned([an_item()], row) == Plan(commit=a_commit(), base=None, destination=THERE, unchanged=1)


@pytest.mark.parametrize("status", [ItemStatus.QUEUED, ItemStatus.IN_FLIGHT, ItemStatus.PARKED])
@pytest.mark.parametrize(
    ("acknowledged", "scope"),
    [
        (Facets(), BOTH),
        (facets(None), frozenset({Scope.CONTENT})),
        (facets("c1", None), frozenset({Scope.METADATA})),
    ],
)
def test_revert_after_a_lost_answer_is_pushed_again(status: ItemStatus, acknowledged: Facets, scope: frozenset[Scope]):
    row = a_recorded(content="c2", status=status, acknowledged=acknowledged)
    found = compare(an_item(), row).change

    assert found is not None
    assert (found.action, found.reason, found.scope, found.queued) == (Action.UPDATE, Reason.IN_DOUBT, scope, False)


@pytest.mark.parametrize(
    ("presence", "action", "reason"),
    [
        (Presence.ABSENT, Action.CREATE, Reason.NEW),
        (Presence.DOUBTFUL, Action.CREATE, Reason.IN_DOUBT),
        (Presence.PRESENT, Action.UPDATE, Reason.IN_DOUBT),
    ],
)
def test_edited_item_without_an_acknowledgement(presence: Presence, action: Action, reason: Reason):
    row = a_recorded(content="c0", status=ItemStatus.PARKED, presence=presence, acknowledged=Facets())
    found = compare(an_item(), row).change

    assert found is not None
    assert (found.action, found.reason, found.scope) == (action, reason, BOTH)


def test_acknowledgement_of_something_that_vanished_counts_for_nothing():
    row = a_recorded(presence=Presence.ABSENT)
    found = compare(an_item(), row).change

    assert found is not None
    assert (found.action, found.scope) == (Action.CREATE, BOTH)


def test_metadata_alone_changed():
    item, row = an_item(metadata={"grade": "6", "topic": "sums"}), a_recorded()

    assert compare(item, row).change == Change(
        item=item,
        recorded=row,
        action=Action.UPDATE,
        scope=frozenset({Scope.METADATA}),
        reason=Reason.METADATA_CHANGED,
        details=("grade: 5 → 6", "topic: (none) → sums"),
        keys=(
            KeyDifference(name="grade", sides={"recorded": "5", "git": "6"}),
            KeyDifference(name="topic", sides={"git": "sums"}),
        ),
    )


def test_content_and_metadata_changed_without_the_answer_key():
    row = a_recorded()
    item = an_item(content="c2", metadata={}, answers=row.answers)

    assert compare(item, row).change == Change(
        item=item,
        recorded=row,
        action=Action.UPDATE,
        scope=BOTH,
        reason=Reason.BOTH_CHANGED,
        details=("grade: 5 → (none)",),
        keys=(KeyDifference(name="grade", sides={"recorded": "5"}),),
    )


@pytest.mark.parametrize("status", [ItemStatus.SYNCED, ItemStatus.PARKED, ItemStatus.QUEUED])
def test_new_algorithm_of_the_digest_alone_sends_nothing(status: ItemStatus):
    item = replace(an_item(), facets=replace(facets(), content=Digest("canon/2:c1")))
    row = a_recorded(status=status)
    verdict = compare(item, row)

    assert verdict.change is None or verdict.change.queued


def test_new_algorithm_hides_no_edit():
    item = replace(an_item(content="c2"), facets=replace(facets(), content=Digest("canon/2:c2")))
    found = compare(item, a_recorded()).change

    assert found is not None
    assert found.scope == {Scope.CONTENT}


def test_new_algorithm_looks_at_the_blob_that_was_acknowledged():
    item = replace(an_item(), facets=replace(facets(), content=Digest("canon/2:c1")))
    row = a_recorded(content="c2", status=ItemStatus.PARKED, acknowledged=facets("c1"), acknowledged_blob=item.blob)

    assert compare(item, row).change is None
    assert compare(item, replace(row, acknowledged_blob=a_blob("other"))).change is not None


def test_same_algorithm_never_looks_at_the_blob():
    reformatted = an_item(blob=a_blob("other spelling"))

    assert compare(reformatted, a_recorded()).change is None


def test_moved_file_sends_nothing():
    item = an_item(path="items/new.xml")

    assert planned([item], a_recorded(path=RepoPath("items/old.xml"))) == Plan(
        commit=a_commit(),
        base=None,
        destination=THERE,
        moves=(Move(item=item, previous=RepoPath("items/old.xml")),),
        unchanged=1,
    )


def test_vanished_file_leaves_an_orphan_and_nothing_is_deleted():
    row, known = a_recorded("q1"), a_recorded("q2", standing=Standing.ORPHAN)

    assert planned([], known, row) == Plan(
        commit=a_commit(),
        base=None,
        destination=THERE,
        orphans=(Orphan(recorded=row, new=True), Orphan(recorded=known, new=False)),
    )


def test_object_that_was_never_sent_is_forgotten_and_no_orphan():
    unsent = a_recorded(presence=Presence.ABSENT, status=ItemStatus.QUEUED, acknowledged=Facets())

    assert planned([], unsent).orphans == ()


@pytest.mark.parametrize(
    ("presence", "status", "answer"),
    [
        (Presence.ABSENT, ItemStatus.QUEUED, True),
        (Presence.ABSENT, ItemStatus.PARKED, True),
        (Presence.ABSENT, ItemStatus.IN_FLIGHT, False),
        (Presence.DOUBTFUL, ItemStatus.QUEUED, False),
        (Presence.PRESENT, ItemStatus.SYNCED, False),
    ],
)
def test_object_was_never_sent(presence: Presence, status: ItemStatus, answer: bool):
    assert never_sent(a_recorded(presence=presence, status=status)) is answer


def test_object_that_says_ignore_is_left_alone():
    row = a_recorded()
    snapshot = a_snapshot(ignored={row.key: row.path, a_key("a0"): RepoPath("items/a0.xml")})

    assert planned(snapshot, row) == Plan(
        commit=a_commit(), base=None, destination=THERE, ignored=(a_key("a0"), row.key)
    )


@pytest.mark.parametrize("key", [None, a_key("q1")])
def test_broken_file_is_held_not_removed(key: Key | None):
    row, broken = a_recorded("q1"), a_broken("items/q1.xml", key)

    assert planned(a_snapshot(broken=(broken,)), row) == Plan(
        commit=a_commit(), base=None, destination=THERE, held=(row,), broken=(broken,)
    )


def test_broken_file_keeps_the_identity_that_its_path_had_whatever_it_says_now():
    row, broken = a_recorded("q1"), a_broken("items/q1.xml", a_key("q2"))
    plan = planned(a_snapshot(broken=(broken,)), row)

    assert (plan.held, plan.orphans) == ((row,), ())


def test_broken_file_holds_nothing_that_another_file_asks_for():
    row = a_recorded("q1", path=RepoPath("items/old.xml"))
    plan = planned(a_snapshot(an_item("q1"), broken=(a_broken("items/old.xml"),)), row)

    assert (plan.held, plan.unchanged) == ((), 1)


def test_broken_file_does_not_revive_an_orphan_by_its_path():
    row = a_recorded("q1", standing=Standing.ORPHAN)

    assert planned(a_snapshot(broken=(a_broken("items/q1.xml"),)), row).held == ()


def test_object_that_is_not_at_the_api_yet_has_no_differences_to_show():
    """The plan of a commit whose create waits reads as the one that was made when it was new."""
    item = an_item(metadata={"grade": "5"})
    row = a_recorded(presence=Presence.ABSENT, desired=item.facets, acknowledged=Facets(), acknowledged_metadata={})
    change = compare(item, row).change

    assert change is not None
    assert (change.action, change.details, change.keys) == (Action.CREATE, (), ())
