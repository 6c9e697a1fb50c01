"""What the API accepts: rules of the sandbox's own, each with the evidence that it stands for."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from lxml import etree

from qtisync.sandbox.messages import JsonObject

NAMESPACE = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
GRADES = tuple(str(number) for number in range(-1, 14))
DIFFICULTIES = ("easy", "medium", "hard")

_Element = etree._Element  # noqa: SLF001 - lxml's only name for this type
_kept = threading.local()


class RefusedXmlError(ValueError):
    """The API does not take this document.

    ``kind``: ``invalid`` (400, 422 or 500 by switch), ``unreadable`` (the importer falls over: 500) or ``model`` (the
    database's own validation: 500).
    """

    def __init__(self, kind: Literal["invalid", "unreadable", "model"], message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that was read: what the API takes from its root, and the tree."""

    identifier: str
    title: str
    root: _Element


def parse(xml: str) -> _Element:
    """The root element; raises ``RefusedXmlError``. A declaration's encoding means nothing: JSON text is Unicode."""
    if not hasattr(_kept, "parser"):
        _kept.parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            attribute_defaults=False,
            huge_tree=False,
            strip_cdata=False,
        )
    try:
        root: _Element = etree.fromstring(xml.encode("utf-8"), _kept.parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError, ValueError) as error:
        raise RefusedXmlError("invalid", f"XML is not well-formed: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise RefusedXmlError("invalid", "XML with a DOCTYPE is not accepted")
    return root


def parse_shared(xml: str) -> _Element:
    """The same as ``parse`` for those who only look: an item is read several times on its way.

    Trees are kept for each thread: lxml's are not made for being read by two at once.
    """
    if not hasattr(_kept, "parse"):
        _kept.parse = functools.lru_cache(maxsize=64)(parse)
    root: _Element = _kept.parse(xml)
    return root


def read(xml: str, element: Literal["qti-assessment-item", "qti-assessment-stimulus"]) -> Document:
    """Read an item or a stimulus.

    A wrong namespace or root, and a missing identifier or title, make the API's importer fall over (C5, C8: OBS-I).
    """
    root = parse_shared(xml)
    if root.tag != f"{{{NAMESPACE}}}{element}":
        raise RefusedXmlError("unreadable", f"Cannot read properties of undefined (reading '{element}')")
    for name in ("identifier", "title"):
        if not root.get(name, "").strip():
            raise RefusedXmlError("unreadable", f"Cannot read properties of undefined (reading '{name}')")
    return Document(identifier=root.get("identifier", ""), title=root.get("title", ""), root=root)


def check_outcomes(document: Document) -> None:
    """The database's validation of outcome declarations, on POST only (C8: OBS-I create-frq.md)."""
    for index, outcome in enumerate(document.root.iterchildren(f"{{{NAMESPACE}}}qti-outcome-declaration")):
        path = f"outcomeDeclarations.{index}"
        if outcome.get("cardinality") == "record":
            message = f"{path}.cardinality: `record` is not a valid enum value for path `cardinality`."
        elif not outcome.get("base-type"):
            message = f"{path}.baseType: Path `baseType` is required."
        else:
            continue
        raise RefusedXmlError("model", f"QTIAssessmentItem validation failed: {message}")


def check_graders(document: Document, allowed: tuple[str, ...]) -> None:
    """A custom operator may only name a grader that the API knows (C8: OBS-I, OBS-H)."""
    for operator in document.root.iter(f"{{{NAMESPACE}}}qti-custom-operator"):
        address = urlsplit(operator.get("definition", ""))
        if address.scheme in {"http", "https"} and address.hostname not in allowed:
            raise RefusedXmlError(
                "unreadable", f"Grader host {address.hostname} is not in the approved grader allowlist"
            )


def stimulus_names(document: Document) -> list[set[str]]:
    """For each stimulus that the item refers to the names it may have: C9, the form of the link is disputed."""
    references = []
    for reference in document.root.iter(f"{{{NAMESPACE}}}qti-assessment-stimulus-ref"):
        last = urlsplit(reference.get("href", "")).path.rpartition("/")[2]
        names = {reference.get("identifier", ""), last, last.removesuffix(".xml")}
        references.append(names - {""})
    return references


def metadata_issues(metadata: object) -> list[JsonObject]:
    """What the API holds against this metadata (e: OA's four typed keys; every other key passes)."""
    if not isinstance(metadata, Mapping):
        return [_issue("metadata", "Expected object", "invalid_type")]
    issues = [
        _issue(f"metadata.{name}", f"Invalid enum value. Expected {' | '.join(allowed)}", "invalid_enum_value")
        for name, allowed in (("grade", GRADES), ("difficulty", DIFFICULTIES))
        if name in metadata and metadata[name] not in allowed
    ]
    if not isinstance(metadata.get("subject", ""), str):
        issues.append(_issue("metadata.subject", "Expected string", "invalid_type"))
    if not _are_objectives(metadata.get("learningObjectiveSet", [])):
        issues.append(_issue("metadata.learningObjectiveSet", "Expected array of objectives", "invalid_type"))
    return issues


def _are_objectives(value: Any) -> bool:  # noqa: ANN401 - JSON from outside
    def is_objective(entry: object) -> bool:
        return (
            isinstance(entry, Mapping)
            and isinstance(entry.get("source"), str)
            and isinstance(entry.get("learningObjectiveIds"), list)
            and all(isinstance(name, str) for name in entry["learningObjectiveIds"])
        )

    return isinstance(value, list) and all(map(is_objective, value))


def _issue(field: str, message: str, code: str) -> JsonObject:
    return {"field": field, "message": message, "code": code}


def fragment_problem(content: str) -> str | None:
    """Why a stimulus's HTML content cannot be put into XML (C9: OBS-I), or ``None``."""
    try:
        parse(f"<qti-stimulus-body>{content}</qti-stimulus-body>")
    except RefusedXmlError as error:
        return str(error)
    return None


def interaction_type(root: _Element) -> str:
    """The API's ``type``: the first interaction's name; ``gap-match`` and ``unknown`` were seen live (OBS-N)."""
    for element in root.iter(f"{{{NAMESPACE}}}*"):
        found = re.fullmatch(r"\{.*\}qti-(.+)-interaction", str(element.tag))
        if found:
            return found[1]
    return "unknown"
