"""A whole cycle on one target: write down what a plan wants, then push until nothing is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from qtisync.delivery.answers import DigestText
from qtisync.delivery.outcome import Answer, Denied, NotTheApi
from qtisync.engine.canary import Canary
from qtisync.engine.drain import Drain, Drained, Ending, Patience
from qtisync.engine.exchange import Exchange
from qtisync.engine.pacing import PaceTerms, Pacing
from qtisync.engine.ports import Api, Bell, Clock, Log, Source, Store
from qtisync.engine.prefetch import Prefetch
from qtisync.engine.preflight import confirm
from qtisync.engine.push import Attempt, BodyOf, Manners, Pusher
from qtisync.engine.reconcile import Prepared, finish_cursor, write_down
from qtisync.errors import QtisyncError

NEWS_WAIT = 0.05  # seconds between looks at whether the queue is drained, while nothing rings


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How one cycle is run."""

    patience: Patience = field(default_factory=Patience)
    on_attempt: Callable[[Attempt], None] = field(default=lambda _attempt: None)


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
    synced = finish_cursor(bench.store)
    bench.log(
        "pass_finished",
        commit=prepared.plan.commit,
        ending=drained.ending.value,
        calls=drained.calls,
        writes=drained.writes,
        synced=synced,
    )
    return drained


def push(bench: Bench, run: Run) -> Drained:
    """Drain the queue. Nothing is asked of the API if nothing waits."""
    if bench.store.next_ready(bench.clock.now()) is None:
        return Drained(ending=Ending.DRAINED)
    complaint = confirm(bench.store, bench.api, bench.base_url, bench.clock.now())
    if complaint is not None:
        return _refused(complaint)
    pacing = Pacing(bench.store, bench.clock, bench.bell, bench.log, bench.pace)
    exchange = Exchange(bench.api, bench.clock, pacing)
    prefetch = Prefetch(
        store=bench.store,
        exchange=exchange,
        pacing=pacing,
        clock=bench.clock,
        log=bench.log,
        digest=bench.digest,
        terms=bench.manners.terms,
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
    drained = drain.run()
    if drained.ending is Ending.HALTED:
        bench.log("queue_halted", reason=drained.reason)
    return drained


def follow(bench: Bench, again: Callable[[], Prepared], news: threading.Event, run: Run) -> Drained:
    """Push what is written down, and meanwhile make a pass (``again``) at each ring of ``news``.

    For a process that lives on: passes run in the caller's thread while the queue drains in another, so what a newer
    commit wants supersedes what waits, and a fix overtakes a bulk. Rings during a pass are one. It returns when nothing
    is left and no ring is unanswered, or as ``push`` does. A pass that fails or is held is logged; the push goes on.
    """
    total = Drained(ending=Ending.DRAINED)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="drain") as beside:
        while True:
            draining = beside.submit(push, bench, run)
            while not draining.done():
                if news.wait(NEWS_WAIT):
                    _answer(bench, again, news)
            total = _added(total, draining.result())
            if total.ending is not Ending.DRAINED:
                return total
            if news.is_set():
                _answer(bench, again, news)
            if bench.store.next_ready(bench.clock.now()) is None and not news.is_set():
                finish_cursor(bench.store)
                return total


def _answer(bench: Bench, again: Callable[[], Prepared], news: threading.Event) -> None:
    news.clear()  # before the commit is pinned: a ring from now on may mean a newer one
    try:
        prepared = again()
    except QtisyncError as error:
        bench.log("pass_failed", reason=error.reference, message=error.message)
        return
    if prepared.plan.holds:
        bench.log("pass_held", commit=prepared.plan.commit, rules=[hold.rule for hold in prepared.plan.holds])
    write_down(bench.store, prepared)


def _added(before: Drained, after: Drained) -> Drained:
    """The ending of the later drain, with the counts of both."""
    return replace(
        after,
        calls=before.calls + after.calls,
        writes=before.writes + after.writes,
        settled=before.settled + after.settled,
        throttles=before.throttles + after.throttles,
    )


def _refused(complaint: Answer) -> Drained:
    if isinstance(complaint, Denied | NotTheApi):
        words = f"{complaint.name}: {complaint.message}"
        return Drained(ending=Ending.HALTED, reason=words, calls=1, wrong_api=isinstance(complaint, NotTheApi))
    return Drained(ending=Ending.UNAVAILABLE, reason=getattr(complaint, "message", "") or complaint.name, calls=1)
