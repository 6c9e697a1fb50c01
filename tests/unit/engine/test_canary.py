"""The metadata call is believed after it was seen to do what it should, on one item beside a bystander."""

from __future__ import annotations

from typing import Any

import pytest
from builders import START, an_item, intents_for
from fakes import FakeBell, FakeClock, MemoryStore, RecordedLog
from wire_values import LOST, a_metadata_job, a_remote, metadata_call, shown

from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import Answer, Denied, Missing, NotTheApi, Refused, Shown, Throttled
from qtisync.delivery.settlement import Settlement
from qtisync.delivery.wire import read
from qtisync.engine.canary import REREAD_WAIT, REREADS, Canary, bystander_differences
from qtisync.engine.capability import Capability, Fitness, Verdict, note, verdict
from qtisync.model import ItemStatus, Presence

JOB = a_metadata_job()
CALL = metadata_call({"grade": "6"})
PUT = Request(method="PUT", segments=("assessment-items", "q1"), purpose=Purpose.UPDATE, body=CALL.body)
DONE = shown(metadata={"grade": "6"}, version=2)
NOT_DONE = shown(version=2)
QUIET = shown(named="q2")


class Stage:
    """A record with the item and a bystander, both synced, and an API that answers from a list."""

    def __init__(self, *names: str) -> None:
        self.store, self.clock, self.log = MemoryStore(), FakeClock(), RecordedLog()
        self.bell = FakeBell(self.clock)
        self.store.record_pass(intents_for(*(an_item(name) for name in names)))
        for _ in names:
            claim = self.store.claim("w", START, 60.0)
            assert claim is not None
            self.store.settle(
                claim,
                Settlement(
                    status=ItemStatus.SYNCED,
                    attempts=0,
                    presence=Presence.PRESENT,
                    acknowledged=claim.row.desired,
                    outcome="accepted",
                ),
            )
        self.canary = Canary(self.store, self.clock, self.bell, self.log)
        self.asked: list[Request] = []

    def answers(self, *answers: Answer) -> Any:
        left = list(answers)

        def exchange(request: Request) -> Answer:
            self.asked.append(request)
            return left.pop(0)

        return exchange

    def sent(self) -> list[str]:
        return [f"{request.purpose} {request.segments[-1]}" for request in self.asked]

    @property
    def fitness(self) -> Fitness:
        assert verdict(self.store, Capability.METADATA_ENDPOINT) == self.canary.state
        return self.canary.state.fitness


@pytest.fixture
def stage() -> Stage:
    return Stage("q1", "q2")


def test_call_is_not_tried_without_a_bystander():
    alone = Stage("q1")

    assert not alone.canary.allows(JOB.key)
    assert alone.canary.try_out(JOB, CALL, alone.answers(DONE)) == ((PUT, DONE),)
    assert (alone.asked, alone.fitness) == ([PUT], Fitness.UNTESTED)


def test_call_that_does_what_is_meant_and_nothing_else_is_fit(stage: Stage):
    assert stage.canary.allows(JOB.key)

    assert stage.canary.try_out(JOB, CALL, stage.answers(QUIET, DONE, DONE, QUIET)) == ((CALL, DONE),)
    assert stage.sent() == ["canary_read q2", "update_metadata metadata", "canary_read q1", "canary_read q2"]
    assert (stage.fitness, stage.log.names()) == (Fitness.FIT, ["canary_started", "canary_fit"])
    assert stage.canary.allows(JOB.key)


def test_copy_that_lags_is_read_again_before_the_call_is_blamed(stage: Stage):
    assert stage.canary.try_out(JOB, CALL, stage.answers(QUIET, DONE, NOT_DONE, DONE, QUIET)) == ((CALL, DONE),)
    assert (stage.fitness, stage.bell.waits) == (Fitness.FIT, [REREAD_WAIT])


def test_call_that_does_not_do_what_is_meant_is_unfit(stage: Stage):
    answers = stage.answers(QUIET, DONE, *[NOT_DONE] * REREADS, QUIET)

    assert stage.canary.try_out(JOB, CALL, answers) == ((CALL, NOT_DONE),)
    assert stage.fitness is Fitness.UNFIT
    assert stage.canary.state.reason == 'q1 did not get what was meant: metadata "grade" has another value'
    assert not stage.canary.allows(JOB.key)


