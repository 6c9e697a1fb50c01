"""What follows an outcome: the last column of the table of answers."""

from __future__ import annotations

import pytest
from builders import START
from hypothesis import given
from hypothesis import strategies as st

from qtisync.delivery.outcome import (
    Accepted,
    Altered,
    Conflicted,
    Denied,
    Exists,
    Missing,
    NotTheApi,
    Outcome,
    Refused,
    RemoteObject,
    Throttled,
    Unavailable,
)
from qtisync.delivery.retry import (
    Decision,
    Finish,
    Halt,
    Park,
    Pause,
    RetryAt,
    RetryPolicy,
    backoff,
    clamp_pause,
    decide,
)
from qtisync.model import Identifier

POLICY = RetryPolicy(base=1.0, cap=300.0, server_error_attempts=4, pause_without_hint=1.0, pause_cap=300.0)
REMOTE = RemoteObject(identifier=Identifier("q1"), xml="<q1/>", content=None)


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [
        (Accepted(remote=REMOTE), Finish()),
        (Altered(remote=REMOTE, differences=("its XML differs from ours",)), Finish()),
        (Refused(status=422, message="no"), Park()),
        (Conflicted(message="changed", remote=REMOTE), Park()),
        (Throttled(until=START + 7), Pause(START + 7)),
        (Throttled(until=None), Pause(START + 1)),
        (Denied(message="403: no", status=403), Halt("AuthError: 403: no")),
        (NotTheApi(message="answer 404", status=404), Halt("NotTheApi: answer 404")),
        (Unavailable(message="reset"), RetryAt(START + 0.75)),
        (Unavailable(message="502", status=502), RetryAt(START + 0.75)),
        (Unavailable(message="500", status=500), RetryAt(START + 0.75)),
        (Missing(), RetryAt(START + 0.75)),
        (Exists(), RetryAt(START + 0.75)),
    ],
)
def test_first_attempt_is_followed_by(outcome: Outcome, decision: Decision):
    assert decide(outcome, 0, POLICY, START, 0.5) == decision


def test_conflict_holds_the_queue_only_where_it_should_block():
    blocking = RetryPolicy(block_on_conflict=True)

    assert decide(Conflicted(message="changed", remote=REMOTE), 0, blocking, START, 0.5) == Halt("changed")


def test_500_is_tried_a_few_times_and_then_parked():
    refusal = Unavailable(message="500: boom", status=500)

    assert [decide(refusal, attempts, POLICY, START, 0.0) for attempts in range(5)] == [
        RetryAt(START + 0.5),
        RetryAt(START + 1.0),
        RetryAt(START + 2.0),
        Park(),
        Park(),
    ]


def test_lost_answers_before_a_500_do_not_park_it():
    refusal = Unavailable(message="500: boom", status=500)

    assert decide(refusal, 3, POLICY, START, 0.0, server_errors=0) == RetryAt(START + 4.0)
    assert decide(refusal, 9, POLICY, START, 0.0, server_errors=3) == Park()


@pytest.mark.parametrize("status", [None, 200, 502, 503, 504])
def test_api_that_is_away_is_asked_again_for_ever(status: int | None):
    away = Unavailable(message="away", status=status)

    assert decide(away, 10_000, POLICY, START, 0.0) == RetryAt(START + 150.0)


@pytest.mark.parametrize(
    ("until", "waits"), [(None, 1.0), (START - 50, 0.0), (START, 0.0), (START + 2.5, 2.5), (START + 1e9, 300.0)]
)
def test_pause_is_never_in_the_past_nor_longer_than_the_cap(until: float | None, waits: float):
    assert clamp_pause(until, POLICY, START) == START + waits


@given(attempts=st.integers(0, 10**6), jitter=st.floats(0, 1, exclude_max=True))
def test_back_off_is_positive_bounded_and_jittered_by_half(attempts: int, jitter: float):
    longest = min(POLICY.cap, 2.0 ** min(attempts, 20))

    assert longest / 2 <= backoff(attempts, POLICY, jitter) <= longest


@given(attempts=st.integers(0, 30))
def test_back_off_never_shrinks(attempts: int):
    assert backoff(attempts, POLICY, 0.0) <= backoff(attempts + 1, POLICY, 0.0)
