"""The short way says what the parser says, or nothing."""

from __future__ import annotations

import pytest
from histories import histories
from hypothesis import example, given
from hypothesis import strategies as st

from qtisync.content.facts import BrokenFacts
from qtisync.content.plain_sidecar import plain_mapping
from qtisync.content.sidecar import _decode, _read, _UnreadableError, parse_sidecar

TYPICAL = b"""# a comment
subject: Math
grade: '5'
difficulty: "medium"
weight: 3

learningObjectiveSet:
  - source: CASE
    learningObjectiveIds: [LO-1, "3.10"]
  - source: other one
tags:
- a
- b
"""
PIECES = st.sampled_from(
    [
        *("a", "b", "grade", "qtisync", "true", "null", "5", "08", "1.5", "1.0", "-1", "1e3", "x y", "2024-01-01", "~"),
        *(
            ": ",
            ":",
            "- ",
            "-",
            "  ",
            " ",
            "\n",
            "\n\n",
            "\n  ",
            "\n- ",
            "\n  - ",
            "\n    ",
            "\t",
            "\r",
            "#",
            " #",
            "# c\n",
        ),
        *("'", '"', "'q'", '"q"', "''", '"a: b"', "'#'", "'é'", "\\", "[", "]", ", ", ",", "[]", "[a, b]", "[1, 'x']"),
        *(
            "{",
            "}",
            "&",
            "*",
            "!",
            "|",
            ">",
            "%",
            "@",
            "`",
            "?",
            "---",
            "...",
            "<<",
            "é",
            "\x85",
            "\u2028",
            "\ufeff",
            "\x7f",
        ),
        *("9" * 17, "1.", ".5", "0.1", "yes", "a:b", "k: v\n", "l:\n  - e: 1\n    f: 2\n", "m:\n- x\n"),
    ]
)
LINES = st.sampled_from(
    [
        *(
            "a: 1",
            "b: x",
            "c:",
            "a: 'x'",
            "d: [a, 1]",
            "  - e: 1",
            "    f: 2",
            "  - g",
            "- h",
            "  i: 3",
            "- j: k",
            "  - l:",
        ),
        *(
            "",
            " ",
            "# c",
            "  # c",
            "a:  2",
            "m: x # c",
            "n: x:y",
            "o: -",
            "p: a - b",
            "- - q",
            "r: []",
            "s: ''",
            "t: 1_0",
        ),
        *("      - u", "  v", "true: 1", "w: true", "x: 0o7", "y: .inf", "z: 12345678901234567890", "'k': v", "k : v"),
    ]
)


def by_parser(data):
    try:
        return _read(_decode(data, 65_536)).root
    except _UnreadableError:
        return "refused"


def test_a_typical_sidecar_is_read_without_the_parser():
    assert plain_mapping(TYPICAL) == {
        "subject": "Math",
        "grade": "5",
        "difficulty": "medium",
        "weight": 3,
        "learningObjectiveSet": [
            {"source": "CASE", "learningObjectiveIds": ["LO-1", "3.10"]},
            {"source": "other one"},
        ],
        "tags": ["a", "b"],
    }


def test_two_files_share_no_values():
    one, other = plain_mapping(TYPICAL), plain_mapping(TYPICAL)
    assert one is not None
    one["learningObjectiveSet"][0]["learningObjectiveIds"].append("LO-2")

    assert other == plain_mapping(TYPICAL)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only\n",
        "a: 1\na: 2\n",
        "a:\n",
        "a: x\n  y\n",
        "a: x\n  - y\n",
        "a: 1.5\n",
        "a: &x 1\n",
        "a: |\n  x\n",
        "- a\n",
    ],
)
def test_what_is_unusual_or_wrong_is_left_to_the_parser(text):
    assert plain_mapping(text.encode()) is None


def test_a_fault_is_reported_by_the_parser_with_its_line():
    facts = parse_sidecar(b"subject: Math\ngrade: 99\n")

    assert isinstance(facts, BrokenFacts)
    assert [problem.line for problem in facts.problems] == [2]


@histories(400)
@given(st.one_of(st.lists(LINES, max_size=9).map("\n".join), st.lists(PIECES, max_size=14).map("".join)))
@example("a:\n  - b: 1\n   c: 2\n")
@example("a: '\xa0'\n")
def test_what_is_read_is_what_the_parser_reads(text):
    data = text.encode()
    found = plain_mapping(data)

    if found is not None:
        assert found == by_parser(data)
        assert [type(value) for value in found.values()] == [type(value) for value in by_parser(data).values()]
