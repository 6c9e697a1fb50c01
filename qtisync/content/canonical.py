"""``canon/1``: two documents are the same content if and only if their canonical streams are equal.

Ignored: encoding, declaration, comments, processing instructions, CDATA and character references, attribute order,
namespace declarations, ``xsi:schemaLocation``, and white space where no reader can see it. Everything else counts,
prefixes too: the API keys what it parses by literal tag names. When unsure, two documents differ: a needless push is
one harmless call, a missed one leaves wrong content in front of students.

The stream is one record per element in document order, with its number of children: so it can be read back in one way
only. Its separators are control characters, which XML text cannot contain.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lxml import etree

from qtisync.content.element_only import (
    ELEMENT_ONLY,
    INLINE_MEDIA,
    INLINE_TEXT,
    MATHML_LAYOUT,
    MEDIA_PARENTS,
    VERBATIM,
)
from qtisync.content.xml_source import Element, forbidden, parse_text, tag_of
from qtisync.model import Digest

if TYPE_CHECKING:
    from collections.abc import Sequence

ALGORITHM = "canon/1"
ANSWERS_ALGORITHM = "answers/1"
QTI = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
MATHML = "http://www.w3.org/1998/Math/MathML"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"

_WHITE = " \t\r\n"  # never U+00A0: authors use it on purpose
_RUN = re.compile(r"[ \t\r\n]{2,}|[\t\r\n]")
_PREFIX = etree.XPath("substring-before(name(@*[namespace-uri()=$n and local-name()=$l]), ':')")

# How the white space directly inside an element is treated; _REMARK: a comment, a processing instruction, an entity.
_FLOW, _LAYOUT, _CANVAS, _EXACT, _REMARK = range(5)
# How an element shows beside its siblings: on its own, as media, as part of a line of text.
_APART, _MEDIA, _TEXT = range(3)
_BEARS = (_TEXT, _APART, _MEDIA, _TEXT)
"""By the mode of the parent: what may stand in it before its white space becomes visible."""

_MANY = 100
"""Attributes of one element from which on their prefixes no longer count: asking for each is quadratic."""
_SCORING = frozenset(
    f"{{{QTI}}}qti-{name}"
    for name in (
        "response-declaration",
        "outcome-declaration",
        "template-declaration",
        "template-processing",
        "response-processing",
    )
)


def canonical_digest(root: Element) -> Digest:
    """The digest of a document's content, ``canon/1:`` and SHA-256 in hexadecimal. The tree is left as it is."""
    records = _stream(root)[0]
    return _digest(ALGORITHM, "".join(records))


def content_and_answers(root: Element) -> tuple[Digest, Digest]:
    """The digest of the content, and that of what decides a score."""
    found = walked(root)
    return found.content, found.answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What one walk over a document tells; whoever needs more of it need not walk again."""

    content: Digest
    answers: Digest
    """Of what decides a score: declarations and processing of an item."""
    elements: Sequence[Element] | None
    """Of the document, in its order; ``None`` if another tree than the one given had to be walked."""
    may_have_handlers: bool
    """False: no attribute has a name that begins with ``on``."""


def walked(root: Element) -> Walked:
    """The digests of a document and its elements. The tree is left as it is."""
    records, children, elements = _stream(root)
    ends = [start for _, start in children[1:]] + [len(records)]
    scoring = [
        record
        for (tag, start), end in zip(children, ends, strict=False)
        if tag in _SCORING
        for record in records[start:end]
    ]
    stream = "".join(records)
    return Walked(
        content=_digest(ALGORITHM, stream),
        answers=_digest(ANSWERS_ALGORITHM, "".join(scoring)),
        elements=elements if elements and elements[0] is root else None,
        # Of an attribute in a namespace the prefix may be left out of the stream.
        may_have_handlers="\x02on" in stream or stream.count("\x02{") != stream.count(f"\x02{_XML}"),
    )


def digest_text(xml: str) -> Digest | None:
    """The digest of XML in a string, such as the API's own copy; ``None`` if it is not readable QTI 3."""
    try:
        root = parse_text(xml.removeprefix("\ufeff"))
    except (etree.XMLSyntaxError, UnicodeEncodeError):
        return None
    if forbidden(root, xml) or not tag_of(root).startswith(f"{{{QTI}}}"):
        return None
    return canonical_digest(root)


def _digest(algorithm: str, stream: str) -> Digest:
    return Digest(f"{algorithm}:{hashlib.sha256(stream.encode()).hexdigest()}")


