"""One connected socket: a request is sent, an answer is read piece by piece, with time limits and httpx's errors."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import httpx

from qtisync.adapters.answer_head import MOST, BadAnswerError, chunk_size, head_end

_PIECE = 65_536  # bytes asked for at once
_LINE = 1_000  # bytes; the longest line before a chunk
_PORTS = {"http": 80, "https": 443}
__LAST_INTERIM = 199

Trace: TypeAlias = Callable[[str, dict[str, Any]], None]
Origin: TypeAlias = tuple[str, str, int | None]
"""Scheme, host and port."""


class Stream:
    """A connected socket and what was read from it and not yet used. Errors are httpx's."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._ahead = b""

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def is_silent(self) -> bool:
        """Whether it is open, and nothing came that nobody asked for."""
        if self._ahead or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            return False
        look = select.poll()
        try:
            look.register(self._socket, select.POLLIN)
            return not look.poll(0)
        except (OSError, ValueError):  # closed here
            return False

    def limit(self, seconds: float | None) -> None:
        """From now on each step may take so long."""
        if self._socket.gettimeout() != seconds:
            self._socket.settimeout(seconds)

    def send(self, message: bytes, seconds: float | None) -> OSError | None:
        """Send all of it. The error, if the server stopped listening: it may have answered before (with a 413, say)."""
        try:
            self.limit(seconds)
            self._socket.sendall(message)
        except TimeoutError as error:
            raise httpx.WriteTimeout("the request was not taken in time") from error
        except OSError as error:
            return error
        return None

    def more(self) -> bool:
        """Read what comes next; false at the end of the connection."""
        try:
            piece = self._socket.recv(_PIECE)
        except TimeoutError as error:
            raise httpx.ReadTimeout("nothing came in time") from error
        except OSError as error:
            raise httpx.ReadError(type(error).__name__) from error
        self._ahead = self._ahead + piece if self._ahead else piece
        return bool(piece)

    def head(self, most: int) -> bytes:
        """All up to the next empty line."""
        searched = 0
        while (end := head_end(self._ahead, searched)) is None:
            searched = len(self._ahead)
            if searched > most:
                raise BadAnswerError("a head beyond the limit")
            if not self.more():
                raise BadAnswerError("half a head" if searched else "no answer")
        if end > most:
            raise BadAnswerError("a head beyond the limit")
        return self.take(end)

    def text(self) -> bytes:
        """One line, without its end."""
        while (end := self._ahead.find(b"\n")) < 0:
            if len(self._ahead) > _LINE or not self.more():
                raise BadAnswerError("a line without an end")
        return self.take(end + 1).removesuffix(b"\n").removesuffix(b"\r")

    def take(self, count: int) -> bytes:
        """The first so many bytes of what was read."""
        data, self._ahead = self._ahead[:count], self._ahead[count:]
        return data

    def exactly(self, count: int) -> Iterator[bytes]:
        """The next so many bytes, in pieces as they come."""
        while count:
            if not self._ahead and not self.more():
                raise BadAnswerError("half a body")
            piece = self.take(count)
            count -= len(piece)
            yield piece

    def chunks(self) -> Iterator[bytes]:
        """A chunked body; its trailers are read and forgotten."""
        while size := chunk_size(self.text()):
            yield from self.exactly(size)
            if self.text():
                raise BadAnswerError("a chunk that does not end")
        left = MOST
        while trailer := self.text():
            left -= len(trailer)
            if left < 0:
                raise BadAnswerError("trailers beyond the limit")

    def all(self) -> Iterator[bytes]:
        """All until the server ends the connection."""
        while self._ahead or self.more():
            yield self.take(len(self._ahead))


def connected(origin: Origin, tls: ssl.SSLContext, seconds: float | None, trace: Trace) -> socket.socket:
    """A new connection; a server of ``https`` has proved who it is."""
    scheme, host, port = origin
    connected: socket.socket | None = None
    try:
        connected = socket.create_connection((host, port or _PORTS[scheme]), seconds)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        trace("connection.connect_tcp.complete", {"return_value": _Told(connected)})
        if scheme == "https":
            connected = tls.wrap_socket(connected, server_hostname=host)
            trace("connection.start_tls.complete", {"return_value": _Told(connected)})
    except OSError as error:  # TimeoutError and ssl.SSLError are among them
        if connected is not None:
            connected.close()
        kind = httpx.ConnectTimeout if isinstance(error, TimeoutError) else httpx.ConnectError
        raise kind(type(error).__name__) from error
    return connected


class _Told:
    """What the trace is told of a connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def get_extra_info(self, name: str) -> object:
        return self._socket if name == "socket" else None
