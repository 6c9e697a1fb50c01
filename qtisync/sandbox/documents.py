"""The JSON that the API answers for an item or a stimulus, made from what is stored (S1, OA)."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from qtisync.sandbox.messages import JsonObject
from qtisync.sandbox.rules import NAMESPACE, interaction_type, parse_shared
from qtisync.sandbox.shelf import Stored

_Element = etree._Element  # noqa: SLF001 - lxml's only name for this type
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = f"{NAMESPACE} https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_asiv3p0_v1p0.xsd"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_TEMPLATES = frozenset({"match_correct", "map_response"})
BASE_TYPES = frozenset(
    {
        *("identifier", "boolean", "integer", "float", "string", "point"),
        *("pair", "directedPair", "duration", "file", "uri"),
    }
)
"""What the API's model can hold (OA); any other is left out."""


def item_document(row: Stored) -> JsonObject:
    """One item. Typed fields come from ``model_xml``, which may lag; feedback lists stay empty (C4: OBS-I)."""
    root = parse_shared(row.model_xml)
    document: JsonObject = {
        "_id": row.object_id,
        "identifier": row.identifier,
        "title": root.get("title", ""),
        "type": interaction_type(root),
        "qtiVersion": "3.0",
        "timeDependent": root.get("time-dependent") == "true",
        "adaptive": root.get("adaptive") == "true",
        "responseDeclarations": [_response(element) for element in _children(root, "qti-response-declaration")],
        "outcomeDeclarations": [_declaration(element) for element in _children(root, "qti-outcome-declaration")],
        "metadata": row.metadata,
        "modalFeedback": [],
        "feedbackInline": [],
        "feedbackBlock": [],
        "rawXml": row.xml,
        "content": {"qti-assessment-item": _item_content(root)},
    }
    processing = _processing(root)
    if processing is not None:
        document["responseProcessing"] = processing
    return document | _stamps(row)


def stimulus_document(row: Stored) -> JsonObject:
    """One stimulus; ``content`` is an object here and a string on write (OA)."""
    fields = row.fields
    body = parse_shared(row.xml).find(f"{{{NAMESPACE}}}qti-stimulus-body")
    attributes = {
        "xmlns": NAMESPACE,
        "xmlns:xsi": XSI,
        "xsi:schemaLocation": SCHEMA,
        "identifier": row.identifier,
        "xml:lang": fields.get("language", "en"),
        "title": fields["title"],
    }
    content = {"_attributes": attributes, "qti-stimulus-body": {} if body is None else _as_object(_compact(body))}
    document: JsonObject = {"_id": row.object_id, "language": "en", "catalogInfo": []}
    document |= {name: value for name, value in fields.items() if name != "content"}
    document |= {"metadata": row.metadata, "rawXml": row.xml, "content": {"qti-assessment-stimulus": content}}
    return document | _stamps(row)


def stimulus_xml(fields: JsonObject) -> str:
    """The XML that the API generates from a stimulus's JSON form; the content must be well-formed."""
    language = str(fields.get("language", "en"))
    start = (
        f'<qti-assessment-stimulus xmlns="{NAMESPACE}" xmlns:xsi="{XSI}" xsi:schemaLocation="{SCHEMA}" '
        f"identifier={quoteattr(str(fields['identifier']))} xml:lang={quoteattr(language)} "
        f"title={quoteattr(str(fields['title']))}>"
    )
    body = f"<qti-stimulus-body>{fields['content']}</qti-stimulus-body>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{start}{body}</qti-assessment-stimulus>\n'


def stimulus_fields(root: _Element) -> JsonObject:
    """The JSON form of a stimulus that was sent as XML."""
    body = root.find(f"{{{NAMESPACE}}}qti-stimulus-body")
    inner = (
        ""
        if body is None
        else (body.text or "") + "".join(str(etree.tostring(child, encoding="unicode")) for child in body)
    )
    fields = {"identifier": root.get("identifier", ""), "title": root.get("title", ""), "content": inner}
    language = root.get(_XML_LANG)
    return fields | ({"language": language} if language else {})


