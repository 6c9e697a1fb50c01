"""The parser's complaints as an author reads them."""

from __future__ import annotations

import pytest

from qtisync.content.facts import BrokenFacts, Remark
from qtisync.content.qti import parse_object
from qtisync.content.syntax_words import explain


def first(xml: str) -> Remark:
    facts = parse_object(xml.encode())
    assert isinstance(facts, BrokenFacts)
    return facts.problems[0]


@pytest.mark.parametrize(
    ("xml", "code", "line"),
    [
        ("<a>\n&nbsp;</a>", "entity-undefined", 2),
        ("<a>\nx & y</a>", "bare-ampersand", 2),
        ("<a>x &y</a>", "bare-ampersand", 1),
        ("<a>\n1 < 2</a>", "bare-less-than", 2),
        ('<a b="<"/>', "bare-less-than", 1),
        ("<a b/>", "attribute-without-value", 1),
        ("<a b=c/>", "attribute-without-value", 1),
        ('<a b="1" b="2"/>', "attribute-twice", 1),
        ("<a>\n<m:math/></a>", "prefix-undeclared", 2),
        ('<a xsi:b="1"/>', "prefix-undeclared", 1),
        ("<a/>\n<b/>", "more-than-one-root", 2),
        ("<a><b>", "cut-off", 1),
        ("<a><b", "cut-off", 1),
        ("hello", "not-xml", 1),
        ("\n<?xml version='1.0'?><a/>", "declaration-not-first", 2),
        ("<a>\n\x01</a>", "forbidden-character", 2),
        ("<a>&#1;</a>", "forbidden-character", 1),
        ("<a>\n<b></a>", "tag-mismatch", 2),
        ("<a><!-- a -- b --></a>", "comment-with-hyphens", 1),
        ("<a>" * 300, "too-complex", 1),
        (f"<{'x' * 60_000}/>", "too-complex", 1),
        ("<a>]]></a>", "not-well-formed", 1),
        ("<?xml version='2.0'?><a/>", "not-well-formed", 1),
    ],
)
def test_each_common_mistake_has_a_code_and_a_line(xml, code, line):
    found = first(xml)

    assert (found.code, found.line) == (code, line)
    assert found.message.endswith(".")
    assert found.hint.endswith((".", "…;."))


def test_an_html_entity_is_answered_with_its_number():
    assert first("<a>&nbsp;</a>") == Remark(
        code="entity-undefined", message="XML does not know the entity &nbsp;.", line=1, hint="Write &#160; instead."
    )


def test_an_unknown_entity_is_answered_in_general():
    assert first("<a>&foo;</a>").hint == "Write the character itself, or its number as &#…;."


def test_a_mismatch_names_both_tags():
    assert first("<a>\n<b>\n</a>") == Remark(
        code="tag-mismatch",
        message="</a> stands where <b> of line 2 should be closed.",
        line=3,
        hint="Close <b> first, or correct the name.",
    )


def test_only_the_first_complaint_about_a_line_is_passed_on():
    facts = parse_object(b"<a>&nbsp;<b></a>")

    assert isinstance(facts, BrokenFacts)
    assert [problem.code for problem in facts.problems] == ["entity-undefined"]


def test_an_undeclared_prefix_is_said_once_per_line_and_five_times_at_most():
    facts = parse_object(("<a>" + "<m:x/><m:x/>\n" * 1000 + "</a>").encode())

    assert isinstance(facts, BrokenFacts)
    assert [problem.line for problem in facts.problems] == [1, 2, 3, 4, 5]


def test_a_complaint_without_a_line_or_words_is_still_a_problem():
    assert explain((("", 0),)) == (
        Remark(
            code="not-well-formed",
            message="The XML is not well-formed: reason unknown.",
            hint="Open the file in an XML editor at this line.",
        ),
    )
