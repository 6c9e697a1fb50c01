"""What is sent of a file: the author's own source text, or the fields of a stimulus. Never the canonical form."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lxml import etree

from qtisync.content.canonical import QTI, walked
from qtisync.content.facts import Remark
from qtisync.content.xml_source import DECLARATION, Element, decode, forbidden, parse_text, tag_of

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
"""HTML elements that have no end tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StimulusFields:
    """A stimulus in the API's JSON form."""

    identifier: str
    title: str
    """The identifier where the file has no title."""
    language: str | None
    """``xml:lang``; ``None``: not stated."""
    content: str
    """The markup inside ``qti-stimulus-body``: well-formed when wrapped into one element, readable as HTML too."""


def xml_text(data: bytes) -> str:
    """The source text of a readable file: no BOM, LF for CRLF, and a declaration that is true of a string.

    Raises ``ValueError`` for bytes that ``parse_object`` would refuse as text.
    """
    text = _decoded(data).replace("\r\n", "\n")
    declared = DECLARATION.match(text)
    if declared is None:
        return f"{_DECLARATION}\n{text}"
    return _DECLARATION + text[declared.end() :]


def source_bytes(xml: str) -> bytes:
    """The API's XML as a file: UTF-8, as its declaration says, with LF and one at the end; otherwise as it is.

    Raises ``UnicodeEncodeError`` for what no file can hold.
    """
    text = xml.removeprefix("\ufeff").replace("\r\n", "\n").lstrip()
    declared = DECLARATION.match(text)
    rest = text if declared is None else text[declared.end() :]
    return f"{_DECLARATION}\n{rest.strip()}\n".encode()


def stimulus_fields(data: bytes) -> StimulusFields:
    """The fields of a stimulus that ``parse_object`` accepts; raises ``ValueError`` for anything else."""
    text = _decoded(data)
    try:
        root = parse_text(text)
    except etree.XMLSyntaxError as exc:
        raise ValueError(f"the stimulus is not well-formed: {exc.msg}") from exc
    if forbidden(root, text) or tag_of(root) != f"{{{QTI}}}qti-assessment-stimulus":
        raise ValueError(f"not a QTI 3 stimulus: {tag_of(root)}")
    identifier = root.get("identifier", "")
    body = root.find(f"{{{QTI}}}qti-stimulus-body")
    return StimulusFields(
        identifier=identifier,
        title=root.get("title") or identifier,
        language=root.get(_LANGUAGE) or None,
        content="" if body is None else _inner_markup(body),
    )


def same_stimulus(ours: str, theirs: str) -> bool:
    """Whether the API's XML of a stimulus shows what ours says; false if either cannot be read.

    The API makes XML of its own from the fields, with a language of its own where ours states none, so the canonical
    digests of both never agree.
    """
    try:
        mine, shown = stimulus_fields(ours.encode()), stimulus_fields(theirs.encode())
        bodies = [walked(_body(fields)).content for fields in (mine, shown)]
    except (ValueError, etree.XMLSyntaxError):
        return False
    named = (mine.identifier, mine.title) == (shown.identifier, shown.title)
    return named and mine.language in {None, shown.language} and bodies[0] == bodies[1]


def _body(fields: StimulusFields) -> Element:
    return parse_text(f'<qti-stimulus-body xmlns="{QTI}">{fields.content}</qti-stimulus-body>')


def _decoded(data: bytes) -> str:
    text = decode(data, max_bytes=len(data))
    if isinstance(text, Remark):
        raise ValueError(text.message)  # noqa: TRY004 - the value is wrong, not its type
    return text


def _inner_markup(body: Element) -> str:
    for element in body.iter(f"{{{QTI}}}*"):
        name = tag_of(element).rpartition("}")[2]
        if not len(element) and not element.text and name not in _VOID:
            element.text = ""  # lxml then writes <td></td>: a reader that takes it for HTML would misread <td/>
    return escape(body.text or "") + "".join([_markup(child) for child in body])


def _markup(element: Element) -> str:
    """One child with the text after it, declaring only the namespaces it uses besides QTI's."""
    alone = copy.deepcopy(element)  # moving it would invent prefixes
    etree.cleanup_namespaces(alone)
    markup = etree.tostring(alone, encoding="unicode", with_tail=False)
    if alone.prefix is None:
        markup = markup.replace(f' xmlns="{QTI}"', "", 1)
    return markup + escape(element.tail or "")
