"""Declarations, interactions and choices: what is asked fits what is declared."""

from __future__ import annotations

import pytest

from qtisync.content.canonical import QTI
from qtisync.content.facts import Remark
from qtisync.content.lint import lint
from qtisync.content.xml_source import parse_text


def remarks(*parts: str) -> list[Remark]:
    """Remarks on an item with response processing that scores elsewhere: so nothing is said of the rules."""
    xml = f'<qti-assessment-item xmlns="{QTI}" identifier="q1">{"".join(parts)}<qti-response-processing template-location="x"/></qti-assessment-item>'
    return list(lint(parse_text(xml)))


def codes(*parts: str) -> list[str]:
    return [remark.code for remark in remarks(*parts)]


def response(key: str = "", cardinality: str = "single", base: str = "identifier", name: str = "R") -> str:
    return f'<qti-response-declaration identifier="{name}" cardinality="{cardinality}" base-type="{base}">{key}</qti-response-declaration>'


def correct(*values: str) -> str:
    listed = "".join(f"<qti-value>{value}</qti-value>" for value in values)
    return f"<qti-correct-response>{listed}</qti-correct-response>"


def choice(*names: str, attributes: str = "", response: str = "R") -> str:
    listed = "".join(f'<qti-simple-choice identifier="{name}">x</qti-simple-choice>' for name in names)
    return f'<qti-choice-interaction response-identifier="{response}" {attributes}>{listed}</qti-choice-interaction>'


def interaction(name: str, inside: str = "") -> str:
    return f'<qti-{name}-interaction response-identifier="R">{inside}</qti-{name}-interaction>'


def test_an_interaction_needs_a_declared_response():
    assert remarks("\n" + choice("A")) == [
        Remark(
            code="response-not-declared",
            message="The interaction writes to the response “R”, which is not declared.",
            line=2,
            hint="Add a qti-response-declaration.",
        )
    ]


def test_a_variable_is_declared_once():
    assert codes(response(), response(), choice("A")) == ["duplicate-declaration"]
    outcome = '<qti-outcome-declaration identifier="R" cardinality="single" base-type="float"/>'
    assert codes(response(), outcome, choice("A")) == ["duplicate-declaration"]


def test_a_variable_has_a_base_type_unless_it_is_a_record():
    for cardinality, found in (("single", ["base-type-missing"]), ("record", [])):
        assert codes(f'<qti-outcome-declaration identifier="O" cardinality="{cardinality}"/>') == found


@pytest.mark.parametrize(
    ("name", "base", "fits"),
    [
        ("choice", "identifier", True),
        ("choice", "string", False),
        ("order", "pair", False),
        ("match", "directedPair", True),
        ("match", "pair", False),
        ("associate", "directedPair", False),
        ("gap-match", "identifier", False),
        ("text-entry", "float", True),
        ("text-entry", "identifier", False),
        ("extended-text", "string", True),
        ("slider", "string", False),
        ("select-point", "point", True),
        ("upload", "string", False),
        ("end-attempt", "boolean", True),
        ("portable-custom", "string", True),
        ("custom", "uri", True),
    ],
)
def test_an_interaction_is_bound_to_a_base_type_it_can_yield(name, base, fits):
    found = codes(response(base=base), interaction(name))

    assert found == ([] if fits else ["interaction-wrong-base-type"])


def test_a_wrong_base_type_is_explained():
    (remark,) = remarks(response(base="identifier"), interaction("text-entry"))

    assert remark.message == (
        "The text-entry interaction yields float or integer or string, but its response “R” has base-type “identifier”."
    )


def test_choices_of_one_interaction_have_different_identifiers():
    assert codes(response(), choice("A", "B", "A")) == ["duplicate-choice"]
    assert codes(response(), response(name="S"), choice("A", "B"), choice("A", "B", response="S")) == []


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (correct("A"), []),
        (correct(" A "), ["value-whitespace"]),
        (correct("C"), ["correct-response-not-a-choice"]),
        (correct("a"), ["correct-response-not-a-choice"]),
        ('<qti-mapping><qti-map-entry map-key="A" mapped-value="1"/></qti-mapping>', []),
        ('<qti-mapping><qti-map-entry map-key="C" mapped-value="1"/></qti-mapping>', ["map-key-not-a-choice"]),
    ],
)
def test_the_key_names_choices_that_exist(key, found):
    assert codes(response(key), choice("A", "B")) == found


def test_a_wrong_key_is_reported_at_its_declaration():
    assert remarks("\n", response(correct("C")), choice("A")) == [
        Remark(
            code="correct-response-not-a-choice",
            message="The correct response “C” is not one of the choices.",
            line=2,
            hint="Correct the value, or the choice's identifier.",
        )
    ]


def test_both_ends_of_a_pair_are_looked_up():
    gaps = '<qti-gap-text identifier="W">w</qti-gap-text><p><qti-gap identifier="G"/></p>'

    for value, found in (("W G", []), ("W X", ["correct-response-not-a-choice"])):
        assert codes(response(correct(value), base="directedPair"), interaction("gap-match", gaps)) == found


def test_keys_of_templates_and_of_custom_interactions_are_left_alone():
    template = '<qti-template-declaration identifier="T" cardinality="single" base-type="integer"/>'

    assert codes(response(correct("C")), template, choice("A")) == []
    assert codes(response(correct("C")), interaction("portable-custom")) == []


def test_a_single_response_has_one_correct_value():
    assert codes(response(correct("A", "B")), choice("A", "B")) == ["single-cardinality-several-correct"]
    assert codes(response(correct("A", "B"), "multiple"), choice("A", "B")) == []


@pytest.mark.parametrize(
    ("cardinality", "limit", "values", "fits"),
    [
        ("single", "1", ["A"], True),
        ("single", "0", ["A"], False),
        ("single", "2", ["A"], False),
        ("multiple", "1", ["A"], True),
        ("multiple", "1", ["A", "B"], False),
        ("multiple", "0", ["A", "B"], True),
        ("multiple", "2", ["A", "B"], True),
        ("single", "many", ["A"], True),
        ("single", "9" * 5000, ["A"], False),
    ],
)
def test_max_choices_fits_the_response(cardinality, limit, values, fits):
    found = codes(response(correct(*values), cardinality), choice("A", "B", attributes=f'max-choices="{limit}"'))

    assert found == ([] if fits else ["max-choices-contradicts"])


def test_a_response_is_used_by_an_interaction_or_a_rule():
    rule = '<qti-response-processing><qti-variable identifier="R"/></qti-response-processing>'

    assert codes(response()) == ["response-unused"]
    assert codes(response(), rule) == []


@pytest.mark.parametrize(
    ("value", "found"),
    [("A", []), ("\n A\n", ["value-whitespace"]), ("", ["value-blank"]), (" ", ["value-blank"])],
)
def test_values_are_tidy(value, found):
    assert codes(response(correct(value), base="string"), interaction("text-entry")) == found
