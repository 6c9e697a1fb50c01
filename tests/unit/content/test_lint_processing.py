"""Response processing and feedback: the rules name what exists, and what they should do can happen."""

from __future__ import annotations

import pytest

from qtisync.content.canonical import QTI
from qtisync.content.facts import Remark
from qtisync.content.lint import lint
from qtisync.content.xml_source import parse_text

R = '<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="string">{}</qti-response-declaration>'
RESPONSE = R.format("")
CORRECT = R.format("<qti-correct-response><qti-value>A</qti-value></qti-correct-response>")
MAPPED = R.format("<qti-mapping/>")
AREAS = R.format("<qti-area-mapping/>").replace("string", "point")
ENTRY = '<qti-text-entry-interaction response-identifier="RESPONSE"/>'
POINT = '<qti-select-point-interaction response-identifier="RESPONSE"/>'
SCORE = '<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>'
FEEDBACK = (
    '<qti-outcome-declaration identifier="F" cardinality="single" base-type="identifier">{}</qti-outcome-declaration>'
)
TEMPLATES = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/"


def remarks(*parts: str) -> list[Remark]:
    return list(lint(parse_text(f'<qti-assessment-item xmlns="{QTI}">{"".join(parts)}</qti-assessment-item>')))


def codes(*parts: str) -> list[str]:
    return [remark.code for remark in remarks(*parts)]


def rules(inside: str) -> str:
    return f"<qti-response-processing>{inside}</qti-response-processing>"


def template(name: str) -> str:
    return f'<qti-response-processing template="{name}"/>'


def sets(value: str, outcome: str = "F") -> str:
    return f'<qti-set-outcome-value identifier="{outcome}">{value}</qti-set-outcome-value>'


def literal(value: str) -> str:
    return f'<qti-base-value base-type="identifier">{value}</qti-base-value>'


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ('<qti-variable identifier="RESPONSE"/>', []),
        ('<qti-variable identifier="SCORE"/>', []),
        ('<qti-variable identifier="duration"/>', []),
        ('<qti-variable identifier="X"/>', ["variable-not-declared"]),
        ('<qti-correct identifier="RESPONSE"/>', []),
        ('<qti-correct identifier="SCORE"/>', ["variable-not-declared"]),
        ('<qti-map-response identifier="X"/>', ["variable-not-declared"]),
        (sets("", "SCORE"), []),
        (sets("", "completionStatus"), []),
        (sets("", "X"), ["outcome-not-declared"]),
        ('<qti-lookup-outcome-value identifier="X"/>', ["outcome-not-declared"]),
        ('<qti-set-template-value identifier="X"/>', ["template-not-declared"]),
        ('<qti-set-correct-response identifier="X"/>', ["response-not-declared"]),
    ],
)
def test_rules_name_declared_variables(rule, found):
    assert codes(RESPONSE, SCORE, ENTRY, rules(rule)) == found


def test_context_variables_are_declared_too():
    context = '<qti-context-declaration identifier="C" cardinality="record"/>'

    assert codes(context, rules('<qti-variable identifier="C"/>')) == []


def test_an_undeclared_variable_is_named_with_what_to_do():
    assert remarks("\n", rules(sets("", "X"))) == [
        Remark(
            code="outcome-not-declared",
            message="The outcome “X” is not declared.",
            line=2,
            hint="Declare it, or correct the name in qti-set-outcome-value.",
        )
    ]


def test_a_built_in_name_in_the_old_spelling_is_recognised():
    assert [remark.hint for remark in remarks(rules(sets("", "completion_status")))] == ["Write completionStatus."]


@pytest.mark.parametrize(
    ("declaration", "body", "rule", "found"),
    [
        (RESPONSE, ENTRY, '<qti-map-response identifier="RESPONSE"/>', ["map-response-without-mapping"]),
        (MAPPED, ENTRY, '<qti-map-response identifier="RESPONSE"/>', []),
        (MAPPED, ENTRY, '<qti-map-response-point identifier="RESPONSE"/>', ["map-response-without-mapping"]),
        (AREAS, POINT, '<qti-map-response-point identifier="RESPONSE"/>', []),
    ],
)
def test_mapping_rules_need_their_mapping(declaration, body, rule, found):
    assert codes(declaration, body, rules(rule)) == found


