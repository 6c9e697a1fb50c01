"""Annotations of GitHub Actions: what the runner reads is exactly what was found, and no text can forge a command."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

import pytest
from report_values import NOW, a_place, full_report, rows_after_push, sample_plan

from qtisync.planning.plan import Hold
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.github import SHOWN, render_github
from qtisync.report.value import Place, Report, ReportProblem

PLACE = "qtisync plan  target=staging  127.0.0.1%3A8765  repo=content@3f2a9c1 (main)  base=8be0d44"


def a_problem(**others: object) -> ReportProblem:
    values = {"path": "a.xml", "line": 1, "identifier": None, "code": "code", "message": "words", "hint": ""}
    return ReportProblem(**{**values, **others})


def annotations(report: Report) -> list[tuple[str, dict[str, str], str]]:
    """As the runner takes a line apart."""
    found = []
    for line in render_github(report).splitlines():
        assert line.startswith("::")
        command, _, message = line[2:].partition("::")
        level, _, properties = command.partition(" ")
        pairs = dict(pair.split("=", 1) for pair in properties.split(","))
        found.append((level, {name: unquote(value) for name, value in pairs.items()}, unquote(message)))
    return found


def test_plan_as_annotations():
    assert render_github(plan_report(sample_plan(), a_place(), NOW)).splitlines() == [
        (
            "::error file=items/geometry/geo-0040.xml,line=17,title=geo-0040 correct-response-not-a-choice"
            '::correct response "D" is not a choice%0AAdd the choice or correct the key.'
        ),
        (
            "::warning file=items/algebra/alg-0102.xml,title=alg-0102%3A answer key"
            "::answer key of alg-0102: have somebody else look at it"
        ),
        (
            "::notice file=items/algebra/alg-0007.xml,title=orphan alg-0007"
            "::no file asks for it any more; the API keeps it"
        ),
        (
            f"::notice title={PLACE}::Plan: 1 create, 2 update, 0 delete, 1 moved, 1 orphan, 1 invalid, 1,236 unchanged. "
            "3 calls, ≈ 1 s."
        ),
    ]


def test_refused_object_is_an_error_at_its_file():
    report = push_report("apply", sample_plan(), rows_after_push(), a_place(), NOW, Course(sent=3))

    assert annotations(report)[0] == (
        "error",
        {"file": "items/algebra/alg-0102.xml", "title": "alg-0102 parked"},
        "RequestError 400: Stimulus(s) not found\nIt waits for an edit, or for: qtisync retry",
    )


def test_what_is_not_the_same_everywhere_has_its_level():
    levels = [(level, said.get("file"), said["title"]) for level, said, _ in annotations(full_report())]

    assert levels == [
        ("error", "items/alg-0102.xml", "conflict alg-0102"),
        ("warning", None, "incomplete"),
        ("warning", "items/geo-0033.xml", "drift geo-0033"),
        ("warning", "items/q-altered.xml", "altered q-altered"),
        ("notice", None, "unmanaged alg-0999"),
        ("notice", None, unquote(PLACE).replace("plan", "check")),
    ]


def test_hold_comes_first_with_its_command():
    hold = Hold(rule="mass-update", limit="30%", actual="4 of 10", message="4 of 10 would be updated")
    held = plan_report(sample_plan(holds=(hold,)), a_place(), NOW)

    assert annotations(replace(held, go_on="qtisync apply plan.json --allow mass-update"))[0] == (
        "error",
        {"title": "held by mass-update"},
        "4 of 10 would be updated\nNothing was written. If this is meant: qtisync apply plan.json --allow mass-update",
    )


@pytest.mark.parametrize(
    "words", ["100 %, a:b\r\n::error::forged", "::set-output name=x::y", "%0A::stop-commands::x", "a\u2028::error::b"]
)
def test_no_text_forges_a_command(words: str):
    report = Report(
        kind="validate", at=NOW, place=a_place(), broken=(a_problem(path=words, code=words, message=words),)
    )
    lines = render_github(report).splitlines()

    assert [line.split(" ")[0] for line in lines] == ["::error", "::notice"]
    assert len(render_github(report).split("\n")) == 3
    ((_, said, message), _) = annotations(report)
    assert message == " ".join(words.split()).replace("\u2028", "\\u2028")
    assert "\n" not in said["file"]


def test_worst_come_first_and_the_last_line_counts_what_github_leaves_out():
    orphans = plan_report(sample_plan(), a_place(), NOW).orphans * 30
    report = Report(
        kind="validate",
        at=NOW,
        place=a_place(),
        warnings=(a_problem(),) * 12,
        broken=(a_problem(path="b.xml"),) * 11,
        orphans=orphans,
    )
    found = annotations(report)

    assert [level for level, _, _ in found] == ["error"] * 11 + ["warning"] * 12 + ["notice"] * SHOWN
    assert found[-1][2].endswith(f"GitHub shows the first {SHOWN} of 11 errors and of 12 warnings and of 30 notices.")


def test_run_that_failed_early_says_why():
    nowhere = Place(repository="", ref="", head="", base=None, target="", base_url="", capabilities={})
    report = Report(kind="plan", at=NOW, place=nowhere, errored=True, error="config-invalid: no such file")

    assert render_github(report).splitlines() == [
        "::error title=qtisync plan::config-invalid: no such file",
        "::notice title=qtisync plan::config-invalid: no such file",
    ]
