"""One connection to an API: a request goes out on it, and the head of its answer comes back.

It has our own transport, or, where a proxy of the environment may be meant, an ``httpx.Client``. What such a client
adds to a transport (cookies, redirects, credentials) is not wanted, and costs as much as all the rest of a request.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx

from qtisync.adapters.deadlines import Leash
from qtisync.adapters.endpoint import Timeouts
from qtisync.adapters.http_stream import Origin, Trace
from qtisync.adapters.lean_transport import AnswerStream, Asked, LeanTransport
from qtisync.delivery.messages import MayLeave

_READS = {"GET", "HEAD"}
_HUNG_UP = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class HeldBackError(Exception):
    """The request may no longer leave, and nothing of it has."""


class Line:
    """One connection, used by one thread at a time, and what is known of its socket."""

    def __init__(self, way: LeanTransport | httpx.Client, limits: Timeouts) -> None:
        self._way = way
        self._limits = {"connect": limits.connect, "read": limits.read, "write": limits.write, "pool": limits.pool}
        self.leash = Leash()
        self.fresh = False
        self.sent = False
        self.sent_at = 0.0
        self._may_leave: MayLeave | None = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by the transport what it does (httpcore's ``trace`` extension)."""
        if event.endswith("send_request_headers.started"):
            # The last moment: a connection took its time to be set up, and somebody was told to wait meanwhile.
            if self._may_leave is not None and not self._may_leave():
                raise HeldBackError
            self.sent = True
            self.sent_at = time.monotonic()
        elif event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.fresh = True
            connected = info["return_value"].get_extra_info("socket")
            if isinstance(connected, socket.socket):
                self.leash.tie(connected)

    def open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        may_leave: MayLeave | None = None,
    ) -> Answer:
        """Send, and read the head of the answer; a read goes out again if its kept-alive connection was dead."""
        self.fresh = self.sent = False
        self._may_leave = may_leave
        try:
            return self._send(method, url, headers, body)
        except _HUNG_UP:
            if self.fresh or self.leash.cut_off or method not in _READS:
                raise
        return self._send(method, url, headers, body)

    def close(self) -> None:
        """End the connection."""
        self._way.close()

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        dressed = {**headers, "accept-encoding": "gzip, deflate"}
        if isinstance(self._way, LeanTransport):
            return _received(self._way.ask(_bare(method, url, dressed, body, self._limits, self.trace)))
        extensions = {"timeout": self._limits, "trace": self.trace}
        request = httpx.Request(method, url, headers=dressed, content=body, extensions=extensions)
        response = self._way.send(request, stream=True)
        # Without items(), httpx searches all headers for each name.
        return Answer(response.status_code, dict(response.headers.items()), response.iter_bytes(), response.close)


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer, and its decoded body as it comes."""

    status: int
    headers: dict[str, str]
    pieces: Iterator[bytes]
    close: Callable[[], None]


@lru_cache(maxsize=16)
def _origin(start: str) -> tuple[Origin, bytes]:
    """Scheme, host and port of an address, and its ``Host`` header."""
    url = httpx.URL(start)
    return (url.scheme, url.raw_host.decode("ascii"), url.port), url.netloc


def _bare(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    limits: Mapping[str, float | None],
    trace: Trace,
) -> Asked:
    """A request without ``httpx.Request``, which takes as long as sending it."""
    scheme, _, host, path = [*url.split("/", 3), ""][:4]
    origin, host_header = _origin(f"{scheme}//{host}")
    target = b"/" + path.encode("ascii") if path and path.isascii() else httpx.URL(url).raw_path
    raw = [(b"host", host_header), *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())]
    if body is not None:
        raw.append((b"content-length", b"%d" % len(body)))
    return Asked(method=method, origin=origin, target=target, headers=raw, body=body or b"", limits=limits, trace=trace)


def _received(stream: AnswerStream) -> Answer:
    headers: dict[str, str] = {}
    for raw_name, raw in stream.head.headers:
        name = raw_name.decode("ascii").lower()
        value = raw.decode("ascii" if raw.isascii() else "latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    pieces = iter(stream)
    if "content-encoding" in headers:
        pieces = httpx.Response(stream.head.status, headers=stream.head.headers, stream=stream).iter_bytes()
    return Answer(stream.head.status, headers, pieces, stream.close)
