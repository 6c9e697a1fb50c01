"""Checks of declarations, interactions and choices: what is asked fits what is declared as its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtisync.content.lint_survey import TAG, remark, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qtisync.content.facts import Remark
    from qtisync.content.lint_survey import Declaration, Interaction, Survey
    from qtisync.content.xml_source import Element

_DECLARATIONS = tuple(f"qti-{kind}-declaration" for kind in ("response", "outcome", "template", "context"))
_IDENTIFIER = frozenset(("identifier",))
_PAIR = frozenset(("pair",))
_DIRECTED_PAIR = frozenset(("directedPair",))
_TEXT = frozenset(("string", "integer", "float"))
_POINT = frozenset(("point",))
_FILE = frozenset(("file",))
_BASE_TYPES: Mapping[str, frozenset[str]] = {
    "choice": _IDENTIFIER,
    "order": _IDENTIFIER,
    "hottext": _IDENTIFIER,
    "inline-choice": _IDENTIFIER,
    "hotspot": _IDENTIFIER,
    "graphic-order": _IDENTIFIER,
    "associate": _PAIR,
    "graphic-associate": _PAIR,
    "match": _DIRECTED_PAIR,
    "gap-match": _DIRECTED_PAIR,
    "graphic-gap-match": _DIRECTED_PAIR,
    "text-entry": _TEXT,
    "extended-text": _TEXT,
    "slider": frozenset(("integer", "float")),
    "select-point": _POINT,
    "position-object": _POINT,
    "upload": _FILE,
    "drawing": _FILE,
    "media": frozenset(("integer",)),
    "end-attempt": frozenset(("boolean",)),
}
"""QTI 3.0 ASI information model, chapter on interactions; not listed: any base type will do."""


def response_not_declared(survey: Survey) -> Iterator[Remark]:
    """Each interaction writes to a declared response."""
    for interaction in survey.interactions:
        if interaction.response not in survey.responses:
            message = f"The interaction writes to the response {shown(interaction.response)}, which is not declared."
            yield remark(interaction.element, "response-not-declared", message, "Add a qti-response-declaration.")


def duplicate_declaration(survey: Survey) -> Iterator[Remark]:
    """Each variable is declared once."""
    seen: set[str] = set()
    for element in survey.all(*_DECLARATIONS):
        identifier = element.get("identifier", "")
        if identifier in seen:
            message = f"The variable {shown(identifier)} is declared twice."
            yield remark(element, "duplicate-declaration", message, "Rename or delete one of them.")
        seen.add(identifier)


def base_type_missing(survey: Survey) -> Iterator[Remark]:
    """Each variable has a base type, unless it is a record."""
    for declared in (survey.responses, survey.outcomes, survey.templates):
        for one in declared.values():
            if not one.base_type and one.cardinality != "record":
                message = f"The variable {shown(one.identifier)} has no base-type."
                yield remark(one.element, "base-type-missing", message, "Add base-type, such as float or identifier.")


def wrong_base_type(survey: Survey) -> Iterator[Remark]:
    """An interaction's response has a base type that it can produce."""
    for interaction, declared in _bound(survey):
        wanted = _BASE_TYPES.get(interaction.name)
        if wanted and declared.base_type and declared.base_type not in wanted:
            message = (
                f"The {interaction.name} interaction yields {' or '.join(sorted(wanted))}, "
                f"but its response {shown(declared.identifier)} has base-type {shown(declared.base_type)}."
            )
            yield remark(declared.element, "interaction-wrong-base-type", message, "Correct the base-type.")


def duplicate_choice(survey: Survey) -> Iterator[Remark]:
    """Choices of one interaction have different identifiers."""
    for interaction in survey.interactions:
        seen: set[str] = set()
        for choice in interaction.choices:
            identifier = choice.get("identifier", "")
            if identifier in seen:
                message = f"Two choices of one interaction have the identifier {shown(identifier)}."
                yield remark(choice, "duplicate-choice", message, "Rename one, and look at the correct response.")
            seen.add(identifier)


