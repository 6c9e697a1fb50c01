"""Rows of the page: what a person is told of each object, in words."""

from __future__ import annotations

from dataclasses import replace

from report_values import NOW, a_place, full_report

from qtisync.report.divergence import KeyChange
from qtisync.report.page_rows import (
    Row,
    divergence_page_rows,
    grouped,
    item_rows,
    orphan_rows,
    pin_rows,
    problem_rows,
)
from qtisync.report.side_by_side import KeyLine
from qtisync.report.value import ItemOutcome, Report, ReportItem, ReportOrphan, ReportProblem

ITEM = ReportItem(
    identifier="s1",
    kind="stimulus",
    path="stimuli/s1.xml",
    action="update",
    scope=("content", "metadata"),
    keys=(KeyChange(name="grade", sides={"recorded": 4, "git": 5}),),
    renamed_from="s0",
    blocked_by="stimulus s9",
    author="Ada\nLovelace",
    commit="3f2a9c1000",
    outcome=ItemOutcome(status="blocked"),
)


def row_of(item: ReportItem) -> Row:
    (row,) = item_rows(Report(kind="plan", at=NOW, place=a_place(), items=(item,)))
    return row


def test_object_as_a_row():
    assert row_of(ITEM) == Row(
        sort="update",
        badge="update",
        sign="~",
        tone="change",
        name="stimulus s1",
        path="stimuli/s1.xml",
        folder="stimuli",
        author="Ada Lovelace",
        who="Ada Lovelace, 3f2a9c1",
        words=("content and metadata", "renamed from s0"),
        key_sides=("before", "git"),
        keys=(KeyLine(name="grade", cells=("4", "5")),),
        state="blocked",
        state_tone="change",
        error="by stimulus s9",
    )


def test_object_that_only_waits_says_why():
    row = row_of(ReportItem(identifier="q", kind="item", path="q.xml", reason="content_changed"))

    assert (row.badge, row.folder, row.words) == ("no change", "top folder", ("content changed",))


def test_words_of_metadata_are_shown_where_there_are_no_sides():
    assert row_of(replace(ITEM, keys=(), renamed_from=None, details=("grade: 4 → 5",))).words == (
        "content and metadata",
        "grade: 4 → 5",
    )


def test_divergence_as_a_row():
    (drift,) = full_report().drift
    (row,) = divergence_page_rows([replace(drift, recorded_version=4, updated_at="2026-11-28", commit="8be0d44a")])

    assert row == Row(
        sort="drift",
        badge="drift",
        sign="≠",
        tone="change",
        name="geo-0033",
        path="items/geo-0033.xml",
        folder="items",
        who="8be0d44",
        words=(
            "metadata",
            "version 5 at the API, version 4 was ours",
            "changed there 2026-11-28, by pat",
        ),
        hint="Write it again.",
        key_sides=("git", "API"),
        keys=(KeyLine(name="difficulty", cells=("medium", "hard")),),
        error="left as it is",
    )


def test_problem_orphan_and_pin_as_rows():
    problem = ReportProblem(path="a/b.xml", line=3, identifier=None, code="odd", message="m\u202e", hint="h")
    orphan = ReportOrphan(identifier="q", kind="item", path="q.xml", new=False, renamed_to="r", protected=True)

    assert [(row.sort, row.name, row.path, row.words, row.error) for row in problem_rows([problem], "warning")] == [
        ("warning", "b.xml", "a/b.xml:3", ("m\\u202e",), "odd")
    ]
    assert [row.words for row in orphan_rows([orphan])] == [
        ("known since an earlier commit", "renamed to r", "protected")
    ]
    assert [(row.name, row.words) for row in pin_rows(full_report().pins)] == [("alg-0001", ("at commit 8be0d44a",))]


def test_rows_are_grouped_by_name_in_order():
    rows = [replace(row_of(ITEM), folder=name) for name in ("b", "a", "b")]

    assert [(name, len(several)) for name, several in grouped(rows, lambda row: row.folder).items()] == [
        ("a", 1),
        ("b", 2),
    ]
