"""sync and apply while a daemon runs: what its answers come to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qtisync.cli.by_daemon import Approval, approve_by_daemon, sync_by_daemon
from qtisync.errors import HeldPlanError, QtisyncError, StalePlanError, UsageError

SETUP: Any = SimpleNamespace(name="staging", settings=SimpleNamespace(repository=SimpleNamespace(ref="main")))
COMMON: Any = None


class Answers:
    """``Through`` with a script: one job, told again at each question."""

    def __init__(self, *jobs: Mapping[str, Any] | None, held: Mapping[str, Any] | None = None) -> None:
        self._jobs, self._held = list(jobs), held
        self.posted: list[tuple[str, Mapping[str, Any]]] = []

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        self.posted.append((path, body))
        return self._jobs.pop(0)

    def get(self, _path: str) -> Mapping[str, Any]:
        return {"status": {"held_pass": self._held}}

    def job(self, _name: str, _seconds: float) -> Mapping[str, Any] | None:
        return self._jobs.pop(0)


def job(state: str, **others: Any) -> dict[str, Any]:
    ended = state not in {"waiting", "reading", "pushing"}
    return {"id": "1", "state": state, "ended": ended, "report": None, "error": None, "cause": None, **others}


def sync(*jobs: Mapping[str, Any] | None, timeout: float | None = None) -> int:
    through: Any = Answers(*jobs)
    return sync_by_daemon(COMMON, SETUP, through, None, timeout)


@pytest.mark.parametrize(
    ("cause", "code"),
    [("credentials", 7), ("wrong-api", 78), ("conflict", 5), ("unavailable", 8), ("unexpected-error", 1), (None, 1)],
)
def test_failure_leaves_with_the_code_of_its_cause(cause: str | None, code: int) -> None:
    assert sync(job("waiting"), job("failed", cause=cause, error="AuthError: no")) == code


def test_pause_is_no_failure_and_a_hold_is_none_either() -> None:
    assert sync(job("waiting"), job("paused")) == 6
    with pytest.raises(HeldPlanError):
        sync(job("waiting"), job("reading"), job("held"))


def test_it_waits_as_long_as_it_takes_or_is_told() -> None:
    assert sync(job("waiting"), job("pushing"), job("pushing"), job("done")) == 0
    assert sync(job("waiting"), timeout=-1.0) == 8


def test_daemon_that_ends_meanwhile_is_told() -> None:
    with pytest.raises(QtisyncError, match="ended meanwhile"):
        sync(job("waiting"), None)


def test_it_keeps_to_its_ref() -> None:
    through: Any = Answers()
    with pytest.raises(UsageError, match="keeps to main"):
        sync_by_daemon(COMMON, SETUP, through, "other", None)


def approve(through: Answers, *allow: str) -> int:
    saved: Any = SimpleNamespace(checksum="sha256:1")
    asked: Any = through
    return approve_by_daemon(COMMON, SETUP, asked, Approval(saved=saved, file=Path("plan.json"), allow=allow), None)


HELD = {"checksum": "sha256:1", "rules": [{"rule": "mass-update"}, {"rule": "churn"}], "command": "qtisync apply it"}


def test_only_the_plan_that_is_held_can_be_approved_and_only_all_of_its_rules() -> None:
    with pytest.raises(StalePlanError, match="holds no plan"):
        approve(Answers(), "mass-update")
    with pytest.raises(StalePlanError, match="holds another one"):
        approve(Answers(held={**HELD, "checksum": "sha256:2"}), "mass-update")
    with pytest.raises(HeldPlanError, match="Held by churn"):
        approve(Answers(held=HELD), "mass-update")
    through = Answers(job("waiting"), job("done"), held=HELD)
    assert approve(through, "mass-update", "churn") == 0
    assert through.posted == [("/api/v1/approve", {"checksum": "sha256:1", "rules": ["churn", "mass-update"]})]
