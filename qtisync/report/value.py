"""One report for plan, apply, sync and status: a value, and its JSON form (schema in ``report.schema``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from qtisync import __version__
from qtisync.report.divergence import Divergence, KeyChange, Observation, divergence_json

FORMAT_VERSION = "1.1"
"""A minor change only adds."""

SUMMARY = (
    "create",
    "update_content",
    "update_metadata",
    "delete",
    "noop",
    "moved",
    "renamed",
    "orphan",
    "invalid",
    "blocked",
    "parked",
    "drift",
    "conflict",
    "unmanaged",
    "foreign",
    "pinned",
    "difference",
    "applied",
    "altered",
    "pending",
    "superseded",
    "skipped",
    "failed",
)
"""Names of the summary's counts, in the order in which they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """How far an object came."""

    status: str = "pending"
    """pending, applied, altered, parked, blocked, failed, superseded, skipped."""
    attempts: int = 0
    http_status: int | None = None
    error: str | None = None
    refusal: str | None = None
    """The kind of refusal, named as the API's documentation names it: RequestError, ServerError, Conflict…"""
    remote_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportItem:
    """One object of a report."""

    identifier: str
    kind: str
    path: str
    sidecar: str | None = None
    previous_path: str | None = None
    action: str = "none"
    """create, update, delete, none."""
    scope: tuple[str, ...] = ()
    reason: str = ""
    risk: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    keys: tuple[KeyChange, ...] = ()
    """Metadata keys that change, with the value before (``recorded``) and the one of ``git``."""
    bodies: Mapping[str, str] = field(default_factory=dict)
    """The XML before (``recorded``) and in ``git``; only with ``--show-content``."""
    renamed_from: str | None = None
    blocked_by: str | None = None
    commit: str | None = None
    author: str | None = None
    digest: str | None = None
    lane: str = "normal"
    outcome: ItemOutcome = field(default_factory=ItemOutcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportProblem:
    """A broken file or a warning."""

    path: str
    line: int | None
    identifier: str | None
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportHold:
    """A safety rule that holds the plan."""

    rule: str
    limit: str
    actual: str
    message: str
    items: tuple[str, ...]
    override: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOrphan:
    """An object at the API that no file asks for any more."""

    identifier: str
    kind: str
    path: str
    new: bool
    renamed_to: str | None
    protected: bool
    kept: str = ""
    """Why it is not deleted, where it might have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPin:
    """An object that stays at an older version on purpose, until it is unpinned or edited in git."""

    identifier: str
    kind: str
    path: str
    commit: str
    """The commit whose version it keeps."""
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a report comes from and where it goes."""

    repository: str
    ref: str
    head: str
    base: str | None
    target: str
    base_url: str
    capabilities: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a person or a script may want to know of one run."""

    kind: str
    """plan, apply, sync, status, validate, check, compare."""
    at: float
    place: Place
    checksum: str = ""
    applyable: bool = True
    complete: bool = True
    errored: bool = False
    error: str | None = None
    """Why the run ended early, in words."""
    summary: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0
    bytes: int = 0
    seconds: float = 0.0
    sent: int = 0
    """Calls that were really made."""
    calls_per_change: float | None = None
    """``sent`` for each object that was brought to its target; ``None`` if none was."""
    took: float = 0.0
    holds: tuple[ReportHold, ...] = ()
    go_on: str = ""
    """The command that continues a held plan, for the text."""
    items: tuple[ReportItem, ...] = ()
    broken: tuple[ReportProblem, ...] = ()
    warnings: tuple[ReportProblem, ...] = ()
    orphans: tuple[ReportOrphan, ...] = ()
    drift: tuple[Divergence, ...] = ()
    """Changed at the API since our last write, and only there. Never merged with the conflicts, nor with the items
    that git is ahead of."""
    conflicts: tuple[Divergence, ...] = ()
    """Changed at the API and in git; and what is there and not ours."""
    unmanaged: tuple[Divergence, ...] = ()
    """Ours by its prefix or stamp, at the API, and neither in git nor recorded."""
    foreign: tuple[Divergence, ...] = ()
    """Somebody else's; listed only on demand, else they are just counted."""
    altered: tuple[Divergence, ...] = ()
    """The API stored something else than what we sent."""
    differences: tuple[Divergence, ...] = ()
    """For ``kind: compare``: what is not the same at two targets."""
    against: str | None = None
    """For ``kind: compare``: the other target."""
    pins: tuple[ReportPin, ...] = ()
    observed: Observation | None = None
    """How the API was read; ``None``: it was not."""
    bound: Mapping[str, str] = field(default_factory=dict)
    """What the checksum of a plan covers, object by object: kept in saved plans, to say what changed since."""
    others: int = 0
    status: Mapping[str, Any] = field(default_factory=dict)
    """For ``kind: status``: queue, pace, synced commit, degraded reasons."""


def moment(at: float) -> str:
    """A point in time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(report: Report) -> dict[str, Any]:
    """The report as published: see ``qtisync schema report``."""
    place = report.place
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "kind": report.kind,
        "generated_at": moment(report.at),
        "tool": f"qtisync/{__version__}",
        "repository": {"path": place.repository, "ref": place.ref, "head": place.head, "base": place.base},
        "target": {"name": place.target, "base_url": place.base_url, "capabilities": dict(place.capabilities)},
        "checksum": report.checksum,
        "applyable": report.applyable,
        "complete": report.complete,
        "errored": report.errored,
        "error": report.error,
        "summary": {name: report.summary.get(name, 0) for name in SUMMARY},
        "estimate": {"calls": report.calls, "bytes": report.bytes, "seconds": report.seconds},
        "sent": {
            "calls": report.sent,
            "calls_per_change": report.calls_per_change,
            "seconds": round(report.took, 3),
        },
        "holds": [_plain(hold) for hold in report.holds],
        "items": [_plain(item) for item in report.items],
        "broken": [_plain(problem) for problem in report.broken],
        "drift": [divergence_json(found) for found in report.drift],
        "conflicts": _conflicts(report),
        "unmanaged": [divergence_json(found) for found in report.unmanaged],
        "foreign": [divergence_json(found) for found in report.foreign],
        "altered": [divergence_json(found) for found in report.altered],
        "differences": [divergence_json(found) for found in report.differences],
        "against": report.against,
        "pins": [{**asdict(pin), "since": moment(pin.since)} for pin in report.pins],
        "observed": None if report.observed is None else _observation(report.observed),
        "orphans": [_plain(orphan) for orphan in report.orphans],
        "warnings": [_plain(problem) for problem in report.warnings],
    }
    if report.kind == "status":
        document["status"] = dict(report.status)
    return document


def _conflicts(report: Report) -> list[dict[str, Any]]:
    """Conflicts with all that is known of the object: what was found at the API, and how far it came."""
    items = {(item.kind, item.identifier): item for item in report.items}
    found = {(one.kind, one.identifier): one for one in report.conflicts}
    refused = {name: item for name, item in items.items() if item.outcome.refusal == "Conflict"}
    met = {name: _met(item) for name, item in refused.items() if name not in found}
    return [
        (_plain(items[name]) if name in items else {}) | divergence_json(one)
        for name, one in sorted((found | met).items())
    ]


def _met(item: ReportItem) -> Divergence:
    """A conflict that an attempt to write met."""
    return Divergence(
        divergence="conflict",
        identifier=item.identifier,
        kind=item.kind,
        path=item.path,
        remote_version=item.outcome.remote_version,
        message=item.outcome.error or "",
        commit=item.commit,
        author=item.author,
    )


def _observation(seen: Observation) -> dict[str, Any]:
    return {**asdict(seen), "at": moment(seen.at), "reasons": list(seen.reasons)}


def _plain(value: ReportItem | ReportProblem | ReportHold | ReportOrphan) -> dict[str, Any]:
    return {name: list(part) if isinstance(part, tuple) else part for name, part in asdict(value).items()}
