"""The HTTP surface as an ASGI application: routes, who is let in, and headers that keep browsers from harm."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qtisync.errors import QtisyncError
from qtisync.web.admission import Circle, Refusal, Rules, admission
from qtisync.web.answers import refused
from qtisync.web.api import Api, telling
from qtisync.web.headers import headers_of
from qtisync.web.hooks import Hooks
from qtisync.web.surface import Surface

_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
)


def build_app(surface: Surface, *, circle: Circle = Circle.NETWORK, hosts: frozenset[str] = frozenset()) -> ASGIApp:
    """The application for one place where we listen.

    ``circle``: who can reach it. ``hosts``: the names by which it may be asked; empty: any.
    """
    api, hooks = Api(surface), Hooks(surface)
    looks = {
        "/healthz": api.healthz,
        "/readyz": api.readyz,
        "/metrics": api.metrics,
        "/": api.page,
        "/api/v1/status": api.status,
        "/api/v1/items/{identifier:path}": api.item,
        "/api/v1/jobs/{job}": api.job,
    }
    acts = {
        "/api/v1/sync": api.sync,
        "/api/v1/approve": api.approve,
        "/api/v1/pause": api.pause,
        "/api/v1/resume": api.resume,
        "/api/v1/retry": api.retry,
        "/hooks/{forge}": hooks.receive,
    }
    inner = Starlette(
        routes=[
            *(Route(path, telling(endpoint), methods=["GET"]) for path, endpoint in looks.items()),
            *(Route(path, telling(endpoint), methods=["POST"]) for path, endpoint in acts.items()),
        ],
        exception_handlers={HTTPException: _told, Exception: _failed},
    )
    inner.router.redirect_slashes = False
    return _Gate(inner, surface, circle=circle, hosts=hosts)


class _Gate:
    """Lets in who may, and adds the headers to every answer."""

    def __init__(self, app: ASGIApp, surface: Surface, *, circle: Circle, hosts: frozenset[str]) -> None:
        self._app, self._surface, self._circle, self._hosts = app, surface, circle, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                more = [line for line in _SAFE if line[0] not in there]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, safe)

    def _refusal(self, scope: Scope) -> Response | None:
        path, token, unreadable = scope["path"], None, False
        far = self._circle is Circle.NETWORK
        if self._surface.token is not None and far and not path.startswith("/hooks/"):
            try:
                token = self._surface.token()
            except QtisyncError:
                unreadable = True
        rules = Rules(circle=self._circle, token=token, public_metrics=self._surface.public_metrics, hosts=self._hosts)
        refusal = admission(rules, scope["method"], path, headers_of(scope["headers"]))
        if refusal is None:
            return None
        if unreadable and refusal.error == "no-token-configured":
            hint = "Look at daemon.token in the configuration: qtisync doctor."
            return refused(503, "no-token", "The token cannot be read here.", hint)
        return _answer_to(refusal, path)


def _answer_to(refusal: Refusal, path: str) -> Response:
    if path == "/":  # somebody with a browser reads this
        response: Response = PlainTextResponse(f"{refusal.message}\n{refusal.hint}\n", refusal.status)
    else:
        response = refused(refusal.status, refusal.error, refusal.message, refusal.hint)
    if refusal.challenge:
        response.headers["WWW-Authenticate"] = refusal.challenge
    return response


async def _told(_request: Request, error: Exception) -> Response:
    """What the router has to say, in our form."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 405:  # noqa: PLR2004 - "method not allowed"
        response = refused(405, "wrong-method", "This path is not for that method.")
    elif error.status_code == 404:  # noqa: PLR2004 - "not found"
        response = refused(404, "not-found", "There is nothing at this path.", "docs/http.md lists what there is.")
    else:
        response = refused(error.status_code, "refused", str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _failed(_request: Request, _error: Exception) -> Response:
    """A bug of ours: the log has it (the server writes it there), the answer says nothing of it."""
    return refused(500, "failed", "This failed; it is our fault.", "The daemon's log says what happened.")
