"""From a call to its answer: which path is whose, and who may pass. No sockets, no faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qtisync.sandbox.bodies import RefusedCallError, xml_reply
from qtisync.sandbox.documents import item_document, stimulus_document
from qtisync.sandbox.item_calls import ItemCalls, not_found
from qtisync.sandbox.listing import Catalogue
from qtisync.sandbox.messages import Call, Reply, html_reply, json_reply
from qtisync.sandbox.metadata_calls import MetadataCalls
from qtisync.sandbox.options import Options
from qtisync.sandbox.rules import RefusedXmlError
from qtisync.sandbox.stimulus_calls import StimulusCalls
from qtisync.sandbox.tokens import Tokens
from qtisync.sandbox.validate_calls import ValidateCalls
from qtisync.sandbox.world import World

_SORTS = ("title", "identifier", "createdAt", "updatedAt")


class Api:
    """The API itself: one call in, one answer out."""

    def __init__(self, options: Options, world: World, tokens: Tokens) -> None:
        self._options = options
        self._world = world
        self._tokens = tokens
        self._item_list = Catalogue(world.item_shelf, options, item_document, (*_SORTS, "type"))
        self._stimulus_list = Catalogue(world.stimulus_shelf, options, stimulus_document, _SORTS)
        self._items = ItemCalls(options, world, self._item_list)
        self._metadata = MetadataCalls(options, world, self._item_list)
        self._stimuli = StimulusCalls(options, world, self._stimulus_list)
        self._validate = ValidateCalls(world)

    def answer(self, call: Call, now: float) -> Reply:
        """Route, authorise, do. ``now`` is monotonic seconds."""
        if call.segments == ("oauth2", "token"):
            return self._tokens.mint(call, now)
        handler = self._handler(call)
        if handler is None:
            return html_reply(404, f"Cannot {call.method} {call.path}")
        refusal = self._tokens.refuse(call, now)
        if refusal is not None:
            return refusal
        try:
            return handler()
        except RefusedCallError as error:
            return error.reply
        except RefusedXmlError as error:
            return xml_reply(error, self._options)

    def _handler(self, call: Call) -> Callable[[], Reply] | None:
        if call.segments[:1] != ("api",):
            return None
        match (call.method, *call.segments[1:]):
            case ("POST", "validate"):
                return lambda: self._validate.one(call)
            case ("POST", "validate", "batch"):
                return lambda: self._validate.batch(call)
            case (_, "assessment-items", *rest) if rest or call.method != "DELETE":
                return self._item_handler(call, rest)
            case (_, "stimuli", *rest) if rest or call.method != "DELETE":
                return self._stimulus_handler(call, rest)
            case ("DELETE", identifier):
                return lambda: self._delete_anything(identifier)
            case _:
                return None

    def _item_handler(self, call: Call, rest: list[str]) -> Callable[[], Reply] | None:
        match (call.method, *rest):
            case ("GET",):
                return lambda: self._item_list.page(call, filtered=True)
            case ("POST",):
                return lambda: self._items.create(call)
            case ("POST", "metadata"):
                return lambda: self._metadata.write(call)
            case ("GET", identifier):
                return lambda: self._items.read(call, identifier)
            case ("PUT", identifier):
                return lambda: self._items.update(call, identifier)
            case ("DELETE", identifier):
                return lambda: self._items.delete(identifier)
            case _:
                return None

    def _stimulus_handler(self, call: Call, rest: list[str]) -> Callable[[], Reply] | None:
        match (call.method, *rest):
            case ("GET",):
                return lambda: self._stimulus_list.page(call, filtered=False)
            case ("POST",):
                return lambda: self._stimuli.create(call)
            case ("GET", identifier):
                return lambda: self._stimuli.read(identifier)
            case ("PUT", identifier):
                return lambda: self._stimuli.update(call, identifier)
            case ("DELETE", identifier):
                return lambda: self._stimuli.delete(identifier)
            case _:
                return None

    def _delete_anything(self, identifier: str) -> Reply:
        """The dangerous route: a mangled item path must be caught here by a test."""
        found = self._world.remove_item(identifier) or self._world.remove_stimulus(identifier)
        reply = json_reply(200, {"message": "Deleted"}) if found else not_found(identifier, "Entity")
        return replace(reply, applied=found, catastrophe=True)
