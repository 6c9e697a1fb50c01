"""A world in which what git drops is deleted at the API: commits, forced pushes, and a person who approves or does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine_world import AIM, EngineWorld, Shelf
from world import item_xml, stimulus_xml

from qtisync.engine.cycle import Run, apply
from qtisync.engine.drain import Drained
from qtisync.model import CommitId
from qtisync.ownership import Ownership
from qtisync.planning.guard import Limits
from qtisync.planning.removal import WINDOW, Removals

DAY = WINDOW + 1
REMOVALS = Removals(ownership=Ownership(prefixes=("a", "b", "c", "d", "e", "s")))


def item(name: str, words: str = "Two plus two?", references: str = "") -> bytes:
    return item_xml(name, words, references=references).encode()


def stimulus(name: str) -> bytes:
    return stimulus_xml(name).encode()


class RemovalWorld(EngineWorld):
    """Begins with ``removal: delete`` and everything synced; a day later ``max_delete`` counts."""

    def __init__(self, shelf: Shelf = "memory", *, max_delete: float = 10, names: Iterable[str] = "abc") -> None:
        super().__init__(shelf)
        self.switch(on=True, max_delete=max_delete)
        self.source.commit({f"{name}.xml": item(name) for name in names})
        self.sync()
        self.clock.advance(DAY)

    def switch(self, *, on: bool, max_delete: float = 10) -> None:
        """Somebody edits the configuration."""
        limits = Limits(max_update=1.0, max_churn=1.0, max_delete=max_delete)
        self.aim = replace(AIM, limits=limits, removals=REMOVALS if on else None)

    def sync(self, *allow: str) -> tuple[str, ...]:
        """A cycle; the rules that hold it, in which case nothing is sent."""
        prepared = self.prepare()
        holds = tuple(hold for hold in prepared.plan.holds if hold.rule not in allow)
        if holds:
            return tuple(hold.rule for hold in holds)
        self.drained: Drained = apply(self.bench, replace(prepared, plan=replace(prepared.plan, holds=())), Run())
        return ()

    def remove(self, *names: str) -> CommitId:
        return self.source.commit({f"{name}.xml": None for name in names})

    @property
    def there(self) -> str:
        """The identifiers of the API's items, joined."""
        return "".join(sorted(self.api.items))

    def reasons(self) -> dict[str, str]:
        """Why orphans are kept."""
        return {str(orphan.recorded.key): orphan.kept for orphan in self.prepare().plan.orphans}

    def deletes(self) -> list[tuple[str, ...]]:
        return [request.segments for request in self.api.requests if request.method == "DELETE"]
