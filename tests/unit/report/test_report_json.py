"""The JSON form of every kind of report is what its schema says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import an_item
from report_values import BASE, HEAD, NOW, URL, a_place, rows_after_push, sample_plan, valid

from qtisync import __version__
from qtisync.planning.plan import Hold
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.schema import REPORT_SCHEMA
from qtisync.report.value import FORMAT_VERSION, SUMMARY, Report, moment

HOLD = Hold(rule="mass-update", limit="30%", actual="412 of 1240", message="too many", keys=(an_item().key,))


def a_plan_report() -> Report:
    return plan_report(sample_plan(holds=(HOLD,)), a_place(), NOW)


def test_plan_is_published_as_the_interface_says():
    document = valid(a_plan_report())

    assert {name: document[name] for name in ("format_version", "kind", "generated_at", "tool", "applyable")} == {
        "format_version": "1.1",
        "kind": "plan",
        "generated_at": "2027-01-15T08:00:00.000Z",
        "tool": f"qtisync/{__version__}",
        "applyable": False,
    }
    assert document["repository"] == {"path": "/srv/content.git", "ref": "refs/heads/main", "head": HEAD, "base": BASE}
    assert document["target"] == {
        "name": "staging",
        "base_url": URL,
        "capabilities": {"metadata_endpoint": "untested"},
    }
    assert document["checksum"] == sample_plan(holds=(HOLD,)).checksum
    assert document["estimate"] == {"calls": 3, "bytes": 18233, "seconds": 1.0}
    assert document["holds"] == [
        {
            "rule": "mass-update",
            "limit": "30%",
            "actual": "412 of 1240",
            "message": "too many",
            "items": ["q1"],
            "override": "--allow mass-update",
        }
    ]
    assert {name: count for name, count in document["summary"].items() if count} == {
        "create": 1,
        "update_content": 1,
        "update_metadata": 1,
        "noop": 1236,
        "moved": 1,
        "orphan": 1,
        "invalid": 1,
        "pending": 3,
    }


def test_item_of_a_plan_is_published_whole():
    item = valid(a_plan_report())["items"][0]

    assert item == {
        "identifier": "alg-0102",
        "kind": "item",
        "path": "items/algebra/alg-0102.xml",
        "sidecar": None,
        "previous_path": None,
        "action": "update",
        "scope": ["content"],
        "reason": "content_changed",
        "risk": ["answer_key"],
        "keys": [],
        "bodies": {},
        "details": [],
        "renamed_from": None,
        "blocked_by": None,
        "commit": None,
        "author": None,
        "digest": "canon/1:c2",
        "lane": "normal",
        "outcome": {
            "status": "pending",
            "attempts": 0,
            "http_status": None,
            "error": None,
            "refusal": None,
            "remote_version": None,
        },
    }


def test_broken_file_is_published_with_line_code_and_hint():
    assert valid(a_plan_report())["broken"] == [
        {
            "path": "items/geometry/geo-0040.xml",
            "line": 17,
            "identifier": "geo-0040",
            "code": "correct-response-not-a-choice",
            "message": 'correct response "D" is not a choice',
            "hint": "Add the choice or correct the key.",
        }
    ]


@pytest.mark.parametrize("kind", ["apply", "sync"])
def test_push_is_published_with_what_became_of_each_object(kind: str):
    report = push_report(kind, sample_plan(), rows_after_push(), a_place(), NOW, Course(sent=5, took=2.4))
    document = valid(report)

    assert document["sent"] == {"calls": 5, "calls_per_change": 5.0, "seconds": 2.4}
    assert {item["identifier"]: item["outcome"]["status"] for item in document["items"]} == {
        "alg-0102": "parked",
        "alg-0417": "applied",
        "bio-0009": "skipped",
        "geo-0033": "pending",
    }


def test_interrupted_push_is_still_a_complete_report():
    document = valid(
        push_report("sync", sample_plan(), {}, a_place(), NOW, Course(error="Interrupted", complete=False))
    )

    assert (document["errored"], document["error"], document["complete"]) == (True, "Interrupted", False)


def test_report_survives_json():
    document = valid(a_plan_report())

    assert json.loads(json.dumps(document)) == document


def test_schema_is_strict_below_the_top():
    assert REPORT_SCHEMA["additionalProperties"] is True
    assert REPORT_SCHEMA["properties"]["items"]["items"]["additionalProperties"] is False
    assert set(REPORT_SCHEMA["properties"]["summary"]["properties"]) == set(SUMMARY)


def test_every_name_that_the_interface_promises_is_there():
    promised: dict[str, Any] = valid(a_plan_report())

    assert promised["format_version"] == FORMAT_VERSION
    for name in ("complete", "errored", "drift", "conflicts", "unmanaged", "orphans", "warnings"):
        assert name in promised
    for name in ("drift", "conflict", "unmanaged", "applied", "failed", "renamed", "delete", "blocked", "parked"):
        assert promised["summary"][name] == 0


def test_moment_is_utc():
    assert moment(0.25) == "1970-01-01T00:00:00.250Z"