_Stream: TypeAlias = tuple[list[str], list[tuple[str, int]], list[Any]]
"""The records, where each child of the root begins in them, and the elements."""


def _stream(root: Element) -> _Stream:
    """Most documents need only the first, quick walk."""
    found = _walk(root, careful=False) or _walk(_without_remarks(root), careful=True)
    if found is None:
        raise ValueError("the document has unresolved entities: refuse a DOCTYPE before")
    return found


def _without_remarks(root: Element) -> Element:
    bare = copy.deepcopy(root)
    etree.strip_tags(bare, etree.Comment, etree.ProcessingInstruction)
    return bare


def _walk(root: Element, *, careful: bool) -> _Stream | None:
    """``None``: give up, because of a remark or, unless careful, of something in a line where the XSD has no text."""
    records: list[str] = []
    children: list[tuple[str, int]] = []
    elements: list[Any] = list(root.iter())  # the stubs give a tag types that a parsed one never has
    outer: list[tuple[int, int]] = []  # of the ancestors above the parent: mode, and children still to come
    mode, left = _FLOW, 1  # of the parent
    for element in elements:
        while not left:
            mode, left = outer.pop()
        left -= 1
        tag = element.tag
        own, shows = _traits(tag)
        if own == _REMARK or (shows > _BEARS[mode] and not careful):
            return None
        if len(outer) == 1:
            children.append((tag, len(records)))
        attributes = element.items()
        written = "".join([f"\x02{name}\x03{value}" for name, value in sorted(attributes)]) if attributes else ""
        if "\x02{" in written or "\x02style\x03" in written:
            written, exact = _special_attributes(element)
            own = _EXACT if exact else own
        count = len(element)
        if mode == _EXACT:
            own = _EXACT
        elif careful and any(_traits(child.tag)[1] > _BEARS[own] for child in element):
            own = _FLOW
        text, tail, prefix = element.text, element.tail, element.prefix
        if text:
            text = _space(text, own)
        tail = _space(tail, mode) if tail and outer else ""
        name = f"{prefix}:{tag}" if prefix else tag
        records.append(f"\x01{name}{written}\x04{count}\x05{text or ''}\x06{tail}")
        if count:
            outer.append((mode, left))
            mode, left = own, count
    return records, children, elements


@functools.lru_cache(maxsize=2048)
def _traits(tag: object) -> tuple[int, int]:
    """An element's mode and how it shows."""
    if not isinstance(tag, str):  # lxml gives remarks a function for a tag
        return _REMARK, _APART
    namespace, _, name = tag.rpartition("}")
    if namespace == "{" + MATHML:
        return (_LAYOUT if name in MATHML_LAYOUT else _FLOW), (_MEDIA if name == "math" else _APART)
    if namespace != "{" + QTI:
        return _EXACT, _TEXT
    shows = _TEXT if name in INLINE_TEXT else _MEDIA if name in INLINE_MEDIA else _APART
    if name in VERBATIM:
        return _EXACT, shows
    if name in MEDIA_PARENTS:
        return _CANVAS, shows
    return (_LAYOUT if name in ELEMENT_ONLY else _FLOW), shows


def _space(text: str, mode: int) -> str:
    if mode == _EXACT:
        return text
    if mode != _FLOW and not text.strip(_WHITE):
        return ""
    if "\n" in text or "  " in text or "\t" in text or "\r" in text:
        return _RUN.sub(" ", text)
    return text


def _special_attributes(element: Element) -> tuple[str, bool]:
    """The attributes of an element where a namespace or a style matters, and whether they keep white space."""
    written: list[str] = []
    exact, few = False, len(element.attrib) <= _MANY
    for name, value in sorted(element.items()):
        if name == _SCHEMA_LOCATION:
            continue
        if name == f"{_XML}space":
            exact = exact or value == "preserve"
        elif name == "style":
            exact = exact or "white-space" in value.lower()
        prefix = _prefix(element, name) if few and name[0] == "{" and not name.startswith(_XML) else ""
        written.append(f"\x02{prefix}{name}\x03{value}")
    return "".join(written), exact


def _prefix(element: Element, name: str) -> str:
    """The literal prefix of a namespaced attribute, with its colon: lxml tells it through XPath only."""
    namespace, _, local = name[1:].partition("}")
    return str(_PREFIX(element, n=namespace, l=local)) + ":"
