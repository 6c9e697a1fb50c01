"""The QTI API over HTTP.

A request is tried once. Two exceptions: after a 401 the token is renewed and the same bytes are sent once more; and a
GET or HEAD whose *kept-alive* connection breaks before any answer goes out once more, on a new one (``http_lines``).
For other methods a broken connection is ``LOST``: nobody can know whether the server had read the request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from qtisync.adapters.credentials import Credentials, Token, TokenClient
from qtisync.adapters.endpoint import Endpoint, Timeouts
from qtisync.adapters.http_lines import HELD, Lines
from qtisync.adapters.origins import request_url
from qtisync.adapters.read_only import ReadOnlyApi
from qtisync.delivery.messages import Failure, FailureKind, MayLeave, Reply, Request, Response

__all__ = ["Endpoint", "HttpApi", "ReadOnlyApi", "Timeouts"]

_GUESSABLE = 8  # characters


class HttpApi:
    """``Api`` over HTTP/1.1 with a bearer token."""

    def __init__(self, endpoint: Endpoint, *, timeouts: Timeouts | None = None, max_body: int = 50_000_000) -> None:
        self._endpoint = endpoint
        self._timeouts = timeouts or Timeouts()
        self._lines = Lines(endpoint, self._timeouts, max_body)
        client = TokenClient(
            token_url=endpoint.token_url,
            client_id=endpoint.client_id,
            client_secret=endpoint.client_secret,
            client_auth=endpoint.client_auth,
            scope=endpoint.scope,
            on_token=endpoint.on_token,
        )
        self._credentials = Credentials(client, self._post_form)

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        """Send one request with a valid token (one refresh and one replay after a 401), if it still ``may_leave``.

        Raises ``ValueError`` for a request that must not exist (see ``request_url``; NaN in the body; a DELETE at the
        root of the API) and ``ConfigError`` if ``ca_file`` cannot be read.
        """
        if request.method == "DELETE" and len(request.segments) < 2:  # noqa: PLR2004 - collection and identifier
            raise ValueError("DELETE at the root of the API removes anything that has this name")
        url = request_url(self._endpoint.base_url, request.segments, request.query)
        body = None if request.body is None else _json(request.body)
        token = self._credentials.token()
        reply: Reply = token if isinstance(token, Failure) else self._try(request.method, url, body, token, may_leave)
        if isinstance(token, Failure) or isinstance(reply, Failure) or reply.status != HTTPStatus.UNAUTHORIZED:
            return reply
        token = self._credentials.token(refused=token)
        return token if isinstance(token, Failure) else self._try(request.method, url, body, token, may_leave)

    def close(self) -> None:
        """Close all connections; requests under way end as ``LOST``. A later ``send`` opens new ones."""
        self._lines.close()

    def _try(self, method: str, url: str, body: bytes | None, token: Token, may_leave: MayLeave | None) -> Reply:
        if may_leave is not None and not may_leave():  # to get the token may have taken a while
            return Failure(kind=FailureKind.HELD, message=HELD)
        headers = {
            "accept": "application/json",
            "authorization": f"Bearer {token.value}",
            "user-agent": self._endpoint.user_agent,
        }
        if body is not None:  # on a GET a content type would choose the format of the answer
            headers["content-type"] = "application/json"
        reply = self._lines.exchange(method, url, headers, body, self._timeouts.total, may_leave)
        return reply if isinstance(reply, Failure) else _without(token.value, reply)

    def _post_form(self, url: str, headers: Mapping[str, str], form: bytes) -> Reply:
        dressed = {**headers, "user-agent": self._endpoint.user_agent}
        return self._lines.exchange("POST", url, dressed, form, self._timeouts.token_total)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _json(body: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(dict(body)).encode()


def _without(token: str, response: Response) -> Response:
    """The response, without our token where a server's error repeats it: its words end up in logs and reports."""
    raw = token.encode()
    if response.status < HTTPStatus.BAD_REQUEST or len(raw) < _GUESSABLE:  # a short one may stand in any text
        return response
    headers = {name: value.replace(token, "[token]") for name, value in response.headers.items()}
    return replace(response, headers=headers, body=response.body.replace(raw, b"[token]"))
