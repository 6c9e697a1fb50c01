"""Two sides beside each other: values of keys, and lines of XML."""

from __future__ import annotations

import pytest

from qtisync.report.divergence import KeyChange
from qtisync.report.side_by_side import (
    DiffLine,
    KeyLine,
    diff_lines,
    difference_words,
    key_lines,
    key_sides,
    labels,
    two_bodies,
    xml_lines,
)


def test_values_are_shown_as_they_are_and_a_missing_one_is_none():
    keys = (
        KeyChange(name="a", sides={"recorded": "x\u202ey", "git": [1, "é"]}),
        KeyChange(name="b", sides={"git": None}),
        KeyChange(name="c", sides={"git": "secret"}, hidden=True),
    )

    assert key_lines(keys, ("recorded", "git")) == (
        KeyLine(name="a", cells=("x\\u202ey", '[1, "é"]')),
        KeyLine(name="b", cells=(None, "null")),
        KeyLine(name="c", hidden=True),
    )


@pytest.mark.parametrize(
    ("sides", "shown"),
    [
        ({"git": 1, "recorded": 1, "remote": 2}, ("git", "remote")),
        ({"git": 1, "recorded": 0, "remote": 2}, ("git", "recorded", "remote")),
        ({"remote": 2}, ("git", "remote")),
        ({"staging": 1, "production": 2}, ("production", "staging")),
    ],
)
def test_what_we_sent_is_a_column_only_if_git_has_something_else(sides: dict[str, int], shown: tuple[str, ...]):
    assert key_sides((KeyChange(name="k", sides=sides),), ("git", "recorded", "remote")) == shown


def test_change_has_before_and_git_even_if_one_is_missing():
    assert key_sides((KeyChange(name="k", sides={"git": 1}),), ("recorded", "git")) == ("recorded", "git")
    assert labels(("recorded", "git", "remote", "pro\u202eduction")) == ("before", "git", "API", "pro\\u202eduction")


def test_xml_has_a_line_for_each_element_by_depth():
    text = '<?xml version="1.0"?>\n<a x="1"><b>one\n two</b><c/>\n\n  <d><e>\u202e</e></d></a>'

    assert xml_lines(text) == [
        '<?xml version="1.0"?>',
        '<a x="1">',
        "  <b>one",
        "  two</b>",
        "  <c/>",
        "  <d>",
        "    <e>\\u202e</e>",
        "  </d>",
        "</a>",
    ]


@pytest.mark.parametrize("text", ["", "</a></b>< <<>>\x00", ">" * 50, "<a>" * 500])
def test_what_is_no_xml_still_has_lines(text: str):
    assert all(line.isprintable() for line in xml_lines(text))


def test_equal_lines_far_from_a_difference_are_left_out():
    before = "<a>" + "".join(f"<b{n}/>" for n in range(20)) + "</a>"
    after = before.replace("<b10/>", "<c/><d/>")
    lines = diff_lines(before, after)

    assert lines[0] == DiffLine(gap=True)
    assert [line for line in lines if line.changed] == [
        DiffLine(left="  <b10/>", right="  <c/>", left_no=12, right_no=12, changed=True),
        DiffLine(left="", right="  <d/>", left_no=None, right_no=13, changed=True),
    ]
    assert len(lines) == 1 + 3 + 2 + 3
    assert difference_words(lines) == "1 line removed, 2 added"


def test_same_texts_have_no_lines():
    assert (diff_lines("<a> <b/></a>", "<a><b/>\n</a>"), difference_words(())) == ((), "the same")


def test_two_bodies_are_needed_for_a_comparison():
    usual = ("git", "recorded", "remote")

    assert two_bodies({"git": "a"}, usual) is None
    assert two_bodies({"remote": "b", "git": "a"}, usual) == ("git", "remote")
    assert two_bodies({"staging": "b", "production": "a"}, usual) == ("production", "staging")
