"""A whole cycle on one target: write down what a plan wants, then push until nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from qtisync.delivery.answers import DigestText
from qtisync.delivery.log_words import for_log
from qtisync.delivery.outcome import Answer, Denied, NotTheApi
from qtisync.engine.canary import Canary
from qtisync.engine.check import eyes_of
from qtisync.engine.drain import Drain, Drained, Ending, Patience
from qtisync.engine.exchange import Exchange
from qtisync.engine.health import SOON, Health, remember
from qtisync.engine.meter import SilentMeter
from qtisync.engine.pacing import PaceTerms, Pacing
from qtisync.engine.ports import Api, Bell, Clock, Log, Meter, Source, Store
from qtisync.engine.prefetch import Prefetch
from qtisync.engine.preflight import confirm, probe
from qtisync.engine.push import Attempt, BodyOf, Manners, Pusher
from qtisync.engine.reconcile import Prepared, finish_cursor, write_down
from qtisync.engine.referring import referring
from qtisync.engine.sweep import Broom, Sweep, Swept, Verdict
from qtisync.model import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The adapters and terms of one target: everything that pushing needs."""

    store: Store
    api: Api
    source: Source
    clock: Clock
    bell: Bell
    log: Log
    digest: DigestText
    body_of: BodyOf
    manners: Manners
    pace: PaceTerms
    worker: str
    base_url: str
    concurrency: int = 8
    meter: Meter = field(default_factory=SilentMeter)
    health: Health = field(default_factory=Health)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How one cycle is run."""

    patience: Patience = field(default_factory=Patience)
    on_attempt: Callable[[Attempt], None] = field(default=lambda _attempt: None)
    on_list: Callable[[Collection[Key], int], None] = field(default=lambda _keys, _calls: None)
    """Hears of calls that were made for several objects together."""


def apply(bench: Bench, prepared: Prepared, run: Run) -> Drained:
    """Write the plan down and push it. The plan has no holds; the caller looked."""
    bench.store.recover(bench.clock.now(), bench.worker)
    bench.store.recover(bench.clock.now())  # a worker of ours that failed left a lease as well
    bench.log(
        "pass_started",
        commit=prepared.plan.commit,
        changes=len(prepared.plan.changes),
        broken=len(prepared.plan.broken),
    )
    write_down(bench.store, prepared)
    drained = push(bench, run)
    synced = finish_cursor(bench.store, bench.clock.now())
    if drained.ending is Ending.DRAINED:
        drained = _and_swept(drained, sweep(bench, prepared, run.patience.deadline))
    failing = bench.health.failing is not None or not drained.late
    gave_up = drained.reason if drained.ending is Ending.UNAVAILABLE and failing else ""
    remember(bench.store, bench.health, gave_up, bench.clock.now())
    if drained.ending is Ending.HALTED:  # a daemon tells it itself, with the time at which it asks again
        bench.log("queue_halted", reason=for_log(drained.reason))
    bench.log(
        "pass_finished",
        commit=prepared.plan.commit,
        ending=drained.ending.value,
        calls=drained.calls,
        writes=drained.writes,
        synced=synced,
    )
    return drained


def sweep(
    bench: Bench, prepared: Prepared, deadline: float | None = None, may_go_on: Callable[[], bool] = lambda: True
) -> Swept:
    """Delete at the API what the plan says, once nothing else is left to send. The plan was written down."""
    rows = prepared.plan.removals
    store = bench.store
    if not rows or prepared.plan.holds or store.in_flight() or store.next_ready(bench.clock.now()) is not None:
        return Swept()
    pacing, exchange = _way_out(bench)
    complaint = confirm(bench.store, exchange, pacing, bench.base_url, deadline)
    if complaint is not None:
        refused = _refused(bench, complaint)
        verdict = next(verdict for verdict, ending in _ENDINGS.items() if ending is refused.ending)
        return Swept(verdict=verdict, reason=refused.reason, calls=refused.calls, wrong_api=refused.wrong_api)
    broom = Broom(
        store=bench.store,
        exchange=exchange,
        pacing=pacing,
        clock=bench.clock,
        bell=bench.bell,
        log=bench.log,
        digest=bench.digest,
        manners=bench.manners,
        referring=lambda stimuli: referring(eyes_of(bench), stimuli),
        may_go_on=may_go_on,
        deadline=deadline,
    )
    return Sweep(broom, prepared.plan.commit).run(rows)


_ENDINGS = {
    Verdict.DONE: Ending.DRAINED,
    Verdict.HALTED: Ending.HALTED,
    Verdict.UNAVAILABLE: Ending.UNAVAILABLE,
    Verdict.INTERRUPTED: Ending.INTERRUPTED,
}


def _and_swept(drained: Drained, swept: Swept) -> Drained:
    return replace(
        drained,
        ending=_ENDINGS[swept.verdict],
        reason=swept.reason,
        calls=drained.calls + swept.calls,
        writes=drained.writes + swept.writes,
        wrong_api=swept.wrong_api,
    )


def push(bench: Bench, run: Run) -> Drained:
    """Drain the queue. Nothing is asked of the API if nothing waits."""
    if bench.store.next_ready(bench.clock.now()) is None:
        return Drained(ending=Ending.DRAINED)
    pacing, exchange = _way_out(bench)
    complaint = confirm(bench.store, exchange, pacing, bench.base_url, run.patience.deadline)
    if complaint is not None:
        return _refused(bench, complaint)
    prefetch = Prefetch(
        store=bench.store,
        exchange=exchange,
        pacing=pacing,
        clock=bench.clock,
        log=bench.log,
        digest=bench.digest,
        terms=bench.manners.terms,
        on_list=run.on_list,
    )
    pusher = Pusher(
        store=bench.store,
        exchange=exchange,
        prefetch=prefetch,
        source=bench.source,
        clock=bench.clock,
        log=bench.log,
        pacing=pacing,
        canary=Canary(bench.store, bench.clock, bench.bell, bench.log),
        manners=bench.manners,
        digest=bench.digest,
        body_of=bench.body_of,
    )
    drain = Drain(
        store=bench.store,
        pusher=pusher,
        prefetch=prefetch,
        pacing=pacing,
        clock=bench.clock,
        bell=bench.bell,
        worker=bench.worker,
        concurrency=bench.concurrency,
        patience=run.patience,
        on_attempt=run.on_attempt,
    )
    return drain.run()


def look(bench: Bench) -> None:
    """Hear whether the API answers again, unless it is to be left alone just now."""
    pacing, exchange = _way_out(bench)
    if pacing.wait(bench.clock.now() + SOON):
        probe(exchange)


def _way_out(bench: Bench) -> tuple[Pacing, Exchange]:
    pacing = Pacing(bench.store, bench.clock, bench.bell, bench.log, bench.pace, bench.meter)
    return pacing, Exchange(bench.api, bench.clock, pacing, bench.meter, bench.health)


def _refused(bench: Bench, complaint: Answer) -> Drained:
    if bench.bell.stopped:
        return Drained(ending=Ending.INTERRUPTED)
    if isinstance(complaint, Denied | NotTheApi):
        words = f"{complaint.name}: {complaint.message}"
        return Drained(ending=Ending.HALTED, reason=words, calls=1, wrong_api=isinstance(complaint, NotTheApi))
    return Drained(ending=Ending.UNAVAILABLE, reason=getattr(complaint, "message", "") or complaint.name, calls=1)
