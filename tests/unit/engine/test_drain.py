"""Draining: who takes what when, and how it ends. What one push does is told by a script; the store is the plain twin."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from builders import START, a_key, a_stimulus, an_item, intents_for
from fakes import FakeBell, FakeClock, MemoryStore, RecordedLog

from qtisync.delivery.outcome import Accepted, Conflicted, Denied, NotTheApi, Outcome, RemoteObject, Unavailable
from qtisync.delivery.retry import Finish, Halt, Park, RetryPolicy, decide
from qtisync.delivery.settlement import Claim, Settlement
from qtisync.engine.drain import Drain, Drained, Ending, Patience
from qtisync.engine.pacing import PaceTerms, Pacing
from qtisync.engine.push import Attempt
from qtisync.model import Identifier, ItemStatus, Kind, Presence

RATE = 10.0
PATIENT = Patience()
LOST = Unavailable(message="no answer")
Script = Callable[[Claim], Outcome | None]


def accept(claim: Claim) -> Outcome | None:
    name = Identifier(claim.row.key.identifier)
    return Accepted(remote=RemoteObject(identifier=name, xml="", content=claim.row.desired.content), status=200)


def a_conflict(claim: Claim) -> Outcome | None:
    """The first object was changed by somebody else."""
    theirs = RemoteObject(identifier=Identifier("a"), xml="", content=None)
    return Conflicted(message="changed by others", remote=theirs) if claim.row.key == a_key("a") else accept(claim)


class NoPrefetch:
    """Nothing is read ahead."""

    calls = 0

    def begin(self, now: float) -> bool:
        return False

    def hold_back(self) -> bool:
        return False


class World:
    """A queue, and a pusher that does what ``script`` says and settles it as the engine would."""

    def __init__(
        self, *names: str, script: Script = accept, rate: float = RATE, policy: RetryPolicy = RetryPolicy()
    ) -> None:
        self.clock, self.store, self.log = FakeClock(), MemoryStore(), RecordedLog()
        self.bell = FakeBell(self.clock)
        self.script, self.rate, self.policy = script, rate, policy
        self.pushed: list[str] = []
        if names:
            self.store.record_pass(intents_for(*(an_item(name) for name in names)))

    def push(self, claim: Claim) -> Attempt:
        self.pushed.append(claim.row.key.identifier)
        outcome = self.script(claim)
        if outcome is None:  # given up before anything was sent
            self.store.release(claim)
            return Attempt(claim=claim, outcome=None, decision=None, calls=0, writes=0)
        decision = decide(outcome, claim.row.attempts, self.policy, self.clock.now(), 0.5)
        done, parked = isinstance(decision, Finish), isinstance(decision, Park)
        end = Settlement(
            status=ItemStatus.SYNCED if done else ItemStatus.PARKED if parked else ItemStatus.QUEUED,
            attempts=claim.row.attempts + (not done and not isinstance(decision, Halt)),
            not_before=getattr(decision, "at", 0.0),
            presence=Presence.PRESENT if done else claim.row.presence,
            acknowledged=claim.row.desired if done else claim.row.acknowledged,
            outcome=outcome.name,
        )
        self.store.settle(claim, end)
        return Attempt(claim=claim, outcome=outcome, decision=decision, calls=1, writes=1)

    def drain(self, *, concurrency: int = 1, patience: Patience = PATIENT, **others) -> Drained:
        terms = PaceTerms(ceiling=self.rate, adaptive=False)
        return Drain(
            store=others.get("store", self.store),
            pusher=self,  # type: ignore[arg-type]  # only `push` is asked of it
            prefetch=NoPrefetch(),  # type: ignore[arg-type]  # likewise
            pacing=Pacing(self.store, self.clock, self.bell, self.log, terms),
            clock=self.clock,
            bell=self.bell,
            worker="me",
            concurrency=concurrency,
            patience=patience,
            on_attempt=others.get("on_attempt", lambda _attempt: None),
        ).run()

    def statuses(self) -> dict[str, str]:
        return {row.key.identifier: str(row.status) for row in self.store.recorded().values()}


def test_everything_is_pushed_once_in_the_order_of_the_queue():
    world = World("c", "a", "b")
    told: list[str] = []

    drained = world.drain(on_attempt=lambda attempt: told.append(attempt.claim.row.key.identifier))
    assert drained == Drained(ending=Ending.DRAINED, calls=3, writes=3, settled=3)
    assert world.pushed == told == ["a", "b", "c"]
    assert world.statuses() == {"a": "synced", "b": "synced", "c": "synced"}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_slot_of_the_pace_is_wasted(concurrency):
    world = World("a", "b", "c", "d", "e")
    world.drain(concurrency=concurrency)
    pace = world.store.pace()

    assert pace is not None
    assert pace.tat == pytest.approx(START + 5 / RATE)


def test_attempt_that_was_given_up_is_no_sign_that_the_api_is_back():
    """Each one reset the clock of our patience, so that a `sync` beside a long pause would never have ended."""
    turns = iter([LOST, None] * 50)
    world = World("a", script=lambda _claim: next(turns), policy=RetryPolicy(base=1.0, cap=2.0))

    assert world.drain(patience=Patience(without_answer=30.0)).ending is Ending.UNAVAILABLE


def test_an_empty_queue_is_drained_and_takes_no_slot():
    world = World()

    assert world.drain() == Drained(ending=Ending.DRAINED)
    assert world.store.pace().tat <= START


def test_calls_that_take_their_time_are_made_side_by_side_but_never_more_than_allowed():
    together = threading.Barrier(3)
    flying: list[int] = []

    def slow(claim: Claim) -> Outcome:
        flying.append(world.store.in_flight())
        together.wait(20)  # passes only if three are in flight at the same moment
        return accept(claim)

    world = World(*"abcdef", script=slow, rate=1e6)
    assert world.drain(concurrency=3).settled == 6
    assert max(flying) == 3


def test_what_waited_for_an_object_is_pushed_as_soon_as_that_is_settled():
    world = World()
    needed = a_key("s", Kind.STIMULUS)
    world.store.record_pass(intents_for(a_stimulus("s"), *(an_item(n, references=(needed,)) for n in "abc")))

    assert world.drain(concurrency=3).settled == 4
    assert world.pushed[0] == "s"
    assert sorted(world.pushed[1:]) == ["a", "b", "c"]


def test_an_object_that_must_wait_is_waited_for_on_the_bell():
    answers = iter([LOST])
    world = World("a", script=lambda claim: next(answers, None) or accept(claim))

    assert world.drain() == Drained(ending=Ending.DRAINED, calls=2, writes=2, settled=1)
    assert world.clock.now() >= START + 0.75  # half of the first back-off of a second, and half of that half


@pytest.mark.parametrize(
    ("outcome", "reason", "flags"),
    [
        (Denied(status=403, message="no"), "AuthError: no", {}),
        (NotTheApi(status=404, message="a page"), "NotTheApi: a page", {"wrong_api": True}),
    ],
)
def test_a_refusal_of_us_as_a_whole_ends_it_and_keeps_the_queue(outcome, reason, flags):
    world = World("a", "b", "c", script=lambda claim: outcome if claim.row.key == a_key("b") else accept(claim))

    assert world.drain() == Drained(ending=Ending.HALTED, reason=reason, calls=2, writes=2, settled=1, **flags)
    assert world.statuses() == {"a": "synced", "b": "queued", "c": "queued"}


def test_a_conflict_parks_one_object_and_the_others_go_on():
    world = World("a", "b", script=a_conflict)

    assert world.drain() == Drained(ending=Ending.DRAINED, calls=2, writes=2, settled=2)
    assert world.statuses() == {"a": "parked", "b": "synced"}


def test_a_conflict_that_shall_block_ends_it():
    world = World("a", "b", script=a_conflict, policy=RetryPolicy(block_on_conflict=True))
    blocked = Drained(ending=Ending.HALTED, reason="changed by others", calls=1, writes=1, conflict=True)

    assert world.drain() == blocked
    assert world.statuses() == {"a": "queued", "b": "queued"}


def test_no_usable_answer_for_longer_than_our_patience_ends_it():
    world = World("a", "b", script=lambda _claim: LOST)
    drained = world.drain(patience=Patience(without_answer=30.0))

    assert (drained.ending, drained.reason, drained.settled) == (Ending.UNAVAILABLE, "no answer", 0)
    assert 30 < world.clock.now() - START < 120
    assert world.statuses() == {"a": "queued", "b": "queued"}
    assert world.log.names().count("queue_paused") >= 1, "after a few in a row the whole queue waits"


def test_one_usable_answer_renews_our_patience():
    def script(claim: Claim) -> Outcome:
        world.clock.advance(20)
        return accept(claim) if claim.row.key == a_key("b") or claim.row.attempts else LOST

    world = World("a", "b", "c", script=script)
    assert world.drain(patience=Patience(without_answer=30.0)).ending is Ending.DRAINED


def test_nothing_is_begun_after_the_deadline():
    world = World(*"abcdefgh", rate=1.0)
    drained = world.drain(patience=Patience(deadline=START + 3.5))

    assert (drained.ending, drained.reason) == (Ending.UNAVAILABLE, "the deadline is over")
    assert world.pushed == ["a", "b", "c", "d"]


def test_a_stop_lets_the_call_in_flight_finish_and_begins_nothing_new():
    def script(claim: Claim) -> Outcome:
        if claim.row.key == a_key("b"):
            world.bell.stop()
        return accept(claim)

    world = World("a", "b", "c", script=script)
    assert world.drain() == Drained(ending=Ending.INTERRUPTED, calls=2, writes=2, settled=2)
    assert world.statuses() == {"a": "synced", "b": "synced", "c": "queued"}


def test_a_stop_while_a_slot_is_waited_for_claims_nothing():
    world = World("a", "b", rate=0.01)
    wait = world.bell.wait

    def stopping(seconds: float) -> bool:
        world.bell.stop()
        return wait(seconds)

    world.bell.wait = stopping
    assert world.drain().ending is Ending.INTERRUPTED
    assert world.statuses() == {"a": "synced", "b": "queued"}


def test_an_error_in_a_worker_is_raised_after_the_other_calls_have_finished():
    crashed = threading.Event()

    def script(claim: Claim) -> Outcome:
        if claim.row.key == a_key("a"):
            crashed.set()
            raise RuntimeError("a bug")
        assert crashed.wait(20)
        return accept(claim)

    world = World("a", "b", "c", script=script, rate=1e6)
    with pytest.raises(RuntimeError, match="a bug"):
        world.drain(concurrency=2)
    assert "in_flight" not in {world.statuses()[name] for name in world.pushed[1:]}


def test_an_error_of_the_dispatcher_stops_the_workers_too():
    class Broken:
        """A record that cannot be used any more from the third look on."""

        looks = 0

        def take(self, *arguments):
            self.looks += 1
            if self.looks > 2:
                raise OSError("the disk is gone")
            return world.store.take(*arguments)

        def __getattr__(self, name):
            return getattr(world.store, name)

    world = World(*"abcdef", rate=1e6)
    with pytest.raises(OSError, match="the disk is gone"):
        world.drain(concurrency=2, store=Broken())
    assert len(world.pushed) <= 2
