"""The text of validate: as compilers write, so that editors jump to the line."""

from __future__ import annotations

from report_values import BROKEN, NOW, a_place, valid

from qtisync.model import Problem, RepoPath
from qtisync.report.build import problems, reported_warnings
from qtisync.report.validation import render_validation
from qtisync.report.value import Report

WARNING = Problem(path=RepoPath("items/a.yaml"), code="unknown-grade", message='grade is "15"')


def a_report(**others: object) -> Report:
    return Report(kind="validate", at=NOW, place=a_place(), **others)


def test_findings_are_told_by_file_and_line_with_hint_and_code():
    report = a_report(
        summary={"noop": 1236, "invalid": 1},
        broken=problems([BROKEN]),
        warnings=reported_warnings([WARNING]),
        others=2,
    )

    assert (
        render_validation(report)
        == """\
items/geometry/geo-0040.xml:17: error: [geo-0040] correct response "D" is not a choice (correct-response-not-a-choice)
    Add the choice or correct the key.
items/a.yaml: warning: grade is "15" (unknown-grade)
1,236 valid, 1 invalid, 1 warnings, 2 other XML files left alone.
"""
    )
    assert valid(report)["kind"] == "validate"


def test_clean_content_is_told_in_one_line():
    assert render_validation(a_report(summary={"noop": 3})) == "3 valid, 0 invalid, 0 warnings.\n"


def test_colours_mark_severity():
    report = a_report(broken=problems([BROKEN]))

    assert "<bad>error</bad>" in render_validation(report, paint=lambda text, style: f"<{style}>{text}</{style}>")
