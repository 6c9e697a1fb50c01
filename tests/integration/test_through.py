"""What a command asks of the daemon of its target, over its socket."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_daemon import FakeDaemon

from qtisync.cli.through import Through
from qtisync.errors import DaemonSilentError, QtisyncError


def through(state: Path) -> Through:
    setup: Any = SimpleNamespace(state=state, name="test")
    return Through(setup)


def test_no_daemon_is_no_answer(tmp_path: Path) -> None:
    asked = through(tmp_path)

    assert (asked.running(), asked.get("/api/v1/status"), asked.post("/api/v1/pause", {})) == (False, None, None)


def test_refusal_is_told_in_the_daemons_words(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path) as daemon:
        daemon.code = 503
        with pytest.raises(QtisyncError, match="The daemon refused"):
            through(tmp_path).post("/api/v1/sync", {"origin": "command"})


def test_silence_is_told_and_not_waited_for(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path) as daemon:
        daemon.is_silent = True
        with pytest.raises(DaemonSilentError):
            through(tmp_path).get("/api/v1/status", 0.1)
