"""What one XML file is: a QTI 3 object to send, something that is not ours, or broken, with words for its author.

The gates stand in the order of their cost. Root element and namespace decide, never the name of the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from lxml import etree

from qtisync.content.canonical import MATHML, QTI, walked
from qtisync.content.facts import BrokenFacts, ObjectFacts, OtherFacts, Remark
from qtisync.content.lint import lint
from qtisync.content.syntax_words import explain
from qtisync.content.xml_source import Element, complaints, decode, forbidden, parse_text, parse_utf_8, tag_of
from qtisync.model import Identifier, Kind

MAX_BYTES = 2_000_000
"""The largest real item has 132 kB; a million elements fit into 4 MB."""
MAX_IDENTIFIER = 128
"""Characters. The longest real identifier has 63."""

_REFERENCE = f"{{{QTI}}}qti-assessment-stimulus-ref"
_KINDS = {"qti-assessment-item": Kind.ITEM, "qti-assessment-stimulus": Kind.STIMULUS}
_OLD_KINDS = {"assessmentItem": Kind.ITEM, "assessmentStimulus": Kind.STIMULUS}
_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NCNAME = re.compile(f"[{_START}][{_START}.0-9\xb7\u0300-\u036f\u203f\u2040-]*")
"""Namespaces in XML 1.0, production 4: the type of ``identifier`` in the XSD."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_OPENING = re.compile(r"<(?:[\w.-]+:)?(qti-assessment-(?:item|stimulus)|assessment(?:Item|Stimulus))(\s[^<>]*)")
_IDENTIFIER = re.compile(r"""\sidentifier\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")
_HEAD = 20_000
"""Characters in which a damaged file's root element is looked for."""

_RIGHT = f'Write xmlns="{QTI}".'
_WRONG_NAMESPACES = {
    "": ("namespace-missing", "The root element has no namespace."),
    "http://www.imsglobal.org/xsd/imsqti_v3p0": (
        "namespace-wrong",
        "The namespace “…/xsd/imsqti_v3p0” does not exist: in QTI 3 it is “imsqtiasi”, not “imsqti”.",
    ),
    "http://www.imsglobal.org/xsd/qti/imsqtiasi_v3p0": (
        "namespace-wrong",
        "The namespace has “/xsd/qti/” in it; the one of QTI 3 has “/xsd/” only.",
    ),
    "http://www.w3.org/1999/xhtml": ("namespace-wrong", "The root element is in the namespace of XHTML, not of QTI 3."),
    MATHML: ("namespace-wrong", "The root element is in the namespace of MathML, not of QTI 3."),
}


def parse_object(data: bytes, *, max_bytes: int = MAX_BYTES) -> ObjectFacts | OtherFacts | BrokenFacts:
    """What a file says of itself. Faults of the content are values: nothing is raised for them."""
    text = decode(data, max_bytes=max_bytes)
    if isinstance(text, Remark):
        return BrokenFacts(problems=(text,))
    try:
        root = parse_utf_8(data) if data.startswith(b"<") else parse_text(text)  # without a BOM it is UTF-8
    except etree.XMLSyntaxError as exc:
        return _damaged(text, explain(complaints(exc)))
    refusal = forbidden(root, text)
    if refusal is not None:
        return _damaged(text, (refusal,))
    namespace, _, name = tag_of(root).rpartition("}")
    namespace = namespace[1:]
    if name in _OLD_KINDS or name == "questestinterop":
        return _old(root, name)
    if name not in _KINDS:
        return OtherFacts(root=name[:MAX_IDENTIFIER])
    problems = (*_namespace_problems(root, namespace), *_identifier_problems(root))
    if problems:
        return BrokenFacts(problems=problems, identifier=_usable(root.get("identifier")), kind=_KINDS[name])
    return _object(root, _KINDS[name], len(data))


def _object(root: Element, kind: Kind, size: int) -> ObjectFacts:
    found = walked(root)
    references = (ref.get("identifier", "") for ref in root.iter(_REFERENCE))
    return ObjectFacts(
        kind=kind,
        identifier=Identifier(root.get("identifier", "")),
        content=found.content,
        size=size,
        answers=found.answers if kind is Kind.ITEM else None,
        references=tuple(dict.fromkeys(Identifier(reference) for reference in references if reference)),
        findings=lint(root, found),
    )


def references_in(xml: str, names: Collection[str]) -> frozenset[str]:
    """Those of these stimuli that an item's XML refers to. What cannot be read refers to whatever it mentions."""
    if "&#" not in xml and not any(name in xml for name in names):
        return frozenset()
    try:
        root = parse_text(xml.removeprefix("\ufeff"))
    except (etree.XMLSyntaxError, UnicodeEncodeError):
        return frozenset(name for name in names if name in xml or "&#" in xml)
    return frozenset(names) & {ref.get("identifier", "") for ref in root.iter("{*}qti-assessment-stimulus-ref")}


def _damaged(text: str, problems: tuple[Remark, ...]) -> BrokenFacts:
    """The identity of a file without a trustworthy tree, from the first tag that looks like its root."""
    opening = _OPENING.search(_COMMENT.sub("", text[:_HEAD]))
    if opening is None:
        return BrokenFacts(problems=problems)
    found = _IDENTIFIER.search(opening[2])
    identifier = _usable(found[1] or found[2]) if found else None
    return BrokenFacts(problems=problems, identifier=identifier, kind=(_KINDS | _OLD_KINDS)[opening[1]])


def _old(root: Element, name: str) -> BrokenFacts:
    version = "1" if name == "questestinterop" else "2"
    problem = Remark(
        code="qti-2",
        message=f"This is QTI {version}, and only QTI 3 can be sent.",
        line=root.sourceline,
        hint="Convert it to QTI 3, or leave the file out of the paths that are synchronised.",
    )
    return BrokenFacts(problems=(problem,), identifier=_usable(root.get("identifier")), kind=_OLD_KINDS.get(name))


def _namespace_problems(root: Element, namespace: str) -> tuple[Remark, ...]:
    if namespace == QTI:
        return ()
    code, message = _WRONG_NAMESPACES.get(
        namespace, ("namespace-wrong", f"The namespace “{namespace[:100]}” is not that of QTI 3.")
    )
    if "/imsqti_v2p" in namespace:
        message = f"The elements are those of QTI 3, but the namespace is that of QTI 2 (“{namespace[:100]}”)."
    return (Remark(code=code, message=message, line=root.sourceline, hint=_RIGHT),)


def _identifier_problems(root: Element) -> tuple[Remark, ...]:
    identifier = root.get("identifier")
    fault = _identifier_fault(identifier)
    if fault is None:
        return ()
    code, message, hint = fault
    return (Remark(code=code, message=message, line=root.sourceline, hint=hint),)


def _identifier_fault(identifier: str | None) -> tuple[str, str, str] | None:
    if identifier is None:
        return (
            "identifier-missing",
            "The root element has no identifier.",
            'Add identifier="…", unique among all items.',
        )
    if not identifier.strip():
        return "identifier-missing", "The identifier is empty.", "Give it one that is unique among all items."
    if len(identifier) > MAX_IDENTIFIER:
        message = f"The identifier has {len(identifier):,} characters; at most {MAX_IDENTIFIER} are allowed."
        return "identifier-too-long", message, "Shorten it."
    if _CONTROL.search(identifier):
        return "identifier-invalid", "The identifier contains control characters.", "Remove them."
    if not _NCNAME.fullmatch(identifier):
        hint = "Begin with a letter or “_”; go on with letters, digits, “-”, “_” and “.”. No spaces, no “:”, no “/”."
        return "identifier-invalid", f"The identifier “{identifier}” is not a valid XML name.", hint
    return None


def _usable(identifier: str | None) -> Identifier | None:
    if identifier is None or _identifier_fault(identifier) is not None:
        return None
    return Identifier(identifier)
