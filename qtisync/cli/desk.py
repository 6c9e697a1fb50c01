"""What apply and sync open before they push, and the plan that they make with it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtisync.app import Setup, ThreadBell
from qtisync.cli.common_options import Common
from qtisync.cli.progress import Bars
from qtisync.engine.pins import chosen_pins, pins_of, put_pins
from qtisync.engine.reconcile import Aim, Prepared, is_named, prepare

if TYPE_CHECKING:
    from qtisync.adapters.store import SqlStore
    from qtisync.engine.check import Reconciliation
    from qtisync.engine.cycle import Bench
    from qtisync.engine.ports import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What apply or sync was asked to do."""

    kind: str
    ref: str | None = None
    only: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    timeout: float | None = None
    looks_first: bool = True
    """With an empty record: recognise what the API has already (a saved plan was made without that)."""
    refresh: bool = False
    """Read the API first; what drifted and is overwritten is sent again."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """What a cycle opens: the API only when it is needed, so that a plan that is held needs no credentials."""

    common: Common
    setup: Setup
    store: SqlStore
    source: Source
    bell: ThreadBell
    bars: Bars
    stack: ExitStack
    _opened: Bench | None = None

    def bench(self) -> Bench:
        """Everything that pushing needs."""
        if self._opened is None:
            bench = self.setup.bench(
                store=self.store,
                source=self.source,
                api=self.setup.open_api(),
                bell=self.bell,
                log=self.common.log(),
            )
            self._opened = self.stack.enter_context(bench)
        return self._opened

    def prepare(self, order: Order, now: float) -> tuple[Prepared, Reconciliation | None]:
        """The plan; refreshed by what the API shows if that was asked for."""
        aim = self.setup.aim(order.ref, order.only)
        prepared = prepare(self.source, self.store, aim, now, self.bars)
        if order.looks_first and self.store.last_pass() is None:
            prepared = self._recognised(prepared, aim)
        if not order.refresh:
            return prepared, None
        from qtisync.cli.refreshing import look_at_api  # noqa: PLC0415 - only with --refresh
        from qtisync.engine.check import eyes_of  # noqa: PLC0415 - likewise

        eyes = eyes_of(self.bench(), self.bars)
        look = look_at_api(self.setup, eyes, self.store, self.source, aim, self.bars)
        return look.prepared, look.seen

    def pin(self, order: Order, prepared: Prepared, now: float) -> None:
        """Remember which objects were brought to another version than the one that git has now."""
        if prepared.snapshot is None or self.setup.aim(order.ref, order.only).keep_pins:
            return
        usual = replace(self.setup.aim(), keep_pins=False)
        wanted = prepare(self.source, self.store, usual, now, self.bars, thorough=True).snapshot
        chosen = {
            key: item
            for key, item in prepared.snapshot.items.items()
            if is_named(order.only, key.identifier, item.path)
        }
        if wanted is not None:
            before, commit, stamp = pins_of(self.store), prepared.plan.commit, usual.rules.stamp
            put_pins(self.store, chosen_pins(chosen, wanted.items, before, commit=commit, now=now, stamp=stamp))

    def _recognised(self, prepared: Prepared, aim: Aim) -> Prepared:
        """With an empty record: the plan after what the API has already was recognised."""
        from qtisync.engine.recognise import is_worth_a_look, recognise_first  # noqa: PLC0415 - lxml; a first time only

        if not is_worth_a_look(self.store, prepared):
            return prepared
        with self.setup.eyes(self.store, bell=self.bell, log=self.common.log(), progress=self.bars) as eyes:
            owns = self.setup.ownership
            if not recognise_first(eyes, self.store, self.source, prepared, owns, self.setup.actor):
                return prepared
        return prepare(self.source, self.store, aim, prepared.record.at, self.bars)


def assert_again(bench: Bench, seen: Reconciliation, prepared: Prepared) -> None:
    """Queue what drifted and is overwritten. A look at everything is remembered, a look at a part is not."""
    from qtisync.engine.check import heal, send_again  # noqa: PLC0415 - only with --refresh

    if prepared.plan.partial:
        send_again(bench.store, seen)
    else:
        heal(bench.store, seen, bench.log, plan=prepared.plan)
