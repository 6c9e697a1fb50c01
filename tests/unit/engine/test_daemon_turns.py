"""The turns of a daemon, one by one: a pass, an approval, a pause, and what goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from engine_world import AIM, EngineWorld
from world import item_xml

from qtisync.engine import pause as pauses
from qtisync.engine.daemon import FIRST_LOOK, Daemon
from qtisync.engine.jobs import Jobs
from qtisync.engine.meter import SilentMeter
from qtisync.engine.outbox import Outbox
from qtisync.engine.reconcile import HELD
from qtisync.engine.rounds import STEP, Rounds
from qtisync.engine.timing import Timing
from qtisync.engine.valve import Valve
from qtisync.engine.warm import Memory
from qtisync.errors import StoreError
from qtisync.planning.guard import Limits
from qtisync.report.job import Job, JobState


class Desk:
    """A daemon in memory whose turns a test makes; nothing is sent, since its outbox is not started."""

    def __init__(self, rounds: Rounds | None = None) -> None:
        self.world = EngineWorld()
        self.clock, self.valve, self.jobs = self.world.clock, Valve(self.world.clock), Jobs(self.world.clock)
        self.bench = replace(self.world.bench, bell=self.valve)
        self.daemon = Daemon(
            bench=self.bench,
            aim=replace(AIM, limits=Limits(max_update=0.3)),
            jobs=self.jobs,
            valve=self.valve,
            outbox=Outbox(self.bench, self.jobs, self.valve),
            meter=SilentMeter(),
            memory=Memory(),
            rounds=rounds or Rounds(poll_every=1e9),
            timing=Timing(),
        )

    def commit(self, words: str, count: int = 12) -> None:
        self.commit_over(words, range(count))

    def commit_over(self, words: str, numbers: Iterable[int]) -> None:
        self.world.source.commit({f"q{n}.xml": item_xml(f"q{n}", words).encode() for n in numbers})

    def a_pass(self, ring: Callable[[], Job]) -> Job:
        """Ring, and make turns until the pass is over."""
        job = ring()
        for _ in range(5):
            self.clock.advance(120.0)
            self.daemon._turn()
            found = self.jobs.find(job.id)
            assert found is not None
            if found.state not in {JobState.WAITING, JobState.READING}:
                return found
        raise AssertionError("no pass")

    def ring(self) -> Job:
        return self.jobs.ring("test")

    def synced(self, words: str) -> None:
        """The state after a pass and a push."""
        self.commit(words)
        self.world.cycle()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.world.close()


def test_approval_is_for_its_plan(desk: Desk) -> None:
    desk.synced("One.")
    desk.commit("Two.")
    held = desk.a_pass(desk.ring)
    assert held.state is JobState.HELD
    assert held.report is not None
    checksum = held.report.checksum

    passed = desk.a_pass(lambda: desk.daemon.approve(checksum, frozenset({"mass-update"}), "test"))
    assert passed.state is JobState.PUSHING


def test_approval_of_one_rule_is_none_of_another(desk: Desk) -> None:
    desk.synced("One.")
    desk.world.source.commit({f"q{n}.xml": None for n in range(4)})
    desk.commit_over("Two.", range(4, 12))
    held = desk.a_pass(desk.ring)
    assert held.report is not None
    assert [hold.rule for hold in held.report.holds] == ["mass-update", "identity-churn"]
    checksum = held.report.checksum

    for rules, state in (({"mass-update"}, JobState.HELD), ({"mass-update", "identity-churn"}, JobState.PUSHING)):
        allowed = frozenset(rules)
        assert desk.a_pass(lambda allowed=allowed: desk.daemon.approve(checksum, allowed, "test")).state is state


def test_approval_of_a_plan_that_changed_meanwhile_is_spent(desk: Desk) -> None:
    """Whoever gave it is told that the plan is held. It must not let the old plan pass when its commit comes back."""
    desk.synced("One.")
    desk.commit("Two.")
    held = desk.a_pass(desk.ring)
    assert held.report is not None
    two = desk.world.source.resolve("main")
    desk.commit("Three.")
    refused = desk.a_pass(lambda: desk.daemon.approve(held.report.checksum, frozenset({"mass-update"}), "test"))
    assert refused.state is JobState.HELD

    desk.world.source.move_ref("main", two)
    again = desk.a_pass(desk.ring)
    assert again.report is not None
    assert (again.state, again.report.checksum) == (JobState.HELD, held.report.checksum)


def test_plan_that_a_command_carried_out_is_held_no_more(desk: Desk) -> None:
    """Without a daemon nobody else would ever say so, and `status` would go on naming it."""
    desk.synced("One.")
    desk.commit("Two.")
    desk.a_pass(desk.ring)
    assert desk.bench.store.setting(HELD) is not None
    desk.world.cycle()

    assert desk.bench.store.setting(HELD) is None


def test_pause_and_resume_at_the_same_moment_leave_record_and_valve_of_one_mind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause that stands in the record while the valve is open would send all the same."""
    desk.daemon.pause(pauses.Pause(reason="first", since=0.0))
    written, go_on = threading.Event(), threading.Event()
    original = pauses.end

    def slow(store: object) -> None:
        original(store)  # type: ignore[arg-type]
        written.set()
        assert go_on.wait(30)

    monkeypatch.setattr(pauses, "end", slow)
    resume = threading.Thread(target=desk.daemon.resume)
    resume.start()
    assert written.wait(30)
    pause = threading.Thread(target=lambda: desk.daemon.pause(pauses.Pause(reason="second", since=0.0)))
    pause.start()
    pause.join(0.05)
    go_on.set()
    resume.join(30)
    pause.join(30)

    assert pauses.paused(desk.bench.store, desk.clock.now()) == pauses.Pause(reason="second", since=0.0)
    assert desk.valve.stopped


