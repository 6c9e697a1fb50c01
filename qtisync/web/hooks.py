"""Webhooks: whoever knows the secret may ring the bell, and nothing more. Signature first, then the message."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from qtisync.errors import QtisyncError
from qtisync.web.answers import UnfitError, answer, busy, read_body, refused
from qtisync.web.deliveries import keys_of
from qtisync.web.headers import Headers, headers_of
from qtisync.web.pushes import NotAPush, Ping, Unreadable, delivery_id, read_push, rings
from qtisync.web.signatures import Forge, is_genuine
from qtisync.web.surface import Surface
from qtisync.web.threads import BusyError

MAX_BODY = 1024 * 1024
QUIET = 60.0
"""Seconds in which the same kind of refusal is logged once: a flood must not fill the log."""
_FORGES = {forge.value: forge for forge in Forge}


class Hooks:
    """``POST /hooks/{forge}``."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._told: dict[tuple[str, str], float] = {}

    async def receive(self, request: Request) -> Response:
        """Answer one delivery. What became of it is counted by forge and outcome, and nothing else of it is kept."""
        forge = _FORGES.get(request.path_params["forge"])
        if forge is None:
            hint = f"There are: {', '.join(f'/hooks/{name}' for name in _FORGES)}."
            return refused(404, "not-found", "There is no such webhook.", hint)
        try:
            outcome, response = await self._dealt_with(forge, request)
        except UnfitError as unfit:
            outcome, response = unfit.error, unfit.response()
        except BusyError:
            outcome, response = "busy", busy()
        self._note(forge, outcome, request.url.path)
        return response

    async def _dealt_with(self, forge: Forge, request: Request) -> tuple[str, Response]:
        secret = self._secret(forge)
        body = await read_body(request, MAX_BODY)
        headers = headers_of(request.headers.raw)
        if not is_genuine(forge, secret, headers, body, self._surface.now()):
            hint = "Give the webhook the secret that is configured here as webhooks." + forge.value + "."
            raise UnfitError(401, "wrong-signature", "The signature is missing or wrong.", hint)
        told = read_push(forge, headers, body)
        match told:
            case Unreadable():
                raise UnfitError(400, "unreadable", f"This is not the message of a push: {told.why}.")
            case Ping():
                return "pong", answer({"outcome": "pong"})
            case NotAPush():
                return _ignored("this event is not about a push")
        if not rings(told.refs, self._surface.ref):
            return _ignored("no ref that is followed here was moved")
        return await self._ring(forge, headers, body)

    async def _ring(self, forge: Forge, headers: Headers, body: bytes) -> tuple[str, Response]:
        surface = self._surface
        keys = keys_of(forge, delivery_id(forge, headers), body)
        if not surface.deliveries.is_new(keys, surface.now()):
            return "seen", answer({"outcome": "seen", "message": "This delivery came before."}, 202)
        try:
            job = await surface.threads.quick(partial(surface.control.ring, f"webhook/{forge}"))
        except BaseException:
            surface.deliveries.forget(keys)
            raise
        return "rung", answer({"outcome": "rung", "job": job.id}, 202)

    def _secret(self, forge: Forge) -> str:
        read = self._surface.secrets.get(forge)
        if read is None:
            message = f"Webhooks of {forge} are not set up here."
            raise UnfitError(404, "not-configured", message, f"Set webhooks.{forge} in the configuration.")
        try:
            return read()
        except QtisyncError:
            message = f"The secret of {forge}'s webhook cannot be read here."
            hint = f"Look at webhooks.{forge} in the configuration: qtisync doctor."
            raise UnfitError(503, "no-secret", message, hint) from None

    def _note(self, forge: Forge, outcome: str, path: str) -> None:
        surface, now = self._surface, self._surface.now()
        surface.metrics.delivered(forge.value, outcome)
        if outcome in {"rung", "seen", "ignored", "pong"}:
            surface.log("webhook_answered", path=path, forge=forge.value, outcome=outcome)
        elif self._told.get((forge.value, outcome), now - QUIET) <= now - QUIET:
            self._told[forge.value, outcome] = now
            surface.log("webhook_refused", path=path, forge=forge.value, outcome=outcome)


def _ignored(why: str) -> tuple[str, Response]:
    return "ignored", answer({"outcome": "ignored", "message": f"Nothing to do: {why}."}, 202)