def _stamps(row: Stored) -> JsonObject:
    return {"createdAt": row.created_at, "updatedAt": row.updated_at, "__v": row.version}


def _children(root: _Element, name: str) -> list[_Element]:
    return list(root.iterchildren(f"{{{NAMESPACE}}}{name}"))


def _declaration(element: _Element) -> JsonObject:
    found = {"identifier": element.get("identifier", ""), "cardinality": element.get("cardinality", "single")}
    base_type = element.get("base-type")
    return found | ({"baseType": base_type} if base_type in BASE_TYPES else {})


def _values(element: _Element) -> list[str]:
    correct = element.find(f"{{{NAMESPACE}}}qti-correct-response")
    return [] if correct is None else ["".join(map(str, value.itertext())) for value in _children(correct, "qti-value")]


def _response(element: _Element) -> JsonObject:
    return _declaration(element) | {"correctResponse": {"value": _values(element)}}


def _processing(root: _Element) -> JsonObject | None:
    """OA's typed form exists for the two standard templates only."""
    element = root.find(f"{{{NAMESPACE}}}qti-response-processing")
    template = "" if element is None else element.get("template", "").rpartition("/")[2].removesuffix(".xml")
    if template not in _TEMPLATES:
        return None
    response = root.find(f"{{{NAMESPACE}}}qti-response-declaration")
    return {
        "templateType": template,
        "responseDeclarationIdentifier": "RESPONSE" if response is None else response.get("identifier", "RESPONSE"),
        "outcomeIdentifier": "SCORE",
        "correctResponseIdentifier": "CORRECT",
        "incorrectResponseIdentifier": "INCORRECT",
    }


def _item_content(root: _Element) -> JsonObject:
    attributes = {
        "xmlns": NAMESPACE,
        "xmlns:xsi": XSI,
        "xsi:schemaLocation": root.get(f"{{{XSI}}}schemaLocation", SCHEMA),
        "identifier": root.get("identifier", ""),
        "title": root.get("title", ""),
        "adaptive": root.get("adaptive", "false"),
        "time-dependent": root.get("time-dependent", "false"),
    }
    content: JsonObject = {
        "_attributes": attributes,
        "qti-response-declaration": [
            {"_attributes": _variable(element), "qti-correct-response": {"qti-value": _values(element)}}
            for element in _children(root, "qti-response-declaration")
        ],
        "qti-outcome-declaration": [
            {"_attributes": _variable(element)} for element in _children(root, "qti-outcome-declaration")
        ],
    }
    references = [
        {"_attributes": {"identifier": "", "href": "", "title": ""} | _attributes(element)}
        for element in _children(root, "qti-assessment-stimulus-ref")
    ]
    if references:
        content["qti-assessment-stimulus-ref"] = references
    body = root.find(f"{{{NAMESPACE}}}qti-item-body")
    return content | ({} if body is None else {"qti-item-body": _compact(body)})


def _variable(element: _Element) -> JsonObject:
    return {
        "identifier": element.get("identifier", ""),
        "cardinality": element.get("cardinality", "single"),
        "baseType": element.get("base-type", ""),
    }


def _attributes(element: _Element) -> JsonObject:
    return {etree.QName(str(name)).localname: str(value) for name, value in element.attrib.items()}


def _as_object(value: Any) -> JsonObject:  # noqa: ANN401 - JSON
    return value if isinstance(value, dict) else {"_text": value}


def _compact(element: _Element) -> Any:  # noqa: ANN401 - JSON
    """An element as converters write it: attributes, text, children by name; one child is an object, several a list."""
    found: JsonObject = {}
    attributes = _attributes(element)
    if attributes:
        found["_attributes"] = attributes
    for child in element:
        if isinstance(child.tag, str):
            name, value = etree.QName(child).localname, _compact(child)
            found[name] = [*found[name], value] if isinstance(found.get(name), list) else _joined(found, name, value)
    text = "".join(piece for piece in (element.text, *(child.tail for child in element)) if piece).strip()
    if not found:
        return text
    return found | ({"_text": text} if text else {})


def _joined(found: JsonObject, name: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    return [found[name], value] if name in found else value
