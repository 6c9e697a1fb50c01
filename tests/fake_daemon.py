"""A daemon that listens on its socket and answers what a test tells it to."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, Self


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class FakeDaemon:
    """``jobs``: what the job is, each time it is asked for; the last one for good. ``status``: the status report."""

    def __init__(self, state: Path, target: str = "test") -> None:
        self.jobs: list[dict[str, Any]] = [{"state": "done", "ended": True, "report": {}}]
        self.status: dict[str, Any] = {}
        self.others: dict[str, dict[str, Any]] = {}
        """Jobs that somebody else began, by their id."""
        self.code = 202
        self.silent = threading.Event()
        self.is_silent = False
        self.asked: list[tuple[str, str, Any]] = []
        state.mkdir(parents=True, exist_ok=True)
        self._file = state / f"{target}.sock"

    def __enter__(self) -> Self:
        before = Path.cwd()
        os.chdir(self._file.parent)  # the kernel takes short paths only, and tests have long ones
        try:
            self._server = _Server(self._file.name, self._handler())
        finally:
            os.chdir(before)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.silent.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._file.unlink()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def address_string(self) -> str:
                return "socket"

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append(("POST", self.path, json.loads(body or b"null")))
                self._answer(outer.code, {"id": "j1", "state": "waiting", "ended": False, "report": None})

            def do_GET(self) -> None:
                outer.asked.append(("GET", self.path, None))
                if self.path == "/api/v1/status":
                    self._answer(200, outer.status)
                    return
                name = self.path.partition("?")[0].rpartition("/")[2]
                if name in outer.others:
                    self._answer(200, {"id": name, **outer.others[name]})
                    return
                job = outer.jobs.pop(0) if len(outer.jobs) > 1 else outer.jobs[0]
                self._answer(200, {"id": "j1", **job})

            def _answer(self, code: int, document: dict[str, Any]) -> None:
                if outer.is_silent:
                    outer.silent.wait(60)
                    return
                body = json.dumps(document).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
