"""What an address may be, how one is built and how one is shown: pure functions of text, no library, no socket."""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

_UNSENDABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories that never reach a URL: control characters, lone surrogates, line and paragraph separators."""


def check_base_url(url: str) -> str | None:
    """A complaint about the address of an API or a token endpoint, ``None`` if it can be used.

    It never repeats the address itself, which may hold a password.
    """
    if any(character.isspace() or unicodedata.category(character) in _UNSENDABLE for character in url):
        return "the address contains white space or control characters"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "the address cannot be read: check the host name and the port"
    if parts.scheme not in {"http", "https"}:
        return "the address must begin with https://"
    if not host:
        return "the address has no host name"
    return _check_parts(parts, host)


def _check_parts(parts: SplitResult, host: str) -> str | None:
    if "@" in parts.netloc:
        return "the address contains a user name or password: remove them, use client_id and client_secret"
    if parts.query or parts.fragment:
        return "the address contains a query (?…) or fragment (#…): remove it"
    if any(segment in {".", ".."} for segment in parts.path.split("/")):
        return "the path of the address contains '.' or '..'"
    if parts.scheme == "http" and not is_loopback(host):
        return "plain http:// is for this machine only (localhost): write https://"
    return None


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def request_url(base_url: str, segments: Sequence[str], query: Mapping[str, str]) -> str:
    """The address of one request: every segment percent-encoded as UTF-8, nothing left but unreserved characters.

    Raises ``ValueError`` for a segment that could lead to another route (empty, blank, ``.``, ``..``) or that holds
    control characters: such a request is a bug of ours, and ``DELETE /`` of the wrong thing cannot be undone.
    """
    if not segments:
        raise ValueError("a request needs a path")
    path = "/".join(_segment(segment) for segment in segments)
    tail = f"?{urlencode(query, quote_via=quote, safe='')}" if query else ""
    return f"{base_url.rstrip('/')}/{path}{tail}"


def _segment(segment: str) -> str:
    if not segment.strip() or segment in {".", ".."}:
        raise ValueError(f"not a path segment: {segment!r}")
    plain = segment.isascii() and segment.isprintable()
    if not plain and any(unicodedata.category(character) in _UNSENDABLE for character in segment):
        raise ValueError(f"control characters in a path segment: {segment!r}")
    return quote(segment, safe="")


def shown(url: str) -> str:
    """Host, port and path of an address, for people: no scheme, user, password or query."""
    parts = urlsplit(url)
    return f"{host_of(url)}{parts.path}"


def host_of(url: str) -> str:
    """Host and port of an address, for people."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    host = f"[{host}]" if ":" in host else host
    return host if parts.port is None else f"{host}:{parts.port}"


def redirect_host(url: str, location: str) -> str:
    """Where a redirect of ``url`` points to, for people: the host only, in visible characters."""
    try:
        host = host_of(urljoin(url, location))
    except ValueError:
        return "an unreadable address"
    return "".join(character for character in host if character.isprintable())[:100] or "an unreadable address"
