"""A rule that trips holds the whole plan, and says which number, which objects and how to go on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_commit, a_key, a_recorded, an_item
from hypothesis import given
from hypothesis import strategies as st

from qtisync.model import Reason, Scope
from qtisync.planning.guard import RULES, SHOWN_KEYS, Limits, Observed, check
from qtisync.planning.plan import Action, Change, Destination, Hold, Orphan, Plan

URL = "http://127.0.0.1:8765/api"
KNOWN = Observed(recorded=100, wanted=100, base_url=URL)


def a_plan(*changes: Change, orphans: int = 0, known_orphans: int = 0) -> Plan:
    return Plan(
        commit=a_commit(),
        base=None,
        destination=Destination(target="staging", base_url=URL),
        changes=changes,
        orphans=(
            *(Orphan(recorded=a_recorded(f"o{n:04}"), new=True) for n in range(orphans)),
            *(Orphan(recorded=a_recorded(f"p{n:04}"), new=False) for n in range(known_orphans)),
        ),
    )


def some(count: int, action: Action = Action.UPDATE, *, queued: bool = False) -> tuple[Change, ...]:
    return tuple(
        Change(
            item=an_item(f"q{n:04}"),
            recorded=None,
            action=action,
            scope=frozenset({Scope.CONTENT}),
            reason=Reason.CONTENT_CHANGED,
            queued=queued,
        )
        for n in range(count)
    )


def test_plan_within_all_limits_is_not_held():
    assert check(a_plan(*some(30), orphans=30), Limits(), KNOWN) == ()


def test_one_update_too_many_holds_and_names_everything():
    (hold,) = check(a_plan(*some(31)), Limits(), KNOWN)

    assert hold == Hold(
        rule="mass-update",
        limit="30%",
        actual="31 of 100",
        message="31 of 100 recorded objects would be updated at once; the limit is 30%",
        keys=tuple(a_key(f"q{n:04}") for n in range(SHOWN_KEYS)),
    )
    assert hold.override == "--allow mass-update"


def test_creates_and_what_is_queued_already_are_no_mass_update():
    assert check(a_plan(*some(99, Action.CREATE)), Limits(), KNOWN) == ()
    assert check(a_plan(*some(99, queued=True)), Limits(), KNOWN) == ()


def test_share_says_nothing_of_fewer_than_10_recorded_objects():
    assert check(a_plan(*some(9), orphans=9), Limits(), replace(KNOWN, recorded=9)) == ()
    assert [h.rule for h in check(a_plan(*some(4), orphans=4), Limits(), replace(KNOWN, recorded=10))] == [
        "mass-update",
        "identity-churn",
    ]


def test_limit_may_be_a_number_however_few_are_recorded():
    limits, few = Limits(max_update=2), replace(KNOWN, recorded=3)

    assert check(a_plan(*some(2)), limits, few) == ()
    assert [(h.rule, h.limit, h.actual) for h in check(a_plan(*some(3)), limits, few)] == [
        ("mass-update", "2", "3 of 3")
    ]


def test_zero_allows_no_update_at_all():
    assert [h.rule for h in check(a_plan(*some(1)), Limits(max_update=0), KNOWN)] == ["mass-update"]
    assert [h.rule for h in check(a_plan(*some(1)), Limits(max_update=0.0), KNOWN)] == ["mass-update"]


@given(percent=st.integers(0, 100))
def test_share_is_exact_at_its_edge(percent: int):
    limits = Limits(max_update=percent / 100, max_churn=percent / 100)

    assert check(a_plan(*some(percent), orphans=percent), limits, KNOWN) == ()
    assert len(check(a_plan(*some(percent + 1), orphans=percent + 1), limits, KNOWN)) == 2


def test_objects_that_lose_their_file_all_at_once_are_identity_churn():
    (hold,) = check(a_plan(orphans=31, known_orphans=60), Limits(), KNOWN)

    assert (hold.rule, hold.limit, hold.actual, len(hold.keys)) == ("identity-churn", "30%", "31 of 100", SHOWN_KEYS)


def test_orphans_of_earlier_commits_are_no_churn():
    assert check(a_plan(known_orphans=99), Limits(), KNOWN) == ()


def test_empty_commit_is_held():
    assert check(a_plan(), Limits(), replace(KNOWN, wanted=0)) == (
        Hold(
            rule="empty-snapshot",
            limit="at least 1 item",
            actual="0 items, 100 recorded",
            message="the commit holds no item at all: a wrong branch, a moved folder or a wrong `content.include`?",
        ),
    )


def test_record_of_another_api_is_held():
    other = "http://127.0.0.1:1/api"

    assert check(a_plan(), Limits(), replace(KNOWN, base_url=other)) == (
        Hold(
            rule="new-target",
            limit=other,
            actual=URL,
            message=f"the record of 100 objects belongs to {other}; this plan goes elsewhere",
        ),
    )


def test_first_sync_into_an_empty_record_is_no_mass_update():
    empty = Observed(recorded=0, wanted=0, base_url="http://127.0.0.1:1/api")

    assert check(a_plan(*some(500, Action.CREATE), orphans=50), Limits(), empty) == ()


def test_rules_trip_in_the_order_in_which_allow_lists_them():
    plan = a_plan(*some(31), orphans=31)
    plan = replace(plan, orphans=tuple(replace(orphan, delete=True) for orphan in plan.orphans))
    elsewhere, one = "http://127.0.0.1:1/api", (a_key(),)
    observed = Observed(recorded=100, wanted=0, base_url=elsewhere, suspects=one, drifted=one)
    holds = check(plan, Limits(), observed)

    assert tuple(hold.rule for hold in holds) == RULES


@pytest.mark.parametrize("count", [1, SHOWN_KEYS, SHOWN_KEYS + 1])
def test_hold_names_no_more_objects_than_a_person_reads(count: int):
    (hold,) = check(a_plan(*some(count)), Limits(max_update=0), KNOWN)

    assert len(hold.keys) == min(count, SHOWN_KEYS)


def deleting(count: int) -> Plan:
    plan = a_plan(orphans=count)
    return replace(plan, orphans=tuple(replace(orphan, delete=True) for orphan in plan.orphans))


@pytest.mark.parametrize(
    ("limit", "left", "holds"), [(0, 0, True), (2, 2, False), (2, 1, True), (0.02, 2, False), (0.019, 1, True)]
)
def test_deletes_are_held_beyond_what_is_left_of_the_limit(limit: float, left: int, holds: bool):
    asked: list[tuple[int, int]] = []

    def of(number: int, keys: object) -> int:
        asked.append((number, len(list(keys))))  # type: ignore[call-overload]
        return left

    found = check(deleting(2), Limits(max_delete=limit), replace(KNOWN, deletes_left=of))
    assert [hold.rule for hold in found] == ["mass-delete"] * holds
    assert asked == [(int(limit * 100) if isinstance(limit, float) else limit, 2)]


def test_a_held_delete_says_how_many_and_what_is_left():
    (hold,) = check(deleting(3), Limits(max_delete=2), replace(KNOWN, deletes_left=lambda _limit, _keys: 1))
    assert hold == Hold(
        rule="mass-delete",
        limit="2",
        actual="3 of 100",
        message="3 of 100 recorded objects would be deleted; max_delete is 2 within 24 hours, of which 1 is left",
        keys=tuple(a_key(f"o{n:04}") for n in range(3)),
    )


def test_an_orphan_that_stays_is_no_delete_and_nothing_is_left_by_itself():
    assert check(a_plan(orphans=3), Limits(), KNOWN) == ()
    assert [hold.rule for hold in check(deleting(1), Limits(max_delete=99), KNOWN)] == ["mass-delete"]
