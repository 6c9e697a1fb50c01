"""How a pass shows that it lives."""

from fakes import FakeBell, FakeClock

from qtisync.engine.rounds import STEP, Beating, PatientBell


def test_every_step_and_every_bit_of_progress_is_a_sign_of_life():
    beats = []
    with Beating(beats.append).step("reading", 3) as advance:
        advance(1)
        advance(2)

    assert beats == [STEP] * 4


def test_waiting_for_its_turn_is_a_sign_of_life_for_as_long_as_it_takes():
    beats, clock = [], FakeClock(now=100.0)
    bell = PatientBell(FakeBell(clock), beats.append)
    bell.wait(300.0)

    assert (beats, clock.now(), bell.stopped) == ([300.0 + STEP], 400.0, False)
