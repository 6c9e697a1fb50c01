"""Random histories: the record in SQL and the record in plain dicts never disagree."""

from __future__ import annotations

import tempfile
from pathlib import Path

from builders import START, a_journal_line, a_key, a_pass, a_recorded, an_item, facets
from fakes import MemoryStore
from histories import histories, patient
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from qtisync.adapters.store import open_store
from qtisync.delivery.ledger import faults
from qtisync.delivery.pace import Pace
from qtisync.delivery.settlement import Claim, Settlement
from qtisync.model import (
    CommitId,
    CommitInfo,
    Facets,
    ItemStatus,
    Key,
    Kind,
    Lane,
    Presence,
    Remote,
    Standing,
    Steering,
)
from qtisync.planning.intent import Intents, Target

KEYS = [a_key(name, kind) for kind in Kind for name in ("a", "B")]
keys = st.sampled_from(KEYS)
contents = st.sampled_from(["c1", "c2", "c3"])
metadata = st.sampled_from([{"grade": "5"}, {"grade": "6", "ß": ["x"]}])
ends = st.sampled_from([ItemStatus.SYNCED, ItemStatus.QUEUED, ItemStatus.PARKED])
maybe_facets = st.builds(facets, st.none() | contents, st.none() | metadata)


def _earlier(key: Key) -> list[Key]:
    """What a key may refer to: something of an earlier kind, so that nothing waits for itself in a circle."""
    return KEYS[: KEYS.index(a_key("a", key.kind))]


@st.composite
def items(draw: st.DrawFn):
    key = draw(keys)
    steering = Steering(protect=draw(st.booleans()))
    return an_item(key.identifier, kind=key.kind, content=draw(contents), metadata=draw(metadata), steering=steering)


@st.composite
def passes(draw: st.DrawFn):
    unique = {item.key: item for item in draw(st.lists(items(), max_size=5))}
    kinds = {key: draw(st.sampled_from(["targets", "settled", "touched"])) for key in unique}
    chosen = {what: [unique[k] for k in sorted(unique) if kinds[k] == what] for what in set(kinds.values())}
    commit = CommitInfo(commit=CommitId("c" * 40), author="Ada")
    lane = draw(st.sampled_from(Lane))
    return Intents(
        record=a_pass(summary={"n": draw(st.integers(0, 9))}),
        targets=tuple(Target(item=i, lane=lane, commit=commit) for i in chosen.get("targets", ())),
        settled=tuple(chosen.get("settled", ())),
        touched=tuple(chosen.get("touched", ())),
        standings=draw(st.dictionaries(keys, st.sampled_from(Standing), max_size=2)),
        forgotten=tuple(draw(st.lists(keys, max_size=1))),
        dependencies={
            key: tuple(draw(st.lists(st.sampled_from(_earlier(key)), max_size=2))) if _earlier(key) else ()
            for key in unique
        },
    )


class StoreMachine(RuleBasedStateMachine):
    """Every operation is carried out twice; answers and records must be equal."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.sql = open_store(Path(self.folder.name), "t", holder="pytest")
        self.plain = MemoryStore()
        self.now = START
        self.claims: list[Claim] = []

    def both(self, method: str, *args):
        answers = [getattr(store, method)(*args) for store in (self.plain, self.sql)]
        assert answers[0] == answers[1], method
        return answers[0]

    @rule(seconds=st.sampled_from([0.0, 1.0, 30.0, 100.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(intents=passes())
    def record_pass(self, intents):
        self.both("record_pass", intents)

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def claim(self, worker):
        claim = self.both("claim", worker, self.now, 60.0)
        if claim is not None:
            self.claims.append(claim)

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def take(self, worker):
        turn = self.both("take", worker, self.now, 60.0)
        if turn.claim is not None:
            self.claims.append(turn.claim)

    @rule(data=st.data())
    def settle(self, data):
        if not self.claims:
            return
        claim = data.draw(st.sampled_from(self.claims))
        wanted = data.draw(st.just(claim.row.desired) | st.just(claim.row.acknowledged) | maybe_facets)
        end = Settlement(
            status=data.draw(ends),
            attempts=data.draw(st.integers(0, 3)),
            not_before=data.draw(st.sampled_from([0.0, self.now, self.now + 30])),
            presence=data.draw(st.sampled_from(Presence)),
            acknowledged=wanted,
            acknowledged_metadata=data.draw(st.none() | metadata),
            remote=data.draw(st.none() | st.builds(Remote, version=st.integers(0, 2**40))),
            outcome="Some",
            message=data.draw(st.none() | st.just("why")),
            altered=data.draw(st.none() | st.just("rewritten")),
            journal=(a_journal_line(claim.row.key, at=self.now, content=data.draw(st.none() | st.just("canon/1:x"))),),
        )
        self.both("settle", claim, end)

    @rule(data=st.data())
    def release(self, data):
        if self.claims:
            self.both("release", data.draw(st.sampled_from(self.claims)))

    @rule(owner=st.none() | st.sampled_from(["w1", "w3"]))
    def recover(self, owner):
        self.both("recover", self.now, owner)

    @rule(key=keys)
    def doubt(self, key):
        self.both("doubt", key)

    @rule(chosen=st.none() | st.lists(keys, max_size=2))
    def retry(self, chosen):
        self.both("retry", chosen)

    @rule(key=st.none() | keys, said=st.sampled_from(["Missing", "decided"]))
    def note(self, key, said):
        self.both("note", [a_journal_line(key, at=self.now, outcome=said)])

    @rule(key=keys, standing=st.sampled_from(Standing), protect=st.booleans())
    def plant(self, key, standing, protect):
        row = a_recorded(key.identifier, kind=key.kind, standing=standing, protect=protect)
        self.both("plant", [row])

    @rule(chosen=st.lists(keys, max_size=2))
    def forget(self, chosen):
        self.both("forget", chosen)

    @rule(age=st.sampled_from([0.0, 30.0, 90.0]))
    def drop_journal(self, age):
        self.both("drop_journal", self.now - age)

    @rule(rate=st.sampled_from([0.5, 4.0]), pause=st.sampled_from([0.0, 5.0]))
    def pace(self, rate, pause):
        changed = Pace(rate=rate, ceiling=10.0, paused_until=self.now + pause, memory={"x": rate})
        self.both("update_pace", lambda old: changed if old is None else old)
        self.both("reserve", self.now)

    @invariant()
    def the_records_are_equal(self):
        self.both("recorded")
        self.both("counts")
        self.both("last_pass")
        self.both("next_ready", self.now)
        self.both("in_flight")
        self.both("bystander", KEYS[2])
        self.both("history", None, 5)
        self.both("chain")
        assert list(faults(self.both("entries", 0, 9999), self.sql.chain().dropped, self.sql.chain)) == []
        assert list(self.sql.unsettled()) == list(self.plain.unsettled())
        assert list(self.sql.unsettled(1)) == list(self.plain.unsettled(1))

    @invariant()
    def what_is_said_of_a_row_is_true(self):
        for row in self.sql.recorded().values():
            assert (row.status is ItemStatus.IN_FLIGHT) == (row.lease_owner is not None)
            assert (row.status is ItemStatus.BLOCKED) == (row.blocker is not None)
            if row.status is ItemStatus.IN_FLIGHT:
                assert row.presence is not Presence.ABSENT or row.acknowledged == Facets()

    def teardown(self):
        self.sql.close()
        self.folder.cleanup()


TestStoreModel = patient(StoreMachine.TestCase)
TestStoreModel.settings = histories(40, stateful_step_count=30)
