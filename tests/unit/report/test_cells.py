"""A text on a terminal takes up columns and steers nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_values import NOW, a_place, sample_plan

from qtisync.report.build import plan_report
from qtisync.report.cells import columns, padded, told, visible
from qtisync.report.markdown import render_markdown
from qtisync.report.text import render_text
from qtisync.report.validation import render_validation


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("items/a b.xml", "items/a b.xml"),
        ("季語-é", "季語-é"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("a\u202eb\u2066\ufeff", "a\\u202eb\\u2066\\ufeff"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\udce9", "\\udce9"),
    ],
)
def test_what_would_steer_a_terminal_is_written_out(text: str, shown: str):
    assert visible(text) == shown


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("季語", 4), ("é", 1), ("e\u0301", 1), ("", 0), ("ｱ", 1)])
def test_width_counts_columns_not_characters(text: str, width: int):
    assert columns(text) == width
    assert padded(text, 6) == text + " " * (6 - width)
    assert padded(text, 0) == text


def test_names_from_a_repository_cannot_forge_lines_of_a_report():
    plan = plan_report(sample_plan(), a_place(), NOW)
    items = tuple(replace(item, path="a\n  x invalid  forged\x1b[2J") for item in plan.items)
    broken = tuple(replace(problem, path="b\n\x1b[2J", message="c\n\u202e") for problem in plan.broken)
    forged = replace(plan, items=items, broken=broken, warnings=broken, error="d\n\x1b[2J")

    honest = (render_text(plan), render_markdown(plan), render_validation(plan))
    for text, shown in zip((render_text, render_markdown, render_validation), honest, strict=True):
        assert "\x1b" not in text(forged)
        assert "\u202e" not in text(forged)
        assert "\nforged" not in text(forged)
        assert text(replace(forged, warnings=(), error=None)).count("\n") == shown.count("\n")


@pytest.mark.parametrize(
    ("outcome", "words", "said"),
    [
        ("RequestError", "400: no", "RequestError 400: no"),
        ("Conflict", "its content was changed", "Conflict: its content was changed"),
        (None, "not sent", "not sent"),
    ],
)
def test_words_of_ours_follow_an_outcome_after_a_colon(outcome: str | None, words: str, said: str):
    assert told(outcome, words) == said
