"""sync and apply while a daemon runs: it does the work, the command asks for it, waits and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from qtisync.app import Setup, SystemClock
from qtisync.cli.common_options import Common
from qtisync.cli.exit_codes import (
    CONFIGURATION,
    CREDENTIALS,
    LOCKED,
    STALE,
    UNAVAILABLE,
    UNEXPECTED,
    of_counts,
    strongest,
)
from qtisync.cli.output import emit
from qtisync.cli.through import STEP, Through
from qtisync.errors import HeldPlanError, QtisyncError, StalePlanError, UsageError
from qtisync.report.reading import read_report
from qtisync.report.saved_plan import SavedPlan
from qtisync.report.value import Place, Report

_CAUSES = {
    "credentials": CREDENTIALS,
    "wrong-api": CONFIGURATION,
    "conflict": STALE,
    "unavailable": UNAVAILABLE,
}


def sync_by_daemon(common: Common, setup: Setup, through: Through, ref: str | None, timeout: float | None) -> int:
    """Ring its bell, wait until what that came to is settled, and report; the exit code."""
    if ref is not None and ref != setup.settings.repository.ref:
        hint = f"Stop it to sync {ref} once, or leave out --ref."
        raise UsageError(f"The daemon of {setup.name} keeps to {setup.settings.repository.ref}.", hint=hint)
    job = through.post("/api/v1/sync", {"origin": "command"})
    return _await(common, setup, through, _there(job), timeout, "sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A saved plan that a person saw, and the rules that it may pass."""

    saved: SavedPlan
    file: Path
    allow: tuple[str, ...]


def approve_by_daemon(common: Common, setup: Setup, through: Through, approval: Approval, timeout: float | None) -> int:
    """Let the plan that it holds pass these rules; the exit code."""
    saved, file, allow = approval.saved, approval.file, approval.allow
    status = _there(through.get("/api/v1/status"))["status"]
    held = status.get("held_pass")
    if not held:
        hint = "The daemon applies every plan by itself, unless a safety rule holds it; what it does: qtisync status"
        raise StalePlanError(f"The daemon of {setup.name} holds no plan.", hint=hint)
    if held.get("checksum") != saved.checksum:
        hint = f"Nothing was written. What it holds now: {held.get('command')}"
        raise StalePlanError(f"The plan {file} is stale: the daemon holds another one.", hint=hint)
    rules = {rule["rule"] for rule in held["rules"]}
    left = sorted(rules - set(allow))
    if left:
        hint = f"Nothing was written. If this is meant: {held.get('command')}"
        raise HeldPlanError(f"Held by {', '.join(left)}.", hint=hint)
    job = through.post("/api/v1/approve", {"checksum": saved.checksum, "rules": sorted(allow)})
    return _await(common, setup, through, _there(job), timeout, "apply")


def _await(
    common: Common, setup: Setup, through: Through, job: Mapping[str, Any], timeout: float | None, kind: str
) -> int:
    """Wait for a job's end and report; Ctrl-C leaves the daemon at work."""
    clock = SystemClock()
    until = None if timeout is None else clock.now() + timeout
    while not job["ended"]:
        left = STEP if until is None else until - clock.now()
        if left <= 0:
            job = _there(through.get(f"/api/v1/jobs/{job['id']}?report=now"))
            if not job["ended"]:
                _report(common, setup, job, kind, "Stopped waiting by --timeout. The daemon goes on: qtisync status")
                return UNAVAILABLE
            break
        job = _there(through.job(job["id"], left))
    return _ended(common, setup, job, kind)


def _ended(common: Common, setup: Setup, job: Mapping[str, Any], kind: str) -> int:
    match job["state"]:
        case "held":
            report = _report(common, setup, job, kind)
            rules = [f"{hold.rule}: {hold.message}" for hold in report.holds]
            hint = "Nothing was written. The command that continues it: qtisync status"
            raise HeldPlanError(f"Held by {'; '.join(rules)}.", hint=hint)
        case "paused":
            _report(common, setup, job, kind, "Paused: it is written down and not sent. To go on: qtisync resume")
            return LOCKED
        case "failed":
            _report(common, setup, job, kind, f"The daemon could not finish it and goes on trying: {job['error']}")
            return _CAUSES.get(job["cause"], UNEXPECTED)
        case _:
            return strongest(of_counts(_report(common, setup, job, kind).summary))


def _report(common: Common, setup: Setup, job: Mapping[str, Any], kind: str, error: str | None = None) -> Report:
    """Write what came of a job, as far as its pass was written down; ``error`` is why that is not all."""
    if job["report"] is not None:
        report = replace(read_report(job["report"]), kind=kind)
    else:
        place = Place(
            repository=setup.location,
            ref=setup.settings.repository.ref,
            head=job["commit"] or "",
            base=None,
            target=setup.name,
            base_url=setup.target.base_url,
            capabilities={},
        )
        report = Report(kind=kind, at=SystemClock().now(), place=place)
    if error is not None:
        report = replace(report, error=error, errored=True, complete=False)
        if common.format != "text" or common.output is not None:
            click.echo(error, err=True)  # what a script reads is not what a person sees
    emit(report, common)
    return report


def _there(answer: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if answer is None:
        raise QtisyncError("The daemon ended meanwhile.", hint="Run the command again.", reference="daemon-absent")
    return answer
