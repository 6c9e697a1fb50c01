"""One walk over a document that gathers what the checks of ``lint`` ask about."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qtisync.content.canonical import QTI
from qtisync.content.facts import Remark
from qtisync.content.xml_source import Element, tag_of

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
BUILT_IN = frozenset(("completionStatus", "duration", "numAttempts", "QTI_CONTEXT"))
"""Variables that every item has without declaring them."""
DECLARATIONS = ("response", "outcome", "template", "context")


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


def survey(root: Element) -> Survey:
    """Gather; ``root`` may be any element of a QTI document without comments."""
    by_tag: defaultdict[str, list[Element]] = defaultdict(list)
    interactions: list[Interaction] = []
    for element in root.iter("*"):
        tag = tag_of(element)
        by_tag[tag].append(element)
        if tag in _CHOICES:
            if interactions:  # an interaction cannot hold another: the choice is of the last one that began
                interactions[-1].choices.append(element)
        elif tag.endswith("-interaction"):
            name = tag[len(TAG) + 4 : -12]
            response = element.get("response-identifier", "")
            interactions.append(Interaction(element=element, name=name, response=response))
    declared = (
        {one.identifier: one for one in map(_declaration, by_tag.get(f"{TAG}qti-{kind}-declaration", ()))}
        for kind in DECLARATIONS
    )
    responses, outcomes, templates, contexts = declared
    return Survey(
        root=root,
        by_tag=by_tag,
        responses=responses,
        outcomes=outcomes,
        templates=templates,
        contexts=contexts,
        interactions=interactions,
    )


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
        if name == TAG + "qti-correct-response":
            correct = _values(child)
        elif name == TAG + "qti-default-value":
            defaults = _values(child)
        elif name == TAG + "qti-mapping":
            mapping = child
        elif name == TAG + "qti-area-mapping":
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
    return tuple([child.text or "" for child in element if child.tag == TAG + "qti-value"])
