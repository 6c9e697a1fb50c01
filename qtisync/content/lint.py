"""What a careful colleague would say of a well-formed item. All are warnings: the API accepts most of it.

The checks and how often they hit real items are in the design's table "Checks beyond the XSD".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lxml import etree

from qtisync.content import lint_processing, lint_responses
from qtisync.content.canonical import QTI
from qtisync.content.lint_survey import remark, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qtisync.content.facts import Remark
    from qtisync.content.lint_survey import Survey
    from qtisync.content.xml_source import Element

_MOST = 20
"""Remarks of one check on one file: whoever has more knows by then."""
_ACTIVE = ("script", "iframe", "embed", "form")
_HANDLERS = etree.XPath("//@*[starts-with(name(), 'on')]/..")
_LINKS = ("a", "href"), ("img", "src"), ("object", "data"), ("source", "src")


def lint(root: Element) -> tuple[Remark, ...]:
    """All remarks on a QTI 3 item or stimulus, check by check and in document order."""
    found = survey(root)
    lost = _outside_namespace(found)
    if lost is not None:  # to the other checks such elements do not exist: what they would say misleads
        return (lost,)
    return tuple([one for check in _CHECKS for one in islice(check(found), _MOST)])


def _outside_namespace(survey: Survey) -> Remark | None:
    for tag, elements in survey.by_tag.items():
        namespace, _, name = tag.rpartition("}")
        if name.startswith("qti-") and namespace != "{" + QTI:
            message = f"<{name}> is not in the namespace of QTI 3: nothing will recognise it."
            return remark(elements[0], "element-outside-namespace", message, 'Delete xmlns="…" on it or around it.')
    return None


def _image_without_alt(survey: Survey) -> Iterator[Remark]:
    for image in survey.all("img"):
        if image.get("alt") is None:
            hint = 'Say what it shows, or write alt="" if it is decoration.'
            yield remark(image, "image-without-alt", "An image has no alternative text.", hint)


def _object_without_fallback(survey: Survey) -> Iterator[Remark]:
    for thing in survey.all("object"):
        if not len(thing) and not (thing.text or "").strip() and not thing.get("aria-label"):
            hint = "Put a description between its tags."
            yield remark(thing, "object-without-fallback", "An object has no text for those who cannot see it.", hint)


def _video_without_track(survey: Survey) -> Iterator[Remark]:
    for video in survey.all("video"):
        if not any(child.tag == f"{{{etree.QName(video).namespace}}}track" for child in video):
            yield remark(video, "video-without-track", "A video has no captions.", "Add a track element.")


def _active_content(survey: Survey) -> Iterator[Remark]:
    hint = "Remove it: players strip or refuse active content."
    for element in survey.all(*_ACTIVE):
        yield remark(element, "active-content", f"The item contains <{etree.QName(element).localname}>.", hint)
    for name, attribute in _LINKS:
        for element in survey.all(name):
            if (element.get(attribute) or "").lstrip().lower().startswith("javascript:"):
                yield remark(element, "active-content", f"A <{name}> runs a script.", hint)
    for element in _HANDLERS(survey.root):
        message = f"<{etree.QName(element).localname}> has an event handler (on…)."
        yield remark(element, "active-content", message, hint)


_CHECKS: tuple[Callable[[Survey], Iterator[Remark]], ...] = (
    lint_responses.response_not_declared,
    lint_responses.duplicate_declaration,
    lint_responses.base_type_missing,
    lint_responses.wrong_base_type,
    lint_responses.duplicate_choice,
    lint_responses.not_a_choice,
    lint_responses.several_correct,
    lint_responses.max_choices,
    lint_responses.response_unused,
    lint_responses.untidy_value,
    lint_processing.variable_not_declared,
    lint_processing.target_not_declared,
    lint_processing.mapping_missing,
    lint_processing.template_needs,
    lint_processing.template_scores_one,
    lint_processing.processing_missing,
    lint_processing.feedback_outcome,
    lint_processing.feedback_never_shown,
    _image_without_alt,
    _object_without_fallback,
    _video_without_track,
    _active_content,
)