def test_bystander_that_was_touched_gets_back_what_it_had_and_is_looked_at_again(stage: Stage):
    touched = shown(metadata={"grade": "5", "humanApproved": False}, version=2, named="q2")

    stage.canary.try_out(JOB, CALL, stage.answers(QUIET, DONE, DONE, touched, QUIET))

    assert stage.fitness is Fitness.UNFIT
    assert "also changed" in stage.canary.state.reason
    assert stage.asked[-1] == Request(
        method="PUT",
        segments=("assessment-items", "q2"),
        purpose=Purpose.RESTORE,
        body={"format": "xml", "xml": QUIET.remote.xml, "metadata": {"grade": "5"}},
    )
    assert {row.key.identifier: row.status for row in stage.store.recorded().values()} == {
        "q1": ItemStatus.SYNCED,
        "q2": ItemStatus.QUEUED,
    }


def test_bystander_that_we_changed_ourselves_meanwhile_proves_nothing(stage: Stage):
    stage.store.record_pass(intents_for(an_item("q2", content="c2")))
    newer = stage.store.recorded()
    stage.canary.try_out(JOB, CALL, stage.answers(DONE))  # the bystander is on its way: nothing to compare with

    assert (stage.fitness, stage.asked, stage.store.recorded()) == (Fitness.UNTESTED, [PUT], newer)


@pytest.mark.parametrize("refusal", [Missing(), Refused(status=400, message="no"), NotTheApi(message="404")])
def test_call_that_is_refused_is_unfit_and_the_complete_one_follows(stage: Stage, refusal: Answer):
    assert stage.canary.try_out(JOB, CALL, stage.answers(QUIET, refusal, DONE)) == ((PUT, DONE),)
    assert (stage.asked[-1], stage.fitness) == (PUT, Fitness.UNFIT)


@pytest.mark.parametrize("answer", [LOST, Throttled(until=None), Denied(message="no", status=401)])
def test_no_answer_is_no_verdict(stage: Stage, answer: Answer):
    assert stage.canary.try_out(JOB, CALL, stage.answers(QUIET, answer)) == ((CALL, answer),)
    assert stage.canary.try_out(JOB, CALL, stage.answers(QUIET, DONE, DONE, answer)) == ((CALL, DONE),)
    assert stage.fitness is Fitness.UNTESTED


@pytest.mark.parametrize("answer", [LOST, Throttled(until=None), Denied(message="no", status=401), Missing()])
def test_answer_of_a_look_does_not_stand_for_the_call_that_was_done(stage: Stage, answer: Answer):
    """It was taken for a call that was refused, so that what it had written was not known to be there."""
    look = read(JOB.key, Purpose.CANARY_READ)

    assert stage.canary.try_out(JOB, CALL, stage.answers(QUIET, DONE, answer, QUIET)) == ((CALL, DONE), (look, answer))
    assert stage.fitness is Fitness.UNTESTED


def test_bystander_that_vanished_says_nothing_about_the_item(stage: Stage):
    """Its 404 was taken for the item's, which was then sent as a new one."""
    assert stage.canary.try_out(JOB, CALL, stage.answers(QUIET, DONE, DONE, Missing())) == ((CALL, DONE),)
    assert stage.fitness is Fitness.UNTESTED


def test_bystander_that_cannot_be_read_leaves_the_trial_to_another_day(stage: Stage):
    assert stage.canary.try_out(JOB, CALL, stage.answers(LOST, DONE)) == ((PUT, DONE),)
    assert (stage.asked[-1], stage.fitness) == (PUT, Fitness.UNTESTED)


@pytest.mark.parametrize(("fitness", "request_"), [(Fitness.FIT, CALL), (Fitness.UNFIT, PUT)])
def test_who_waited_for_the_trial_goes_by_its_verdict(stage: Stage, fitness: Fitness, request_: Request):
    note(stage.store, Capability.METADATA_ENDPOINT, Verdict(fitness=fitness))
    canary = Canary(stage.store, stage.clock, stage.bell, stage.log)

    assert canary.try_out(JOB, CALL, stage.answers(DONE)) == ((request_, DONE),)
    assert stage.asked == [request_]


def test_call_that_turns_bad_later_is_not_used_again(stage: Stage):
    note(stage.store, Capability.LIST_FILTER, Verdict(fitness=Fitness.FIT))

    stage.canary.condemn("item:q1: its XML differs from ours")

    assert stage.fitness is Fitness.UNFIT
    assert verdict(stage.store, Capability.LIST_FILTER).fitness is Fitness.FIT


def test_read_of_the_canary_is_an_ordinary_one():
    assert read(JOB.key, Purpose.CANARY_READ).segments == ("assessment-items", "q1")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (shown(), ()),
        (shown("c2"), ("its XML changed",)),
        (shown(metadata={}), ('metadata "grade" changed',)),
        (shown(metadata={"grade": 5}), ('metadata "grade" changed',)),
        (shown(version=2), ("its version changed",)),
    ],
)
def test_everything_that_happens_to_a_bystander_is_told(after: Shown, words: tuple[str, ...]):
    assert bystander_differences(a_remote(), after.remote) == words
