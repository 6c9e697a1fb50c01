"""A server of bytes on loopback: each request is answered with exactly what a script says, well-formed or not."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """What follows one request: pieces of bytes with a pause between them, and then?"""

    pieces: Sequence[bytes]
    pause: float = 0.0
    then: str = "keep"
    """``keep`` the connection, ``close`` it, or ``reset`` it."""
    early: bool = False
    """Answer after the head of the request, before its body was read, and close."""


def whole(*pieces: bytes, **more: object) -> Raw:
    """An answer that is sent in the given pieces."""
    return Raw(pieces=pieces, **more)  # type: ignore[arg-type]


def ok(body: bytes = b"{}") -> Raw:
    """A plain answer."""
    return whole(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


@dataclass
class RawServer:
    """Answers requests in the order of ``script``; the last entry is repeated."""

    script: Sequence[Raw]
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.ended = threading.Event()
        self.threads: list[threading.Thread] = []
        self.open: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}"

    def serve(self) -> None:
        while not self.ended.is_set():
            with suppress(OSError):
                accepted, _ = self.listening.accept()
                if self.ended.is_set():
                    accepted.close()
                    return
                self.connections += 1
                self.open.append(accepted)
                thread = threading.Thread(target=self.talk, args=(accepted,))
                self.threads.append(thread)
                thread.start()

    def talk(self, accepted: socket.socket) -> None:
        with suppress(OSError):
            connection = accepted if self.tls is None else self.tls.wrap_socket(accepted, server_side=True)
            with connection:
                while self.answer(connection):
                    pass
        accepted.close()

    def answer(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return False
            data += piece
        script = self.script[min(len(self.requests), len(self.script) - 1)]
        self.requests.append(data)
        if not script.early:
            self.read_body(connection, data)
        for piece in script.pieces:
            connection.sendall(piece)
            time.sleep(script.pause)
        if script.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return script.then == "keep" and not script.early

    def read_body(self, connection: socket.socket, data: bytes) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.requests[-1] = head + b"\r\n\r\n" + body


@contextmanager
def raw_server(*script: Raw, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """A running server."""
    server = RawServer(script, tls)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", server.port), 1).close()
        thread.join()
        for one in server.open:
            with suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)
        for one in server.threads:
            one.join()
        server.listening.close()
