"""Checks of response processing and feedback: the rules name what exists, and what they should do can happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtisync.content.lint_survey import BUILT_IN, TAG, remark, shown
from qtisync.content.xml_source import tag_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qtisync.content.facts import Remark
    from qtisync.content.lint_survey import Survey
    from qtisync.content.xml_source import Element

_NEEDS: Mapping[str, str] = {
    "match_correct": "correct response",
    "map_response": "mapping",
    "map_response_point": "area mapping",
    "CC2_match": "correct response",
    "CC2_match_basic": "correct response",
    "CC2_map_response": "mapping",
}
"""The standard response-processing templates, and what each reads from the declaration of RESPONSE."""
SETTERS: Mapping[str, str] = {
    "qti-set-outcome-value": "outcome",
    "qti-lookup-outcome-value": "outcome",
    "qti-set-template-value": "template",
    "qti-set-correct-response": "response",
}
_LITERAL = frozenset(TAG + name for name in ("qti-base-value", "qti-multiple", "qti-ordered", "qti-null"))
FEEDBACK = ("qti-modal-feedback", "qti-feedback-inline", "qti-feedback-block")


def variable_not_declared(survey: Survey) -> Iterator[Remark]:
    """Rules read variables that exist."""
    response_readers = survey.all("qti-correct", "qti-map-response", "qti-map-response-point")
    for rule in response_readers:
        if rule.get("identifier") not in survey.responses:
            yield _undeclared(rule, "variable-not-declared", "response")
    for rule in survey.all("qti-variable", "qti-default", "qti-printed-variable"):
        name = rule.get("identifier")
        declared = name in survey.responses or name in survey.outcomes or name in survey.templates
        if not declared and name not in survey.contexts and name not in BUILT_IN:
            yield _undeclared(rule, "variable-not-declared", "variable")


def target_not_declared(survey: Survey) -> Iterator[Remark]:
    """Rules write to variables that exist."""
    declared = {"outcome": survey.outcomes, "template": survey.templates, "response": survey.responses}
    for setter, kind in SETTERS.items():
        for rule in survey.by_tag.get(TAG + setter, ()):
            name = rule.get("identifier")
            if name not in declared[kind] and name not in BUILT_IN:
                yield _undeclared(rule, f"{kind}-not-declared", kind)


def _undeclared(rule: Element, code: str, kind: str) -> Remark:
    name = rule.get("identifier") or ""
    meant = next((known for known in BUILT_IN if known.lower() == name.replace("_", "").lower()), None)
    hint = f"Write {meant}." if meant else f"Declare it, or correct the name in {tag_of(rule)[len(TAG) :]}."
    return remark(rule, code, f"The {kind} {shown(name)} is not declared.", hint)


def mapping_missing(survey: Survey) -> Iterator[Remark]:
    """``qti-map-response`` needs a mapping."""
    for rule in survey.all("qti-map-response"):
        declared = survey.responses.get(rule.get("identifier", ""))
        if declared is not None and declared.mapping is None:
            message = f"qti-map-response reads {shown(declared.identifier)}, which has no qti-mapping."
            yield remark(rule, "map-response-without-mapping", message, "Add a qti-mapping to its declaration.")
    for rule in survey.all("qti-map-response-point"):
        declared = survey.responses.get(rule.get("identifier", ""))
        if declared is not None and not declared.area_mapping:
            message = f"qti-map-response-point reads {shown(declared.identifier)}, which has no qti-area-mapping."
            yield remark(rule, "map-response-without-mapping", message, "Add a qti-area-mapping to its declaration.")


def template_needs(survey: Survey) -> Iterator[Remark]:
    """A response-processing template finds what it reads and writes."""
    for processing in survey.all("qti-response-processing"):
        template = processing.get("template")
        if template is None:
            continue
        name = _template_name(template)
        if name not in _NEEDS or not ("://" in template or template.startswith("urn:")):
            hint = f"Write the URI of one of: {', '.join(_NEEDS)}."
            yield remark(processing, "template-unknown", f"{shown(template)} is no standard template's URI.", hint)
        if name in _NEEDS:
            yield from _lacks(survey, processing, name)


def _lacks(survey: Survey, processing: Element, name: str) -> Iterator[Remark]:
    if "SCORE" not in survey.outcomes:
        message = f"The template {name} sets SCORE, which is not declared."
        yield remark(processing, "template-lacks-score", message, "Declare the outcome SCORE, base-type float.")
    response = survey.responses.get("RESPONSE")
    if response is None:
        message = f"The template {name} reads RESPONSE, which is not declared."
        yield remark(processing, "template-lacks-response", message, "Name the response RESPONSE, or write rules.")
        return
    need = _NEEDS[name]
    has = {
        "correct response": response.correct is not None,
        "mapping": response.mapping is not None,
        "area mapping": response.area_mapping,
    }
    if not has[need]:
        message = f"The template {name} needs a{'n' if need[0] == 'a' else ''} {need} of RESPONSE, and there is none."
        yield remark(
            response.element, f"template-lacks-{need.replace(' ', '-')}", message, "Add it to the declaration."
        )


def _template_name(template: str) -> str:
    return template.rstrip("/").rpartition("/")[2].removesuffix(".xml")


def template_scores_one(survey: Survey) -> Iterator[Remark]:
    """A standard template scores RESPONSE only."""
    if len(survey.responses) < 2:  # noqa: PLR2004 - one is what a template scores
        return
    for processing in survey.all("qti-response-processing"):
        if _template_name(processing.get("template", "")) in _NEEDS:
            message = f"{len(survey.responses)} responses are declared, but the template scores only RESPONSE."
            yield remark(processing, "template-scores-one-response", message, "Write rules instead of the template.")


def processing_missing(survey: Survey) -> Iterator[Remark]:
    """Where there is a key there are rules that use it."""
    processing = next(survey.all("qti-response-processing"), None)
    if processing is None:
        keyed = next((one for one in survey.responses.values() if one.has_key), None)
        if keyed is not None:
            message = f"The response {shown(keyed.identifier)} has a key, but there is no response processing."
            yield remark(keyed.element, "key-without-processing", message, "Add qti-response-processing.")
    elif not len(processing) and not processing.get("template") and not processing.get("template-location"):
        message = "The response processing is empty: nothing is scored."
        yield remark(processing, "processing-empty", message, "Name a template, write rules or delete it.")


def feedback_outcome(survey: Survey) -> Iterator[Remark]:
    """Feedback is steered by a declared outcome of base type identifier."""
    for feedback in survey.all(*FEEDBACK):
        name = feedback.get("outcome-identifier", "")
        outcome = survey.outcomes.get(name)
        if outcome is None:
            if name not in BUILT_IN:
                message = f"Feedback depends on the outcome {shown(name)}, which is not declared."
                yield remark(feedback, "feedback-outcome-not-declared", message, "Declare it, base-type identifier.")
        elif outcome.base_type != "identifier":
            message = f"Feedback depends on {shown(name)}, whose base-type is {shown(outcome.base_type)}."
            yield remark(feedback, "feedback-outcome-wrong-type", message, "Set its base-type to identifier.")


def feedback_never_shown(survey: Survey) -> Iterator[Remark]:
    """Some rule can set the outcome to the feedback's identifier."""
    feedbacks = [one for one in survey.all(*FEEDBACK) if one.get("show-hide", "show") == "show"]
    if not feedbacks or _unknown_rules(survey):
        return
    possible = _possible_values(survey)
    for feedback in feedbacks:
        outcome, identifier = feedback.get("outcome-identifier", ""), feedback.get("identifier", "")
        values = possible.get(outcome)
        if values is not None and identifier not in values:
            message = f"No rule sets {shown(outcome)} to {shown(identifier)}: this feedback is never shown."
            yield remark(feedback, "feedback-never-shown", message, "Add a rule, or correct the identifier.")


