"""What headers say about a limit, in every spelling that is about, and what follows from it."""

from __future__ import annotations

import pytest
from builders import START
from hypothesis import given
from hypothesis import strategies as st

from qtisync.delivery.rate_headers import NO_ADVICE, Advice, Allowance, advise, read_allowance

IN_A_MINUTE = Allowance(left=20.0, limit=100.0, reset_at=START + 60)


@pytest.mark.parametrize(
    "headers",
    [
        {"ratelimit-limit": "100", "ratelimit-remaining": "20", "ratelimit-reset": "60"},
        {"ratelimit": "limit=100, remaining=20, reset=60"},
        {"ratelimit": '"default";r=20;t=60', "ratelimit-limit": "100"},
        {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "20", "x-ratelimit-reset": "60"},
        {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "20", "x-rate-limit-reset": "60"},
        {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "20", "x-ratelimit-reset": str(int(START) + 60)},
        {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "20", "x-ratelimit-reset": str((int(START) + 60) * 1000)},
    ],
)
def test_every_spelling_says_the_same(headers: dict[str, str]):
    assert read_allowance(headers, START) == IN_A_MINUTE


@pytest.mark.parametrize(
    "headers",
    [
        {"ratelimit": '"default";r=20;t=60', "ratelimit-policy": '"default";q=100;w=60'},
        {"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "20", "ratelimit-reset": "60"},
    ],
)
def test_policy_names_the_window(headers: dict[str, str]):
    assert read_allowance(headers, START) == Allowance(left=20.0, limit=100.0, reset_at=START + 60, window=60.0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ratelimit-limit": "100"},
        {"x-ratelimit-remaining": "plenty"},
        {"x-ratelimit-remaining": "-1"},
        {"ratelimit": "nonsense"},
    ],
)
def test_what_cannot_be_read_is_not_there(headers: dict[str, str]):
    assert read_allowance(headers, START) is None


def test_reset_in_the_far_future_is_garbage():
    headers = {"x-ratelimit-remaining": "5", "x-ratelimit-reset": "900000000"}

    assert read_allowance(headers, START) == Allowance(left=5.0)


@pytest.mark.parametrize(
    ("allowance", "advice"),
    [
        (Allowance(left=80, limit=100, reset_at=START + 60), NO_ADVICE),
        (Allowance(left=30, limit=100, reset_at=START + 60), Advice(cap=0.5)),
        (Allowance(left=0, limit=100, reset_at=START + 60), Advice(wait_until=START + 60)),
        (Allowance(left=0, limit=50, reset_at=START + 1), Advice(scarce=True)),
        (Allowance(left=5, limit=50, reset_at=START + 1), Advice(scarce=True)),
        (Allowance(left=20, limit=50, reset_at=START + 1), NO_ADVICE),
        (Allowance(left=20, limit=100, window=10.0), Advice(cap=10.0)),
        (Allowance(left=1), Advice(scarce=True)),
        (Allowance(left=0, limit=50, reset_at=START - 5), Advice(scarce=True)),
    ],
)
def test_what_follows(allowance: Allowance, advice: Advice):
    assert advise(allowance, START) == advice


NAMES = st.sampled_from(
    ["ratelimit", "ratelimit-policy", "ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
)


@given(headers=st.dictionaries(NAMES, st.text() | st.from_regex(r"[a-z\"]{0,3};?[qrtw]?=?[0-9]{1,400}")))
def test_no_header_ever_raises_and_no_advice_is_absurd(headers: dict[str, str]):
    allowance = read_allowance(headers, START)
    if allowance is not None:
        advice = advise(allowance, START)
        assert advice.cap is None or advice.cap > 0
        assert advice.wait_until is None or START < advice.wait_until < START + 1e8