@pytest.mark.parametrize(
    ("name", "parts", "found"),
    [
        (TEMPLATES + "match_correct.xml", (CORRECT, SCORE, ENTRY), []),
        (TEMPLATES + "match_correct", (CORRECT, ENTRY), ["template-lacks-score"]),
        (TEMPLATES + "match_correct", (RESPONSE, SCORE, ENTRY), ["template-lacks-correct-response"]),
        (TEMPLATES + "map_response.xml", (CORRECT, SCORE, ENTRY), ["template-lacks-mapping"]),
        (TEMPLATES + "map_response.xml", (MAPPED, SCORE, ENTRY), []),
        (TEMPLATES + "map_response_point.xml", (RESPONSE, SCORE, ENTRY), ["template-lacks-area-mapping"]),
        (TEMPLATES + "map_response_point.xml", (AREAS, SCORE, POINT), []),
        (TEMPLATES + "CC2_match.xml", (RESPONSE, SCORE, ENTRY), ["template-lacks-correct-response"]),
        (TEMPLATES + "match_correct", (SCORE,), ["template-lacks-response"]),
        ("match_correct", (CORRECT, SCORE, ENTRY), ["template-unknown"]),
        ("https://x.test/our_own.xml", (CORRECT, SCORE, ENTRY), ["template-unknown"]),
    ],
)
def test_a_template_finds_what_it_needs(name, parts, found):
    assert codes(*parts, template(name)) == found


def test_what_a_template_lacks_is_said_in_a_sentence():
    (remark,) = remarks(RESPONSE, SCORE, ENTRY, template(TEMPLATES + "map_response_point"))

    assert remark.message == "The template map_response_point needs an area mapping of RESPONSE, and there is none."


def test_a_template_scores_one_response_only():
    second = CORRECT.replace('"RESPONSE"', '"S"') + ENTRY.replace('"RESPONSE"', '"S"')

    assert codes(CORRECT, SCORE, ENTRY, second, template(TEMPLATES + "match_correct")) == [
        "template-scores-one-response"
    ]
    assert codes(CORRECT, SCORE, ENTRY, second, rules('<qti-variable identifier="S"/>')) == []


def test_a_key_without_rules_is_pointed_out():
    assert codes(CORRECT, ENTRY) == ["key-without-processing"]
    assert codes(RESPONSE, ENTRY) == []
    assert codes(CORRECT, ENTRY, rules("")) == ["processing-empty"]


def feedback(identifier: str, outcome: str = "F", more: str = "") -> str:
    return f'<qti-modal-feedback outcome-identifier="{outcome}" identifier="{identifier}" {more}/>'


@pytest.mark.parametrize(
    ("outcome", "found"),
    [("F", []), ("X", ["feedback-outcome-not-declared"]), ("SCORE", ["feedback-outcome-wrong-type"])],
)
def test_feedback_depends_on_an_identifier_outcome(outcome, found):
    assert codes(FEEDBACK.format(""), SCORE, feedback("a", outcome, 'show-hide="hide"')) == found


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (rules(sets(literal("a"))), []),
        (rules(sets(literal(" a "))), []),
        (rules(sets(literal("b"))), ["feedback-never-shown"]),
        (rules(sets(literal("b")) + sets(literal("a"))), []),
        (rules(sets(f'<qti-multiple><qti-variable identifier="F"/>{literal("b")}</qti-multiple>')), ["feedback-never-shown"]),
        (rules(sets(f'<qti-multiple><qti-variable identifier="F"/>{literal("a")}</qti-multiple>')), []),
        (rules(sets('<qti-variable identifier="SCORE"/>')), []),
        (rules('<qti-lookup-outcome-value identifier="F"/>'), []),
        (rules('<qti-response-processing-fragment href="x"/>'), []),
        (rules(sets(literal("a"), "SCORE")), ["feedback-never-shown"]),
        ("", ["feedback-never-shown"]),
        ('<qti-response-processing template="https://x.test/own.xml"/>', ["template-unknown"]),
        ('<qti-response-processing template-location="own.xml"/>', []),
    ],
)  # fmt: skip
def test_feedback_can_be_shown_by_some_rule(rule, found):
    parts = [code for code in codes(FEEDBACK.format(""), SCORE, feedback("a"), rule) if "lacks" not in code]

    assert parts == found


def test_a_default_or_hidden_feedback_needs_no_rule():
    default = FEEDBACK.format("<qti-default-value><qti-value>a</qti-value></qti-default-value>")

    assert codes(default, feedback("a")) == []
    assert codes(FEEDBACK.format(""), feedback("a", more='show-hide="hide"')) == []
