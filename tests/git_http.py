"""A git server over HTTP on this machine: `git http-backend` behind a small server that wants a name and a token."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self


class GitHttp:
    """Serves the repositories below ``root``. ``answer``: a status that every request gets instead."""

    def __init__(self, root: Path, pair: str | None = None) -> None:
        self.root = root
        self.expected = f"Basic {base64.b64encode(pair.encode()).decode()}" if pair else None
        self.answer: int | None = None
        self.location = ""
        self.silent = threading.Event()
        self.look: Callable[[], None] = lambda: None
        """Called while a request waits."""
        self.asked: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Be gone; a second time changes nothing."""
        if self.silent.is_set():
            return
        self.silent.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                given = self.headers.get("Authorization")
                outer.asked.append((self.path, given))
                outer.look()
                if outer.answer is not None:
                    self._plain(outer.answer)
                elif outer.expected is not None and given != outer.expected:
                    self._plain(401)
                else:
                    self._backend()

            do_POST = do_GET  # noqa: N815 - http.server's names

            def _plain(self, status: int) -> None:
                if status == 0:  # never answer
                    outer.silent.wait(60)
                    return
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="git"')
                if status // 100 == 3:
                    self.send_header("Location", outer.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _backend(self) -> None:
                path, _, query = self.path.partition("?")
                clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
                done = subprocess.run(
                    ["git", "http-backend"],
                    input=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                    env={
                        **clean,
                        "GIT_PROJECT_ROOT": str(outer.root),
                        "GIT_HTTP_EXPORT_ALL": "1",
                        "GIT_CONFIG_GLOBAL": os.devnull,
                        "GIT_CONFIG_COUNT": "1",
                        "GIT_CONFIG_KEY_0": "safe.directory",
                        "GIT_CONFIG_VALUE_0": "*",
                        "PATH_INFO": path,
                        "QUERY_STRING": query,
                        "REQUEST_METHOD": self.command,
                        "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                        "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                        "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    },
                    capture_output=True,
                    check=False,
                )
                head, _, body = done.stdout.partition(b"\r\n\r\n")
                fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
                self.send_response(int(fields.pop("Status", "200").split()[0]))
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
