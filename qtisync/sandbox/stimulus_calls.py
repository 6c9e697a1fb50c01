"""The calls on stimuli (endpoint table of ``api.md``, 8 to 12)."""

from __future__ import annotations

from dataclasses import replace

from qtisync.sandbox.bodies import RefusedCallError, issues_reply, json_body, text_field
from qtisync.sandbox.documents import stimulus_fields, stimulus_xml
from qtisync.sandbox.item_calls import not_found, taken
from qtisync.sandbox.listing import Catalogue
from qtisync.sandbox.messages import Call, JsonObject, Reply, crash_reply, error_reply
from qtisync.sandbox.options import Options
from qtisync.sandbox.rules import fragment_problem, read
from qtisync.sandbox.world import World

_KEPT = ("identifier", "title", "label", "language", "stylesheet", "catalogInfo", "toolName", "toolVersion", "content")


class StimulusCalls:
    """POST 201/400/409, PUT 200/400/404, GET 200/404, DELETE 204/404."""

    def __init__(self, options: Options, world: World, catalogue: Catalogue) -> None:
        self._options = options
        self._shelf = world.stimulus_shelf
        self._catalogue = catalogue

    def create(self, call: Call) -> Reply:
        """POST, JSON or XML form (C9: OA has an example of each)."""
        fields, xml, metadata = self._read(json_body(call))
        row = self._shelf.create(fields["identifier"], xml, metadata, fields)
        if row is None:
            return taken(fields["identifier"], "Stimulus")
        return Reply(status=201, body=self._catalogue.encoded(row), applied=True)

    def update(self, call: Call, identifier: str) -> Reply:
        """PUT: replaces; the path says which one."""
        body = json_body(call)
        if body.get("format") == "xml" and self._options.stimulus_xml_put == "500":
            return crash_reply("DocumentNotFoundError: No document found for query on model QTIStimulus")
        fields, xml, metadata = self._read(body)
        if fields["identifier"] != identifier:
            return error_reply(
                400, "Identifier mismatch", f"Path has {identifier!r}, body has {fields['identifier']!r}"
            )
        row = self._shelf.update(identifier, xml=xml, model_xml=xml, fields=fields, metadata=metadata)
        if row is None:
            return error_reply(404, "Stimulus not found or failed to update")
        return Reply(status=200, body=self._catalogue.encoded(row), applied=True)

    def read(self, identifier: str) -> Reply:
        """GET."""
        row = self._shelf.get(identifier)
        if row is None:
            return not_found(identifier, "Stimulus")
        return replace(Reply(status=200, body=self._catalogue.encoded(row)), applied=False)

    def delete(self, identifier: str) -> Reply:
        """DELETE: items that refer to it stay as they are, and their next PUT fails (C14)."""
        found = self._shelf.remove(identifier)
        return Reply(status=204, applied=True) if found else not_found(identifier, "Stimulus")

    def _read(self, body: JsonObject) -> tuple[JsonObject, str, JsonObject]:
        metadata = body.get("metadata", {})
        if not isinstance(metadata, dict):
            raise _refused("metadata", "Expected object")
        if body.get("format") == "xml":
            xml = text_field(body, "xml")
            return stimulus_fields(read(xml, "qti-assessment-stimulus").root), xml, metadata
        for name in ("identifier", "title", "content"):
            text_field(body, name)
        problem = fragment_problem(body["content"])
        if problem is not None:
            raise _refused("content", problem)
        fields = {name: body[name] for name in _KEPT if name in body}
        return fields, stimulus_xml(fields), metadata


def _refused(field: str, message: str) -> RefusedCallError:
    return RefusedCallError(issues_reply([{"field": field, "message": message, "code": "invalid"}]))
