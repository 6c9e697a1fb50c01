"""A target with an owner stamp, whose configuration may change; several may share one API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine_world import AIM, EngineWorld, Shelf
from fake_api import FakeApi
from fakes import FakeClock, SilentProgress

from qtisync.content.canonical import digest_text
from qtisync.delivery.wire import Terms
from qtisync.engine.adopt import Candidates, Order, candidates
from qtisync.engine.check import Reconciliation, eyes_of, reconcile
from qtisync.engine.pacing import PaceTerms
from qtisync.engine.private_pace import PrivatePace
from qtisync.engine.push import Manners
from qtisync.engine.recognise import Ask, Rebuilt, rebuild
from qtisync.engine.reconcile import prepare
from qtisync.engine.survey import Eyes
from qtisync.model import ItemStatus
from qtisync.ownership import Ownership, Stamp
from qtisync.planning.comparison import OnDrift

US = Stamp(key="managedBy", value="us")


class StampedWorld(EngineWorld):
    """A target whose configuration may change; ``api``: the one of another world."""

    def __init__(self, shelf: Shelf = "memory", *, api: FakeApi | None = None, clock: FakeClock | None = None) -> None:
        super().__init__(shelf)
        if api is not None and clock is not None:
            self.api, self.clock, self.send = api, clock, api.send
            self.start()

    @property
    def eyes(self) -> Eyes:
        return Eyes(
            api=self.api,
            pace=PrivatePace(),
            terms=PaceTerms(ceiling=1000.0),
            clock=self.clock,
            bell=self.bell,
            log=self.log,
            digest=digest_text,
            concurrency=1,
        )

    def configure(self, stamp: Stamp | None = US, **terms: Any) -> None:
        """Somebody edits the configuration; the process is started again."""
        ownership = Ownership(stamp=stamp)
        self.aim = replace(AIM, rules=replace(AIM.rules, stamp=stamp))
        self.manners = Manners(terms=Terms(ownership=ownership, **terms), on_drift=lambda _path: OnDrift.OVERWRITE)
        self.start()

    @property
    def ask(self) -> Ask:
        return Ask(actor="ada", ownership=self.manners.terms.ownership, progress=SilentProgress())

    def adopt(self, *names: str, foreign: bool = False) -> Candidates:
        order = Order(identifiers=names, foreign=foreign)
        found = candidates(self.eyes, self.store, self.source, self.aim, order, self.ask)  # type: ignore[arg-type]
        self.store.plant(found.rows)
        return found

    def rebuild(self) -> Rebuilt:
        return rebuild(self.eyes, self.store, self.source, self.aim, self.ask)  # type: ignore[arg-type]

    def look(self) -> Reconciliation:
        plan = prepare(self.source, self.store, self.aim, self.clock.now(), SilentProgress(), thorough=True).plan  # type: ignore[arg-type]
        return reconcile(eyes_of(self.bench), self.store, self.manners, plan)  # type: ignore[arg-type]

    def metadata(self, name: str) -> dict[str, Any]:
        found = self.api.items.get(name) or self.api.stimuli[name]
        return dict(found["metadata"])

    def rows(self) -> dict[str, tuple[ItemStatus, str | None]]:
        return {str(key): (row.status, row.last_error) for key, row in self.store.recorded().items()}
