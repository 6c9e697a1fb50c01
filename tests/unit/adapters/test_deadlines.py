"""Whatever is overdue is cut off, whatever is in time is left alone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from qtisync.adapters.deadlines import Deadlines, Leash


@pytest.fixture
def deadlines() -> Iterator[Deadlines]:
    made = Deadlines()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def tied(to: socket.socket) -> Leash:
    leash = Leash()
    leash.tie(to)
    return leash


def watchers() -> int:
    return sum(thread.name == "qtisync-deadlines" for thread in threading.enumerate())


def test_overdue_read_is_ended(deadlines: Deadlines, pair: tuple[socket.socket, socket.socket]):
    leash = tied(pair[0])
    begun = time.monotonic()
    with deadlines.hold(leash, 0.05):
        assert pair[0].recv(1) == b""

    assert leash.cut_off
    assert 0.04 < time.monotonic() - begun < 2.0


def test_shorter_deadline_that_comes_later_is_kept(deadlines: Deadlines, pair: tuple[socket.socket, socket.socket]):
    with deadlines.hold(Leash(), 60.0), deadlines.hold(tied(pair[0]), 0.05):
        assert pair[0].recv(1) == b""


def test_block_that_ends_in_time_is_not_cut(deadlines: Deadlines, pair: tuple[socket.socket, socket.socket]):
    leash = tied(pair[0])
    with deadlines.hold(leash, 0.05):
        pass
    time.sleep(0.1)
    pair[1].send(b"x")

    assert (pair[0].recv(1), leash.cut_off) == (b"x", False)


def test_socket_that_connects_too_late_is_cut_at_once(pair: tuple[socket.socket, socket.socket]):
    leash = Leash()
    leash.cut()
    leash.tie(pair[0])

    assert pair[0].recv(1) == b""


def test_closed_socket_is_nothing_to_cut(pair: tuple[socket.socket, socket.socket]):
    leash = tied(pair[0])
    pair[0].close()
    leash.cut()

    assert leash.cut_off


def test_close_cuts_what_is_held_and_ends_the_thread(pair: tuple[socket.socket, socket.socket]):
    deadlines = Deadlines()
    leash = tied(pair[0])
    with deadlines.hold(leash, 60.0):
        assert watchers() == 1
        deadlines.close()
        assert pair[0].recv(1) == b""
    assert watchers() == 0


def test_deadlines_can_be_used_again_after_close(pair: tuple[socket.socket, socket.socket]):
    deadlines = Deadlines()
    with deadlines.hold(Leash(), 60.0):
        pass
    deadlines.close()
    with deadlines.hold(tied(pair[0]), 0.05):
        assert pair[0].recv(1) == b""
    deadlines.close()
    deadlines.close()
