"""From a comparison of git, record and API to a report: of ``check``, and in a plan that was refreshed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qtisync.model import Json, Key, Recorded
from qtisync.planning.comparison import Comparison, Divergent, OnDrift, Stranger
from qtisync.planning.details import may_hold_content
from qtisync.planning.plan import Plan
from qtisync.report.build import plan_report
from qtisync.report.divergence import Divergence, KeyChange, Observation
from qtisync.report.value import Place, Report

EDITORS = ("updatedBy", "modifiedBy", "lastModifiedBy", "lastUpdatedBy", "editedBy", "reportedBy")
"""Metadata keys in which other writers say who they are."""
UNMANAGED = "it is at the API, and neither in git nor recorded"
_DRIFT_HINTS = {
    OnDrift.REPORT: "bring the API's version into git, or send git's again: `qtisync apply --refresh` with on_drift: "
    "overwrite for its path",
    OnDrift.OVERWRITE: "git's version is sent again",
    OnDrift.BLOCK: "every pass is held: undo it at the API, bring it into git, or allow it once (--allow drift)",
}
_CONFLICT_HINTS = {
    "report": "the push parks it: bring the API's version into git, or insist on git's with `qtisync retry`",
    "overwrite": "the push overwrites it",
    "block": "the push stops at it: look at both, then change git or set on_conflict",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A comparison and how it came about, for a report."""

    comparison: Comparison
    observation: Observation
    verdicts: Mapping[Key, OnDrift] = field(default_factory=dict)
    on_conflict: str = "report"
    show_content: bool = False
    bodies: Mapping[Key, Mapping[str, str]] = field(default_factory=dict)
    """With ``show_content``: the XML by side."""
    list_foreign: bool = False
    sent: int = 0
    took: float = 0.0
    error: str | None = None


def check_report(plan: Plan, found: Findings, place: Place, at: float) -> Report:
    """The report of ``check``: what is pending, and what is not the same everywhere."""
    compared = found.comparison
    report = with_findings(plan_report(plan, place, at), found)
    told = {(one.key.kind.value, one.key.identifier) for one in compared.conflicts}
    items = tuple(item for item in report.items if (item.kind, item.identifier) not in told)
    return replace(
        report,
        kind="check",
        checksum="",
        holds=(),
        applyable=True,
        items=items,
        sent=found.sent,
        took=found.took,
        calls=0,
        bytes=0,
        seconds=0.0,
        complete=found.observation.complete,
        error=found.error,
        errored=found.error is not None,
        summary={
            **divergence_counts(compared),
            "noop": compared.in_sync,
            "pending": len(compared.pending),
            "parked": len(compared.parked),
            "failed": len(compared.parked),
            "blocked": len(compared.blocked),
            "altered": len(compared.altered),
            "orphan": len(compared.orphans),
            "invalid": len(plan.broken),
            "moved": len(plan.moves),
            "renamed": len(plan.renames),
            "skipped": len(plan.ignored),
            "pinned": len(plan.pins),
        },
    )


def with_findings(report: Report, found: Findings) -> Report:
    """A plan's report with what the API showed: three lists beside what git is ahead of, never merged with it."""
    compared = found.comparison
    return replace(
        report,
        drift=tuple(_drift(one, found) for one in compared.drift),
        conflicts=tuple(_conflict(one, found) for one in compared.conflicts),
        altered=tuple(map(_altered, compared.altered)),
        unmanaged=tuple(_stranger(one, "unmanaged") for one in compared.unmanaged),
        foreign=tuple(_stranger(one, "foreign") for one in compared.foreign) if found.list_foreign else (),
        observed=found.observation,
        summary={**report.summary, **divergence_counts(compared)},
    )


def divergence_counts(compared: Comparison) -> dict[str, int]:
    """The counts of what the API showed."""
    return {
        "drift": len(compared.drift),
        "conflict": len(compared.conflicts),
        "unmanaged": len(compared.unmanaged),
        "foreign": len(compared.foreign),
    }


def _drift(one: Divergent, found: Findings) -> Divergence:
    verdict = found.verdicts.get(one.key, OnDrift.REPORT)
    return replace(_divergence(one, "drift", found), verdict=verdict.value, hint=_DRIFT_HINTS[verdict])


def _conflict(one: Divergent, found: Findings) -> Divergence:
    shown = _divergence(one, "conflict", found)
    if one.vanished:
        return replace(shown, verdict="overwrite", hint="the push creates it again")
    if one.not_ours is not None:
        return replace(shown, verdict="report", hint=one.not_ours.remedy.rstrip("."))
    if one.recorded is None or one.recorded.remote is None:
        return replace(shown, verdict="report", hint="it was not ours when it was met: `qtisync retry` looks again")
    return replace(shown, verdict=found.on_conflict, hint=_CONFLICT_HINTS[found.on_conflict])


def _divergence(one: Divergent, name: str, found: Findings) -> Divergence:
    row, copy = one.recorded, one.copy
    what = ["vanished"] if one.vanished else []
    what += [word for word, differs in (("content", one.content), ("metadata", one.names)) if differs]
    return Divergence(
        divergence=name,
        identifier=one.key.identifier,
        kind=one.key.kind.value,
        path=one.path,
        what=tuple(what),
        keys=tuple(_key_change(key, one, show_content=found.show_content) for key in one.names),
        recorded_version=row.remote.version if row is not None and row.remote is not None else None,
        remote_version=copy.version if copy is not None else None,
        updated_at=copy.updated_at if copy is not None else None,
        by=editor(copy.metadata) if copy is not None else None,
        message=one.message,
        commit=row.commit if row is not None else None,
        author=row.author if row is not None else None,
        bodies=found.bodies.get(one.key, {}) if found.show_content else {},
    )


def _key_change(name: str, one: Divergent, *, show_content: bool) -> KeyChange:
    recorded = one.recorded.acknowledged_metadata if one.recorded is not None else {}
    remote = one.copy.metadata if one.copy is not None else {}
    sides: dict[str, Json] = {
        side: metadata[name]
        for side, metadata in (("git", one.desired_metadata), ("recorded", recorded), ("remote", remote))
        if name in metadata
    }
    hidden = not show_content and may_hold_content(name, sides.values())
    return KeyChange(name=name, sides={} if hidden else sides, hidden=hidden)


def editor(metadata: Mapping[str, Json]) -> str | None:
    """Who changed an object last, if its metadata says so."""
    found = (metadata.get(name) for name in EDITORS)
    return next((who for who in found if isinstance(who, str) and who.strip()), None)


def _altered(row: Recorded) -> Divergence:
    return Divergence(
        divergence="altered",
        identifier=row.key.identifier,
        kind=row.key.kind.value,
        path=row.path,
        recorded_version=row.remote.version if row.remote is not None else None,
        updated_at=row.remote.updated_at if row.remote is not None else None,
        message=row.altered or "",
        hint="it is not sent again by itself; an edit of the file is",
        commit=row.commit,
        author=row.author,
    )


def _stranger(one: Stranger, name: str) -> Divergence:
    ours = name == "unmanaged"
    return Divergence(
        divergence=name,
        identifier=one.key.identifier,
        kind=one.key.kind.value,
        remote_version=one.copy.version,
        updated_at=one.copy.updated_at,
        by=editor(one.copy.metadata),
        message=UNMANAGED if ours else "it is somebody else's" + (f": its owner is {one.owner}" if one.owner else ""),
        hint="bring it into git: qtisync import, then qtisync adopt" if ours else "",
    )
