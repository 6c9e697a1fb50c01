"""OAuth2 client credentials: tokens that are minted, expire and can be revoked."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote_plus

from qtisync.sandbox.messages import Call, Reply, encode, error_reply, json_reply
from qtisync.sandbox.options import DELETE_SCOPE, READ_SCOPE, WRITE_SCOPE, Options


@dataclass(frozen=True, slots=True)
class _Grant:
    expires: float
    scopes: frozenset[str]


class Tokens:
    """The authorisation server and the check at the API's door."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._grants: dict[str, _Grant] = {}
        self._mints = 0
        self._secret = options.client_secret
        self._scopes = options.scopes

    @property
    def mints(self) -> int:
        """Tokens issued so far."""
        return self._mints

    def revoke_all(self) -> None:
        """Every token issued so far is unknown from now on (b: revoked early)."""
        with self._lock:
            self._grants.clear()

    def set_secret(self, secret: str) -> None:
        """Rotate the client's secret; tokens that exist go on working."""
        self._secret = secret

    def set_scopes(self, scopes: tuple[str, ...]) -> None:
        """What tokens minted from now on may do."""
        self._scopes = scopes

    def mint(self, call: Call, now: float) -> Reply:
        """Answer the token endpoint."""
        if call.method != "POST":
            return error_reply(405, "invalid_request")
        form = {name: values[0] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
        if _credentials(call.headers, form) != (self._options.client_id, self._secret):
            return error_reply(400, "invalid_client")
        if form.get("grant_type") != "client_credentials":
            return error_reply(400, "unsupported_grant_type")
        wanted = form.get("scope", "").split()
        if not set(wanted) <= set(self._scopes):
            return error_reply(400, "invalid_scope")
        token = self._issue(tuple(wanted) or self._scopes, now)
        life = int(self._options.token_life) if self._options.token_claim is None else self._options.token_claim
        return json_reply(200, {"access_token": token, "expires_in": life, "token_type": "Bearer"})

    def _issue(self, scopes: tuple[str, ...], now: float) -> str:
        with self._lock:
            self._mints += 1
            claims = {"token_use": "access", "scope": " ".join(scopes), "client_id": self._options.client_id}
            parts = (encode({"alg": "none", "typ": "JWT"}), encode(claims | {"jti": str(self._mints)}))
            head, claim = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
            token = f"{head}.{claim}.{secrets.token_urlsafe(32)}"
            self._grants[token] = _Grant(now + self._options.token_life, frozenset(scopes))
            return token

    def refuse(self, call: Call, now: float) -> Reply | None:
        """``None`` if the call may pass; otherwise 401, or 403 where only the scope is missing."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return error_reply(401, "Unauthorized", message="No authorization token was found")
        with self._lock:
            grant = self._grants.get(token.strip())
        if grant is None:
            return error_reply(401, "Unauthorized", message="invalid token")
        if grant.expires <= now:
            return json_reply(401, {"message": "jwt expired"})
        if _needed(call) not in grant.scopes:
            return error_reply(403, "Forbidden", message="insufficient scope")
        return None


def _needed(call: Call) -> str:
    if call.method in {"GET", "HEAD"} or call.segments[1:2] == ("validate",):
        return READ_SCOPE
    return DELETE_SCOPE if call.method == "DELETE" else WRITE_SCOPE


def _credentials(headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[str, str] | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return (form["client_id"], form["client_secret"]) if {"client_id", "client_secret"} <= form.keys() else None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(name), unquote_plus(secret)
