"""plan, apply, sync."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from qtisync.adapters.whole_file import overwrite
from qtisync.app import Setup, SystemClock
from qtisync.cli.by_daemon import Approval, approve_by_daemon, sync_by_daemon
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.consent import go_on, refuse_unknown
from qtisync.cli.durations import TIMEOUT
from qtisync.cli.exit_codes import OK, PENDING, after_plan
from qtisync.cli.output import emit, painter
from qtisync.cli.place import place_of
from qtisync.cli.progress import Bars
from qtisync.cli.through import Through
from qtisync.engine.bodies import changed_texts
from qtisync.engine.reconcile import Prepared, prepare
from qtisync.errors import HeldPlanError, RecordLockedError, StalePlanError, UsageError
from qtisync.planning.details import with_content
from qtisync.planning.guard import RULES
from qtisync.report.build import plan_report
from qtisync.report.saved_plan import SavedPlan, dump_plan, load_plan, why_stale
from qtisync.report.text import render_text
from qtisync.report.value import Report

_PATH = click.Path(path_type=Path)
_TIMEOUT = click.option(
    "--timeout", type=TIMEOUT, metavar="TIME", help="Stop after so long (90s, 5m); the queue is kept."
)
_REF = click.option("--ref", metavar="REF", help="Branch, tag or commit [default: repository.ref].")
_REFRESH = click.option("--refresh", is_flag=True, help="Read the API first: show what changed there, be bound to it.")
_ONLY = click.option("--only", multiple=True, metavar="ID|GLOB", help="Only these identifiers or paths (repeatable).")


@click.command()
@common_options
@_REF
@_ONLY
@_REFRESH
@click.option("--against", metavar="TARGET", help="Say what this target and another one do not have alike.")
@click.option("--out", type=_PATH, metavar="FILE", help="Save the plan for `qtisync apply FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="Leave with 2 if there are changes, 4 if a rule holds them.")
@click.option("--strict", is_flag=True, help="Leave with 9 if any file is broken or has a warning.")
def plan(
    *,
    common: Common,
    ref: str | None,
    only: tuple[str, ...],
    refresh: bool,
    against: str | None,
    out: Path | None,
    detailed_exitcode: bool,
    strict: bool,
) -> int:
    """Say what would be sent to the API, why, and at what cost. Nothing is written anywhere."""
    setup = common.setup()
    if against is not None:
        return _compare(common, setup, against, Asked(ref, only, out), refresh=refresh, detailed=detailed_exitcode)
    if refresh:
        from qtisync.cli.refreshing import look_ahead_refreshed  # noqa: PLC0415 - heavy, and seldom asked for

        report = look_ahead_refreshed(common, setup, setup.aim(ref, only))
    else:
        _, report = look_ahead(setup, ref, only, Bars(common), show_content=common.show_content)
    if out is not None:
        save(out, report, only)
    emit(replace(report, go_on=go_on(common, report, out, ref=ref, only=only, refresh=refresh)), common)
    return after_plan(report, detailed=detailed_exitcode, strict=strict)


class Asked(NamedTuple):
    """Flags of a plan that a comparison of two targets does not have."""

    ref: str | None
    only: tuple[str, ...]
    out: Path | None


def _compare(common: Common, setup: Setup, other: str, asked: Asked, *, refresh: bool, detailed: bool) -> int:
    """What two targets do not have alike."""
    from qtisync.cli.against import compare_targets  # noqa: PLC0415 - heavy, and seldom asked for

    if any(asked):
        hint = "Leave out --ref, --only and --out; with --refresh both APIs are read."
        raise UsageError("--against compares what two targets have, not a plan.", hint=hint)
    report = compare_targets(common, setup, other, refresh=refresh)
    emit(report, common)
    return PENDING if detailed and report.differences else OK


def look_ahead(
    setup: Setup, ref: str | None, only: tuple[str, ...], bars: Bars, *, show_content: bool = False
) -> tuple[Prepared, Report]:
    """A plan and its report, from a record opened read-only."""
    now = SystemClock().now()
    with closing(setup.open_reader()) as reader, closing(setup.open_fresh_source()) as source:
        prepared = prepare(source, reader, setup.aim(ref, only), now, bars)
        refuse_unknown(only, prepared)
        place = place_of(prepared, source.location(), reader)
        shown = prepared.plan
        if show_content:
            shown = with_content(shown, changed_texts(source, shown))
    return prepared, plan_report(shown, place, now)


def save(out: Path, report: Report, only: tuple[str, ...]) -> None:
    """Write a plan file."""
    try:
        overwrite(out, dump_plan(report, only).encode())
    except OSError as exc:
        raise UsageError(f"Cannot save the plan to {out}: {exc.strerror}.", hint="Choose another --out FILE.") from exc


@click.command()
@common_options
@click.argument("saved_plan", required=False, type=_PATH, metavar="[PLAN]")
@_REF
@_ONLY
@_REFRESH
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--allow", multiple=True, type=click.Choice(RULES), help="Let a held plan pass this rule (with PLAN).")
@_TIMEOUT
def apply(
    *,
    common: Common,
    saved_plan: Path | None,
    ref: str | None,
    only: tuple[str, ...],
    refresh: bool,
    yes: bool,
    allow: tuple[str, ...],
    timeout: float | None,
) -> int:
    """Carry out a plan and wait for it: a saved one only if the world is still the one it was made from."""
    from qtisync.cli.pushing import Order, carry_out  # noqa: PLC0415 - heavy, and after a usage error not needed

    if allow and saved_plan is None:
        hint = "First: qtisync plan --out plan.json. Then: qtisync apply plan.json --allow RULE."
        raise UsageError("--allow needs a saved plan, so that what you allow is what you saw.", hint=hint)
    if saved_plan is not None and (ref or only):
        raise UsageError("A saved plan has its own ref and objects.", hint="Leave out --ref and --only.")
    saved = read_plan(saved_plan) if saved_plan is not None else None
    setup = common.setup(saved.target if saved is not None else None)
    through = Through(setup)
    if saved_plan is not None and saved is not None and through.running():
        approval = Approval(saved=saved, file=saved_plan, allow=allow)
        return approve_by_daemon(common, setup, through, approval, timeout)
    if saved is None and through.running():
        hint = "What it should do now: qtisync sync. What it holds: qtisync status. To apply by hand, stop it first."
        raise RecordLockedError(f"The service of {setup.name} runs, and applies every commit by itself.", hint=hint)

    def agree(prepared: Prepared, report: Report) -> None:
        refuse_unknown(only, prepared)
        if saved is not None:
            refuse_stale(saved, saved_plan, prepared)
        holds = [hold for hold in report.holds if hold.rule not in allow]
        if holds:
            raise held(common, report, go_on(common, report, saved_plan, ref=ref, only=only, refresh=refresh))
        ask(common, setup, report, yes=yes)

    order = Order(
        kind="apply",
        ref=saved.ref if saved is not None else ref,
        only=saved.only if saved is not None else only,
        allow=frozenset(allow),
        timeout=timeout,
        looks_first=saved is None,
        refresh=refresh or (saved is not None and saved.refresh),
    )
    return carry_out(common, setup, order, agree)


@click.command()
@common_options
@_REF
@click.option("--yes", "-y", is_flag=True, help="Do not ask, even for a production target.")
@click.option("--wait", is_flag=True, help="Wait until everything is settled (without a daemon this is always so).")
@_TIMEOUT
def sync(*, common: Common, ref: str | None, yes: bool, wait: bool, timeout: float | None) -> int:
    """One full cycle now: read the commit, plan, push at the pace the API allows, report.

    While the service runs, it does the work: this rings its bell, waits, and reports.
    """
    from qtisync.cli.pushing import Order, carry_out  # noqa: PLC0415 - heavy, and after a usage error not needed

    del wait
    setup = common.setup()
    through = Through(setup)
    if through.running():
        return sync_by_daemon(common, setup, through, ref, timeout)

    def agree(_prepared: Prepared, report: Report) -> None:
        if report.holds:
            file = setup.state / f"{setup.name}.held-plan.json"
            save(file, report, ())
            raise held(common, report, go_on(common, report, file))
        if setup.target.production:
            ask(common, setup, report, yes=yes)

    return carry_out(common, setup, Order(kind="sync", ref=ref, timeout=timeout), agree)


def read_plan(file: Path) -> SavedPlan:
    """A plan file; raises ``UsageError``."""
    try:
        return load_plan(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise UsageError(
            f"Cannot read the plan {file}: {exc.strerror}.", hint="Make one: qtisync plan --out FILE"
        ) from exc
    except ValueError as exc:
        raise UsageError(f"{file} is no saved plan: {exc}.", hint="Make one: qtisync plan --out FILE") from exc


def refuse_stale(saved: SavedPlan, file: Path | None, prepared: Prepared) -> None:
    """Raise ``StalePlanError`` if the world changed since the plan was saved."""
    reason = why_stale(saved, prepared.plan)
    if reason is not None:
        hint = f"Nothing was written. Look at a new plan: qtisync plan --out {file}"
        raise StalePlanError(f"The plan {file} is stale: {reason}.", hint=hint)


def held(common: Common, report: Report, how: str) -> HeldPlanError:
    """The error of a plan that safety rules hold. The whole plan is shown, so that one knows what to agree to."""
    emit(replace(report, go_on=how), common)
    rules = "; ".join(f"{hold.rule}: {hold.message}" for hold in report.holds)
    return HeldPlanError(f"Held by {rules}.", hint=f"Nothing was written. If this is meant: {how}")


def ask(common: Common, setup: Setup, report: Report, *, yes: bool) -> None:
    """Show the plan on a terminal and ask. Scripts and services are not asked: their caller decided."""
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()) or not report.calls:
        return
    click.echo(render_text(report, paint=painter(common), verbose=bool(common.verbose)), err=True, nl=False)
    name = click.style(f"production target {setup.name}", fg="red") if setup.target.production else setup.name
    if not click.confirm(f"Apply this to {name} ({setup.target.base_url})?", err=True):
        raise HeldPlanError("You did not agree.", hint="Nothing was written.")
