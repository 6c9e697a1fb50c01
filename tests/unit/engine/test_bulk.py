"""The collector rests during bulk work and is left as it was found."""

from __future__ import annotations

import gc

import pytest

from qtisync.engine.bulk import give_back, uncollected


def test_it_collects_again_afterwards_also_after_an_error():
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), uncollected():
        1 / 0  # noqa: B018 - any error

    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_memory_can_be_given_back_at_any_time():
    give_back()
    give_back()
