"""One walk over a document that gathers what the checks of ``lint`` ask about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qtisync.content.canonical import QTI
from qtisync.content.facts import Remark
from qtisync.content.xml_source import Element

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TAG = f"{{{QTI}}}"
_CHOICES = frozenset(
    TAG + name
    for name in (
        "qti-simple-choice",
        "qti-inline-choice",
        "qti-simple-associable-choice",
        "qti-hotspot-choice",
        "qti-associable-hotspot",
        "qti-hottext",
        "qti-gap-text",
        "qti-gap-img",
        "qti-gap",
    )
)
_CORRECT, _DEFAULT, _VALUE = TAG + "qti-correct-response", TAG + "qti-default-value", TAG + "qti-value"
_MAPPING, _AREA_MAPPING = TAG + "qti-mapping", TAG + "qti-area-mapping"
BUILT_IN = frozenset(("completionStatus", "duration", "numAttempts", "QTI_CONTEXT"))
"""Variables that every item has without declaring them."""
_DECLARATION_TAGS = tuple(f"{TAG}qti-{kind}-declaration" for kind in ("response", "outcome", "template", "context"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One declared variable; ``correct`` is ``None`` without a correct response."""

    element: Element
    identifier: str
    cardinality: str
    base_type: str
    correct: tuple[str, ...] | None = None
    defaults: tuple[str, ...] = ()
    mapping: Element | None = None
    area_mapping: bool = False

    @property
    def has_key(self) -> bool:
        """Whether it says which answers are right."""
        return self.correct is not None or self.mapping is not None or self.area_mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One interaction of the body with its choices; ``name`` is ``choice`` for ``qti-choice-interaction``."""

    element: Element
    name: str
    response: str
    choices: list[Element] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A document, sorted for the checks."""

    root: Element
    by_tag: Mapping[str, Sequence[Element]]
    responses: Mapping[str, Declaration]
    outcomes: Mapping[str, Declaration]
    templates: Mapping[str, Declaration]
    contexts: Mapping[str, Declaration]
    interactions: Sequence[Interaction]

    def all(self, *names: str) -> Iterator[Element]:
        """All elements of QTI's namespace with one of these names, by name and then in document order."""
        for name in names:
            yield from self.by_tag.get(TAG + name, ())


def survey(root: Element, elements: Sequence[Element] | None = None) -> Survey:
    """Gather; ``root`` may be any element of a QTI document without comments, ``elements`` it and all below."""
    by_tag: dict[str, list[Element]] = {}
    interactions: list[Interaction] = []
    for element in elements or root.iter("*"):
        tag: Any = element.tag  # the stubs allow for what one may assign
        alike = by_tag.get(tag)
        if alike is None:
            alike = by_tag[tag] = []
        alike.append(element)
        if tag in _CHOICES:
            if interactions:  # an interaction cannot hold another: the choice is of the last one that began
                interactions[-1].choices.append(element)
        elif tag.endswith("-interaction"):
            name = tag[len(TAG) + 4 : -12]
            response = element.get("response-identifier", "")
            interactions.append(Interaction(element=element, name=name, response=response))
    responses, outcomes, templates, contexts = (_declared(by_tag.get(tag)) for tag in _DECLARATION_TAGS)
    return Survey(
        root=root,
        by_tag=by_tag,
        responses=responses,
        outcomes=outcomes,
        templates=templates,
        contexts=contexts,
        interactions=interactions,
    )


def _declared(elements: Sequence[Element] | None) -> Mapping[str, Declaration]:
    return {one.identifier: one for one in map(_declaration, elements)} if elements else {}


def remark(element: Element, code: str, message: str, hint: str = "") -> Remark:
    """A warning at an element's line."""
    return Remark(code=code, message=message, line=element.sourceline, hint=hint)


def shown(value: str | None) -> str:
    """A piece of content as it may stand in a message: short, in quotes."""
    text = value or ""
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"  # noqa: PLR2004 - fits a line


def _declaration(element: Element) -> Declaration:
    correct: tuple[str, ...] | None = None
    defaults: tuple[str, ...] = ()
    mapping: Element | None = None
    area_mapping = False
    for child in element:
        name = child.tag
        if name == _CORRECT:
            correct = _values(child)
        elif name == _DEFAULT:
            defaults = _values(child)
        elif name == _MAPPING:
            mapping = child
        elif name == _AREA_MAPPING:
            area_mapping = True
    return Declaration(
        element=element,
        identifier=element.get("identifier", ""),
        cardinality=element.get("cardinality", ""),
        base_type=element.get("base-type", ""),
        correct=correct,
        defaults=defaults,
        mapping=mapping,
        area_mapping=area_mapping,
    )


def _values(element: Element) -> tuple[str, ...]:
    return tuple([child.text or "" for child in element if child.tag == _VALUE])
