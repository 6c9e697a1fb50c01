"""The table of checks as a whole, and the checks of plain markup."""

from __future__ import annotations

import pytest

from qtisync.content.canonical import QTI
from qtisync.content.facts import Remark
from qtisync.content.lint import lint
from qtisync.content.xml_source import parse_text


def item(body: str, before: str = "", after: str = "") -> str:
    return (
        f'<qti-assessment-item xmlns="{QTI}" identifier="q1">{before}<qti-item-body>{body}</qti-item-body>{after}'
        f"</qti-assessment-item>"
    )


def codes(xml: str) -> list[str]:
    return [remark.code for remark in lint(parse_text(xml))]


GOOD = item(
    """<p>One? <img src="a.png" alt=""/></p>
    <qti-choice-interaction response-identifier="RESPONSE" max-choices="1">
      <qti-simple-choice identifier="A">yes<qti-feedback-inline outcome-identifier="FEEDBACK" identifier="good">!</qti-feedback-inline></qti-simple-choice>
      <qti-simple-choice identifier="B">no</qti-simple-choice>
    </qti-choice-interaction>""",
    before="""<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">
      <qti-correct-response><qti-value>A</qti-value></qti-correct-response>
    </qti-response-declaration>
    <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
    <qti-outcome-declaration identifier="FEEDBACK" cardinality="single" base-type="identifier"/>""",
    after="""<qti-response-processing><qti-response-condition><qti-response-if>
      <qti-match><qti-variable identifier="RESPONSE"/><qti-correct identifier="RESPONSE"/></qti-match>
      <qti-set-outcome-value identifier="SCORE"><qti-base-value base-type="float">1</qti-base-value></qti-set-outcome-value>
      <qti-set-outcome-value identifier="FEEDBACK"><qti-base-value base-type="identifier">good</qti-base-value></qti-set-outcome-value>
      <qti-set-outcome-value identifier="completionStatus"><qti-base-value base-type="identifier">completed</qti-base-value></qti-set-outcome-value>
    </qti-response-if></qti-response-condition></qti-response-processing>""",
)


def test_nothing_is_said_of_a_good_item():
    assert lint(parse_text(GOOD)) == ()


def test_nothing_is_said_of_a_plain_stimulus():
    xml = f'<qti-assessment-stimulus xmlns="{QTI}"><qti-stimulus-body><p>a</p></qti-stimulus-body></qti-assessment-stimulus>'

    assert codes(xml) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('<img src="a"/>', ["image-without-alt"]),
        ('<img src="a" alt=""/>', []),
        ('<object data="a"/>', ["object-without-fallback"]),
        ('<object data="a">A cat</object>', []),
        ('<object data="a"><p/></object>', []),
        ('<object data="a" aria-label="A cat"/>', []),
        ('<video src="a"/>', ["video-without-track"]),
        ('<video src="a"><track src="b"/></video>', []),
        ("<script>x()</script>", ["active-content"]),
        ("<iframe/>", ["active-content"]),
        ('<p onclick="x()">a</p>', ["active-content"]),
        ('<p once="x">a</p>', ["active-content"]),
        ('<a href=" JavaScript:x()">a</a>', ["active-content"]),
        ('<a href="https://x.test/javascript:">a</a>', []),
        ("<p>on=1 javascript:</p>", []),
    ],
)
def test_markup_is_looked_at(body, found):
    assert codes(item(body)) == found


def test_a_remark_says_where_what_and_what_to_do():
    assert lint(parse_text(item("<p/>\n<img src='a'/>"))) == (
        Remark(
            code="image-without-alt",
            message="An image has no alternative text.",
            line=2,
            hint='Say what it shows, or write alt="" if it is decoration.',
        ),
    )


def test_elements_outside_the_namespace_are_the_only_thing_said():
    before = '\n<qti-response-declaration xmlns="" identifier="RESPONSE"/>'
    xml = item('<qti-text-entry-interaction response-identifier="RESPONSE"/><img/>', before=before)

    assert lint(parse_text(xml)) == (
        Remark(
            code="element-outside-namespace",
            message="<qti-response-declaration> is not in the namespace of QTI 3: nothing will recognise it.",
            line=2,
            hint='Delete xmlns="…" on it or around it.',
        ),
    )


def test_one_check_says_twenty_things_at_most():
    assert codes(item("<img/>" * 100)) == ["image-without-alt"] * 20
