"""A tiny HTTP server on loopback that answers what a function says, faults of the wire included."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it arrived. ``target`` is raw: nothing is decoded."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form body."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server does with a request."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay: float = 0.0
    """Seconds before the first byte."""
    drip: float = 0.0
    """Seconds between two bytes of the body."""
    promised: int | None = None
    """A content-length that is not the body's; ``-1``: none at all."""
    reset: bool = False
    """Nothing is answered: the connection is reset."""
    hang_up: bool = False
    """The connection ends after the answer without having been announced."""


def as_json(document: Any, status: int = 200, **more: Any) -> Answer:
    """A JSON answer."""
    return Answer(
        status=status, headers=(("content-type", "application/json"),), body=json.dumps(document).encode(), **more
    )


Script = Callable[[Seen], Answer]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        server: ScriptedServer = self.server  # type: ignore[assignment]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(method=self.command, target=self.path, headers=headers, body=body)
        with server.lock:
            server.seen.append(seen)
        answer = server.script(seen)
        time.sleep(answer.delay)
        self.close_connection = answer.reset or answer.hang_up or answer.promised is not None
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        self._write(answer)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        length = len(answer.body) if answer.promised is None else answer.promised
        if length >= 0 and answer.status != 204:
            self.send_header("content-length", str(length))
        self.end_headers()
        if not answer.drip:
            self.wfile.write(answer.body)
            return
        for byte in answer.body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(answer.drip)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the standard library

    def log_message(self, *args: object) -> None:
        pass


class ScriptedServer(ThreadingHTTPServer):
    """Answers with ``script``; ``seen`` has every request, ``connections`` counts the connections it accepted."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self.lock = threading.Lock()
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            self.connections += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.lock:
            self._open.discard(request)
        linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        if linger == struct.pack("ii", 1, 0):
            request.close()  # without the polite end: this is what makes it a reset
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""

    def hang_up(self) -> None:
        """End every open connection, as a restarted server does."""
        with self.lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def count(self, method: str, start: str) -> int:
        """Requests of a method whose target begins so."""
        with self.lock:
            return sum(seen.method == method and seen.target.startswith(start) for seen in self.seen)


@contextmanager
def scripted_server(script: Script) -> Iterator[ScriptedServer]:
    """A running server on a free port."""
    server = ScriptedServer(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()


@dataclass(slots=True, kw_only=True)
class TokenDesk:
    """A script: a token endpoint at ``/oauth2/token``, and a check of bearer tokens before everything else."""

    behind: Script = field(default=lambda seen: as_json({"ok": True}))
    client_id: str = "the-client"
    client_secret: str = "the-secret"
    life: Any = 3600
    delay: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    """Answers of the token endpoint that come first, in this order."""
    asked: int = 0
    valid: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, seen: Seen) -> Answer:
        if seen.target.startswith("/oauth2/token"):
            return self._issue(seen)
        with self.lock:
            good = seen.headers.get("authorization", "").removeprefix("Bearer ") in self.valid
        return self.behind(seen) if good else as_json({"message": "jwt expired"}, 401)

    def revoke_all(self) -> None:
        """No token given so far is good any more."""
        with self.lock:
            self.valid.clear()

    def _issue(self, seen: Seen) -> Answer:
        with self.lock:
            self.asked += 1
            number = self.asked
            if self.answers:
                return self.answers.pop(0)
        if (seen.form.get("client_id"), seen.form.get("client_secret")) != (self.client_id, self.client_secret):
            return as_json({"error": "invalid_client"}, 400)
        time.sleep(self.delay)
        token = f"token-number-{number}-CANARY-TOKEN"
        with self.lock:
            self.valid.add(token)
        return as_json({"access_token": token, "token_type": "Bearer", "expires_in": self.life})
