"""The checksum binds a plan to the commit, the record and the place that it was made for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_commit, a_key, a_recorded, an_item, facets

from qtisync.model import Broken, Identifier, Reason, RepoPath, Scope
from qtisync.planning.plan import Action, Change, Cost, Destination, Hold, Orphan, Plan

CHANGE = Change(
    item=an_item(content="c2"),
    recorded=a_recorded(),
    action=Action.UPDATE,
    scope=frozenset({Scope.CONTENT}),
    reason=Reason.CONTENT_CHANGED,
)
PLAN = Plan(
    commit=a_commit(),
    base=None,
    destination=Destination(target="staging", base_url="http://127.0.0.1:8765/api"),
    changes=(CHANGE,),
    orphans=(Orphan(recorded=a_recorded("q2"), new=True),),
    parked=(a_recorded("q3"),),
)


def with_change(**others: object) -> Plan:
    return replace(PLAN, changes=(replace(CHANGE, **others),))


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, commit=a_commit("2")),
        replace(PLAN, destination=replace(PLAN.destination, target="live")),
        replace(PLAN, destination=replace(PLAN.destination, base_url="http://127.0.0.1:1/api")),
        replace(PLAN, partial=True),
        replace(PLAN, changes=()),
        with_change(action=Action.CREATE),
        with_change(scope=frozenset(Scope)),
        with_change(item=an_item(content="c3")),
        with_change(item=an_item(content="c2", metadata={})),
        with_change(recorded=None),
        with_change(recorded=a_recorded(generation=2)),
        with_change(recorded=a_recorded(acknowledged=facets("c0"))),
        replace(PLAN, orphans=()),
        replace(PLAN, parked=()),
        replace(PLAN, broken=(Broken(path=RepoPath("items/q9.xml")),)),
        replace(PLAN, holds=(Hold(rule="mass-update", limit="", actual="", message=""),)),
    ],
)
def test_checksum_changes_with_what_would_be_done(other: Plan):
    assert other.checksum != PLAN.checksum


def test_checksum_covers_what_would_be_deleted_and_what_is_recorded_of_it():
    """An approval of deletes is for these very objects as they were shown."""
    rows = (a_recorded("q2"), a_recorded("q2", generation=2), a_recorded("q2", acknowledged=facets("c0")))
    deleting = [replace(PLAN, orphans=(Orphan(recorded=row, new=True, delete=True),)) for row in rows]

    assert len({plan.checksum for plan in (PLAN, *deleting)}) == 4
    assert len({plan.bound["orphan q2"] for plan in (PLAN, *deleting)}) == 4


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, base=a_commit("0")),
        replace(PLAN, cost=Cost(calls=3)),
        replace(PLAN, unchanged=7),
        with_change(details=("grade: 5 → 6",)),
        with_change(recorded=a_recorded(attempts=4, not_before=9.0)),
    ],
)
def test_checksum_does_not_change_with_mere_words_and_waits(other: Plan):
    assert other.checksum == PLAN.checksum


def test_checksum_is_a_sha256():
    name, _, digits = PLAN.checksum.partition(":")

    assert (name, len(digits)) == ("sha256", 64)


def test_renames_and_ready_changes_are_views_of_the_changes():
    renamed, blocked = replace(CHANGE, renamed_from=Identifier("q0")), replace(CHANGE, blocker=a_key("s1"))
    plan = replace(PLAN, changes=(CHANGE, renamed, blocked))

    assert plan.renames == (renamed,)
    assert plan.ready == (CHANGE, renamed)


def test_hold_names_the_flag_that_allows_it():
    assert Hold(rule="new-target", limit="a", actual="b", message="m").override == "--allow new-target"
