"""When to fetch again: as configured after a success, later and later after failures, never for ever."""

from __future__ import annotations

import pytest

from qtisync.delivery.fetching import next_fetch_after


def wait(failures: int, jitter: float = 0.0) -> float:
    return next_fetch_after(failures, poll_every=30.0, fetch_retry_every=15.0, jitter=jitter)


def test_after_a_success_the_poll_interval_counts() -> None:
    assert (wait(0), wait(0, 0.9)) == (30.0, 30.0)


def test_after_failures_the_wait_doubles_up_to_ten_times() -> None:
    assert [wait(failures) for failures in range(1, 8)] == [15, 30, 60, 120, 150, 150, 150]
    assert wait(1_000_000) == 150


@pytest.mark.parametrize("failures", [1, 3, 50])
def test_chance_only_shortens_a_wait_and_by_a_fifth_at_most(failures: int) -> None:
    assert wait(failures) * 0.8 <= wait(failures, 0.999) < wait(failures)
