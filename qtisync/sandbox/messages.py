"""One call and its answer, as values between the sockets and the API."""

from __future__ import annotations

import enum
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"
XML_TYPE = "application/xml; charset=utf-8"


class Manner(enum.Enum):
    """How an answer goes onto the wire."""

    WHOLE = "whole"
    TRUNCATED = "truncated"
    """Half of the body, then the connection ends."""
    DRIBBLED = "dribbled"
    """The body in ten pieces over ``seconds``."""
    LATE = "late"
    """Nothing for ``seconds``, then the answer."""
    CLOSED = "closed"
    """No answer after ``seconds``: the connection is closed."""
    RESET = "reset"
    """No answer after ``seconds``: the connection is reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, read whole. ``segments`` are percent-decoded, empty ones left out, as a lenient router does."""

    method: str
    path: str
    segments: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    query_text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. ``applied``: the call changed what is stored (also if the answer then gets lost)."""

    status: int
    content_type: str = JSON_TYPE
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    applied: bool = False
    catastrophe: bool = False
    manner: Manner = Manner.WHOLE
    seconds: float = 0.0

    @property
    def answered(self) -> bool:
        """Whether any byte of it is sent."""
        return self.manner not in {Manner.CLOSED, Manner.RESET}


_encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def encode(value: object) -> bytes:
    """JSON as a server sends it: compact, UTF-8."""
    return _encoder.encode(value).encode("utf-8", "surrogatepass")


def json_reply(status: int, value: object) -> Reply:
    """An answer with a JSON body."""
    return Reply(status=status, body=encode(value))


def error_reply(status: int, error: str, details: str | None = None, **more: object) -> Reply:
    """An error of the API in its usual shape (C7)."""
    return json_reply(status, {"error": error} | ({} if details is None else {"details": details}) | more)


def crash_reply(message: str) -> Reply:
    """A 500 with a stack trace in ``details`` (C7: OA, OBS-H)."""
    stack = f"Error: {message}\n    at processItem (/app/src/items/process.ts:267:11)"
    body = {"error": "Internal Server Error", "message": message, "eventId": "5a" * 16, "details": stack}
    return json_reply(500, body)


def html_reply(status: int, title: str) -> Reply:
    """A page as proxies and frameworks send it."""
    text = html.escape(title)
    page = f"<!DOCTYPE html>\n<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n"
    return Reply(status=status, content_type=HTML_TYPE, body=page.encode())
