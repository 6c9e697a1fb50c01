"""Answers in JSON, and requests read within limits of size and time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

BODY_TIMEOUT = 10.0
"""Seconds within which the body of a request must have arrived."""


class UnfitError(Exception):
    """A request that cannot be answered as asked; the exception is the answer."""

    def __init__(self, status: int, error: str, message: str, hint: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.message, self.hint = status, error, message, hint

    def response(self) -> Response:
        """It as an answer."""
        return refused(self.status, self.error, self.message, self.hint)


def answer(document: Any, status: int = 200) -> Response:  # noqa: ANN401 - JSON
    """A JSON answer."""
    return Response(dumped(document), status, media_type="application/json")


def dumped(document: Any) -> bytes:  # noqa: ANN401 - JSON
    """JSON, on one line: indented, it takes ten times as long."""
    return (json.dumps(document, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


def refused(status: int, error: str, message: str, hint: str = "") -> Response:
    """An error: a stable name, and words for people."""
    return answer({"error": error, "message": message, "hint": hint}, status)


def busy() -> Response:
    """The daemon does not answer in time."""
    response = refused(503, "busy", "The daemon does not answer in time.", "Try again in a moment.")
    response.headers["Retry-After"] = "5"
    return response


async def read_body(request: Request, most: int) -> bytes:
    """The whole body; ``UnfitError`` if it is larger than ``most`` bytes, or takes too long."""
    announced = request.headers.get("content-length", "0")
    if not announced.isascii() or not announced.isdigit() or len(announced) > 15 or int(announced) > most:  # noqa: PLR2004 - digits of a petabyte
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise UnfitError(408, "too-slow", "The body did not arrive in time.") from None
    except ClientDisconnect:
        raise UnfitError(400, "incomplete", "The body is not complete.") from None
    return bytes(body)


async def read_object(request: Request, most: int = 65_536) -> dict[str, Any]:
    """The JSON object that a request carries; an empty one if it carries nothing."""
    body = await read_body(request, most)
    try:
        document = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UnfitError(400, "unreadable", "The body is not a JSON object.")
    return document


def _too_large(most: int) -> UnfitError:
    return UnfitError(413, "too-large", f"The body is larger than {most:,} bytes.")
