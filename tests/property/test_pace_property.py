"""I25, I26 and I29: never above the ceiling in any window, nothing during a pause, and clocks may jump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from histories import histories
from hypothesis import example, given
from hypothesis import strategies as st
from pace_simulation import LATEST, START, Client, Limit, Play, aged

from qtisync.delivery.pace import Pace, after_success, after_throttle, capped, paused, ready_at, resumed

LIMITS = st.builds(
    Limit,
    phases=st.lists(st.tuples(st.floats(2, 8), st.floats(1, 80)), min_size=1, max_size=3),
    burst=st.integers(1, 60).map(float),
    retry_after=st.sampled_from(["seconds", "decimal", "none", "wrong"]),
    latency=st.sampled_from([(0.0, 0.0), (0.02, 0.1), (0.3, 0.3), (0.0, 2.0)]),
)
CLIENTS = st.builds(
    Client, ceiling=st.floats(0.5, 100), hint=st.booleans(), adaptive=st.booleans(), workers=st.integers(1, 16)
)


def most_in_a_window(moments: Sequence[float], seconds: float) -> int:
    """The largest number of moments in any half-open window."""
    most, begin = 0, 0
    for end, moment in enumerate(moments):
        while moments[begin] <= moment - seconds + 1e-9:
            begin += 1
        most = max(most, end - begin + 1)
    return most


@example(
    limit=Limit(phases=((2.0, 2.0), (3.0, 2.0)), burst=1.0, retry_after="decimal", latency=(0.0, 0.0)),
    client=Client(ceiling=3.9375, hint=False, adaptive=False, workers=1),
    seed=0,
)
@histories(60)
@given(limit=LIMITS, client=CLIENTS, seed=st.integers(0, 9))
def test_i25_no_window_holds_more_than_the_ceiling_also_over_a_restart(limit: Limit, client: Client, seed: int):
    """Slots are never closer than the ceiling allows; who wakes late for one leaves closer to the next.

    So a window may hold what belongs to the time by which its first request was late. The bound left this out, and 3.9
    requests a second that began 17 ms late were taken for too many.
    """
    Play(limit, (client,), seed, None).run()
    learned = aged(client.now_pace, limit.seconds)
    again = Client(ceiling=client.ceiling, hint=client.hint, adaptive=client.adaptive, pace=learned)
    Play(limit, (again,), seed, None).run()

    sent = [*client.sent, *(at + limit.seconds for at in again.sent)]
    for seconds in (1.0, 3.0):
        assert most_in_a_window(sent, seconds) <= client.ceiling * (seconds + LATEST) + 1


@histories(60)
@given(limit=LIMITS, client=CLIENTS, seed=st.integers(0, 9))
def test_i26_nothing_leaves_during_a_pause(limit: Limit, client: Client, seed: int):
    Play(limit, (client,), seed, None).run()

    assert not [at for at in client.sent for begins, ends in client.pauses if begins < at < ends]


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.floats(0, 3)),
        st.tuples(st.just("accepted"), st.floats(0, 3)),
        st.tuples(st.just("refused"), st.floats(0, 400)),
        st.tuples(st.just("trouble"), st.floats(0, 60)),
        st.tuples(st.just("cap"), st.floats(0.01, 300)),
        st.tuples(st.just("restart"), st.floats(-1e6, 1e6)),
    ),
    max_size=80,
)


def step(pace: Pace, event: str, value: float, now: float) -> Pace:
    match event:
        case "accepted":
            return after_success(pace, now - value, now, accepted=50)
        case "refused":
            return after_throttle(pace, now - 0.1, now, now + min(value, 300), accepted=5)
        case "trouble":
            return paused(pace, now + value, "down")
        case "cap":
            return capped(pace, value if value < 200 else None)
        case _:
            return replace(pace, tat=ready_at(pace, now) + 1 / pace.rate)


@histories(200)
@given(ceiling=st.floats(0.05, 200), events=EVENTS)
def test_i29_clock_jumps_between_lives_bring_no_burst_and_no_stall_beyond_the_cap(
    ceiling: float, events: list[tuple[str, float]]
):
    now = START
    pace = resumed(None, ceiling, now, adaptive=True, longest_pause=300)
    last_slot: float | None = None
    for event, value in events:
        if event == "restart":
            now, last_slot = max(1.0, now + value), None
            pace = resumed(pace, ceiling, now, adaptive=True, longest_pause=300)
            assert ready_at(pace, now) <= now + max(300, 1 / pace.rate) + 1e-6
        else:
            now += value if event in ("send", "accepted") else 0.01
            if event == "send":
                slot = ready_at(pace, now)
                assert last_slot is None or slot - last_slot >= 1 / ceiling - 1e-6
                last_slot = slot
            pace = step(pace, event, value, now)
        assert pace.floor <= pace.rate <= pace.ceiling
