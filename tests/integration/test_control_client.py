"""The client of the daemon's socket: quick when nobody is there, and never longer than it is told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_control import served

from qtisync.adapters.control_client import ControlClient, socket_file
from qtisync.errors import DaemonAbsentError, DaemonSilentError


def test_question_and_answer(tmp_path: Path):
    with served(tmp_path) as site:
        client = ControlClient(socket_file(tmp_path, "staging"))

        assert client.call("POST", "/api/v1/retry", {"identifiers": ["ä"]}) == (200, {"queued": 1})
        assert client.call("GET", "/api/v1/jobs/none")[0] == 404
        assert client.call("GET", "/metrics") == (200, None)
        assert site.control.calls[0] == ("retry", ("ä",))


def test_no_socket_means_no_daemon(tmp_path: Path):
    for file in (tmp_path / "staging.sock", tmp_path / "none" / "staging.sock"):
        with pytest.raises(DaemonAbsentError) as caught:
            ControlClient(file).call("GET", "/healthz")
        assert (caught.value.reference, "qtisync run" in caught.value.hint) == ("daemon-absent", True)


def test_socket_that_a_dead_daemon_left_means_no_daemon(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "staging.sock"))
    with pytest.raises(DaemonAbsentError):
        ControlClient(tmp_path / "staging.sock").call("GET", "/healthz")


def test_deep_state_directory_without_a_daemon(tmp_path: Path):
    deep = tmp_path / ("d" * 120)
    with pytest.raises(DaemonAbsentError):
        ControlClient(deep / "staging.sock").call("GET", "/healthz")
    deep.mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(DaemonAbsentError):
        ControlClient(deep / "staging.sock").call("GET", "/healthz")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every socket")
def test_socket_of_another_user_is_told(tmp_path: Path):
    with served(tmp_path) as site:
        site.file.chmod(0)
        with pytest.raises(DaemonAbsentError, match="may not be used"):
            ControlClient(site.file).call("GET", "/healthz")


@contextmanager
def odd_daemon(file: Path, act: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something that listens and does this with the first connection."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(file))
        listening.listen()

        def serve() -> None:
            wire, _ = listening.accept()
            with wire:
                wire.recv(65536)
                act(wire)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            thread.join(60)


def drip(wire: socket.socket) -> None:
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    try:
        for _ in range(1000):
            wire.sendall(b" ")
            time.sleep(0.02)
    except OSError:
        return


def hold(wire: socket.socket) -> None:
    wire.settimeout(60)
    try:
        wire.recv(1)
    except OSError:
        return


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("act", [drip, hold])
def test_answer_that_does_not_come_is_given_up_in_time(tmp_path: Path, act: Callable[[socket.socket], None]):
    began = time.monotonic()
    with odd_daemon(tmp_path / "x.sock", act), pytest.raises(DaemonSilentError, match=r"does not answer within 0\.2 s"):
        ControlClient(tmp_path / "x.sock").call("GET", "/healthz", timeout=0.2)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", HEAD + b"Content-Length: 9\r\n\r\n{", HEAD + b"Content-Length: 1\r\n\r\n{"]
)
def test_broken_answer_is_told(tmp_path: Path, answer: bytes):
    with (
        odd_daemon(tmp_path / "x.sock", lambda wire: wire.sendall(answer)),
        pytest.raises(DaemonSilentError, match="broke off") as caught,
    ):
        ControlClient(tmp_path / "x.sock").call("GET", "/healthz", timeout=60)
    assert caught.value.exit_code == 8


def test_import_is_light():
    heavy = "{'httpx', 'starlette', 'uvicorn', 'jinja2', 'sqlalchemy', 'asyncio', 'pydantic'}"
    code = f"import sys, qtisync.adapters.control_client; print(sorted({heavy} & set(sys.modules)))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
