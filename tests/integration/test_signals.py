"""Signals are read like letters from a box."""

import os
import signal
import threading
from pathlib import Path

import pytest

from qtisync.adapters.signals import Signals


@pytest.fixture
def box():
    box = Signals((signal.SIGUSR1, signal.SIGHUP))
    box.open()
    yield box
    box.close()


def test_signals_come_in_order(box):
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGUSR1)

    assert box.wait(10.0) + box.wait(0.0) == (signal.SIGHUP, signal.SIGUSR1)


def test_wait_passes_when_nothing_comes(box):
    assert box.wait(0.0) == ()


def test_another_thread_can_end_a_wait(box):
    threading.Thread(target=box.wake).start()

    assert box.wait(60.0) == ()


def test_everything_is_put_back():
    before = signal.getsignal(signal.SIGUSR1)
    box = Signals((signal.SIGUSR1,))
    box.open()
    box.close()

    assert signal.getsignal(signal.SIGUSR1) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_more_signals_than_the_box_holds_do_not_block(box):
    for _ in range(70_000):
        box.wake()

    assert box.wait(0.0) == ()


def test_wake_after_the_end_writes_into_nobody_elses_file(tmp_path: Path) -> None:
    post = Signals([signal.SIGUSR1])
    post.open()
    post.close()
    opened = [(tmp_path / str(number)).open("wb", buffering=0) for number in range(3)]  # they get the free numbers
    post.wake()
    for one in opened:
        one.close()

    assert [file.stat().st_size for file in sorted(tmp_path.iterdir())] == [0, 0, 0]
