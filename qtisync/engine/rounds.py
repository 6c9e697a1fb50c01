"""What a daemon does besides passes, what it has seen, and how it shows that it lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from qtisync.engine.ports import Bell
from qtisync.report.value import Report

STEP = 300.0  # seconds that one step of a pass may take without a sign of progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What a daemon does besides passes, and how often. All of it is optional; ``None`` of seconds: never."""

    poll_every: float = 30.0
    fetch: Callable[[], None] | None = None
    """Bring the repository up to date; raises ``RepositoryError``."""
    fetch_takes: float = 0.0
    """Seconds that ``fetch`` may take at most."""
    revive: Callable[[], None] = field(default=lambda: None)
    """Look after the watch of the repository, if it is degraded."""
    inspect: Callable[[float], None] = field(default=lambda _now: None)
    """Begin to compare everything with the API, if it is time; is given the time and does not wait."""
    keep_journal: float | None = None
    """Calls that are older are dropped from the journal; ``None``: never."""
    hold: Callable[[Report], str] = field(default=lambda _report: "")
    """Keep a held plan where ``apply`` finds it; the command that continues it."""
    give_up_after: int = 10


@dataclass(slots=True)
class Seen:
    """What the daemon knows of the world beside the record. Written by its thread, read by others."""

    head: str | None = None
    head_at: float | None = None
    """When the ref was last really read."""
    passed: bool = False
    """Whether a pass came to its end, written down or held."""
    ref: str = ""
    trouble: str | None = None
    """Why the last pass failed."""
    polled_at: float = 0.0
    tidied_at: float | None = None
    """When the journal was last made shorter."""
    beat_until: float = 0.0
    """When the loop turns again, at the latest."""


class Beating:
    """``engine.ports.Progress`` of a pass, as a sign of life; ``beat`` is given for how many seconds it is one."""

    def __init__(self, beat: Callable[[float], None]) -> None:
        self._beat = beat

    @contextmanager
    def step(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """One step of the work."""
        del label, total
        self._beat(STEP)
        yield lambda _count: self._beat(STEP)
        self._beat(STEP)


class PatientBell:
    """The bell of a pass that asks the API: waiting for its turn is a sign of life too, however long it has to."""

    def __init__(self, bell: Bell, beat: Callable[[float], None]) -> None:
        self._bell, self._beat = bell, beat

    def wait(self, seconds: float) -> bool:
        """See ``engine.ports.Bell``."""
        self._beat(max(0.0, seconds) + STEP)
        return self._bell.wait(seconds)

    def ring(self) -> None:
        """See ``engine.ports.Bell``."""
        self._bell.ring()

    @property
    def stopped(self) -> bool:
        """See ``engine.ports.Bell``."""
        return self._bell.stopped
