"""Renames, blockers, lanes and findings: what a plan says around its changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from builders import (
    GRADE_5,
    a_blob,
    a_key,
    a_recorded,
    a_snapshot,
    a_stimulus,
    an_item,
    facets,
)

from qtisync.model import (
    Broken,
    Digest,
    Facets,
    Identifier,
    Item,
    ItemStatus,
    Key,
    Kind,
    Lane,
    Presence,
    Problem,
    Reason,
    Recorded,
    RepoPath,
    Scope,
    Snapshot,
    Steering,
)
from qtisync.planning.diff import BULK_FROM, compare, diff
from qtisync.planning.plan import Action, Destination, Orphan, Plan

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


def test_identifier_changed_in_place_is_a_new_item_and_an_orphan():
    item, row = an_item("q2", path="items/q1.xml"), a_recorded("q1")
    plan = planned([item], row)

    assert [(c.item.key, c.action, c.renamed_from) for c in plan.changes] == [(item.key, Action.CREATE, "q1")]
    assert plan.orphans == (Orphan(recorded=row, new=True, renamed_to=Identifier("q2")),)
    assert plan.renames == plan.changes


def test_rename_is_said_by_the_sidecar():
    item = an_item("q2", steering=Steering(renamed_from=Identifier("q1")))
    plan = planned([item], a_recorded("q1"))

    assert [c.renamed_from for c in plan.changes] == ["q1"]
    assert [o.renamed_to for o in plan.orphans] == ["q2"]


def test_rename_that_the_sidecar_says_of_a_living_object_is_none():
    item = an_item("q2", steering=Steering(renamed_from=Identifier("q1")))
    plan = planned([an_item("q1"), item], a_recorded("q1"))

    assert [c.renamed_from for c in plan.changes] == [None]


def test_rename_concerns_its_own_kind_only():
    item, stimulus = an_item("x", path="p/x.xml"), a_stimulus("x", path="p/y.xml")
    plan = planned([item, stimulus], a_recorded("old", path=RepoPath("p/x.xml")))

    assert [(c.item.key.kind, c.renamed_from) for c in plan.changes] == [(Kind.ITEM, "old"), (Kind.STIMULUS, None)]


def test_two_that_claim_the_same_old_identifier_are_told_in_a_stable_order():
    said = Steering(renamed_from=Identifier("q1"))
    plans = [
        planned(items, a_recorded("q1"))
        for items in (
            [an_item("q2", steering=said), an_item("q3", steering=said)],
            [an_item("q3", steering=said), an_item("q2", steering=said)],
        )
    ]

    assert plans[0] == plans[1]
    assert [o.renamed_to for o in plans[0].orphans] == ["q3"]


def test_object_that_the_api_has_already_was_not_renamed():
    item, row = an_item("q2", content="c2", path="items/q1.xml"), a_recorded("q2", path=RepoPath("items/q1.xml"))
    plan = planned([item], a_recorded("q1"), row)

    assert [c.renamed_from for c in plan.changes] == [None]


@pytest.mark.parametrize("presence", [Presence.ABSENT, Presence.DOUBTFUL])
def test_item_that_refers_to_an_unreadable_new_stimulus_is_blocked(presence: Presence):
    item, key = an_item(references=(a_key("s1", Kind.STIMULUS),)), a_key("s1", Kind.STIMULUS)
    row = a_recorded("s1", kind=Kind.STIMULUS, presence=presence, status=ItemStatus.QUEUED, acknowledged=Facets())
    for known in ((), (row,)):
        (change,) = planned(a_snapshot(item, broken=(a_broken("stimuli/s1.xml", key),)), *known).changes

        assert change.blocker == key


def test_item_that_refers_to_a_held_stimulus_at_the_api_is_not_blocked():
    key = a_key("s1", Kind.STIMULUS)
    snapshot = a_snapshot(an_item(references=(key,)), broken=(a_broken("stimuli/s1.xml", key),))

    assert [c.blocker for c in planned(snapshot, a_recorded("s1", kind=Kind.STIMULUS)).changes] == [None]


def test_item_that_refers_to_a_parked_stimulus_is_blocked_until_an_edit_revives_it():
    stimulus = a_stimulus()
    item = an_item(references=(stimulus.key,))
    row = a_recorded("s1", kind=Kind.STIMULUS, status=ItemStatus.PARKED, acknowledged=facets("c0"))
    waiting, revived = planned([item, stimulus], row), planned([item, a_stimulus(content="c2")], row)

    assert [(c.item.key, c.blocker) for c in waiting.changes] == [(item.key, stimulus.key)]
    assert waiting.ready == ()
    assert [(c.item.key, c.blocker) for c in revived.changes] == [(item.key, None), (stimulus.key, None)]


def test_item_that_refers_to_something_unknown_is_sent():
    (change,) = planned([an_item(references=(a_key("elsewhere", Kind.STIMULUS),))]).changes

    assert change.blocker is None


def test_many_changes_travel_in_the_bulk_lane_so_that_a_fix_overtakes_them():
    few = [an_item(f"q{n:03}") for n in range(BULK_FROM - 1)]
    hot = an_item("hot", steering=Steering(lane=Lane.HOTFIX))

    assert {c.lane for c in planned(few).changes} == {Lane.NORMAL}
    assert {c.item.key.identifier: c.lane for c in planned([hot, *few]).changes} == {
        "hot": Lane.HOTFIX,
        **{item.key.identifier: Lane.BULK for item in few},
    }


def test_fix_during_a_bulk_load_travels_in_the_normal_lane():
    items = [an_item(f"q{n:03}") for n in range(BULK_FROM + 5)]
    queued = [
        a_recorded(
            i.key.identifier, status=ItemStatus.QUEUED, presence=Presence.ABSENT, acknowledged=Facets(), lane=Lane.BULK
        )
        for i in items[1:]
    ]

    lanes = [change.lane for change in planned(items, *queued).changes]

    assert lanes == [Lane.NORMAL, *[Lane.BULK] * (BULK_FROM + 4)]


def test_fidelity_findings_stay_visible_while_the_item_is_wanted():
    row = a_recorded(altered="its XML differs from ours")

    assert planned([an_item()], row).altered == (row,)
    assert planned([], row).altered == ()


def test_warnings_are_sorted_by_place():
    late = Problem(path=RepoPath("b.xml"), code="c", message="late")
    early = Problem(path=RepoPath("a.xml"), code="c", message="early", line=9)

    assert planned(a_snapshot(an_item(findings=(late,)), warnings=(early,))).warnings == (early, late)


def test_blob_decides_nothing_while_the_digest_is_in_doubt():
    row = a_recorded(acknowledged=facets(None, GRADE_5), status=ItemStatus.PARKED, blob=a_blob("other"))
    found = compare(replace(an_item(), facets=replace(facets(), content=Digest("canon/2:c1"))), row).change

    assert found is not None
    assert found.reason is Reason.IN_DOUBT
    assert found.scope == {Scope.CONTENT}
