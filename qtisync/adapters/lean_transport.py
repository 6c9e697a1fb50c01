"""A transport for ``httpx``: one connection, kept alive, used by one thread at a time.

httpx's own transport costs several times what sending and reading cost, for what is never done here: pools, HTTP/2,
streams of uploads. This one writes a request with one call and reads HTTP/1.1 answers. It tries once and fails with
httpx's own exceptions; whether a request may be sent again is decided by who knows what it means. A kept connection is
looked at before it is used again: one that the server closed, or that holds a byte which nobody asked for, is given up
before anything is sent on it.

A request's ``trace`` extension is told the same as by httpcore, as far as it is used here.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from qtisync.adapters.answer_head import MOST, BadAnswerError, Ends, Head, read_head
from qtisync.adapters.http_stream import Origin, Stream, Trace, connected

_TARGET = re.compile(rb"[\x21-\x7e]+")
_LAST_INTERIM = 199


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it goes out. ``target`` and ``headers`` are raw bytes."""

    method: str
    origin: Origin
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    limits: Mapping[str, float | None]
    """Seconds for the steps ``connect``, ``write`` and ``read``."""
    trace: Trace


class LeanTransport(httpx.BaseTransport):
    """HTTP/1.1 over one connection. ``tls`` verifies servers; a connection idle for ``keep_alive`` seconds is not used.

    ``close`` may be called again and again; the next request opens another connection.
    """

    def __init__(self, tls: ssl.SSLContext, keep_alive: float) -> None:
        tls.set_alpn_protocols(["http/1.1"])
        self._tls = tls
        self._keep_alive = keep_alive
        self._stream: Stream | None = None
        self._origin: Origin | None = None
        self._idle_since = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """``ask`` in httpx's values: half of the time goes into making them."""
        if "transfer-encoding" in request.headers:
            raise httpx.LocalProtocolError("a request body without a length")
        asked = Asked(
            method=request.method,
            origin=(request.url.scheme, request.url.raw_host.decode("ascii"), request.url.port),
            target=request.url.raw_path,
            headers=request.headers.raw,
            body=request.read(),
            limits=request.extensions.get("timeout", {}),
            trace=request.extensions.get("trace") or _untold,
        )
        answer = self.ask(asked)
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": answer.head.reason}
        return httpx.Response(answer.head.status, headers=answer.head.headers, stream=answer, extensions=extensions)

    def ask(self, asked: Asked) -> AnswerStream:
        """Send a request and read the head of its answer; the body is read as it is asked for."""
        message = _message(asked)
        if (stream := self._kept(asked.origin)) is None:
            self.close()
            found = connected(asked.origin, self._tls, asked.limits.get("connect"), asked.trace)
            stream = self._stream = Stream(found)
            self._origin = asked.origin
        try:
            asked.trace("http11.send_request_headers.started", {})
            refusal = stream.send(message, asked.limits.get("write"))
            head = _answered(stream, asked.method, asked.limits.get("read"), refusal)
        except BaseException:
            self.close()
            raise
        return AnswerStream(self, stream, head, keeps=head.keeps and refusal is None)

    def close(self) -> None:
        """End the connection, if there is one."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def rest(self) -> None:
        """An answer was read to its end, and the connection is to be kept."""
        self._idle_since = time.monotonic()

    def _kept(self, origin: Origin) -> Stream | None:
        stream = self._stream
        if stream is None or self._origin != origin or time.monotonic() - self._idle_since > self._keep_alive:
            return None
        return stream if stream.is_silent() else None


class AnswerStream(httpx.SyncByteStream):
    """The head of an answer, and its body as it comes. Only one that is read to its end leaves a connection of use."""

    def __init__(self, transport: LeanTransport, stream: Stream, head: Head, *, keeps: bool) -> None:
        self.head = head
        self._transport, self._stream, self._keeps = transport, stream, keeps
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        stream = self._stream
        pieces = {Ends.CHUNKED: stream.chunks, Ends.CLOSE: stream.all}
        try:
            yield from stream.exactly(self.head.length) if self.head.ends is Ends.LENGTH else pieces[self.head.ends]()
        except BadAnswerError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        self._whole = True

    def close(self) -> None:
        """Nothing more of the body is wanted."""
        if self._whole and self._keeps:
            self._transport.rest()
        else:
            self._transport.close()


def _untold(_event: str, _info: dict[str, Any]) -> None:
    pass


def _message(asked: Asked) -> bytes:
    """The request in bytes; nothing in it can be taken for the end of a line that is not one."""
    head = b"%b %b HTTP/1.1\r\n" % (asked.method.encode("ascii"), asked.target)
    head += b"".join([b"%b: %b\r\n" % header for header in asked.headers]) + b"\r\n"
    ends = len(asked.headers) + 2
    control = (head.count(b"\n"), head.count(b"\r"), head.count(b"\0")) != (ends, ends, 0)
    if control or not _TARGET.fullmatch(asked.target):
        raise httpx.LocalProtocolError("a control character in the head of a request")
    return head + asked.body


def _answered(stream: Stream, method: str, seconds: float | None, refusal: OSError | None) -> Head:
    """The head of the answer; interim ones (1xx) before it are passed over."""
    left = MOST
    try:
        stream.limit(seconds)
        while True:
            data = stream.head(left)
            left -= len(data)
            head = read_head(data, method)
            if head.status > _LAST_INTERIM:
                return head
    except BadAnswerError as error:
        if refusal is not None:
            raise httpx.WriteError(type(refusal).__name__) from refusal
        raise httpx.RemoteProtocolError(str(error)) from error
    except httpx.ReadError:
        if refusal is not None:
            raise httpx.WriteError(type(refusal).__name__) from refusal
        raise
