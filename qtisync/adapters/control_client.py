"""Speaks to a daemon of this machine over its socket in the state directory. Light: commands and hooks wait for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qtisync.errors import DaemonAbsentError, DaemonSilentError

LONGEST_PATH = 107
"""Bytes of a socket's path that the kernel takes."""
MAX_ANSWER = 256 * 1024 * 1024
PATIENCE = 5.0
_STEP = 65_536


def socket_file(state: Path, target: str) -> Path:
    """Where the daemon of a target listens."""
    return state / f"{target}.sock"


def pushers_file(file: Path) -> Path:
    """Beside the socket of a daemon, the one that is for the users of ``daemon.push_group``."""
    return file.with_suffix(".pushers")


@contextlib.contextmanager
def reachable(file: Path) -> Iterator[str]:
    """A spelling of a socket's path that is short enough for the kernel, good as long as the block lasts."""
    if len(os.fsencode(file)) <= LONGEST_PATH:
        yield str(file)
        return
    folder = os.open(file.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{file.name}"
    finally:
        os.close(folder)


class ControlClient:
    """One daemon. Nothing is opened before ``call``, and nothing is left open after it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, timeout: float = PATIENCE
    ) -> tuple[int, Any]:
        """The status of the answer and its JSON (``None``: it has none).

        Raises ``DaemonAbsentError`` if no daemon listens, and ``DaemonSilentError`` if the answer is not complete
        within ``timeout`` seconds, or is none.
        """
        until = time.monotonic() + timeout
        connection = _Connection(self._file, timeout)
        try:
            sent = None if body is None else json.dumps(body).encode()
            connection.request(method, path, body=sent, headers={"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, _document(response, _whole(connection, response, until))
        except TimeoutError:
            raise self._silent(f"does not answer within {timeout:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._silent("broke off its answer") from error
        finally:
            connection.close()

    def _silent(self, words: str) -> DaemonSilentError:
        return DaemonSilentError(
            f"The daemon at {self._file} {words}.",
            hint="It may be busy or ending: try again in a moment. Its log says what it does.",
        )


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket of the file system."""

    def __init__(self, file: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._file = file

    def connect(self) -> None:
        """Connect, to the socket for pushers if the other one is not for this user; or say that nobody listens."""
        try:
            self._connect(self._file)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            raise DaemonAbsentError(
                f"No daemon listens at {self._file}.", hint="Start it: qtisync run (or its service)."
            ) from None
        except PermissionError as error:
            try:
                self._connect(pushers_file(self._file))
            except OSError:
                raise DaemonAbsentError(
                    f"The daemon's socket {self._file} may not be used by this user.",
                    hint="To answer pushers, set daemon.push_group to a group that they are in (docs/triggers.md). "
                    "Other commands: run them as the user of the service.",
                ) from error

    def _connect(self, file: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            with reachable(file) as name:
                self.sock.connect(name)
        except BaseException:
            self.sock.close()
            raise


def _whole(connection: _Connection, response: http.client.HTTPResponse, until: float) -> bytes:
    """The body of an answer, all of it in time: a socket's own time limit begins anew with each byte."""
    parts: list[bytes] = []
    received = 0
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = response.read1(_STEP)
        if not part:
            return b"".join(parts)
        parts.append(part)
        received += len(part)
        if received > MAX_ANSWER:
            raise ValueError("the answer is too large")


def _document(response: http.client.HTTPResponse, body: bytes) -> Any:  # noqa: ANN401 - JSON
    if response.headers.get_content_type() != "application/json":
        return None
    return json.loads(body)
