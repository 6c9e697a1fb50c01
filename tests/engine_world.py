"""One target with everything around it in memory: a repository, an API, a clock, and a process that can be killed.

The engine is the real one. Its store is real too: a file of SQLite, or the plain twin. A process is what is thrown away
at a kill: everything but the repository, the API, the clock and what the store had written by then.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from fake_api import FakeApi, MetadataMode
from fake_source import FakeSource
from fakes import FakeClock, MemoryStore, RecordedLog, SilentProgress

from qtisync.adapters.store import open_store
from qtisync.adapters.store_files import record_file
from qtisync.app import body_of
from qtisync.content.canonical import digest_text
from qtisync.content.selection import ContentRules
from qtisync.delivery.messages import Failure, FailureKind, MayLeave, Reply, Request
from qtisync.engine.cycle import Bench, Run, apply
from qtisync.engine.drain import Drained
from qtisync.engine.pacing import PaceTerms
from qtisync.engine.push import Manners
from qtisync.engine.reconcile import Aim, Prepared, prepare, write_down
from qtisync.planning.guard import Limits
from qtisync.planning.plan import Destination

Shelf: TypeAlias = Literal["memory", "sqlite"]
BASE_URL = "https://api.example.org/api"
AIM = Aim(
    destination=Destination(target="t", base_url=BASE_URL),
    ref="main",
    rules=ContentRules(target="t"),
    limits=Limits(max_update=1.0, max_churn=1.0),
)
WRITING = frozenset(
    {
        *(
            "remember_facts",
            "record_pass",
            "put_setting",
            "retry",
            "doubt",
            "recover",
            "note",
            "drop_journal",
            "forget",
            "bury",
            "plant",
        ),
        *("take", "claim", "settle", "release", "reserve", "update_pace"),
    }
)
"""The store's writing methods: a kill just before or just after one of them is a crash point."""
ENDLESS = 10_000  # crash points of one cycle, from which it will never end
_empty: list[Path] = []


class Killed(BaseException):
    """What ends the process: nothing may catch it and go on."""


class Fate:
    """When the process dies: at the crash point with this number or label, or never. What is dead stays dead."""

    def __init__(self) -> None:
        self.dies_at: int | None = None
        self.dies_on = ""
        self.points: list[str] = []
        self.dead = False

    def point(self, label: str) -> None:
        """A labelled moment at which the process may end."""
        if self.dead:
            raise Killed(label)
        self.points.append(label)
        assert len(self.points) < ENDLESS, f"no end: {self.points[-12:]}"
        if label == self.dies_on or (self.dies_at is not None and len(self.points) > self.dies_at):
            self.dead = True
            raise Killed(label)


class MortalStore:
    """A store whose writing methods are crash points; ``watch`` is told what they were given and what they gave."""

    def __init__(self, store: Any, fate: Fate, watch: Callable[[str, tuple[Any, ...], Any], None]) -> None:
        self._store, self._fate, self._watch = store, fate, watch

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in WRITING:
            return method

        def mortal(*arguments: Any) -> Any:
            self._fate.point(f"before {name}")
            result = method(*arguments)
            self._watch(name, arguments, result)
            self._fate.point(f"after {name}")
            return result

        return mortal


class MortalApi:
    """An API whose calls are crash points: the request may have left or not, the answer may have come or not."""

    def __init__(self, send: Callable[[Request], Reply], fate: Fate) -> None:
        self._send, self._fate = send, fate

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        if may_leave is not None and not may_leave():
            return Failure(kind=FailureKind.HELD, message="held")
        self._fate.point(f"before {request.purpose}")
        reply = self._send(request)
        self._fate.point(f"after {request.purpose}")
        return reply

    def close(self) -> None:
        pass


class ModelBell:
    """Waits pass at once and move the clock."""

    stopped = False

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def wait(self, seconds: float) -> bool:
        self._clock.advance(max(0.0, seconds))
        return False

    def ring(self) -> None:
        pass