def not_a_choice(survey: Survey) -> Iterator[Remark]:
    """Correct responses and map keys name choices that exist. Items made from templates may change them: left out."""
    if survey.templates:
        return
    choices: dict[str, set[str]] = {}
    for interaction, declared in _bound(survey):
        if interaction.choices:
            names = choices.setdefault(declared.identifier, set())
            names.update([choice.get("identifier", "") for choice in interaction.choices])
    for response, names in choices.items():
        yield from _strangers(survey.responses[response], names)


def _strangers(declared: Declaration, names: set[str]) -> Iterator[Remark]:
    hint = "Correct the value, or the choice's identifier."
    for value in declared.correct or ():
        strangers = [name for name in value.split() if name not in names]
        if strangers:  # of a pair only the half that is wrong is told: the other one is an answer
            message = f"The correct response {shown(' '.join(strangers))} is not one of the choices."
            yield remark(declared.element, "correct-response-not-a-choice", message, hint)
    for entry in declared.mapping if declared.mapping is not None else ():
        key = entry.get("map-key", "")
        if not names.issuperset(key.split()):
            yield remark(entry, "map-key-not-a-choice", f"The map key {shown(key)} is not one of the choices.", hint)


def several_correct(survey: Survey) -> Iterator[Remark]:
    """A single response has one correct value."""
    for one in survey.responses.values():
        if one.cardinality == "single" and len(one.correct or ()) > 1:
            message = (
                f"The response {shown(one.identifier)} is single, but has {len(one.correct or ())} correct values."
            )
            hint = 'Set cardinality="multiple", or list alternatives in a qti-mapping.'
            yield remark(one.element, "single-cardinality-several-correct", message, hint)


def max_choices(survey: Survey) -> Iterator[Remark]:
    """As many choices may be made as the response can hold, and as are correct."""
    for interaction, declared in _bound(survey):
        limit = interaction.element.get("max-choices")
        if limit is None or not limit.isdecimal():
            continue
        most, correct = int(limit[:9]), len(declared.correct or ())
        if declared.cardinality == "single" and most != 1:
            message = f"max-choices is {most}, but the response {shown(declared.identifier)} holds a single value."
            yield _max_choices(interaction.element, message)
        elif declared.cardinality != "single" and 0 < most < correct:
            message = f"max-choices is {most}, but {correct} values are correct."
            yield _max_choices(interaction.element, message)


def _max_choices(element: Element, message: str) -> Remark:
    return remark(element, "max-choices-contradicts", message, "Change max-choices or the response declaration.")


def response_unused(survey: Survey) -> Iterator[Remark]:
    """Each declared response is written by an interaction or read by a rule."""
    used = {interaction.response for interaction in survey.interactions}
    unused = [one for one in survey.responses.values() if one.identifier not in used]
    if not unused:
        return
    rules = survey.all("qti-variable", "qti-correct", "qti-map-response", "qti-map-response-point")
    read = {rule.get("identifier") for rule in rules}
    for one in unused:
        if one.identifier not in read:
            message = f"No interaction uses the response {shown(one.identifier)}."
            yield remark(one.element, "response-unused", message, "Delete the declaration, or correct a name.")


def untidy_value(survey: Survey) -> Iterator[Remark]:
    """A value has no white space around it: players compare it character by character."""
    for value in survey.by_tag.get(TAG + "qti-value", ()):
        text = value.text or ""
        bare = text.strip()
        if not bare:
            if not len(value):
                yield remark(value, "value-blank", "A qti-value is empty.", "Write the value, or delete it.")
        elif bare != text:
            # The value itself is not told: it may be the answer.
            message = "There is white space around the value of a qti-value."
            yield remark(value, "value-whitespace", message, "Write the value right between its tags.")


def _bound(survey: Survey) -> Iterator[tuple[Interaction, Declaration]]:
    for interaction in survey.interactions:
        declared = survey.responses.get(interaction.response)
        if declared is not None:
            yield interaction, declared
