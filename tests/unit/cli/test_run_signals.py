"""The main thread of `qtisync run`: which signal leads to what, with services that a script stands in for."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import RecordedLog

from qtisync.cli.run import _Watchman
from qtisync.errors import QtisyncError, StoreError
from qtisync.report.value import Place, Report

STOP, RELOAD, RING = int(signal.SIGTERM), int(signal.SIGHUP), int(signal.SIGUSR1)
REPORT = Report(
    kind="status",
    at=1.0,
    place=Place(repository="r", ref="main", head="3f2a", base=None, target="t", base_url="u", capabilities={}),
)


def setup(name: str) -> Any:
    settings = SimpleNamespace(daemon=SimpleNamespace(grace=20.0))
    return SimpleNamespace(name=name, settings=settings, target=SimpleNamespace(base_url="https://api.example.org"))


class Post:
    """The signals that come at each look, in turn; after the last there are no more looks."""

    def __init__(self, *batches: Sequence[int]) -> None:
        self.batches = list(batches)

    def wait(self, _seconds: float) -> tuple[int, ...]:
        assert self.batches, "it listens for ever"
        return tuple(self.batches.pop(0))

    def wake(self) -> None:
        """Nobody waits."""


class FakeService:
    """A service that takes ``looks`` looks to come to its end."""

    running = alive = tried = True
    error = None

    def __init__(self, setup: Any, did: list[str], *, looks: int, opens: bool) -> None:
        self.setup, self._did, self._looks, self._opens = setup, did, looks, opens
        self.controls = SimpleNamespace(ring=self._ring, status=lambda: REPORT)

    def start(self) -> None:
        if not self._opens:
            raise QtisyncError("The port is taken.", hint="", reference="listen")
        self._did.append(f"start {self.setup.name}")

    def begin_stop(self) -> None:
        self._did.append("stop")

    def finished(self, _seconds: float) -> bool:
        self._looks -= 1
        return self._looks < 0

    def abandon(self) -> None:
        self._did.append("abandon")

    def close(self) -> None:
        self._did.append("close")

    def _ring(self, origin: str) -> None:
        self._did.append(f"ring {origin}")


class Desk:
    def __init__(self, *batches: Sequence[int], looks: int = 0, broken: str = "") -> None:
        self.did: list[str] = []
        self.log = RecordedLog()
        self._looks, self._broken = looks, broken
        self._setups = iter([setup("second"), setup("third")])
        common: Any = SimpleNamespace(setup=lambda: next(self._setups))
        make: Callable[..., Any] = self._make
        self.watchman = _Watchman(common, self.log, Post(*batches), make)  # type: ignore[arg-type]

    def _make(self, chosen: Any, *_: object, **__: object) -> FakeService:
        return FakeService(chosen, self.did, looks=self._looks, opens=chosen.name != self._broken)

    def serve(self) -> list[str]:
        assert self.watchman.serve(setup("first")) is REPORT
        return self.did


@pytest.fixture(autouse=True)
def nobody_supervises(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


def test_ring_and_stop() -> None:
    assert Desk([RING], [], [STOP]).serve() == ["start first", "ring signal", "stop", "close"]


def test_stop_that_comes_together_with_a_reload_is_a_stop() -> None:
    assert Desk([RELOAD, STOP]).serve() == ["start first", "stop", "close"]


def test_stop_during_a_reload_ends_it_gracefully() -> None:
    desk = Desk([RELOAD], [], [STOP], [], looks=3)

    assert desk.serve() == ["start first", "stop", "close"]
    assert [name for name in desk.log.names() if name.startswith("daemon_stop")] == [
        "daemon_stopping",
        "daemon_stopped",
    ]


def test_second_stop_cuts_off_what_is_in_flight() -> None:
    assert Desk([STOP], [STOP], [], looks=2).serve() == ["start first", "stop", "abandon", "close"]
    assert Desk([RELOAD], [STOP], [STOP], looks=2).serve() == ["start first", "stop", "abandon", "close"]


def test_reload_during_a_reload_is_made_after_it() -> None:
    desk = Desk([RELOAD], [RELOAD, RING], [], [], [STOP], [], looks=1)

    assert desk.serve() == [
        *("start first", "stop", "close"),
        *("start second", "ring signal", "stop", "close"),
        *("start third", "stop", "close"),
    ]


def test_configuration_that_cannot_be_opened_leaves_the_old_one_at_work() -> None:
    desk = Desk([RELOAD], [STOP], broken="second")

    assert desk.serve() == ["start first", "stop", "close", "start first", "stop", "close"]
    assert desk.log.of("reload_refused") == [{"problems": ["The port is taken."]}]


def test_start_that_fails_is_the_end() -> None:
    with pytest.raises(QtisyncError):
        Desk(broken="first").serve()


def test_record_that_cannot_be_read_for_a_moment_is_told_the_supervisor_and_no_end() -> None:
    said: list[str] = []
    desk = Desk([], [STOP])
    desk.watchman._supervisor = SimpleNamespace(  # type: ignore[assignment]
        listens=True, watchdog_seconds=None, ready=said.append, status=said.append, stopping=said.append, alive=list
    )
    service = FakeService(setup("first"), desk.did, looks=0, opens=True)

    def status() -> object:
        raise StoreError("The disk is away.", hint="")

    service.controls.status = status
    desk.watchman._tell(service)  # type: ignore[arg-type]
    assert said == ["The disk is away."]


def test_service_that_failed_leaves_how_it_stood_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeService, "error", StoreError("The disk is full.", hint="Make room."))
    desk = Desk([STOP])
    with pytest.raises(StoreError):
        desk.serve()
    last = desk.watchman.last

    assert last == replace(REPORT, complete=False, errored=True, error="record-unusable: The disk is full.")
