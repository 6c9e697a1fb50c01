"""Durations on the command line."""

from __future__ import annotations

import click
import pytest

from qtisync.cli.durations import TIMEOUT, Duration, said


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90.0), ("0.5", 0.5), ("90s", 90.0), ("5m", 300.0), ("1.5h", 5400.0), ("1d", 86400.0), (" 5 m ", 300.0)],
)
def test_duration_is_written_as_in_the_configuration_or_as_plain_seconds(written: str, seconds: float) -> None:
    assert TIMEOUT.convert(written, None, None) == seconds


@pytest.mark.parametrize("written", ["", "soon", "5 minutes", "-5", "5m30s", "nan", "inf", "0", "0.01s", "9999999d"])
def test_anything_else_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(click.BadParameter, match=r"90s, 5m or 2h|must be from 0\.1s to 366d"):
        TIMEOUT.convert(written, None, None)


def test_bounds_are_the_option_s_own_and_a_default_is_taken_as_it_is() -> None:
    wait = Duration(least=0, most=600)

    assert [wait.convert(one, None, None) for one in ("0", "10m", 5.0)] == [0.0, 600.0, 5.0]
    with pytest.raises(click.BadParameter, match="must be from 0s to 10m"):
        wait.convert("11m", None, None)


def test_duration_is_said_as_one_would_type_it() -> None:
    assert [said(one) for one in (0.0, 0.5, 90.0, 300.0, 5400.0, 86400.0)] == ["0s", "0.5s", "90s", "5m", "90m", "1d"]
