"""The XML parser's complaints in words for authors: code, message, line and what to do."""

from __future__ import annotations

import re
from html.entities import html5

from qtisync.content.facts import Remark

_MOST = 5
"""Complaints shown of one file: the rest usually follows from the first."""
_LONGEST = 200
"""Characters of the parser's own words."""

_ENTITY = re.compile(r"Entity '([^']*)' not defined")
_MISMATCH = re.compile(r"Opening and ending tag mismatch: (\S+) line (\d+) and (\S+)")
_PREFIX = re.compile(r"Namespace prefix (\S+)(?: for \S+)? on (\S+) is not defined")
_TWICE = re.compile(r"Attribute (\S+) redefined")

_KNOWN = (
    (
        re.compile(r"EntityRef: (?:no name|expecting ';')|xmlParseEntityRef"),
        "bare-ampersand",
        "A bare “&” stands in the text.",
        "Write &amp; instead.",
    ),
    (
        re.compile(r"XML (?:or text )?declaration (?:not at|allowed only at the) start"),
        "declaration-not-first",
        "The XML declaration is not at the very beginning of the file.",
        "Delete what stands before <?xml …?>, blank lines too.",
    ),
    (
        re.compile(r"Specification mandates? value for attribute|AttValue: \" or ' expected"),
        "attribute-without-value",
        "An attribute has no value, or its value has no quotes.",
        'Write name="value".',
    ),
    (
        re.compile(r"Unescaped '<' not allowed in attributes"),
        "bare-less-than",
        "A bare “<” stands in an attribute, or a closing quote is missing.",
        "Write &lt; instead, or add the quote.",
    ),
    (
        re.compile(r"StartTag: invalid element name"),
        "bare-less-than",
        "A bare “<” stands in the text.",
        "Write &lt; instead.",
    ),
    (
        re.compile(r"Excessive depth|Maximum entity amplification|Resource limit exceeded|too long"),
        "too-complex",
        "The document is nested too deeply or has parts that are too large.",
        "Simplify it: at most 256 levels are read.",
    ),
    (
        re.compile(r"Extra content at the end of the document"),
        "more-than-one-root",
        "Something stands after the end of the root element.",
        "A file holds one root element; move the rest to files of its own.",
    ),
    (
        re.compile(r"Start tag expected|Document is empty"),
        "not-xml",
        "This is not XML: it does not begin with an element.",
        "Commit XML here, or rename the file.",
    ),
    (
        re.compile(r"Premature end of data|Couldn't find end of Start Tag|expected '>'"),
        "cut-off",
        "The file ends, or a tag breaks off, too early.",
        "Close every element and every tag; perhaps the file was cut off.",
    ),
    (
        re.compile(r"Double hyphen within comment"),
        "comment-with-hyphens",
        "A comment contains “--”.",
        "Write a single hyphen, or two with a space between.",
    ),
    (
        re.compile(r"xmlParseCharRef: invalid xmlChar value|PCDATA invalid Char|Char 0x\w+ out of allowed range"),
        "forbidden-character",
        "There is a control character that XML forbids.",
        "Delete it.",
    ),
)


def explain(complaints: tuple[tuple[str, int | None], ...]) -> tuple[Remark, ...]:
    """One remark for each line complained of: what follows on a line is mostly the parser stumbling on."""
    found: dict[int | None, Remark] = {}
    for message, line in complaints:
        if line not in found and len(found) < _MOST:
            found[line] = _remark(message, line)
    return tuple(found.values())


def _remark(message: str, line: int | None) -> Remark:
    line = line or None
    for read in (_entity, _mismatch, _undeclared_prefix, _redefined):
        remark = read(message, line)
        if remark is not None:
            return remark
    for pattern, code, words, hint in _KNOWN:
        if pattern.search(message):
            return Remark(code=code, message=words, line=line, hint=hint)
    words = f"The XML is not well-formed: {message.strip()[:_LONGEST] or 'reason unknown'}."
    return Remark(code="not-well-formed", message=words, line=line, hint="Open the file in an XML editor at this line.")


def _entity(message: str, line: int | None) -> Remark | None:
    found = _ENTITY.search(message)
    if found is None:
        return None
    name = found[1][:_LONGEST]
    characters = html5.get(f"{name};", "")
    number = "".join(f"&#{ord(character)};" for character in characters)
    hint = f"Write {number} instead." if number else "Write the character itself, or its number as &#…;."
    return Remark(code="entity-undefined", message=f"XML does not know the entity &{name};.", line=line, hint=hint)


def _mismatch(message: str, line: int | None) -> Remark | None:
    found = _MISMATCH.search(message)
    if found is None:
        return None
    opened, where, closed = found.groups()
    words = f"</{closed}> stands where <{opened}> of line {where} should be closed."
    return Remark(code="tag-mismatch", message=words, line=line, hint=f"Close <{opened}> first, or correct the name.")


def _undeclared_prefix(message: str, line: int | None) -> Remark | None:
    found = _PREFIX.search(message)
    if found is None:
        return None
    prefix, name = found.groups()
    words = f"The prefix “{prefix}:” at “{name}” is not declared."
    return Remark(code="prefix-undeclared", message=words, line=line, hint=f'Declare it: xmlns:{prefix}="…".')


def _redefined(message: str, line: int | None) -> Remark | None:
    found = _TWICE.search(message)
    if found is None:
        return None
    words = f"The attribute “{found[1]}” stands twice in one tag."
    return Remark(code="attribute-twice", message=words, line=line, hint="Delete one of them.")
