"""What `qtisync resume` says."""

from __future__ import annotations

import pytest

from qtisync.cli.steer import _resumed


@pytest.mark.parametrize(
    ("halted", "paused", "words"),
    [
        (None, True, "staging goes on."),
        (None, False, "staging was not paused, and its queue had not halted."),
        (
            "AuthError: no",
            False,
            "staging goes on: its queue had halted (AuthError: no) and is tried again now. How it went: qtisync status",
        ),
    ],
)
def test_resume_says_what_it_took_up(halted: str | None, paused: bool, words: str) -> None:
    assert _resumed("staging", halted, paused=paused) == words
