"""A report read back from its JSON says the same."""

import json

import pytest
from report_values import a_place, rows_after_push, sample_plan

from qtisync.report.build import Course, push_report
from qtisync.report.reading import read_report
from qtisync.report.value import as_json


def a_report():
    return push_report("sync", sample_plan(), rows_after_push(), a_place(), 1_700_000_000.0, Course(sent=3, took=1.5))


def test_report_read_back_is_the_same():
    document = json.loads(json.dumps(as_json(a_report())))

    assert as_json(read_report(document)) == document


def test_what_a_newer_version_adds_is_left_out():
    document = json.loads(json.dumps(as_json(a_report())))
    document["items"][0]["new_key"] = [1]

    assert read_report(document).items[0].identifier == document["items"][0]["identifier"]


def test_what_is_no_report_is_refused():
    with pytest.raises(KeyError):
        read_report({"kind": "sync"})
