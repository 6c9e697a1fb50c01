"""How many items are read by one list."""

from __future__ import annotations

import pytest

from qtisync.engine.batching import batch_size, lead, reading_calls


@pytest.mark.parametrize(
    ("rate", "limit", "size"),
    [(0.1, 50, 0), (1.0, 50, 4), (10.0, 50, 40), (1000.0, 50, 50), (1000.0, 10, 10), (1000.0, 500, 50)],
)
def test_page_is_as_large_as_what_is_written_while_it_is_fresh(rate: float, limit: int, size: int):
    assert batch_size(rate, limit) == size


@pytest.mark.parametrize(("size", "rate", "left"), [(4, 1.0, 1), (40, 10.0, 10), (50, 50.0, 25), (50, 1000.0, 25)])
def test_next_page_is_asked_for_while_there_is_still_work_for_a_second(size: int, rate: float, left: int):
    assert lead(size, rate) == left


@pytest.mark.parametrize(
    ("items", "rate", "calls"),
    [(0, 10.0, 0), (3, 10.0, 3), (4, 10.0, 1), (40, 10.0, 1), (42, 10.0, 3), (44, 10.0, 2), (9, 0.5, 9)],
)
def test_reading_costs_a_list_for_a_page_and_a_get_for_what_is_too_little_for_one(items: int, rate: float, calls: int):
    assert reading_calls(items, rate) == calls
