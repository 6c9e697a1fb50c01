"""The calls on assessment items (endpoint table of ``api.md``, 1 to 6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtisync.sandbox.bodies import RefusedCallError, json_body, metadata_of, xml_form
from qtisync.sandbox.listing import Catalogue
from qtisync.sandbox.messages import XML_TYPE, Call, JsonObject, Reply, error_reply
from qtisync.sandbox.options import Options
from qtisync.sandbox.rewriting import rewrite
from qtisync.sandbox.rules import Document, check_graders, check_outcomes, read, stimulus_names
from qtisync.sandbox.shelf import Stored
from qtisync.sandbox.world import World


class ItemCalls:
    """POST 201/400/409/500, PUT 200/400/404/500, GET 200/404, DELETE 204/404."""

    def __init__(self, options: Options, world: World, catalogue: Catalogue) -> None:
        self._options = options
        self._world = world
        self._shelf = world.item_shelf
        self._catalogue = catalogue

    def create(self, call: Call) -> Reply:
        """POST: never an update (C2)."""
        body = json_body(call)
        metadata = metadata_of(body) or {}
        document, xml = self._read(body)
        check_outcomes(document)
        row = self._shelf.create(document.identifier, rewrite(xml, self._options.raw_xml), metadata)
        return taken(document.identifier) if row is None else self._reply(201, row)

    def update(self, call: Call, identifier: str) -> Reply:
        """PUT: never a create (C2)."""
        body = json_body(call)
        metadata = metadata_of(body)
        document, xml = self._read(body)
        with self._world.lock:
            target = self._target(identifier, document.identifier)
            row = self._shelf.get(target)
            if row is None:
                return not_found(target)
            changes: dict[str, Any] = {"xml": rewrite(xml, self._options.raw_xml)}
            changes["metadata"] = self._metadata(row, metadata)
            if not self._options.typed_fields_lag:
                changes["model_xml"] = changes["xml"]
            if self._options.path_mismatch == "rename":
                changes["identifier"] = document.identifier
            changed = self._shelf.update(target, **changes)
        return not_found(target) if changed is None else self._reply(200, changed)

    def read(self, call: Call, identifier: str) -> Reply:
        """GET: the request's Content-Type chooses the form of the answer (endpoint 3: OA, sic)."""
        row = self._shelf.get(identifier)
        if row is None:
            return not_found(identifier)
        if "xml" in call.headers.get("content-type", ""):
            return Reply(status=200, content_type=XML_TYPE, body=row.xml.encode())
        return replace(self._reply(200, row), applied=False)

    def delete(self, identifier: str) -> Reply:
        """DELETE: for good, nothing else is touched (C14)."""
        return Reply(status=204, applied=True) if self._shelf.remove(identifier) else not_found(identifier)

    def _read(self, body: JsonObject) -> tuple[Document, str]:
        xml = xml_form(body)
        document = read(xml, "qti-assessment-item")
        check_graders(document, self._options.grader_hosts)
        wanted = stimulus_names(document)
        sibling = body.get("stimulus")
        if isinstance(sibling, dict):
            wanted.append({str(sibling.get("identifier", ""))})
        present = self._world.stimuli()
        if any(not names & present.keys() for names in wanted):
            raise RefusedCallError(
                error_reply(400, "Stimulus(s) not found", "An item refers to a stimulus that does not exist")
            )
        return document, xml

    def _target(self, path: str, root: str) -> str:
        """Which item a PUT is for when its path and its XML disagree (C5)."""
        if path == root:
            return path
        match self._options.path_mismatch:
            case "400":
                raise RefusedCallError(error_reply(400, "Identifier mismatch", f"Path has {path!r}, XML has {root!r}"))
            case "ignore-path":
                return root
            case "rename" if self._shelf.get(root) is not None:
                raise RefusedCallError(taken(root))
            case _:
                return path

    def _metadata(self, row: Stored, sent: JsonObject | None) -> JsonObject:
        match self._options.metadata_on_put:
            case "replace":
                return sent or {}
            case "merge":
                return row.metadata | (sent or {})
            case "keep-if-absent":
                return row.metadata if sent is None else sent

    def _reply(self, status: int, row: Stored) -> Reply:
        return Reply(status=status, body=self._catalogue.encoded(row), applied=True)


def not_found(identifier: str, what: str = "Assessment item") -> Reply:
    """The API's own 404 (C7)."""
    return error_reply(404, f"{what} not found", f"No {what.lower()} with identifier {identifier!r}")


def taken(identifier: str, what: str = "Assessment item") -> Reply:
    """409: nothing changed (C2)."""
    message = f"{what} with identifier {identifier!r} already exists"
    return error_reply(409, "Conflict", message, message=message)
