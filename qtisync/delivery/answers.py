"""Reading an answer: status and headers decide, a body never raises. Sans I/O.

Sources: the API's OpenAPI description for the shapes, RFC 9110 for Retry-After; the rest is how public clients saw the
service behave (500s that are refusals, 404s of proxies).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

from qtisync.delivery.messages import Failure, FailureKind, Purpose, Reply, Request, Response
from qtisync.delivery.outcome import (
    Answer,
    Denied,
    Exists,
    Missing,
    NotTheApi,
    Refused,
    RemoteObject,
    Shown,
    Throttled,
    Unavailable,
)
from qtisync.model import Digest, Identifier

DigestText: TypeAlias = Callable[[str], Digest | None]
"""Canonical digest of an XML text; handed in, because delivery does not know QTI."""

MAX_MESSAGE = 300  # characters of a server's words that are kept
_DUPLICATE_KEY = re.compile(r"E11000|duplicate key", re.IGNORECASE)
# A 500 that says one of these is a refusal of the content and will not go away by itself (api notes C8).
_CONTENT_FAULT = re.compile(
    r"validation failed|approved grader allowlist|is not a valid enum value|Path `[\w.]+` is required|"
    r"missing or unexpected namespace|unsupported interaction type",
    re.IGNORECASE,
)
# Three tags or more are no words about a tag but the item itself, which must not reach a log.
_QUOTED = re.compile(r"<[^<>]+>[^<>]*<[^<>]+>[^<>]*<.*", re.DOTALL)
_REFUSALS = frozenset({400, 413, 415, 422})


def read_response(request: Request, reply: Reply, digest: DigestText, now: float) -> Answer:
    """What ``reply`` to ``request`` means, read at ``now``."""
    if isinstance(reply, Failure):
        return _read_failure(reply, now)
    status = reply.status
    if 200 <= status < 300:
        return _read_deleted(reply) if request.purpose is Purpose.DELETE else _read_success(request, reply, digest)
    document = json_object(reply.body)
    words = server_words(status, document, reply)
    if status == 429 or (status == 503 and "retry-after" in reply.headers):
        return Throttled(until=retry_after(reply.headers.get("retry-after"), now), status=status, message=words)
    if status in _REFUSALS:
        return Refused(status=status, message=words)
    if status in {401, 403}:
        return Denied(status=status, message=words)
    if status == 404:
        return _read_not_found(request, document, words)
    if status == 409:
        return Exists(message=words) if request.purpose is Purpose.CREATE else Refused(status=status, message=words)
    if status >= 500 or status == 408:  # 408: the server gave up waiting for us
        return _read_server_error(request, reply, document, words)
    return NotTheApi(status=status, message=f"unexpected answer {words}")


def _read_failure(failure: Failure, now: float) -> Answer:
    match failure.kind:
        case FailureKind.DENIED:
            return Denied(message=failure.message)
        case FailureKind.REDIRECTED | FailureKind.NO_TOKEN_ENDPOINT:
            return NotTheApi(message=failure.message)
        case FailureKind.TOKEN_THROTTLED:
            return Throttled(until=retry_after(failure.retry_after, now), message=failure.message)
        case FailureKind.HELD:
            return Throttled(until=now, message=failure.message, sent=False)  # the pace knows how long
        case FailureKind.UNREACHABLE | FailureKind.TOKEN_UNAVAILABLE:
            return Unavailable(message=failure.message, in_doubt=False)
        case FailureKind.LOST:
            return Unavailable(message=failure.message, in_doubt=True)


def _read_deleted(reply: Response) -> Answer:
    # 204 is this API's answer, an object of JSON that of others of its kind. A page of a proxy deleted nothing.
    own = not reply.body.strip() or json_object(reply.body) is not None
    if reply.status in {200, 204} and own:
        return Missing(status=reply.status, message="deleted")
    return Unavailable(status=reply.status, message=f"answer {reply.status} to a delete: {_excerpt(reply.body)}")


def _read_success(request: Request, reply: Response, digest: DigestText) -> Answer:
    remote = read_object(json_object(reply.body), digest)
    if remote is None:
        return Unavailable(
            status=reply.status,
            message=f"answer {reply.status} that does not show the object: {_excerpt(reply.body)}",
        )
    expected = expected_identifier(request)
    if expected is not None and remote.identifier != expected:
        return Unavailable(
            status=reply.status, message=f'answer {reply.status} that shows another object, "{remote.identifier}"'
        )
    return Shown(remote=remote, status=reply.status)


def _read_not_found(request: Request, document: Mapping[str, Any] | None, words: str) -> Answer:
    # Only a JSON body with "error" is this API's own 404. Whatever else says 404 (a proxy, a wrong base path) must
    # never turn into creates. A create that is "not found" was sent to the wrong place as well.
    own_words = document is not None and isinstance(document.get("error"), str)
    if not own_words or request.purpose is Purpose.CREATE:
        return NotTheApi(status=404, message=f"answer {words}")
    return Missing(message=words)


def _read_server_error(request: Request, reply: Response, document: Mapping[str, Any] | None, words: str) -> Answer:
    status = reply.status
    text = reply.body.decode("utf-8", "replace") if document else words
    if request.purpose is Purpose.CREATE and _DUPLICATE_KEY.search(text):
        return Exists(status=status, message=words)
    if status == 500 and _CONTENT_FAULT.search(text):
        return Refused(status=status, message=words)
    return Unavailable(status=status, message=words)


def expected_identifier(request: Request) -> str | None:
    """The identifier that the answer must show, where the request's path or purpose names one."""
    return request.segments[1] if len(request.segments) > 1 and request.segments[1] != "metadata" else None


