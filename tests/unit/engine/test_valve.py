"""The bell of those who push."""

import threading

from fakes import FakeClock

from qtisync.engine.valve import Valve


def waiting(valve, seconds=30.0):
    """A thread that waits on the valve; its answer comes into the list."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(valve.wait(seconds)))
    thread.start()
    return thread, answers


def test_wait_passes_when_nothing_rings():
    assert Valve(FakeClock()).wait(0.0) is False


def test_ring_ends_a_wait_and_is_not_remembered():
    valve = Valve(FakeClock())
    thread, answers = waiting(valve)
    while thread.is_alive():
        valve.ring()
        thread.join(0.01)

    assert answers == [True]
    assert valve.wait(0.0) is False


def test_pause_shuts_it_until_it_is_resumed():
    valve = Valve(FakeClock())
    valve.pause()

    assert (valve.stopped, valve.ended, valve.wait(30.0)) == (True, False, True)
    valve.resume()
    assert (valve.stopped, valve.ended, valve.wait(0.0)) == (False, False, False)


def test_stop_shuts_it_for_good():
    valve = Valve(FakeClock())
    valve.stop()
    valve.resume()

    assert (valve.stopped, valve.ended, valve.wait(30.0)) == (True, True, True)


def test_wait_is_known_to_who_supervises():
    clock = FakeClock(now=100.0)
    valve = Valve(clock)
    thread, _ = waiting(valve, 250.0)
    while valve.waiting_until < 350.0:
        thread.join(0.001)
    valve.stop()
    thread.join()

    assert valve.waiting_until == 350.0
