"""What one walk gathers of a document."""

from __future__ import annotations

from qtisync.content.canonical import QTI
from qtisync.content.lint_survey import remark, shown, survey
from qtisync.content.xml_source import parse_text

XML = f"""<qti-assessment-item xmlns="{QTI}">
<qti-response-declaration identifier="R" cardinality="single" base-type="identifier">
  <qti-correct-response><qti-value>A</qti-value><qti-value/></qti-correct-response>
  <qti-mapping/><qti-area-mapping/>
</qti-response-declaration>
<qti-outcome-declaration identifier="O"><qti-default-value><qti-value>1</qti-value></qti-default-value></qti-outcome-declaration>
<qti-item-body>
  <qti-simple-choice identifier="stray"/>
  <qti-choice-interaction response-identifier="R"><qti-simple-choice identifier="A"/></qti-choice-interaction>
  <qti-text-entry-interaction/>
</qti-item-body></qti-assessment-item>"""


def test_declarations_are_read_with_their_keys():
    found = survey(parse_text(XML))
    response, outcome = found.responses["R"], found.outcomes["O"]

    assert (response.cardinality, response.base_type, response.correct) == ("single", "identifier", ("A", ""))
    assert (response.mapping is not None, response.area_mapping, response.has_key) == (True, True, True)
    assert (outcome.correct, outcome.defaults, outcome.has_key) == (None, ("1",), False)
    assert (dict(found.templates), dict(found.contexts)) == ({}, {})


def test_choices_belong_to_the_interaction_around_them():
    found = survey(parse_text(XML)).interactions

    assert [(one.name, one.response, [c.get("identifier") for c in one.choices]) for one in found] == [
        ("choice", "R", ["A"]),
        ("text-entry", "", []),
    ]


def test_elements_are_found_by_name():
    found = survey(parse_text(XML))

    assert [element.text for element in found.all("qti-value")] == ["A", None, "1"]
    assert list(found.all("qti-variable")) == []


def test_a_remark_has_the_line_of_its_element():
    assert remark(parse_text("<a>\n<b/></a>")[0], "code", "words").line == 2


def test_content_in_a_message_is_quoted_and_short():
    assert [shown(None), shown("a"), shown("x" * 61)] == ["“”", "“a”", f"“{'x' * 60}…”"]
