"""How a pass shows that it lives."""

from qtisync.engine.rounds import STEP, Beating


def test_every_step_and_every_bit_of_progress_is_a_sign_of_life():
    beats = []
    with Beating(beats.append).step("reading", 3) as advance:
        advance(1)
        advance(2)

    assert beats == [STEP] * 4
