"""JSON lines: the same values as the JSON form, one to a line, each as its schema says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from report_values import NOW, a_place, full_report, rows_after_push, sample_plan

from qtisync.planning.plan import Hold
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.line_schema import line_schema
from qtisync.report.ndjson import LINE_TYPES, render_ndjson
from qtisync.report.value import Report, ReportProblem, as_json

SCHEMA = Draft202012Validator(line_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
HOLD = Hold(rule="mass-update", limit="30%", actual="4 of 10", message="4 of 10 would be updated")
REPORTS = (
    plan_report(sample_plan(holds=(HOLD,)), a_place(), NOW),
    push_report("sync", sample_plan(), rows_after_push(), a_place(), NOW, Course(sent=3, took=1.0)),
    full_report(),
    Report(kind="validate", at=NOW, place=a_place(), errored=True, error="no"),
)


def lines_of(report: Report) -> list[dict[str, Any]]:
    return [json.loads(line) for line in render_ndjson(report).splitlines()]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.kind)
def test_every_line_is_what_the_schema_says(report: Report):
    for line in lines_of(report):
        SCHEMA.validate(line)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.kind)
def test_lines_put_together_are_the_json_form(report: Report):
    header, *entries = lines_of(report)
    document = {**header, **{name: [] for name in LINE_TYPES}}
    document.pop("type")
    names = {kind: name for name, kind in LINE_TYPES.items()}
    for entry in entries:
        document[names[entry["type"]]].append({key: value for key, value in entry.items() if key != "type"})

    assert document == json.loads(json.dumps(as_json(report)))


def test_types_come_in_their_order():
    assert [line["type"] for line in lines_of(full_report())] == [
        "report",
        *("drift", "conflict", "unmanaged", "foreign", "altered", "pin"),
    ]


def test_every_list_of_the_report_has_a_type():
    lists = [name for name, value in as_json(full_report()).items() if isinstance(value, list)]

    assert set(lists) == set(LINE_TYPES)


def test_line_of_an_unknown_type_or_with_a_missing_key_is_refused():
    header = lines_of(full_report())[0]

    assert not SCHEMA.is_valid({"type": "news"})
    assert not SCHEMA.is_valid({**header, "type": "item"})
    assert not SCHEMA.is_valid({key: value for key, value in header.items() if key != "summary"})


def test_no_text_ends_a_line_early():
    odd = "a\u2028b\u0085c\ud800\n"
    problem = ReportProblem(path=odd, line=None, identifier=None, code="x", message=odd, hint="")
    report = replace(full_report(), warnings=(problem,))

    render_ndjson(report).encode()
    assert lines_of(report)[-1]["path"] == odd
