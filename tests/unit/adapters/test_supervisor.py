"""What systemd is told, read from a socket as systemd would read it."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qtisync.adapters.supervisor import LONGEST, Supervisor, supervisor_of


@pytest.fixture(params=["path", "abstract"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What NOTIFY_SOCKET says: both forms that systemd uses."""
    return str(tmp_path / "notify") if request.param == "path" else f"@qtisync-test-{secrets.token_hex(8)}"


@pytest.fixture
def systemd(place: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        listening.bind("\0" + place[1:] if place.startswith("@") else place)
        yield listening


@pytest.fixture
def supervisor(systemd: socket.socket, place: str) -> Supervisor:
    return supervisor_of({"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())})


def heard(systemd: socket.socket) -> list[str]:
    return systemd.recv(8192).decode().split("\n")


def nothing_more(systemd: socket.socket) -> bool:
    systemd.setblocking(False)
    try:
        systemd.recv(1)
    except BlockingIOError:
        return True
    finally:
        systemd.settimeout(5)
    return False


def crowd(systemd: socket.socket) -> int:
    """Fill the socket until it takes no more; how many messages that took."""
    count = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as crowding:
        crowding.connect(systemd.getsockname())
        try:
            while True:
                crowding.send(b"x")
                count += 1
        except BlockingIOError:
            return count


def test_ready_is_said_with_a_status(supervisor, systemd):
    supervisor.ready("1,240 items in sync")

    assert heard(systemd) == ["READY=1", "STATUS=1,240 items in sync"]


def test_status_alone_says_nothing_else(supervisor, systemd):
    supervisor.ready("")
    heard(systemd)
    supervisor.status("pushing: 3 of 7")

    assert heard(systemd) == ["STATUS=pushing: 3 of 7"]


def test_reload_is_said_with_the_time_of_the_kernel_clock(supervisor, systemd):
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    supervisor.reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

    word, moment = heard(systemd)
    assert word == "RELOADING=1"
    assert moment.startswith("MONOTONIC_USEC=")
    assert before <= int(moment.removeprefix("MONOTONIC_USEC=")) <= after


def test_stopping_is_said_with_a_status(supervisor, systemd):
    supervisor.stopping("2 calls in flight")

    assert heard(systemd) == ["STOPPING=1", "STATUS=2 calls in flight"]


def test_alive_asks_for_more_time_only_while_it_starts_or_reloads(supervisor, systemd):
    said = []
    for step in (lambda: None, lambda: supervisor.ready("up"), supervisor.reloading, lambda: supervisor.stopping("")):
        step()
        supervisor.alive()
        systemd.setblocking(False)
        try:
            while True:
                said.append(heard(systemd))
        except BlockingIOError:
            pass

    assert [words for words in said if "WATCHDOG=1" in words] == [
        ["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=30000000"],
        ["WATCHDOG=1"],
        ["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=30000000"],
        ["WATCHDOG=1"],
    ]


def test_alive_without_a_watchdog_asks_for_nothing(systemd, place):
    supervisor_of({"NOTIFY_SOCKET": place}).alive()

    assert heard(systemd) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("held:\nREADY=1\r\nSTOPPING=1", "STATUS=held: READY=1 STOPPING=1"),
        ("a\u2028b\x1b[2Jc\0d", "STATUS=a b [2Jc d"),
        ("broken \udcff name", "STATUS=broken name"),
        ("prüfung: 3 ✓", "STATUS=prüfung: 3 ✓"),
        ("", "STATUS="),
        ("ü" * 5000, "STATUS=" + "ü" * (LONGEST - 1) + "…"),
    ],
)
def test_a_status_is_one_short_line_whatever_stands_in_it(supervisor, systemd, text, sent):
    supervisor.status(text)

    assert heard(systemd) == [sent]


def test_a_full_socket_is_not_waited_for_and_ready_is_said_with_the_next_message(supervisor, systemd):
    waiting = crowd(systemd)
    supervisor.ready("in sync")
    for _ in range(waiting):
        assert systemd.recv(8) == b"x"

    assert nothing_more(systemd)
    supervisor.alive()
    assert heard(systemd) == ["READY=1", "WATCHDOG=1"]
    supervisor.alive()
    assert heard(systemd) == ["WATCHDOG=1"]


def test_a_ready_that_is_owed_is_forgotten_when_a_reload_begins(supervisor, systemd):
    waiting = crowd(systemd)
    supervisor.ready("in sync")
    for _ in range(waiting):
        systemd.recv(8)

    supervisor.reloading()
    assert heard(systemd)[0] == "RELOADING=1"


def test_a_socket_that_is_gone_is_no_failure(supervisor, systemd):
    systemd.close()

    supervisor.ready("in sync")
    supervisor.status("x")
    supervisor.reloading()
    supervisor.alive()
    supervisor.stopping("bye")


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_socket_that_we_know_it_is_silent(environ):
    silent = supervisor_of({**environ, "WATCHDOG_USEC": "30000000"})

    silent.ready("in sync")
    silent.alive()

    assert silent.watchdog_seconds is None


@pytest.mark.parametrize("address", ["/" + "x" * 500, "/no/such/folder/notify", "@" + "x" * 500, "/nul\0byte"])
def test_an_impossible_address_is_no_failure(address):
    supervisor_of({"NOTIFY_SOCKET": address}).ready("in sync")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "us"}, 0.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({}, None),
    ],
)
def test_the_limit_of_the_watchdog_is_read_if_it_is_meant_for_us(environ, seconds):
    ours = {name: str(os.getpid()) if value == "us" else value for name, value in environ.items()}

    assert supervisor_of({"NOTIFY_SOCKET": "/run/notify", **ours}).watchdog_seconds == seconds


def test_no_descriptor_is_left_open(supervisor, systemd):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        supervisor.alive()
        heard(systemd)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
