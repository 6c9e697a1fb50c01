"""From a plan and the rows afterwards to what became of each object; nothing is lost or counted twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import a_commit, a_key, a_recorded, a_snapshot, a_stimulus, an_item, facets
from report_values import NOW, URL, a_place, rows_after_push, sample_plan

from qtisync.model import CommitInfo, Identifier, ItemStatus, Kind, Recorded, Remote, Standing
from qtisync.planning.diff import diff
from qtisync.planning.plan import Destination, Plan
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.value import ItemOutcome, ReportItem, ReportOrphan

THERE = Destination(target="staging", base_url=URL)


def one_update() -> Plan:
    return diff(a_snapshot(an_item(content="c2")), {a_key(): a_recorded()}, THERE)


def outcome_of(**others: Any) -> ItemOutcome:
    row = a_recorded(content="c2", **others)
    (item,) = push_report("apply", one_update(), {row.key: row}, a_place(), NOW, Course()).items
    return item.outcome


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({}, ItemOutcome(status="applied", http_status=200, remote_version=1)),
        (
            {"altered": "its XML differs from ours"},
            ItemOutcome(status="altered", http_status=200, error="its XML differs from ours", remote_version=1),
        ),
        ({"status": ItemStatus.QUEUED, "attempts": 2}, ItemOutcome(attempts=2, http_status=200, remote_version=1)),
        (
            {
                "status": ItemStatus.PARKED,
                "last_outcome": "Conflict",
                "last_error": "changed at the API",
                "remote": None,
            },
            ItemOutcome(status="parked", http_status=200, error="Conflict: changed at the API", refusal="Conflict"),
        ),
        ({"standing": Standing.HELD}, ItemOutcome(status="superseded", http_status=200, remote_version=1)),
        ({"desired": facets("c3")}, ItemOutcome(status="superseded", http_status=200, remote_version=1)),
    ],
)
def test_outcome_of_a_change_is_read_from_its_row(row: dict[str, Any], outcome: ItemOutcome):
    assert outcome_of(**row) == outcome


def test_blocked_change_names_its_blocker():
    stimulus = a_stimulus(content="c1")
    item = an_item(references=(stimulus.key,))
    parked = a_recorded("s1", kind=Kind.STIMULUS, status=ItemStatus.PARKED, acknowledged=facets("c0"))
    report = plan_report(diff(a_snapshot(item, stimulus), {parked.key: parked}, THERE), a_place(), NOW)

    assert [(i.identifier, i.outcome.status, i.blocked_by) for i in report.items] == [
        ("q1", "blocked", "stimulus s1"),
        ("s1", "parked", None),
    ]
    assert (report.summary["blocked"], report.summary["parked"]) == (1, 1)


def test_change_carries_commit_and_author():
    plan = one_update()
    path = plan.changes[0].item.path
    info = CommitInfo(commit=a_commit("9"), author="Ada")
    (item,) = plan_report(replace(plan, authors={path: info}), a_place(), NOW).items

    assert (item.commit, item.author) == (a_commit("9"), "Ada")


def test_moved_and_edited_file_is_one_entry():
    plan = diff(a_snapshot(an_item(content="c2", path="items/new.xml")), {a_key(): a_recorded()}, THERE)
    (item,) = plan_report(plan, a_place(), NOW).items

    assert (item.action, item.path, item.previous_path) == ("update", "items/new.xml", "items/q1.xml")


def test_moved_file_without_an_edit_needs_no_call():
    plan = diff(a_snapshot(an_item(path="items/new.xml")), {a_key(): a_recorded()}, THERE)

    assert plan_report(plan, a_place(), NOW).items == (
        ReportItem(
            identifier="q1",
            kind="item",
            path="items/new.xml",
            previous_path="items/q1.xml",
            reason="moved",
            digest="canon/1:c1",
            outcome=ItemOutcome(status="skipped"),
        ),
    )


def test_orphan_says_what_it_was_renamed_to_and_whether_it_is_protected():
    plan = diff(a_snapshot(an_item("q2", path="items/q1.xml")), {a_key(): a_recorded(protect=True)}, THERE)
    report = plan_report(plan, a_place(), NOW)

    assert report.orphans == (
        ReportOrphan(identifier="q1", kind="item", path="items/q1.xml", new=True, renamed_to="q2", protected=True),
    )
    assert [item.renamed_from for item in report.items] == [Identifier("q1")]
    assert report.summary["renamed"] == 1


def test_everything_planned_is_accounted_for():
    plan, rows = sample_plan(), rows_after_push()
    counts = push_report("apply", plan, rows, a_place(), NOW, Course()).summary
    ends = ("applied", "altered", "pending", "superseded", "parked", "blocked")

    assert sum(counts[name] for name in ends) == len(plan.changes) + len(plan.parked)
    assert (counts["create"], counts["update_content"] + counts["update_metadata"]) == (1, 2)


def test_parked_object_of_before_shows_its_state_of_now():
    row: Recorded = a_recorded(status=ItemStatus.PARKED, last_outcome="RequestError", last_error="400: no")
    plan = diff(a_snapshot(an_item()), {row.key: row}, THERE)
    done = replace(row, status=ItemStatus.SYNCED, remote=Remote(version=4))

    assert plan_report(plan, a_place(), NOW).items[0].outcome.error == "RequestError 400: no"
    report = push_report("apply", plan, {row.key: done}, a_place(), NOW, Course())
    assert report.items[0].outcome == ItemOutcome(status="applied", http_status=200, remote_version=4)