def test_pause_ends_at_its_time(desk: Desk) -> None:
    desk.daemon.pause(pauses.Pause(reason="", since=0.0, until=desk.clock.now() + 60.0))
    desk.jobs.wake()
    desk.daemon._turn()
    assert desk.valve.stopped

    desk.clock.advance(61.0)
    desk.jobs.wake()
    desk.daemon._turn()
    assert not desk.valve.stopped
    assert desk.bench.store.setting(pauses.SETTING) is None


def test_record_that_fails_beside_a_pass_is_counted_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(Rounds(poll_every=1e9, keep_journal=60.0, give_up_after=3))
    tries = []

    def broken(_before: float) -> int:
        tries.append(1)
        raise StoreError("The disk is full.", hint="")

    monkeypatch.setattr(desk.world.kept, "drop_journal", broken)
    for _ in range(5):
        desk.jobs.wake()
        desk.daemon._turn()
    desk.world.close()

    assert len(tries) == 1
    assert desk.world.log.names().count("turn_failed") == 1


def test_errors_beside_passes_end_it_when_they_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_now: float) -> None:
        raise ZeroDivisionError

    desk = Desk(Rounds(poll_every=1e9, inspect=broken, give_up_after=3))
    desk.daemon.seen.head = "c1"
    for _ in range(2):
        desk.jobs.wake()
        desk.daemon._turn()
    with pytest.raises(ZeroDivisionError):
        desk.daemon._turn()
    desk.world.close()


def test_first_fetch_may_take_as_long_as_it_is_configured() -> None:
    seen: list[float] = []
    desk = Desk()
    rounds = Rounds(
        poll_every=1e9, fetch=lambda: seen.append(desk.daemon.seen.beat_until - desk.clock.now()), fetch_takes=10_800.0
    )
    desk.daemon._rounds = rounds
    assert desk.daemon.seen.beat_until == desk.clock.now() + STEP  # alive before its first turn
    desk.commit("One.", 1)
    desk.a_pass(desk.ring)
    desk.world.close()

    assert seen == [10_800.0 + FIRST_LOOK]


def test_what_a_push_keeps_of_its_pass_is_the_plan_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(
        "qtisync.engine.daemon.pushed_report", lambda _bench, prepared, _took, _sent: kept.append(prepared)
    )
    desk.commit("One.", 2)
    desk.a_pass(desk.ring)
    desk.jobs.drained()

    assert [(one.snapshot, dict(one.recorded), dict(one.fresh)) for one in kept] == [(None, {}, {})]
