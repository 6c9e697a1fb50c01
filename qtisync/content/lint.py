"""What a careful colleague would say of a well-formed item. All are warnings: the API accepts most of it.

The checks and how often they hit real items are in the design's table "Checks beyond the XSD".
"""

from __future__ import annotations

import functools
from itertools import islice
from typing import TYPE_CHECKING

from lxml import etree

from qtisync.content import lint_processing, lint_responses
from qtisync.content.canonical import QTI
from qtisync.content.lint_survey import remark, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from qtisync.content.canonical import Walked
    from qtisync.content.facts import Remark
    from qtisync.content.lint_survey import Survey
    from qtisync.content.xml_source import Element

    _Check: TypeAlias = Callable[[Survey], Iterator[Remark]]

_MOST = 20
"""Remarks of one check on one file: whoever has more knows by then."""
_ACTIVE = ("script", "iframe", "embed", "form")
_HANDLERS = etree.XPath("//@*[starts-with(name(), 'on')]/..")
_LINKS = ("a", "href"), ("img", "src"), ("object", "data"), ("source", "src")


def lint(root: Element, seen: Walked | None = None) -> tuple[Remark, ...]:
    """All remarks on a QTI 3 item or stimulus, check by check and in document order. ``seen``: what is known of it."""
    found = survey(root, seen.elements if seen is not None else None)
    checks = _relevant(frozenset(found.by_tag), handlers=seen is None or seen.may_have_handlers)
    return tuple([one for check in checks for one in islice(check(found), _MOST)])


@functools.lru_cache(maxsize=256)
def _relevant(tags: frozenset[str], *, handlers: bool) -> tuple[_Check, ...]:
    """The checks that could find something among such elements; most documents have the same ones."""
    names = {tag.rpartition("}")[2] for tag in tags}
    if any(map(_is_lost, tags)):  # to the other checks such elements do not exist: what they would say misleads
        return (_outside_namespace,)
    if any(name.endswith("-interaction") for name in names):
        names.add(_INTERACTION)
    if handlers:
        names.add(_HANDLER)
    return tuple(check for check, needs in _CHECKS if not names.isdisjoint(needs))


def _is_lost(tag: str) -> bool:
    namespace, _, name = tag.rpartition("}")
    return name.startswith("qti-") and namespace != "{" + QTI


def _outside_namespace(survey: Survey) -> Iterator[Remark]:
    """The first kind of element for which this is so: all others have the same reason."""
    for tag in islice(filter(_is_lost, survey.by_tag), 1):
        name = tag.rpartition("}")[2]
        message = f"<{name}> is not in the namespace of QTI 3: nothing will recognise it."
        hint = 'Delete xmlns="…" on it or around it.'
        yield remark(survey.by_tag[tag][0], "element-outside-namespace", message, hint)


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


_INTERACTION, _HANDLER = "*-interaction", "@on*"
_DECLARATION = ("qti-response-declaration", "qti-outcome-declaration", "qti-template-declaration")
_RESPONSE_READERS = ("qti-correct", "qti-map-response", "qti-map-response-point")
_CHECKS: tuple[tuple[_Check, tuple[str, ...]], ...] = (
    (lint_responses.response_not_declared, (_INTERACTION,)),
    (lint_responses.duplicate_declaration, (*_DECLARATION, "qti-context-declaration")),
    (lint_responses.base_type_missing, _DECLARATION),
    (lint_responses.wrong_base_type, (_INTERACTION,)),
    (lint_responses.duplicate_choice, (_INTERACTION,)),
    (lint_responses.not_a_choice, (_INTERACTION,)),
    (lint_responses.several_correct, ("qti-correct-response",)),
    (lint_responses.max_choices, (_INTERACTION,)),
    (lint_responses.response_unused, ("qti-response-declaration",)),
    (lint_responses.untidy_value, ("qti-value",)),
    (
        lint_processing.variable_not_declared,
        (*_RESPONSE_READERS, "qti-variable", "qti-default", "qti-printed-variable"),
    ),
    (lint_processing.target_not_declared, tuple(lint_processing.SETTERS)),
    (lint_processing.mapping_missing, ("qti-map-response", "qti-map-response-point")),
    (lint_processing.template_needs, ("qti-response-processing",)),
    (lint_processing.template_scores_one, ("qti-response-processing",)),
    (lint_processing.processing_missing, ("qti-response-processing", "qti-response-declaration")),
    (lint_processing.feedback_outcome, lint_processing.FEEDBACK),
    (lint_processing.feedback_never_shown, lint_processing.FEEDBACK),
    (_image_without_alt, ("img",)),
    (_object_without_fallback, ("object",)),
    (_video_without_track, ("video",)),
    (_active_content, (*_ACTIVE, *(name for name, _ in _LINKS), _HANDLER)),
)
"""Every check, and the names of which at least one must occur for it to find anything."""
