"""From a plan, and from what became of it, to a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from qtisync.model import Broken, Facets, Item, ItemStatus, Key, Problem, Recorded, Scope, Standing
from qtisync.planning.plan import Action, Change, Pinned, Plan
from qtisync.planning.removal import NOT_DELETED
from qtisync.report.cells import told
from qtisync.report.divergence import KeyChange
from qtisync.report.value import (
    ItemOutcome,
    Place,
    Report,
    ReportHold,
    ReportItem,
    ReportOrphan,
    ReportPin,
    ReportProblem,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a run went, for the report of an apply or a sync."""

    sent: int = 0
    took: float = 0.0
    error: str | None = None
    complete: bool = True


def plan_report(plan: Plan, place: Place, at: float) -> Report:
    """The report of a plan: nothing was sent."""
    items = _items(plan, None)
    return _report("plan", plan, place, at, items)


def push_report(
    kind: str, plan: Plan, after: Mapping[Key, Recorded], place: Place, at: float, course: Course
) -> Report:
    """The report of an apply or a sync: the plan, and what became of each object. ``after``: the rows afterwards."""
    items = _items(plan, after)
    report = _report(kind, plan, place, at, items)
    changed = report.summary["applied"] + report.summary["altered"]
    return replace(
        report,
        sent=course.sent,
        calls_per_change=round(course.sent / changed, 3) if changed else None,
        took=course.took,
        error=course.error,
        complete=course.complete,
        errored=bool(course.error),
    )


def _report(kind: str, plan: Plan, place: Place, at: float, items: tuple[ReportItem, ...]) -> Report:
    broken = problems(plan.broken)
    return Report(
        kind=kind,
        at=at,
        place=place,
        checksum=plan.checksum,
        bound=plan.bound,
        applyable=not plan.holds,
        summary=_summary(plan, items),
        calls=plan.cost.calls,
        bytes=plan.cost.bytes,
        seconds=plan.cost.seconds,
        holds=tuple(
            ReportHold(
                rule=hold.rule,
                limit=hold.limit,
                actual=hold.actual,
                message=hold.message,
                items=tuple(str(key) for key in hold.keys),
                override=hold.override,
            )
            for hold in plan.holds
        ),
        items=items,
        broken=broken,
        warnings=reported_warnings(plan.warnings),
        orphans=tuple(
            ReportOrphan(
                identifier=orphan.recorded.key.identifier,
                kind=orphan.recorded.key.kind.value,
                path=orphan.recorded.path,
                new=orphan.new,
                renamed_to=orphan.renamed_to,
                protected=orphan.recorded.protect,
                kept=orphan.kept,
            )
            for orphan in plan.orphans
            if not orphan.delete
        ),
        pins=pins_shown(plan.pins),
        others=plan.others,
    )


def pins_shown(pins: Iterable[Pinned]) -> tuple[ReportPin, ...]:
    """Pins for a report."""
    return tuple(
        ReportPin(
            identifier=pin.key.identifier,
            kind=pin.key.kind.value,
            path=pin.path,
            commit=pin.commit,
            since=pin.since,
        )
        for pin in pins
    )


def problems(broken: Iterable[Broken]) -> tuple[ReportProblem, ...]:
    """Broken files, one entry per problem."""
    return tuple(_problem(problem, file.key) for file in broken for problem in file.problems)


def _problem(problem: Problem, key: Key | None) -> ReportProblem:
    return ReportProblem(
        path=problem.path,
        line=problem.line,
        identifier=key.identifier if key is not None else None,
        code=problem.code,
        message=problem.message,
        hint=problem.hint,
    )


def _items(plan: Plan, pushed: Mapping[Key, Recorded] | None) -> tuple[ReportItem, ...]:
    after = pushed or {}
    moved = {move.item.key: move.previous for move in plan.moves}
    changed = {change.item.key for change in plan.changes}
    found = [(change.item.key, _change(change, plan, moved.get(change.item.key), after)) for change in plan.changes]
    found += [(row.key, parked_item(row, moved.get(row.key), after)) for row in plan.parked]
    parked = {row.key for row in plan.parked}
    found += [
        (move.item.key, _moved(move.item, move.previous))
        for move in plan.moves
        if move.item.key not in changed and move.item.key not in parked
    ]
    found += [(row.key, _removed(row, plan, pushed)) for row in plan.removals]
    return tuple(item for _, item in sorted(found, key=lambda pair: pair[0]))


def _change(change: Change, plan: Plan, previous: str | None, after: Mapping[Key, Recorded]) -> ReportItem:
    item = change.item
    touched = plan.authors.get(item.path)
    row = after.get(item.key)
    return ReportItem(
        identifier=item.key.identifier,
        kind=item.key.kind.value,
        path=item.path,
        sidecar=item.sidecar,
        previous_path=previous,
        action=change.action.value,
        scope=tuple(scope.value for scope in Scope if scope in change.scope),
        reason=change.reason.value,
        risk=change.risk,
        details=change.details,
        keys=tuple(KeyChange(name=key.name, sides=key.sides, hidden=key.hidden) for key in change.keys),
        bodies=change.bodies,
        renamed_from=change.renamed_from,
        blocked_by=str(change.blocker) if change.blocker is not None else None,
        commit=touched.commit if touched else None,
        author=touched.author if touched else None,
        digest=item.facets.content,
        lane=change.lane.value,
        outcome=_outcome(row, item.facets) if row is not None else _planned(change),
    )


