"""``/_sandbox/``: for people and for tests in other processes. Neither limited nor in the journal, no token needed.

GET  /_sandbox/journal             every request so far, peak, tokens minted, what the limit let through
GET  /_sandbox/items               all items and stimuli as they are stored
POST /_sandbox/items/{id}          {"xml"?, "metadata"?}: change an item (or create it) as another writer
DELETE /_sandbox/items/{id}        delete an item as another writer
POST /_sandbox/faults              {"clear"?: true, "add"?: [rule, ...]}
POST /_sandbox/rate                {"rate": 5, "burst"?: 1}; {"rate": null} lifts the limit
POST /_sandbox/tokens/revoke       every token is unknown from now on
"""

from __future__ import annotations

import json
from dataclasses import asdict

from qtisync.sandbox.faults import Faults
from qtisync.sandbox.journal import Journal
from qtisync.sandbox.limits import Bucket
from qtisync.sandbox.messages import Call, JsonObject, Reply, error_reply, json_reply
from qtisync.sandbox.shelf import Stored
from qtisync.sandbox.tokens import Tokens
from qtisync.sandbox.world import World


class Control:
    """The remote control of one sandbox."""

    def __init__(self, world: World, journal: Journal, bucket: Bucket, faults: Faults, tokens: Tokens) -> None:
        self._world = world
        self._journal = journal
        self._bucket = bucket
        self._faults = faults
        self._tokens = tokens

    def answer(self, call: Call) -> Reply:
        """Answer one call. Web pages may not call: a browser sends an Origin."""
        if "origin" in call.headers:
            return error_reply(403, "Web pages may not steer the sandbox")
        try:
            body = json.loads(call.body) if call.body else {}
            if not isinstance(body, dict):
                return error_reply(400, "The body is not a JSON object")
            return self._route(call, body)
        except (ValueError, TypeError) as error:
            return error_reply(400, "Bad Request", str(error))

    def _route(self, call: Call, body: JsonObject) -> Reply:
        match (call.method, *call.segments[1:]):
            case ("GET", "journal"):
                return json_reply(200, self._show_journal())
            case ("GET", "items"):
                items, stimuli = self._world.items().values(), self._world.stimuli().values()
                return json_reply(200, {"items": [*map(_shown, items)], "stimuli": [*map(_shown, stimuli)]})
            case ("POST", "items", identifier):
                return self._edit(identifier, body)
            case ("DELETE", "items", identifier):
                return Reply(status=204) if self._world.remove_item(identifier) else error_reply(404, "No such item")
            case ("POST", "faults"):
                return self._script(body)
            case ("POST", "rate"):
                self._bucket.set_rate(body.get("rate"), body.get("burst"))
                return json_reply(200, {})
            case ("POST", "tokens", "revoke"):
                self._tokens.revoke_all()
                return json_reply(200, {})
            case _:
                return error_reply(404, "The sandbox has no such control")

    def _show_journal(self) -> JsonObject:
        entries = self._journal.entries()
        return {
            "entries": [asdict(entry) | {"writes": entry.writes} for entry in entries],
            "peak": self._journal.peak,
            "in_flight": self._journal.in_flight,
            "mints": self._tokens.mints,
            "passed": self._bucket.passed,
            "refused": self._bucket.refused,
            "faults": self._faults.counts(),
        }

    def _edit(self, identifier: str, body: JsonObject) -> Reply:
        xml, metadata = body.get("xml"), body.get("metadata")
        if not isinstance(xml, str | None) or not isinstance(metadata, dict | None):
            return error_reply(400, "xml is a text, metadata is an object")
        if self._world.item(identifier) is not None:
            return json_reply(200, _shown(self._world.edit_item(identifier, xml, metadata)))
        if xml is None:
            return error_reply(404, "No such item; give its xml to create it")
        return json_reply(201, _shown(self._world.put_item(identifier, xml, metadata)))

    def _script(self, body: JsonObject) -> Reply:
        rules = body.get("add", [])
        if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
            return error_reply(400, "add is a list of rules")
        if body.get("clear"):
            self._faults.clear()
        self._faults.add(*rules)
        return json_reply(200, {"faults": list(self._faults.rules)})


def _shown(row: Stored) -> JsonObject:
    return {
        "identifier": row.identifier,
        "xml": row.xml,
        "metadata": row.metadata,
        "version": row.version,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }
