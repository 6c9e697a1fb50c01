"""What apply and sync share: open everything, agree, write down, push, report."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from types import FrameType

from qtisync.app import Setup, SystemClock, ThreadBell
from qtisync.cli.common_options import Common
from qtisync.cli.desk import Desk, Order, assert_again
from qtisync.cli.exit_codes import INTERRUPTED, after_push
from qtisync.cli.output import emit
from qtisync.cli.place import place_of
from qtisync.cli.progress import Bars
from qtisync.delivery.ledger import decided
from qtisync.engine.bodies import changed_texts
from qtisync.engine.cycle import Run, apply
from qtisync.engine.drain import Drained, Ending, Patience
from qtisync.engine.pause import paused
from qtisync.engine.ports import Source, Store
from qtisync.engine.push import Attempt
from qtisync.engine.reconcile import Prepared
from qtisync.errors import PausedError
from qtisync.model import JournalLine
from qtisync.planning.details import with_content
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.value import Place, Report

__all__ = ["Order", "carry_out", "stopping"]

GRACE = 20.0  # seconds for calls in flight after the first signal


Agree = Callable[[Prepared, Report], None]
"""Looks at the plan and raises if it must not be carried out."""


def carry_out(common: Common, setup: Setup, order: Order, agree: Agree) -> int:
    """One cycle; the exit code. The report is written however it ends."""
    clock, bell, bars = SystemClock(), ThreadBell(), Bars(common)
    began = clock.now()
    with ExitStack() as stack:
        store = stack.enter_context(closing(setup.open_store(f"qtisync {order.kind}")))
        refuse_paused(store, setup.name, began)
        source = stack.enter_context(closing(setup.open_fresh_source()))
        desk = Desk(common=common, setup=setup, store=store, source=source, bell=bell, bars=bars, stack=stack)
        prepared, seen = desk.prepare(order, began)
        prepared = _with_content(source, prepared) if common.show_content else prepared
        place = place_of(prepared, source.location(), store)
        agree(prepared, plan_report(prepared.plan, place, began))
        remaining = tuple(hold for hold in prepared.plan.holds if hold.rule not in order.allow)
        prepared = replace(prepared, plan=replace(prepared.plan, holds=remaining))
        store.note(_decision(order, prepared, setup.actor))
        bench = desk.bench()
        caught = stack.enter_context(stopping(bell, bench.api.close))
        deadline = clock.now() + order.timeout if order.timeout is not None else None
        advance = stack.enter_context(bars.step("pushing", len(prepared.plan.ready)))

        def on_attempt(attempt: Attempt) -> None:
            if attempt.decision is not None and store_settled(attempt):
                advance(1)

        desk.pin(order, prepared, began)
        if seen is not None:
            assert_again(bench, seen, prepared)
        drained = apply(bench, prepared, Run(patience=Patience(deadline=deadline), on_attempt=on_attempt))
        store.drop_journal(clock.now() - setup.settings.keep_journal)
        report = _report(order, prepared, store, place, drained, clock.now() - began)
    emit(report, common)
    code = after_push(report, drained)
    return 128 + caught[0] if code == INTERRUPTED and caught else code


def _decision(order: Order, prepared: Prepared, actor: str) -> Sequence[JournalLine]:
    """For the journal: who let this plan loose, past which rules. A run that finds nothing to do decides nothing."""
    count = len(prepared.plan.changes) + len(prepared.plan.removals)
    if not count:
        return ()
    said = f"{count} change{'' if count == 1 else 's'}" + "".join(f", allowed {rule}" for rule in sorted(order.allow))
    return (decided(order.kind, actor, prepared.record.at, commit=prepared.plan.commit, words=said),)


def refuse_paused(store: Store, target: str, now: float) -> None:
    """Raise ``PausedError`` if a person wants that nothing is sent."""
    pause = paused(store, now)
    if pause is not None:
        why = f": {pause.reason}" if pause.reason else ""
        raise PausedError(f"{target} is paused{why}.", hint="Nothing was sent. To go on: qtisync resume")


def _with_content(source: Source, prepared: Prepared) -> Prepared:
    return replace(prepared, plan=with_content(prepared.plan, changed_texts(source, prepared.plan)))


def store_settled(attempt: Attempt) -> bool:
    """Whether the object needs no further attempt."""
    from qtisync.delivery.retry import Finish, Park  # noqa: PLC0415 - only while pushing

    return isinstance(attempt.decision, Finish | Park)


def _report(order: Order, prepared: Prepared, store: Store, place: Place, drained: Drained, took: float) -> Report:
    place = replace(place, capabilities=place_of(prepared, place.repository, store).capabilities)
    course = Course(
        sent=drained.calls, took=took, error=_ending(drained) or None, complete=drained.ending is Ending.DRAINED
    )
    at = prepared.record.at + took
    return push_report(order.kind, prepared.plan, store.recorded(), place, at, course)


def _ending(drained: Drained) -> str:
    match drained.ending:
        case Ending.DRAINED:
            return ""
        case Ending.HALTED if drained.conflict:
            return f"Stopped at a conflict: {drained.reason}. Look at it, then change git or set on_conflict."
        case Ending.HALTED if drained.wrong_api:
            done = "the queue is kept" if drained.writes else "nothing was created"
            return f"Stopped, {done}: {drained.reason}. Check the addresses of the target (base_url, token_url)."
        case Ending.HALTED:
            return f"Stopped, the queue is kept: {drained.reason}. Check client_id, client_secret and their scopes."
        case Ending.UNAVAILABLE if drained.late:
            return f"Stopped by --timeout, the queue is kept: {drained.reason}. Run the command again to go on."
        case Ending.UNAVAILABLE:
            return f"The API is not available, the queue is kept: {drained.reason}. Run the command again later."
        case Ending.INTERRUPTED:
            return "Interrupted, the queue is kept. Run the command again to go on."


@contextmanager
def stopping(bell: ThreadBell, abandon: Callable[[], None]) -> Iterator[list[int]]:
    """SIGINT and SIGTERM ask for a graceful stop; which one came is put into the list.

    What is in flight may finish within the grace period, or until a second signal; then it is abandoned, which is safe:
    it stays in doubt and is read before anything else.
    """
    caught: list[int] = []
    timers: list[threading.Timer] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        bell.stop()
        # Not from here: a signal's handler may interrupt whoever holds the lock that closing needs.
        timers.append(threading.Timer(GRACE if len(caught) == 1 else 0.0, abandon))
        timers[-1].daemon = True
        timers[-1].start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for timer in timers:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
