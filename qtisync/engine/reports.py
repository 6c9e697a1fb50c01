"""The reports of a daemon's passes, made from the plan and the record."""

from __future__ import annotations

from qtisync.engine.capability import fitnesses
from qtisync.engine.cycle import Bench
from qtisync.engine.reconcile import Prepared
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.value import Place, Report


def place_of(bench: Bench, prepared: Prepared) -> Place:
    """Where a pass reads and where it sends."""
    plan = prepared.plan
    return Place(
        repository=bench.source.location(),
        ref=prepared.record.ref,
        head=plan.commit,
        base=plan.base,
        target=plan.destination.target,
        base_url=plan.destination.base_url,
        capabilities=fitnesses(bench.store),
    )


def pass_report(bench: Bench, prepared: Prepared) -> Report:
    """The plan of a pass that is held."""
    return plan_report(prepared.plan, place_of(bench, prepared), prepared.record.at)


def pushed_report(bench: Bench, prepared: Prepared, took: float, sent: int) -> Report:
    """A pass and what became of each object of it so far. ``took`` in seconds; ``sent``: calls made for it."""
    plan = prepared.plan
    keys = {change.item.key for change in plan.changes} | {row.key for row in (*plan.parked, *plan.removals)}
    after = bench.store.recorded_some(keys)
    course = Course(sent=sent, took=took)
    return push_report("sync", plan, after, place_of(bench, prepared), prepared.record.at + took, course)