def _unknown_rules(survey: Survey) -> bool:
    """Whether rules stand elsewhere: in a template of one's own, or one that sets feedback by itself."""
    if next(survey.all("qti-response-processing-fragment"), None) is not None:
        return True
    for processing in survey.all("qti-response-processing"):
        name = _template_name(processing.get("template", ""))
        if processing.get("template-location") or (name and not name.startswith(("match_", "map_"))):
            return True
    return False


def _possible_values(survey: Survey) -> Mapping[str, set[str] | None]:
    """The values that rules and defaults can give to each outcome; ``None``: it is computed, so nobody knows."""
    possible: dict[str, set[str] | None] = {
        name: {value.strip() for value in outcome.defaults} for name, outcome in survey.outcomes.items()
    }
    for rule in survey.all("qti-lookup-outcome-value"):
        possible[rule.get("identifier", "")] = None
    for rule in survey.all("qti-set-outcome-value"):
        name = rule.get("identifier", "")
        known, given = possible.get(name), _given_values(rule, name)
        if known is None or given is None:
            possible[name] = None
        else:
            known |= given  # in place: as many rules as one likes
    return possible


def _given_values(rule: Element, outcome: str) -> set[str] | None:
    values: set[str] = set()
    for part in rule.iterdescendants():
        appends = part.tag == TAG + "qti-variable" and part.get("identifier") == outcome
        if part.tag not in _LITERAL and not appends:
            return None
        if part.tag == TAG + "qti-base-value":
            values.add((part.text or "").strip())
    return values
