"""``POST /validate`` and ``/validate/batch`` (13, 14): ``success`` is a string, an invalid document answers 200."""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from qtisync.sandbox.bodies import RefusedCallError, issues_reply, json_body
from qtisync.sandbox.messages import Call, JsonObject, Reply, json_reply
from qtisync.sandbox.rules import RefusedXmlError, parse, read
from qtisync.sandbox.shelf import Stored
from qtisync.sandbox.world import World

_ROOTS: Final[dict[str, Literal["qti-assessment-item", "qti-assessment-stimulus"]]] = {
    "item": "qti-assessment-item",
    "stimulus": "qti-assessment-stimulus",
}


class ValidateCalls:
    """Advisory only: the verdict and the answer to a write may differ (C10)."""

    def __init__(self, world: World) -> None:
        self._world = world

    def one(self, call: Call) -> Reply:
        """One document, or one stored entity: ``entityId`` wins and ``xml`` is then ignored."""
        body = json_body(call)
        schema = _schema(body)
        entity, xml = body.get("entityId"), body.get("xml")
        if isinstance(entity, str) and entity:
            return self._entity(schema, entity)
        if not isinstance(xml, str):
            raise _refused("xml", "Either xml or entityId is required")
        return json_reply(200, _verdict(schema, xml, None))

    def batch(self, call: Call) -> Reply:
        """Several documents, or several stored entities."""
        body = json_body(call)
        schema = _schema(body)
        xmls, entities = body.get("xml"), body.get("entityIds")
        if not isinstance(xmls, list) or not isinstance(entities, list):
            raise _refused("xml", "xml and entityIds are required lists")
        if not entities:
            return json_reply(200, {"results": [_verdict(schema, str(xml), None) for xml in xmls]})
        found = [(str(name), self._find(schema, str(name))) for name in entities]
        missing = next((name for name, row in found if row is None), None)
        if missing is not None:
            return _no_entity(missing)
        return json_reply(200, {"results": [_verdict(schema, row.xml, name) for name, row in found if row is not None]})

    def _entity(self, schema: str, identifier: str) -> Reply:
        row = self._find(schema, identifier)
        return _no_entity(identifier) if row is None else json_reply(200, _verdict(schema, row.xml, identifier))

    def _find(self, schema: str, identifier: str) -> Stored | None:
        match schema:
            case "item":
                return self._world.item(identifier)
            case "stimulus":
                return self._world.stimulus(identifier)
            case _:
                return None


def _verdict(schema: str, xml: str, identifier: str | None) -> JsonObject:
    problems: list[str] = []
    try:
        if schema in _ROOTS:
            read(xml, _ROOTS[schema])
        else:
            parse(xml)
    except RefusedXmlError as error:
        problems.append(str(error))
    return {
        "success": "false" if problems else "true",
        "entityId": identifier or "generated-" + hashlib.sha256(xml.encode("utf-8", "replace")).hexdigest()[:16],
        "xmlContent": xml,
        "validationErrors": problems,
        "message": f"Invalid XML: {problems[0]}" if problems else "Valid XML",
    }


def _no_entity(identifier: str) -> Reply:
    message = f"No entity with identifier {identifier!r}"
    return json_reply(404, {"success": False, "entityId": identifier, "error": "Entity not found", "message": message})


def _schema(body: JsonObject) -> str:
    schema = body.get("schema")
    if schema not in {"item", "test", "stimulus"}:
        raise _refused("schema", "Invalid enum value. Expected test | item | stimulus")
    return str(schema)


def _refused(field: str, message: str) -> RefusedCallError:
    return RefusedCallError(issues_reply([{"field": field, "message": message, "code": "invalid"}]))
