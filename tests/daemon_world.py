"""A daemon in threads of this process, on a real repository, a real record and a sandbox API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fakes import RecordedLog
from world import World

from qtisync.app import load_setup
from qtisync.engine.warm import Memory
from qtisync.report.job import Job, JobState
from qtisync.service import Service

PATIENCE = 60.0  # seconds; a busy machine is slow, not wrong


def wait_until(what: Callable[[], Any], words: str = "it", seconds: float = PATIENCE) -> Any:
    """Look until ``what`` is true and return it."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        found = what()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"{words} did not come about within {seconds:g} s")


class Running:
    """A daemon that runs; ``ring`` and ``settled`` are how tests follow it."""

    def __init__(self, world: World, service: Service, log: RecordedLog) -> None:
        self.world, self.service, self.log = world, service, log
        self.controls = service.controls

    def ring(self, origin: str = "test") -> Job:
        return self.controls.ring(origin)

    def settled(self, origin: str = "test") -> Job:
        """Ring, and wait until what that came to is settled."""
        job = self.controls.wait_for(self.ring(origin).id, PATIENCE)
        assert job is not None
        assert job.state.ended, job
        return job

    def synced(self, commit: str) -> None:
        """Wait until the record says that this commit is synced."""
        wait_until(lambda: self.service.bench.store.setting("synced_commit") == commit, f"synced {commit}")

    def until_there(self, identifier: str, words: str) -> float:
        """Wait until the API holds the item with these words; the time at which it was seen."""

        def there() -> bool:
            row = self.world.api.world.item(identifier)
            return row is not None and words in row.xml

        wait_until(there, f"{identifier} with “{words}”")
        return time.monotonic()

    def in_state(self, job: Job, state: JobState) -> Job:
        return wait_until(lambda: (found := self.controls.job(job.id)) and found.state is state and found, state.value)


@contextmanager
def daemon(
    world: World, *, environ: Mapping[str, str] | None = None, memory: Memory | None = None
) -> Iterator[Running]:
    """Run the daemon of the world's configuration."""
    log = RecordedLog()
    setup = load_setup(world.folder / "qtisync.yaml", None, {**world.environ, **(environ or {})})
    service = Service(setup, log, memory or Memory())
    service.start()
    try:
        yield Running(world, service, log)
    finally:
        service.stop(20.0)
