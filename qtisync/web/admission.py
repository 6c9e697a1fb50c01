"""Who may ask for what: a pure function of a request's line and headers."""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from qtisync.web.headers import Headers

PUBLIC = frozenset({"/healthz", "/readyz"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_LOOKS = frozenset({"GET", "HEAD"})


PUSHERS_MAY = frozenset({("POST", "/api/v1/sync"), ("GET", "/api/v1/status"), ("GET", "/healthz")})
_PUSHERS_LOOK = "/api/v1/jobs/"


class Circle(enum.Enum):
    """Who can reach a place where we listen."""

    OWNER = "owner"
    """The user of the service, by the socket in the state directory: may do everything."""
    PUSHERS = "pushers"
    """Users of a group of this machine, by a socket of theirs: may ring, and hear how their push went."""
    NETWORK = "network"
    """Anybody: the token decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who is let in at one place where we listen."""

    circle: Circle = Circle.NETWORK
    token: str | None = None
    public_metrics: bool = True
    hosts: frozenset[str] = frozenset()
    """Names under which we may be asked; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not let in, in words, and what would help."""

    status: int
    error: str
    message: str
    hint: str
    challenge: str = ""
    """What WWW-Authenticate says."""


def admission(rules: Rules, method: str, path: str, headers: Headers) -> Refusal | None:
    """Why this request is refused; ``None``: it is let in.

    A signed webhook and a request with the token prove who sends them. All else must ask us by one of our own names:
    a browser that was led here by somebody's DNS (rebinding) does not.
    """
    if rules.circle is Circle.OWNER:
        return None
    if rules.circle is Circle.PUSHERS:
        return _of_pushers(method, path)
    if path.startswith("/hooks/") or _has_token(rules, method, headers):
        return None
    if rules.hosts and _host(headers) not in rules.hosts:
        return Refusal(
            status=421,
            error="wrong-host",
            message="This service is not known by the name in the Host header.",
            hint="Ask for 127.0.0.1 or localhost, send the token, or let the proxy before it set the Host header.",
        )
    if path in PUBLIC or not _is_protected(rules, path):
        return None
    if rules.token is None:
        return Refusal(
            status=403,
            error="no-token-configured",
            message="This is not shown over the network without a token, and none is configured.",
            hint="Set daemon.token in the configuration, or use the qtisync commands on this machine.",
        )
    basic = ', Basic realm="qtisync", charset="UTF-8"' if path == "/" else ""
    return Refusal(
        status=401,
        error="token-needed",
        message="The token is missing or wrong.",
        hint="Send it as: Authorization: Bearer TOKEN (a browser asks for it as a password).",
        challenge=f'Bearer realm="qtisync"{basic}',
    )


def _of_pushers(method: str, path: str) -> Refusal | None:
    if (method, path) in PUSHERS_MAY or (method in _LOOKS and path.startswith(_PUSHERS_LOOK)):
        return None
    return Refusal(
        status=403,
        error="pushers-only",
        message="Users of the group daemon.push_group may ring and ask how a push went, and nothing else.",
        hint="Run the command as the user of the service.",
    )


def allowed_hosts(listen_host: str) -> frozenset[str]:
    """The names by which we may be asked when we listen there; on an address of the network every name is possible."""
    host = listen_host.lower()
    return LOOPBACK_NAMES | {host} if host in LOOPBACK_NAMES or host.startswith("127.") else frozenset()


def _is_protected(rules: Rules, path: str) -> bool:
    return path == "/" or path.startswith("/api/") or (path == "/metrics" and not rules.public_metrics)


def _has_token(rules: Rules, method: str, headers: Headers) -> bool:
    """Whether the token comes with it: as a bearer, or to look only as a password, which a browser sends unasked."""
    if rules.token is None:
        return False
    scheme, _, value = (headers.only("Authorization") or b"").partition(b" ")
    kind, value = scheme.lower(), value.strip()
    if kind == b"basic" and method in _LOOKS:
        value = _password(value)
    elif kind != b"bearer":
        return False
    return hmac.compare_digest(hashlib.sha256(value).digest(), hashlib.sha256(rules.token.encode()).digest())


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _host(headers: Headers) -> str | None:
    """The name in the Host header, without its port."""
    given = headers.text("Host")
    if given is None:
        return None
    try:
        return urlsplit(f"//{given}").hostname
    except ValueError:
        return None
