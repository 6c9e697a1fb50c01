"""``POST /assessment-items/metadata``: four descriptions that exclude one another (C1), one mode for each.

``merge`` and ``replace`` write the metadata of exactly the item that the XML names (S2); the XML is not stored.
``ignore`` answers 201 and changes nothing. ``merge_wrongly`` merges but loses a nested list, or the last key where
there is none. ``reset_all`` merges and sets ``humanApproved`` to false on every item (OA). ``creates`` is ``merge``
that also creates a missing item (SDK-Q). ``404`` has no such route: the framework's page answers.
"""

from __future__ import annotations

from qtisync.sandbox.bodies import json_body, metadata_of, xml_form
from qtisync.sandbox.item_calls import not_found
from qtisync.sandbox.listing import Catalogue
from qtisync.sandbox.messages import Call, JsonObject, Reply, html_reply
from qtisync.sandbox.options import Options
from qtisync.sandbox.rewriting import rewrite
from qtisync.sandbox.rules import read
from qtisync.sandbox.shelf import Stored
from qtisync.sandbox.world import World


class MetadataCalls:
    """One call, seven behaviours."""

    def __init__(self, options: Options, world: World, catalogue: Catalogue) -> None:
        self._mode = options.metadata_endpoint
        self._raw_xml = options.raw_xml
        self._world = world
        self._shelf = world.item_shelf
        self._catalogue = catalogue

    def write(self, call: Call) -> Reply:
        """201 with the item."""
        if self._mode == "404":
            return html_reply(404, f"Cannot POST {call.path}")
        body = json_body(call)
        sent = metadata_of(body) or {}
        xml = xml_form(body)
        identifier = read(xml, "qti-assessment-item").identifier
        with self._world.lock:
            row = self._shelf.get(identifier)
            if row is None:
                return self._missing(identifier, xml, sent)
            if self._mode == "ignore":
                return Reply(status=201, body=self._catalogue.encoded(row))
            if self._mode == "reset_all":
                self._reset_others(identifier)
            changed = self._shelf.update(identifier, metadata=self._merged(row, sent))
        return not_found(identifier) if changed is None else self._reply(changed)

    def _missing(self, identifier: str, xml: str, sent: JsonObject) -> Reply:
        created = self._shelf.create(identifier, rewrite(xml, self._raw_xml), sent) if self._mode == "creates" else None
        return not_found(identifier) if created is None else self._reply(created)

    def _merged(self, row: Stored, sent: JsonObject) -> JsonObject:
        match self._mode:
            case "replace":
                return sent
            case "merge_wrongly":
                kept = {name: value for name, value in sent.items() if not isinstance(value, list)}
                return row.metadata | (kept if len(kept) < len(sent) else dict(list(sent.items())[:-1]))
            case "reset_all":
                return row.metadata | sent | {"humanApproved": False}
            case _:
                return row.metadata | sent

    def _reset_others(self, identifier: str) -> None:
        for other in self._shelf.all().values():
            if other.identifier != identifier and other.metadata.get("humanApproved") is not False:
                self._shelf.update(other.identifier, metadata=other.metadata | {"humanApproved": False})

    def _reply(self, row: Stored) -> Reply:
        return Reply(status=201, body=self._catalogue.encoded(row), applied=True)
