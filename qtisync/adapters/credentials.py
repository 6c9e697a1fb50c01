"""OAuth2 client credentials: one token for all threads, one flight at a time, refreshed early.

How the token request travels is not known here (``http_api`` hands in ``post``); what its answer means is. Neither the
secret nor a token is ever part of a message, a repr or an exception.
"""

from __future__ import annotations

import base64
import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, TypeAlias
from urllib.parse import quote_plus, urlencode

from qtisync.adapters.origins import shown
from qtisync.delivery.messages import Failure, FailureKind, Reply, Response
from qtisync.errors import QtisyncError

ClientAuth: TypeAlias = Literal["body", "basic"]
"""Where the credentials stand in the token request: in the form, or in an ``Authorization: Basic`` header."""
Post: TypeAlias = Callable[[str, Mapping[str, str], bytes], Reply]
"""Sends one POST (address, headers, body)."""

_DEFAULT_LIFE = 3600.0  # seconds; what the API's own token endpoint is known to give
_LONGEST_LIFE = 86_400.0  # seconds; a longer promise is not believed
_MEMORY = 1.0  # seconds for which a refusal answers for the same credentials
_TOKEN = re.compile(r"[\x21-\x7e]+")
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
_KNOWN = {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
_NOT_THERE = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE}
_PASSING = {"temporarily_unavailable", "server_error"}
_HINT = "check client_id and client_secret; stray white space is a common cause"
_HINTS = {"invalid_scope": "check scope", "invalid_request": "check client_auth (body or basic) and scope"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Token:
    """A bearer token; compared by identity, because a server may give the same text twice.

    ``due`` and ``expires`` are points of the monotonic clock: from when a new one is wanted, and the end of this one.
    """

    value: str = field(repr=False)
    due: float
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClient:
    """Who asks: where and as whom. The two functions are called anew for each token request, so that rotation works."""

    token_url: str
    client_id: Callable[[], str] = field(repr=False)
    client_secret: Callable[[], str] = field(repr=False)
    client_auth: ClientAuth = "body"
    scope: str = ""
    on_token: Callable[[], None] = field(default=lambda: None, repr=False)
    """Hears of each new token."""


class Credentials:
    """The token of one client. Threads share it: whoever finds it used up asks, all others wait for that answer."""

    def __init__(self, client: TokenClient, post: Post, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._post = post
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._tries = 0
        self._failure: Failure | None = None
        self._failed_at = -math.inf
        self._failed_with: tuple[str, str] | None = None
        self._proven = False

    def token(self, refused: Token | None = None) -> Token | Failure:
        """A token that is fresh and is not ``refused``, the one that the API just answered with a 401."""
        tries = self._tries
        kept = self._token
        if kept is not None and kept is not refused and self._monotonic() < kept.due:
            return kept
        with self._lock:
            return self._renewed(refused, tries)

    def _renewed(self, refused: Token | None, tries: int) -> Token | Failure:
        if self._token is refused:
            self._token = None  # nobody else shall try it
        kept = self._token
        now = self._monotonic()
        if kept is not None and now < kept.due:
            return kept
        spare = kept if kept is not None and now < kept.expires else None
        if self._tries != tries and self._failure is not None:
            answer: Token | Failure = self._failure  # of the request that we waited for
        else:
            answer = self._asked(now, spare)
        if spare is not None and isinstance(answer, Failure) and answer.kind is not FailureKind.DENIED:
            return spare  # it was only to be renewed early: work goes on until it really ends
        return answer

    def _asked(self, now: float, spare: Token | None) -> Token | Failure:
        try:
            who = self._client.client_id().strip(), self._client.client_secret().strip()
        except (QtisyncError, OSError) as exc:
            return _denied(f"client_id or client_secret cannot be read ({type(exc).__name__})")
        remembered = self._failure if now - self._failed_at < _MEMORY and who == self._failed_with else None
        if remembered is not None and (spare is not None or remembered.kind is FailureKind.DENIED):
            return remembered
        answer = self._fetch(who)
        self._tries += 1
        if isinstance(answer, Token):
            self._token, self._failure, self._proven = answer, None, True
            self._client.on_token()
        else:
            self._failure, self._failed_at, self._failed_with = answer, self._monotonic(), who
        return answer

    def _fetch(self, who: tuple[str, str]) -> Token | Failure:
        if not all(who):
            return _denied("client_id or client_secret is empty")
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        form = {"grant_type": "client_credentials"}
        if self._client.client_auth == "basic":
            pair = ":".join(quote_plus(part) for part in who)  # RFC 6749, 2.3.1: form-encoded before base64
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": who[0], "client_secret": who[1]}
        if self._client.scope:
            form["scope"] = self._client.scope
        asked = self._monotonic()  # before the request: the life counts from some moment after it
        reply = self._post(self._client.token_url, headers, urlencode(form).encode())
        read = read_token(reply, asked, place=shown(self._client.token_url), secret=who[1])
        if self._proven and isinstance(read, Failure) and read.kind is FailureKind.NO_TOKEN_ENDPOINT:
            return _unavailable(
                read.message, read.elapsed
            )  # it gave us tokens before: something passing is in its place
        return read


def read_token(reply: Reply, asked: float, *, place: str, secret: str) -> Token | Failure:
    """What the token endpoint's answer means; ``place`` names the endpoint for people.

    It is refused (the credentials are at fault) only if it says so in its own words: an error code, a 401 or a 403. A
    redirect, a 404 and a success without a token come from something that is no token endpoint (``token_url`` is at
    fault). All else passes: a proxy's refusal, a gateway's 502.
    """
    if isinstance(reply, Failure) and reply.kind is FailureKind.REDIRECTED:
        return _no_endpoint(f"no token from {place}: {reply.message}", reply.elapsed)
    if isinstance(reply, Failure):
        return _unavailable(f"no token from {place}: {reply.message}", reply.elapsed)
    document = _document(reply.body)
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return _accepted(document, asked, place)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = reply.headers.get("retry-after")
        message = f"the token endpoint {place} asks for a pause (HTTP 429)"
        return Failure(kind=FailureKind.TOKEN_THROTTLED, message=message, retry_after=wait, elapsed=reply.elapsed)
    return _refused(reply, _error_code(document, secret), place)


def _refused(reply: Response, code: str, place: str) -> Failure:
    said = f"HTTP {reply.status}{f', {code}' if code else ''}"
    said_so = reply.status == HTTPStatus.BAD_REQUEST and code and code not in _PASSING
    if said_so or reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        message = f"the token endpoint {place} refused our credentials ({said}); {_HINTS.get(code, _HINT)}"
        return _denied(message, reply.elapsed)
    if reply.status in _NOT_THERE:
        return _no_endpoint(f"there is no token endpoint at {place} ({said}); check token_url", reply.elapsed)
    advice = "; check token_url" if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR else ""
    return _unavailable(f"no token from {place} ({said}){advice}", reply.elapsed)


def _accepted(document: Mapping[str, object], asked: float, place: str) -> Token | Failure:
    value = document.get("access_token")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        return _no_endpoint(f"the answer of the token endpoint {place} holds no usable token; check token_url")
    life = _life(document.get("expires_in"))
    return Token(value=value, due=asked + max(life - 60.0, life * 0.9), expires=asked + life)


def _life(expires_in: object) -> float:
    """Seconds that a token lives: as promised, within bounds; the usual hour if nothing sensible was promised."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | str):
        return _DEFAULT_LIFE
    try:
        life = float(expires_in)
    except (ValueError, OverflowError):
        return _DEFAULT_LIFE
    return min(life, _LONGEST_LIFE) if math.isfinite(life) and life > 0 else _DEFAULT_LIFE


def _document(body: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _error_code(document: Mapping[str, object], secret: str) -> str:
    """The error code of RFC 6749, 5.2, as far as it may be shown; empty if there is none. Descriptions never are."""
    code = document.get("error")
    if not isinstance(code, str):
        return ""
    showable = code in _KNOWN or (_ERROR_CODE.fullmatch(code) and secret not in code)
    return code if showable else "a code of its own"


def _denied(message: str, elapsed: float = 0.0) -> Failure:
    return Failure(kind=FailureKind.DENIED, message=message, elapsed=elapsed)


def _no_endpoint(message: str, elapsed: float = 0.0) -> Failure:
    return Failure(kind=FailureKind.NO_TOKEN_ENDPOINT, message=message, elapsed=elapsed)


def _unavailable(message: str, elapsed: float = 0.0) -> Failure:
    return Failure(kind=FailureKind.TOKEN_UNAVAILABLE, message=message, elapsed=elapsed)
