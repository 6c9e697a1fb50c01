"""Calls in threads: answered, given up in time, and never in each other's way."""

from __future__ import annotations

import asyncio
import threading

import pytest

from qtisync.web.threads import WAITING, BusyError, Threads


def test_answer_and_exception_come_back():
    async def ask() -> tuple[int, int]:
        threads = Threads()
        with pytest.raises(KeyError):
            await threads.quick(lambda: {}["x"])
        return await threads.quick(lambda: 1), await threads.vital(lambda: 2)

    assert asyncio.run(ask()) == (1, 2)


def test_call_that_hangs_is_given_up_and_vital_calls_go_on():
    held = threading.Event()

    async def ask() -> tuple[list[type], int]:
        threads = Threads(patience=0.05)
        answers = await asyncio.gather(*(threads.quick(held.wait) for _ in range(20)), return_exceptions=True)
        threads._patience = 60.0  # that a vital call has a thread counts here, not how soon a loaded machine starts it
        return [type(answer) for answer in answers], await threads.vital(lambda: 7)

    try:
        assert asyncio.run(ask()) == ([BusyError] * 20, 7)
    finally:
        held.set()


def test_threads_are_free_again_when_the_calls_come_back():
    held = threading.Event()

    async def ask() -> int:
        threads = Threads(patience=0.05)
        await asyncio.gather(*(threads.quick(held.wait) for _ in range(20)), return_exceptions=True)
        held.set()
        threads._patience = 60.0
        return await threads.quick(lambda: 7)

    assert asyncio.run(ask()) == 7


def test_no_more_wait_than_there_are_threads_for_it():
    held, begun = threading.Event(), threading.Barrier(WAITING + 1)

    def wait() -> bool:
        begun.wait(60)
        return held.wait(60)

    async def ask() -> list[bool]:
        threads = Threads()
        waiting = [asyncio.ensure_future(threads.waiting(wait, 60)) for _ in range(WAITING)]
        await asyncio.to_thread(begun.wait, 60)
        with pytest.raises(BusyError):
            await threads.waiting(wait, 60)
        held.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(ask()) == [True] * WAITING
