"""How long nothing is asked of an API that refuses us or is gone."""

from __future__ import annotations

import pytest

from qtisync.engine.halting import HALT_CAP, halted_for


@pytest.mark.parametrize(
    ("before", "gone", "seconds"),
    [(0, True, 2.0), (1, True, 4.0), (3, True, 16.0), (0, False, 60.0), (1, False, 120.0), (99, True, HALT_CAP)],
)
def test_each_halt_in_a_row_is_twice_as_long_up_to_a_limit(before: int, gone: bool, seconds: float) -> None:
    assert halted_for(before, gone=gone, jitter=0.5) == seconds
    assert halted_for(before, gone=gone, jitter=0.0) == seconds * 0.75
