"""A user's world whose engine runs in this process, with short waits: for tests of what an answer leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from fakes import RecordedLog, SilentProgress
from world import World

from qtisync.app import ThreadBell, load_setup
from qtisync.delivery.retry import RetryPolicy
from qtisync.engine.cycle import Bench, Run, apply
from qtisync.engine.drain import Drained, Patience
from qtisync.engine.reconcile import prepare
from qtisync.model import Identifier, Recorded

RETRY = RetryPolicy(base=0.05, pause_without_hint=0.05)


class AnsweredWorld(World):
    """``sync`` is one cycle of the real engine over SQLite, git and HTTP."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.log = RecordedLog()

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        setup = load_setup(self.folder / "qtisync.yaml", None, self.environ)
        with closing(setup.open_store("a test")) as store, closing(setup.open_source()) as source:
            api, bell = setup.open_api(), ThreadBell()
            with setup.bench(store=store, source=source, api=api, bell=bell, log=self.log) as bench:
                manners = replace(bench.manners, retry=replace(RETRY, block_on_conflict=False))
                yield replace(bench, manners=manners, pace=replace(bench.pace, retry=RETRY))

    def sync(self, patience: float = 20.0) -> Drained:
        setup = load_setup(self.folder / "qtisync.yaml", None, self.environ)
        self.log.events.clear()
        with self.bench() as bench:
            prepared = prepare(bench.source, bench.store, setup.aim(), bench.clock.now(), SilentProgress())
            assert not prepared.plan.holds
            return apply(bench, prepared, Run(patience=Patience(without_answer=patience)))

    def row(self, identifier: str) -> Recorded:
        setup = load_setup(self.folder / "qtisync.yaml", None, self.environ)
        with closing(setup.open_reader()) as reader:
            (row,) = reader.find(Identifier(identifier))
            return row

    def synced(self, files: Mapping[str, str], *faults: str, **target: Any) -> None:
        """These files are at the API; then the faults begin and what was asked so far is forgotten."""
        self.configure(**target)
        self.commit(dict(files))
        self.sync()
        self.api.faults.add(*faults)
        self.api.journal.clear()

    def item_calls(self) -> list[tuple[str, bool]]:
        """Method and effect of each call about an item."""
        return [
            (entry.method, entry.applied)
            for entry in self.api.journal.entries()
            if entry.identifier is not None and entry.path.startswith("/api/")
        ]
