"""What the API may do to the XML that it stores (C4): each way keeps the content, except ``drop_element``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lxml import etree

from qtisync.sandbox.options import DROP_ELEMENT
from qtisync.sandbox.rules import parse

_Element = etree._Element  # noqa: SLF001 - lxml's only name for this type
_DECLARATION = re.compile(r"^\ufeff?<\?xml[^>]*\?>\s*")
_WHITE_WITH_BREAK = re.compile(r"[ \t\r\n]*\n[ \t\r\n]*")
_VERBATIM = frozenset(
    [
        "pre",
        "textarea",
        "script",
        "style",
        "qti-value",
        "qti-base-value",
        "qti-interaction-markup",
        "qti-custom-interaction",
        "qti-custom-operator",
    ]
)
_XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"


def rewrite(xml: str, mode: str) -> str:
    """The rawXml that the API stores for ``xml``."""
    if mode.startswith(DROP_ELEMENT):
        return _drop_element(xml, mode.removeprefix(DROP_ELEMENT))
    return _MODES[mode](xml)


def _strip_declaration(xml: str) -> str:
    return _DECLARATION.sub("", xml, count=1)


def _write(root: _Element, declaration: str) -> str:
    text = etree.tostring(root.getroottree(), encoding="unicode")
    return declaration + str(text)


def _declaration(xml: str) -> str:
    found = _DECLARATION.match(xml)
    return found[0] if found else ""


def _reorder_attributes(xml: str) -> str:
    root = parse(xml)
    for element in root.iter(etree.Element):
        attributes = [(str(name), str(value)) for name, value in element.attrib.items()]
        element.attrib.clear()
        for name, value in reversed(attributes):
            element.set(name, value)
    return _write(root, _declaration(xml))


def _reflow(xml: str) -> str:
    root = parse(xml)
    _reflow_element(root)
    return _write(root, _declaration(xml))


def _reflow_element(element: _Element) -> None:
    """Other line breaks and indents where there was a line break; zones whose white space counts are left alone."""
    name = etree.QName(element).localname
    if name in _VERBATIM or element.get(_XML_SPACE) == "preserve" or element.get("style"):
        return
    element.text = _rewrap(element.text)
    for child in element:
        child.tail = _rewrap(child.tail)
        if isinstance(child.tag, str):
            _reflow_element(child)


def _rewrap(text: str | None) -> str | None:
    return None if text is None else _WHITE_WITH_BREAK.sub("\n\t", text)


def _expand(xml: str) -> str:
    root = parse(xml)
    for element in root.iter(etree.Element):
        if element.text is None and not len(element):
            element.text = ""
    return _write(root, _declaration(xml))


def _escape_entities(xml: str) -> str:
    """Characters beyond ASCII as numbers, and ``>`` in text as ``&gt;``: what a re-serialising server does."""
    text = etree.tostring(parse(xml).getroottree(), encoding="us-ascii", xml_declaration=False)
    return _declaration(xml) + text.decode("ascii")


def _drop_element(xml: str, name: str) -> str:
    root = parse(xml)
    for element in list(root.iter(f"{{*}}{name}")):
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    return _write(root, _declaration(xml))


_MODES: Final[dict[str, Callable[[str], str]]] = {
    "verbatim": lambda xml: xml,
    "declaration_stripped": _strip_declaration,
    "reordered_attributes": _reorder_attributes,
    "reflowed": _reflow,
    "expanded": _expand,
    "entities": _escape_entities,
}