def json_object(body: bytes) -> Mapping[str, Any] | None:
    """The body as a JSON object; ``None`` if it is anything else."""
    try:
        document = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _no_number(name: str) -> float:
    raise ValueError(
        f"{name} is no JSON"
    )  # Python reads NaN and Infinity; sent back as foreign metadata they would raise


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def read_object(document: Mapping[str, Any] | None, digest: DigestText) -> RemoteObject | None:
    """The object that a document shows, ``None`` if it shows none. Some answers wrap it once (api notes, f)."""
    if document is None:
        return None
    for wrapper in ("assessmentItem", "stimulus"):
        inner = document.get(wrapper)
        if isinstance(inner, dict) and "identifier" not in document:
            document = inner
    identifier, xml, metadata = document.get("identifier"), document.get("rawXml"), document.get("metadata")
    if not isinstance(identifier, str) or not isinstance(xml, str):
        return None
    version, updated_at = document.get("__v"), document.get("updatedAt")
    return RemoteObject(
        identifier=Identifier(identifier),
        xml=xml,
        content=digest(xml),
        metadata=metadata if isinstance(metadata, dict) else {},
        version=version if isinstance(version, int) and not isinstance(version, bool) else None,
        updated_at=updated_at if isinstance(updated_at, str) else None,
    )


def retry_after(value: str | None, now: float) -> float | None:
    """When Retry-After says to come back: seconds, decimals or an HTTP date; ``None`` for none or garbage."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text):
        return now + min(float(text), 1e9)
    try:
        moment = parsedate_to_datetime(text)
        # The oldest of the three forms that RFC 9110 asks us to read names no zone: it is UTC, never this machine's.
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def server_words(status: int, document: Mapping[str, Any] | None, reply: Response) -> str:
    """The server's own explanation on one line; never a stack trace (the API's ``details`` of a 500)."""
    if document is None:
        return f"{status}: {_excerpt(reply.body)}" if reply.body.strip() else f"{status} with an empty body"
    words = [document.get(name) for name in ("error", "message", "imsx_description")]
    parts = list(dict.fromkeys(word.strip() for word in words if isinstance(word, str) and word.strip()))
    details = document.get("details")
    if status < 500 and isinstance(details, str) and details.strip():
        parts.append(details.strip())
    meta = document.get("meta")
    issues = meta.get("issues") if isinstance(meta, dict) else None
    if isinstance(issues, list):
        parts += [f"{i.get('field')}: {i.get('message')}" for i in issues[:5] if isinstance(i, dict)]
    event = document.get("eventId")
    if isinstance(event, str):
        parts.append(f"(event {event})")
    if not parts and status >= 500:
        return f"{status} without an explanation"  # what is left of the body may be a stack trace
    return f"{status}: {_one_line(_QUOTED.sub('[a document]', '; '.join(parts)) or _excerpt(reply.body))}"


def _excerpt(body: bytes) -> str:
    text = body[:2000].decode("utf-8", "replace")
    text = "[a document]" if "<qti-" in text else re.sub(r"<[^>]*>", " ", text)
    return _one_line(text)[:120] or "(nothing readable)"


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"
