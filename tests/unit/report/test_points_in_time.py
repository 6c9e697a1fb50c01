"""A point in time as people write it."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtisync.report.points_in_time import point_in_time
from qtisync.report.value import moment

NOW = datetime(2026, 11, 28, 7, 30, 15, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-27", "2026-11-27T00:00:00.000Z"),
        ("2026-11-27 14:30", "2026-11-27T14:30:00.000Z"),
        ("2026-11-27T14:30:05Z", "2026-11-27T14:30:05.000Z"),
        ("2026-11-27t14:30:05.25z", "2026-11-27T14:30:05.250Z"),
        ("2026-11-28T08:00:00+01:00", "2026-11-28T07:00:00.000Z"),
        (" Yesterday ", "2026-11-27T00:00:00.000Z"),
        ("today", "2026-11-28T00:00:00.000Z"),
        ("now", "2026-11-28T07:30:15.000Z"),
        ("2h ago", "2026-11-28T05:30:15.000Z"),
        ("30  minutes", "2026-11-28T07:00:15.000Z"),
        ("1 day ago", "2026-11-27T07:30:15.000Z"),
        ("2w", "2026-11-14T07:30:15.000Z"),
        ("@1795000000.5", "2026-11-18T11:06:40.500Z"),
        ("2026-11-28T07:31:00Z", "2026-11-28T07:31:00.000Z"),
    ],
)
def test_times_are_read_as_they_are_meant(text, meant):
    assert moment(point_in_time(text, NOW)) == meant


@pytest.mark.parametrize(
    "text", ["", "soon", "28.11.2026", "2026-13-01", "2026-11-31", "2h later", "5 parsecs ago", "2026-W48", "12", "@x"]
)
def test_what_is_no_time_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="Write it as 2026-11-28"):
        point_in_time(text, NOW)


@pytest.mark.parametrize("text", ["2026-11-29", "2026-11-28T08:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_future_is_refused(text):
    with pytest.raises(ValueError, match="in the future"):
        point_in_time(text, NOW)


@given(st.floats(0, NOW))
def test_what_we_print_can_be_read_again(at):
    assert point_in_time(moment(at), NOW) == pytest.approx(at, abs=0.001)


@given(st.text(max_size=30))
def test_no_text_does_anything_else_than_be_read_or_be_refused(text):
    with contextlib.suppress(ValueError):
        assert point_in_time(text, NOW) <= NOW + 60