class EngineWorld:
    """The repository, the API and the clock, which live on, and the process, which may die."""

    def __init__(
        self,
        shelf: Shelf = "memory",
        *,
        manners: Manners | None = None,
        metadata_mode: MetadataMode = "merge",
        concurrency: int = 1,
        same_name: bool = False,
    ) -> None:
        self.clock, self.source = FakeClock(), FakeSource()
        self.api = FakeApi(self.clock, metadata_mode=metadata_mode)
        self.manners, self.concurrency, self.same_name = manners or Manners(), concurrency, same_name
        self.log, self.aim = RecordedLog(), AIM
        self.send: Callable[[Request], Reply] = self.api.send
        self.watch: Callable[[str, tuple[Any, ...], Any], None] = lambda _name, _arguments, _result: None
        self.starts = 0
        self._folder = tempfile.TemporaryDirectory(prefix="qtisync-model-")
        self._shelf = shelf
        self.kept: Any = MemoryStore() if shelf == "memory" else self._open(self._empty_record())
        self.fate = Fate()
        self.start()

    def start(self) -> None:
        """A new process on what is left of the old one."""
        self.starts += 1
        self.fate = Fate()
        self.store = MortalStore(self.kept, self.fate, lambda *told: self.watch(*told))  # noqa: PLW0108 - it may be replaced later
        self.bell = ModelBell(self.clock)
        self.bench = Bench(
            store=self.store,
            api=MortalApi(lambda request: self.send(request), self.fate),  # noqa: PLW0108 - likewise
            source=self.source,
            clock=self.clock,
            bell=self.bell,
            log=self.log,
            digest=digest_text,
            body_of=body_of,
            manners=self.manners,
            pace=PaceTerms(ceiling=50.0, retry=self.manners.retry),
            worker="host/1" if self.same_name else f"host/{self.starts}",
            base_url=BASE_URL,
            concurrency=self.concurrency,
        )

    def kill(self) -> None:
        """What ``kill -9`` leaves: the files as they are at this moment, and no lock."""
        if self._shelf == "sqlite":
            left = Path(self._folder.name, f"after-{self.starts}")
            shutil.copytree(self._record, left, ignore=shutil.ignore_patterns("*-shm"))
            self.kept.close()
            shutil.rmtree(self._record)
            self.kept = self._open(left)
        self.start()

    def lose_the_record(self) -> None:
        """The state directory is gone; the process is started again."""
        if self._shelf == "memory":
            self.kept = MemoryStore()
        else:
            self.kept.close()
            shutil.rmtree(self._record)
            self.kept = self._open(self._empty_record())
        self.starts += 1
        self.start()

    def hear_a_pause(self, seconds: float) -> None:
        """Another process on the same record was asked to wait."""
        until = self.clock.now() + seconds
        self.kept.update_pace(lambda pace: replace(pace, tat=until, paused_until=until))

    def prepare(self) -> Prepared:
        """The plan of the commit that main points to now."""
        return prepare(self.source, self.store, self.aim, self.clock.now(), SilentProgress())  # type: ignore[arg-type]

    def write_down(self) -> Prepared:
        """A pass without pushing."""
        prepared = self.prepare()
        write_down(self.store, prepared)  # type: ignore[arg-type]
        return prepared

    def cycle(self) -> Drained:
        """What ``qtisync sync`` does; raises ``Killed`` if the process dies of it."""
        self.fate.points.clear()
        return apply(self.bench, self.prepare(), Run())

    def cycle_until(self, dies_at: int | None = None, dies_on: str = "") -> bool:
        """A cycle of a process that is killed at this crash point (and started again); whether it came so far."""
        self.fate.dies_at, self.fate.dies_on = dies_at, dies_on
        try:
            self.cycle()
        except Killed:
            self.kill()
            return True
        finally:
            self.fate.dies_at, self.fate.dies_on = None, ""
        return False

    def close(self) -> None:
        self.kept.close()
        self._folder.cleanup()

    def _open(self, folder: Path) -> Any:
        self._record = folder
        return open_store(folder, "t", holder="pytest")

    def _empty_record(self) -> Path:
        """A copy of an empty record: to migrate a new file takes longer than a whole history."""
        if not _empty:
            _empty.append(Path(tempfile.mkdtemp(prefix="qtisync-empty-")))
            open_store(_empty[0], "t", holder="pytest").close()
        self.starts += 1
        folder = Path(self._folder.name, f"new-{self.starts}")
        folder.mkdir()
        shutil.copy(record_file(_empty[0], "t"), folder)
        return folder
