"""sync and apply while a daemon runs: what its answers come to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from qtisync.cli.by_daemon import Approval, approve_by_daemon, sync_by_daemon
from qtisync.errors import HeldPlanError, QtisyncError, StalePlanError, UsageError
from qtisync.report.schema import REPORT_SCHEMA
from qtisync.report.value import Place, Report, as_json

SETUP: Any = SimpleNamespace(
    name="staging",
    location="/srv/content.git",
    settings=SimpleNamespace(repository=SimpleNamespace(ref="main")),
    target=SimpleNamespace(base_url="https://qti.example.org/api"),
)
COMMON: Any = SimpleNamespace(format="json", output=None, plain=True, verbose=0)


class Answers:
    """``Through`` with a script: one job, told again at each question."""

    def __init__(self, *jobs: Mapping[str, Any] | None, held: Mapping[str, Any] | None = None) -> None:
        self._jobs, self._held = list(jobs), held
        self.posted: list[tuple[str, Mapping[str, Any]]] = []

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        self.posted.append((path, body))
        return self._jobs.pop(0)

    def get(self, path: str) -> Mapping[str, Any] | None:
        return self._jobs.pop(0) if "jobs" in path else {"status": {"held_pass": self._held}}

    def job(self, _name: str, _seconds: float) -> Mapping[str, Any] | None:
        return self._jobs.pop(0)


def job(state: str, **others: Any) -> dict[str, Any]:
    ended = state not in {"waiting", "reading", "pushing"}
    values = {"id": "1", "state": state, "ended": ended, "commit": "3f2a", "report": None, "error": None, "cause": None}
    return {**values, **others}


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
    assert sync(job("waiting"), job("pushing"), timeout=-1.0) == 8
    assert sync(job("waiting"), job("done"), timeout=-1.0) == 0  # it came to its end in the last moment


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (job("pushing"), "Stopped waiting by --timeout. The daemon goes on: qtisync status"),
        (job("reading"), "Stopped waiting by --timeout. The daemon goes on: qtisync status"),
        (job("paused"), "Paused: it is written down and not sent. To go on: qtisync resume"),
        (job("failed", error="no main"), "The daemon could not finish it and goes on trying: no main"),
    ],
)
def test_every_end_writes_its_report(end: Mapping[str, Any], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    sync(job("waiting"), end, timeout=-1.0)
    written, told = capsys.readouterr()
    report = json.loads(written)
    Draft202012Validator(REPORT_SCHEMA).validate(report)

    assert (report["kind"], report["complete"], report["errored"], report["error"]) == ("sync", False, True, error)
    assert (report["repository"]["head"], told) == ("3f2a", f"{error}\n")


def test_report_so_far_is_that_of_the_daemon_with_its_calls(capsys: pytest.CaptureFixture[str]) -> None:
    place = Place(repository="r", ref="main", head="3f2a", base=None, target="staging", base_url="u", capabilities={})
    so_far = as_json(Report(kind="sync", at=1.0, place=place, sent=17, summary={"applied": 9, "pending": 3}))
    assert sync(job("waiting"), job("pushing", report=so_far), timeout=-1.0) == 8
    report = json.loads(capsys.readouterr().out)

    assert (report["sent"]["calls"], report["summary"]["applied"], report["complete"]) == (17, 9, False)


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
