"""A fix of one item, pushed in the middle of a bulk of 5,000: it is at the API at once, and the bulk goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from fakes import RecordedLog, SilentProgress
from world import World, item_xml

from qtisync.app import ThreadBell, load_setup
from qtisync.engine.cycle import Bench, Run, follow
from qtisync.engine.drain import Drained, Ending
from qtisync.engine.reconcile import Prepared, prepare, write_down
from qtisync.errors import RepositoryError
from qtisync.model import Lane

RATE = 200.0
BULK = 5_000
ALLOWED = 2.0  # seconds at the pace that is allowed


class Running:
    """A long-lived process in one thread of this one."""

    def __init__(self, world: World, bench: Bench, bell: ThreadBell, log: RecordedLog) -> None:
        self.world, self.bench, self.bell, self.log = world, bench, bell, log
        self.setup = load_setup(world.folder / "qtisync.yaml", None, world.environ)
        self.news = threading.Event()
        self.ended: Drained | None = None
        self._thread = threading.Thread(target=self._follow)

    def prepare(self) -> Prepared:
        return prepare(self.bench.source, self.bench.store, self.setup.aim(), self.bench.clock.now(), SilentProgress())

    def start(self) -> None:
        write_down(self.bench.store, self.prepare())
        self._thread.start()

    def stop(self) -> None:
        self.bell.stop()
        self._thread.join()

    def join(self) -> Drained | None:
        self._thread.join(60)
        return self.ended

    def _follow(self) -> None:
        self.ended = follow(self.bench, self._again, self.news, Run())

    def _again(self) -> Prepared:
        return self.prepare()

    def until_there(self, identifier: str, words: str) -> float:
        """Wait until the API holds the item with these words; the time at which it was seen."""
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            row = self.world.api.world.item(identifier)
            if row is not None and words in row.xml:
                return time.monotonic()
            time.sleep(0.005)
        raise AssertionError(f"{identifier} never came")


@contextmanager
def running(world: World) -> Iterator[Running]:
    bell, log = ThreadBell(), RecordedLog()
    setup = load_setup(world.folder / "qtisync.yaml", None, world.environ)
    with ExitStack() as stack:
        store = stack.enter_context(closing(setup.open_store("a test")))
        source = stack.enter_context(closing(setup.open_source()))
        bench = stack.enter_context(setup.bench(store=store, source=source, api=setup.open_api(), bell=bell, log=log))
        process = Running(world, bench, bell, log)
        process.start()
        try:
            yield process
        finally:
            process.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, target={"max_requests_per_second": RATE}) as made:
        yield made


@pytest.mark.slow
def test_fix_pushed_into_a_bulk_of_5000_is_at_the_api_within_two_seconds(world: World) -> None:
    world.commit({f"{n // 500}/q-{n:04}.xml": item_xml(f"q-{n:04}") for n in range(BULK)})
    with running(world) as process:
        process.until_there("q-0200", "Two plus two?")
        assert "q-4999" not in world.api.world.items()

        world.commit(
            {
                "0/q-0000.xml": item_xml("q-0000", "A wrong key is corrected."),  # at the API: one GET, one PUT
                "9/q-4999.xml": item_xml("q-4999", "It never saw its first version."),  # last of those that wait
            }
        )
        began = time.monotonic()
        process.news.set()
        times = [
            process.until_there("q-0000", "A wrong key is corrected.") - began,
            process.until_there("q-4999", "It never saw its first version.") - began,
        ]
        waiting = BULK - len(world.api.world.items())

    assert process.ended is not None
    assert process.ended.ending is Ending.INTERRUPTED
    assert waiting > BULK / 2
    assert max(times) < ALLOWED, times
    print(f"the fix was at the API after {times[0]:.2f} s and {times[1]:.2f} s; {waiting} items were still waiting")
    fixed = [entry for entry in world.api.journal.writes() if entry.identifier == "q-4999"]
    assert len(fixed) == 1  # what the fix superseded was never sent


def test_every_ring_is_answered_and_the_end_is_the_newest_commit(world: World) -> None:
    world.commit({f"q-{n:02}.xml": item_xml(f"q-{n:02}") for n in range(60)})
    with running(world) as process:
        for turn in range(3):
            process.until_there(f"q-{turn:02}", "Two plus two?")
            head = world.commit({"q-59.xml": item_xml("q-59", f"Version {turn}")})
            process.news.set()
        drained = process.join()

    assert drained is not None
    assert drained.ending is Ending.DRAINED
    assert len(world.api.world.items()) == 60
    assert "Version 2" in world.api.world.items()["q-59"].xml
    with closing(process.setup.open_reader()) as reader:
        assert reader.setting("synced_commit") == head
        assert {row.lane for row in reader.recorded().values()} == {Lane.BULK, Lane.NORMAL}


def test_pass_that_fails_is_logged_and_the_push_goes_on(world: World) -> None:
    world.commit({f"q-{n:02}.xml": item_xml(f"q-{n:02}") for n in range(60)})
    with running(world) as process:

        def broken() -> Prepared:
            raise RepositoryError("The repository went away.", reference="gone", hint="Look for it.")

        process.prepare = broken  # type: ignore[method-assign]
        process.news.set()
        drained = process.join()

    assert drained is not None
    assert (drained.ending, drained.settled) == (Ending.DRAINED, 60)
    assert process.log.of("pass_failed") == [{"reason": "gone", "message": "The repository went away."}]
