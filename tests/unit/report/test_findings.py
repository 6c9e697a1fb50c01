"""What somebody should look at: each thing once, the worst first."""

from __future__ import annotations

from dataclasses import replace

from report_values import NOW, a_place, full_report

from qtisync.report.findings import Finding, findings
from qtisync.report.value import ItemOutcome, Report, ReportItem

ITEM = ReportItem(identifier="q1", kind="item", path="items/q1.xml", action="update", reason="content_changed")


def found(*items: ReportItem, **others: object) -> list[tuple[str, str]]:
    report = Report(kind="apply", at=NOW, place=a_place(), items=items, **others)
    return [(one.level, one.title) for one in findings(report)]


def outcome(status: str, **others: object) -> ReportItem:
    return replace(ITEM, outcome=ItemOutcome(status=status, **others), blocked_by="stimulus s1")


def test_what_went_well_is_no_finding():
    assert found(ITEM, outcome("applied"), outcome("skipped"), outcome("superseded")) == []


def test_trouble_has_its_level():
    assert found(outcome("altered"), outcome("blocked"), outcome("parked", error="no"), outcome("failed")) == [
        ("error", "q1 failed"),
        ("error", "q1 parked"),
        ("warning", "q1 altered"),
        ("warning", "q1 blocked"),
    ]


def test_blocker_is_named():
    (one,) = findings(Report(kind="plan", at=NOW, place=a_place(), items=(outcome("blocked"),)))

    assert one == Finding(level="warning", title="q1 blocked", message="blocked by stimulus s1", path="items/q1.xml")


def test_answer_key_and_new_name_are_pointed_out():
    assert found(replace(ITEM, risk=("answer_key",), renamed_from="q0")) == [
        ("warning", "q1: answer key"),
        ("notice", "q1 renamed"),
    ]


def test_conflict_is_told_once():
    met = replace(outcome("parked", refusal="Conflict"), identifier="alg-0102")

    assert found(met, conflicts=full_report().conflicts) == [("error", "conflict alg-0102")]


def test_policy_that_blocks_makes_drift_an_error():
    (drift,) = full_report().drift

    assert found(drift=(replace(drift, verdict="block"),)) == [("error", "drift geo-0033")]


def test_reasons_why_a_daemon_works_less_well_are_warnings():
    assert found(status={"degraded": ["inotify ran out"]}) == [("warning", "degraded")]
