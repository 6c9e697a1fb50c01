"""Flags that every command has."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from qtisync.cli.common_options import Common


@pytest.fixture(autouse=True)
def _leave_logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def common() -> Common:
    return Common(
        config=None,
        target=None,
        format="text",
        output=None,
        no_color=False,
        verbose=0,
        quiet=False,
        show_content=False,
    )


@pytest.mark.parametrize(("journal", "mark"), [(True, "<4>"), (False, "")])
def test_a_log_that_goes_to_the_journal_says_how_loud_each_line_is(tmp_path: Path, monkeypatch, journal, mark):
    with (tmp_path / "stderr").open("w") as stderr:
        status = (tmp_path / "stderr").stat()
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}" if journal else "1:2")
        common().log()("watch_degraded", reason="no inotify watches are left")

    written = (tmp_path / "stderr").read_text()
    assert written.startswith(mark + "{")
    assert json.loads(written.removeprefix(mark))["event"] == "watch_degraded"