def _removed(row: Recorded, plan: Plan, pushed: Mapping[Key, Recorded] | None) -> ReportItem:
    touched = plan.authors.get(row.path)
    return ReportItem(
        identifier=row.key.identifier,
        kind=row.key.kind.value,
        path=row.path,
        action=Action.DELETE.value,
        reason="removed",
        commit=touched.commit if touched else None,
        author=touched.author if touched else None,
        digest=row.acknowledged.content,
        outcome=_end_of(row.key, pushed),
    )


def _end_of(key: Key, pushed: Mapping[Key, Recorded] | None) -> ItemOutcome:
    """How far deleting came: what is gone has no row any more."""
    if pushed is None:
        return ItemOutcome()
    row = pushed.get(key)
    if row is None:
        return ItemOutcome(status="applied")
    if row.standing is not Standing.ORPHAN:
        return ItemOutcome(status="superseded")
    refused = row.status is ItemStatus.PARKED and (row.last_error or "").startswith(NOT_DELETED)
    return ItemOutcome(
        status="parked" if refused else "pending",
        http_status=row.http_status if refused else None,
        error=told(row.last_outcome, row.last_error or "") if refused else None,
        refusal=row.last_outcome if refused else None,
    )


def _planned(change: Change) -> ItemOutcome:
    attempts = change.recorded.attempts if change.recorded is not None else 0
    return ItemOutcome(status="pending" if change.blocker is None else "blocked", attempts=attempts)


def reported_warnings(warnings: Iterable[Problem]) -> tuple[ReportProblem, ...]:
    """Findings for a report."""
    return tuple(_problem(problem, None) for problem in warnings)


_NO_ROWS: Mapping[Key, Recorded] = {}


def parked_item(row: Recorded, previous: str | None = None, after: Mapping[Key, Recorded] = _NO_ROWS) -> ReportItem:
    """A recorded object that waits."""
    return ReportItem(
        identifier=row.key.identifier,
        kind=row.key.kind.value,
        path=row.path,
        previous_path=previous,
        reason=row.status.value,
        blocked_by=str(row.blocker) if row.blocker is not None else None,
        digest=row.desired.content,
        lane=row.lane.value,
        outcome=_outcome(after.get(row.key, row), row.desired),
    )


def _moved(item: Item, previous: str) -> ReportItem:
    return ReportItem(
        identifier=item.key.identifier,
        kind=item.key.kind.value,
        path=item.path,
        sidecar=item.sidecar,
        previous_path=previous,
        reason="moved",
        digest=item.facets.content,
        outcome=ItemOutcome(status="skipped"),
    )


_STATUS = {
    ItemStatus.SYNCED: "applied",
    ItemStatus.QUEUED: "pending",
    ItemStatus.IN_FLIGHT: "pending",
    ItemStatus.PARKED: "parked",
    ItemStatus.BLOCKED: "blocked",
}


def _outcome(row: Recorded, meant: Facets) -> ItemOutcome:
    status = _STATUS[row.status]
    if row.standing is not Standing.WANTED or row.desired != meant:
        status = "superseded"
    elif status == "applied" and row.altered:
        status = "altered"
    waiting = status in {"pending", "parked", "blocked"}
    error = row.altered if status == "altered" else row.last_error if waiting else None
    refusal = row.last_outcome if waiting and error else None
    return ItemOutcome(
        status=status,
        attempts=row.attempts,
        http_status=row.http_status,
        error=told(refusal, error) if error is not None else None,
        refusal=refusal,
        remote_version=row.remote.version if row.remote is not None else None,
    )


def _summary(plan: Plan, items: tuple[ReportItem, ...]) -> dict[str, int]:
    updates = [change for change in plan.changes if change.action is Action.UPDATE]
    statuses = [item.outcome.status for item in items if item.reason != "moved"]
    return {
        "create": sum(change.action is Action.CREATE for change in plan.changes),
        "update_content": sum(Scope.CONTENT in change.scope for change in updates),
        "update_metadata": sum(change.scope == {Scope.METADATA} for change in updates),
        "noop": plan.unchanged,
        "moved": len(plan.moves),
        "renamed": len(plan.renames),
        "delete": len(plan.removals),
        "orphan": len(plan.orphans) - len(plan.removals),
        "invalid": len(plan.broken),
        "conflict": sum(item.outcome.refusal == "Conflict" for item in items),
        "failed": statuses.count("parked"),
        **{name: statuses.count(name) for name in ("applied", "altered", "pending", "superseded", "parked", "blocked")},
        "skipped": len(plan.ignored),
        "pinned": len(plan.pins),
    }
