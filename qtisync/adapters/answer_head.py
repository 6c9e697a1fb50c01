"""The head of an HTTP/1.1 answer: which bytes it is, and where the body that follows it ends. No socket in here.

RFC 9112, with one aim above others: an answer is never taken for another one. What could be read in two ways is an
error, and a connection is kept only if nothing about its state is in doubt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

MOST = 100_000
"""Bytes of a head, of all interim heads before it, or of the trailers behind a body."""

_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: ([^\r\x00]*))?")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\x00]*)?")
_BODILESS = {204, 304}


class BadAnswerError(Exception):
    """What the server sent is not an answer that can be read in one way only."""


class Ends(Enum):
    """How the end of a body is known."""

    LENGTH = "after so many bytes"
    CHUNKED = "with a chunk of no bytes"
    CLOSE = "with the connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status line and headers of one answer."""

    status: int
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    ends: Ends
    length: int = 0
    keeps: bool
    """Whether the connection may serve another request once the body was read."""


def head_end(data: bytes, begin: int) -> int | None:
    """The index behind the first empty line of ``data``; the part before ``begin`` was searched already."""
    found = _END.search(data, max(0, begin - 2))
    return found.end() if found else None


def read_head(data: bytes, method: str) -> Head:
    """The head of an answer to a request by ``method``: ``data`` ends with its empty line."""
    first, *rest = data.rstrip(b"\r\n").replace(b"\r\n", b"\n").split(b"\n")
    status_line = _STATUS.fullmatch(first)
    if status_line is None:
        raise BadAnswerError("no status line of HTTP/1.1")
    minor, status, reason = status_line.groups(default=b"")
    headers = _headers(rest)
    code = int(status)
    if code == 101:  # noqa: PLR2004 - switching protocols
        raise BadAnswerError("another protocol, which nobody asked for")
    known: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        known.setdefault(name.lower(), []).append(value)
    options = {word.strip() for word in b",".join(known.get(b"connection", [])).lower().split(b",")}
    keeps = minor == b"1" and b"close" not in options
    if method == "HEAD" or code in _BODILESS or code < 200:  # noqa: PLR2004 - below 200 an answer is not the last one
        return Head(status=code, reason=reason, headers=headers, ends=Ends.LENGTH, keeps=keeps)
    lengths, codings = known.get(b"content-length", []), known.get(b"transfer-encoding", [])
    if codings:
        if b",".join(codings).strip().lower() != b"chunked":
            raise BadAnswerError("an unknown transfer coding")
        # With a length beside it somebody on the way may have read the answer in another way: use it, trust no more.
        return Head(status=code, reason=reason, headers=headers, ends=Ends.CHUNKED, keeps=keeps and not lengths)
    if lengths:
        length = _length(lengths)
        return Head(status=code, reason=reason, headers=headers, ends=Ends.LENGTH, length=length, keeps=keeps)
    return Head(status=code, reason=reason, headers=headers, ends=Ends.CLOSE, keeps=False)


def _headers(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        if b"\r" in line or b"\0" in line:
            raise BadAnswerError("a control character in a header")
        if line[:1] in {b" ", b"\t"}:  # an old way to go on with the header above
            if not headers:
                raise BadAnswerError("white space before the first header")
            name, value = headers.pop()
            headers.append((name, value + b" " + line.strip(b" \t")))
            continue
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise BadAnswerError("a header without a proper name")
        headers.append((name, value.strip(b" \t")))
    return headers


def _length(values: list[bytes]) -> int:
    named = {word.strip() for word in b",".join(values).split(b",")}
    if len(named) != 1:
        raise BadAnswerError("two lengths for one body")
    (word,) = named
    if not word.isdigit() or len(word) > 15:  # noqa: PLR2004 - digits; a petabyte
        raise BadAnswerError("a length that is no number")
    return int(word)


def chunk_size(line: bytes) -> int:
    """The size that the line before a chunk names (without its line end)."""
    found = _CHUNK.fullmatch(line)
    if found is None:
        raise BadAnswerError("a chunk without a proper size")
    return int(found[1], 16)
