"""Random histories of edits, faults, strangers and kills: the API always ends equal to git, and nothing else happens.

The real engine runs over a store (plain, and SQLite), a repository, an API and a clock. ``engine_watch`` judges each
request and each change of the record; ``converge`` looks at the end. Run longer with ``--hypothesis-profile=long``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pytest
from engine_desk import ANCHOR, FOREIGN, NAMES, READER, STIMULUS, Edit, Page, files, key_of, wanted
from engine_watch import REFUSED, TRIMMED, Watch
from engine_world import EngineWorld, Shelf
from fake_api import Fault
from histories import histories, patient
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from world import item_xml

from qtisync.delivery.wire import Terms
from qtisync.engine.drain import Ending
from qtisync.engine.push import Manners
from qtisync.model import CommitId, ItemStatus, Standing
from qtisync.ownership import Ownership

busy = st.sampled_from(["a", "a", "a", *NAMES])
items = busy.filter(lambda name: name != STIMULUS)
values = st.sampled_from(["5", "7"])
words = st.sampled_from(["v1", "v2", "v3", "v4", "v5", "v6", f"{REFUSED} by the API", f"{TRIMMED} by the API"])
metadata = st.sampled_from([(), (("grade", "5"),), (("grade", "6"), ("subject", "Math")), (("subject", "Art"),)])
_words = st.builds(Edit, busy, st.just("words"), words)
_metadata = st.builds(Edit, items, st.just("metadata"), metadata)
_others = st.one_of(
    st.builds(Edit, busy, st.just("folder"), st.sampled_from(["", "moved/"])),
    st.builds(Edit, busy, st.just("form"), st.sampled_from(["good", "broken", "twice"])),
    st.builds(Edit, busy, st.just("spacing"), st.integers(0, 2)),
    st.builds(Edit, busy),
)
edits = st.one_of(_words, _words, _metadata, _metadata, _others)
FAULTS: dict[str, Callable[[], Fault]] = {
    "lost after it was done": lambda: Fault.lost(applied=True),
    "lost before it was done": lambda: Fault.lost(applied=False),
    "unreachable": Fault.unreachable,
    "500": lambda: Fault.answers(500, {"error": "Internal"}),
    "502 after it was done": lambda: Fault.applies_then(502, body=b"<html>bad gateway</html>"),
    "truncated after it was done": lambda: Fault.applies_then(200, body=b'{"identifier": "'),
    "429": lambda: Fault.answers(429, {"error": "slow down"}, retry_after="2"),
    "429 without a time": lambda: Fault.answers(429),
    "503 with a time": lambda: Fault.answers(503, retry_after="7"),
    "401": lambda: Fault.answers(401, {"error": "Unauthorized"}),
    "404 of a proxy": lambda: Fault.answers(404, body=b"<html>nginx</html>"),
}
LOST = [name for name in sorted(FAULTS) if "done" in name]
HIT = {name for name in NAMES if name not in {STIMULUS, FOREIGN}}
OURS = Ownership(prefixes=(ANCHOR, "a", "b", READER, STIMULUS))
MOVING = {ItemStatus.QUEUED, ItemStatus.IN_FLIGHT}
faults = st.lists(st.none() | st.sampled_from(sorted(FAULTS)), max_size=6)


@dataclass(frozen=True)
class How:
    """A cycle: what happens to its requests in turn, the crash point (its number or name) at which it is killed, and
    what happens to its writes in turn."""

    faults: Sequence[str | None] = ()
    dies_at: int | str | None = None
    writes: Sequence[str | None] = ()


BESIDE_A_CALL = (
    "before update",
    "after update",
    "after create",
    "after update_metadata",
    "before settle",
    "after settle",
)
deaths = st.integers(0, 40) | st.sampled_from(BESIDE_A_CALL)
losses = st.lists(st.none() | st.sampled_from(LOST), min_size=1, max_size=3)
cycles = st.one_of(
    st.just(How()),
    st.builds(How, faults),
    st.builds(How, st.just(()), deaths),
    st.builds(How, faults, deaths),
    st.builds(How, st.just(()), st.none() | deaths, losses),
    st.none(),
)
"""``None``: no cycle follows."""


class EngineMachine(RuleBasedStateMachine):
    """One world, and everybody who acts in it."""

    shelf: Shelf = "memory"
    concurrency = 1

    @initialize(
        terms=st.builds(
            Terms,
            preserve_foreign=st.booleans(),
            overwrite_conflicts=st.booleans(),
            read_back=st.booleans(),
            ownership=st.just(OURS),
        ),
        mode=st.sampled_from(["merge", "merge", "replace", "ignore", "wrong"]),
        same_name=st.booleans(),
        stranger=st.booleans(),
        synced=st.booleans(),
        noted=st.booleans(),
    )
    def begin(self, terms, mode, same_name, stranger, synced, noted=False):
        """``noted``: somebody else has keys of their own in what is synced."""
        manners = Manners(terms=terms)
        self.world = EngineWorld(
            self.shelf, manners=manners, metadata_mode=mode, concurrency=self.concurrency, same_name=same_name
        )
        self.states: dict[CommitId, dict[str, Page]] = {}
        self.watch = Watch(self.world, self.states)
        if self.concurrency > 1:
            dice = random.Random(1)
            self.watch.pause = lambda: time.sleep(dice.choice((0.0, 0.0005, 0.001)))
        self.strangers: dict[str, Any] = {}
        self.run_time: dict[str, str] = {}
        if stranger:
            self.world.api.store_item(item_xml(FOREIGN, "a stranger's"), {"owner": "somebody"})
            self.strangers[FOREIGN] = deepcopy(self.world.api.items[FOREIGN])
        self._commit({name: Page() for name in (ANCHOR, "a", "b", READER, STIMULUS)})
        if synced:
            self.world.cycle()
        for name in sorted(self.world.api.items.keys() & HIT) if noted else ():
            self._stranger_acts(name, "a key of theirs", "5")

    # Authors

    @rule(chosen=st.lists(edits, min_size=1, max_size=3), how=cycles)
    def authors_commit(self, chosen, how):
        self._edit(chosen)
        self._run(how)

    @rule(ago=st.integers(1, 6), rewriting=st.booleans(), how=cycles)
    def authors_go_back(self, ago, rewriting, how):
        commit = list(self.states)[-min(ago, len(self.states))]
        if rewriting:
            self.world.source.move_ref("main", commit)
            self.pages = self.states[commit]
        else:
            self._commit(self.states[commit])
        self._run(how)

    @rule(chosen=st.lists(edits, min_size=1, max_size=2), how=cycles, then=cycles)
    def authors_change_their_mind(self, chosen, how, then):
        before = self.pages
        self._edit(chosen)
        self._run(how)
        self._commit(before)
        self._run(then)

    @rule(
        first=st.lists(edits, min_size=1, max_size=2),
        at=st.integers(0, 6),
        chosen=st.lists(edits, min_size=1, max_size=2),
        hits=st.booleans(),
        back=st.booleans(),
        pause=st.sampled_from([0.0, 0.0, 650.0]),
        how=cycles,
    )
    def authors_commit_during_a_push(self, first, at, chosen, hits, back, pause, how):
        """``hits``: what is edited is the object that is in flight at this moment. ``pause``: another process reads one."""

        def commit(flying):
            self._edit([replace(edit, name=flying) for edit in chosen] if hits and flying in HIT else chosen)
            if pause and self.concurrency == 1:  # of several threads, one that is about to send would be carried along
                self.world.hear_a_pause(pause)

        self._edit(first)
        before = self.pages
        self.watch.meanwhile = [(at, lambda flying: self._pass_over(lambda: commit(flying)))]
        if back:
            self.watch.meanwhile.append((at + 1, lambda _: self._pass_over(lambda: self._commit(before))))
        self._run(how)
        self.watch.meanwhile = []

    def _edit(self, chosen):
        pages = self.pages
        for edit in chosen:
            pages = edit.on(pages)
        self._commit(pages)

    def _commit(self, pages):
        before = files(self.states[self.world.source.resolve("main")]) if self.states else {}
        after = files(pages)
        self.pages = dict(pages)
        self.states[self.world.source.commit({**dict.fromkeys(before.keys() - after.keys()), **after})] = self.pages

    # The process

    def _pass_over(self, commit):
        commit()
        self.world.write_down()

    def _run(self, how):
        if how is None:
            return
        self.watch.faults = [FAULTS[name]() if name else None for name in how.faults]
        self.watch.faults_of_writes = [FAULTS[name]() if name else None for name in how.writes]
        match how.dies_at:
            case None:
                self.world.cycle()
            case int(number):
                self.world.cycle_until(number)
            case str(point):
                self.world.cycle_until(dies_on=point)
        self.watch.faults, self.watch.faults_of_writes = [], []

    @rule(what=st.sampled_from(["a pass", "a pass", "time", "time", "retry", "retry", "the record is lost"]))
    def something_rare(self, what):
        match what:
            case "a pass":  # without a push
                self.world.write_down()
            case "time":
                self.world.clock.advance(700.0)
            case "retry":
                self.world.store.retry(None)
            case "the record is lost":
                self.watch.forget_the_record()
                self.world.lose_the_record()

    # Strangers at the API

    @rule(
        name=busy,
        what=st.sampled_from(["content", "a key of ours", "a key of theirs", "delete"]),
        value=values,
        then=st.none() | words,
        how=cycles,
    )
    def a_stranger_acts(self, name, what, value, then, how):
        there = name in {*self.world.api.items, *self.world.api.stimuli}
        if name in self.strangers or not (there or (what == "content" and name != FOREIGN)):
            return
        self._stranger_acts(name, what, value)
        if then is not None:
            self._edit([Edit(name, "words", then)])
        self._run(how)

    def _stranger_acts(self, name, what, value):
        match what:
            case "delete":
                self.watch.stranger_deletes(name)
                self.run_time.pop(name, None)
            case "content" if name != STIMULUS:
                self.watch.stranger_writes(name, item_xml(name, f"theirs {value}"))
            case "a key of ours" if name != STIMULUS:
                self.watch.stranger_sets(name, "grade", value)
            case "a key of theirs" if name != STIMULUS:
                self.world.api.store_metadata(name, run_time=value)
                self.run_time[name] = value

    # What must hold

    @invariant()
    def strangers_are_left_alone(self):
        for name, document in getattr(self, "strangers", {}).items():
            assert self.world.api.items[name] == document

    @invariant()
    def keys_of_others_are_kept(self):
        if not hasattr(self, "world") or not self.world.manners.terms.preserve_foreign:
            return
        if self.world.api.metadata_mode == "wrong":
            return  # this API itself throws them away, once, before it is caught
        for name, value in self.run_time.items():
            assert self.world.api.items[name]["metadata"].get("run_time") == value, f"{name} lost a foreign key"

    def converge(self):
        """Without further faults a few cycles are enough, then nothing more is sent."""
        for _ in range(8):
            self.world.clock.advance(400.0)
            assert self.world.cycle().ending is Ending.DRAINED
            rows = {row.key: row for row in self.world.kept.recorded().values() if row.standing is Standing.WANTED}
            failed = [key for key, row in rows.items() if row.last_outcome == "ServerError" and self._parked(row)]
            if not failed and all(row.status not in MOVING for row in rows.values()):
                break
            self.world.store.retry(failed)
        for name, target in wanted(self.pages).items():
            self._look_at(name, target, rows[key_of(name)])
        assert self.world.kept.setting("synced_commit") == self.world.source.resolve("main")
        sent = self.watch.sent
        self.world.cycle()
        self.world.kill()
        self.world.cycle()
        self._touch("a commit that changes no object")  # its pass looks at every row, not only at the unsettled ones
        self.world.cycle()
        assert self.watch.sent == sent, "something is sent although nothing changed"

    def _touch(self, note):
        self.states[self.world.source.commit({"note.txt": note.encode()})] = self.pages

    def _parked(self, row):
        return row.status is ItemStatus.PARKED

    def _look_at(self, name, target, row):
        match row.status, row.last_outcome:
            case ItemStatus.SYNCED, _:
                self.watch.judge_object(name, target)
            case ItemStatus.PARKED, "RequestError":
                assert target.words.startswith(REFUSED)
            case ItemStatus.PARKED, "Conflict":
                # Without our prefix, what is there is only ours as long as the record says so.
                assert name in self.watch.drifted or name == FOREIGN or self.watch.is_unfamiliar(name, target)
            case ItemStatus.BLOCKED, _:
                assert row.blocker == key_of(STIMULUS)
            case end:
                raise AssertionError(f"{name} ended {end}: {row.last_error}")

    def teardown(self):
        if hasattr(self, "world"):
            try:
                self.converge()
            finally:
                self.world.close()


class SqliteMachine(EngineMachine):
    """The same over the record that users have."""

    shelf: Shelf = "sqlite"


class ThreadedMachine(EngineMachine):
    """The same with real threads, which a slow API keeps in flight together."""

    concurrency = 3


def test_key_of_a_create_that_was_reverted_before_its_read_back_does_not_stay():
    """A 429 met the read-back of a create, and a revert had come meanwhile: the key was forgotten and stayed for ever."""
    machine = EngineMachine()
    terms = Terms(preserve_foreign=True, overwrite_conflicts=False, read_back=True)
    machine.begin(terms=terms, mode="merge", same_name=False, stranger=False, synced=False)
    machine.authors_commit_during_a_push(
        first=[],
        at=2,
        hits=False,
        pause=0.0,
        back=True,
        chosen=[Edit("a", "metadata", (("grade", "5"),))],
        how=How([None, None, None, None, "429"]),
    )
    machine.teardown()


@pytest.mark.parametrize("shelf", ["memory", "sqlite"])
def test_key_of_a_trial_that_was_done_and_could_not_be_looked_at_does_not_stay(shelf: Shelf):
    """A 401 met the look at the item after its first metadata call: the call was taken for refused, its key for unsent."""
    machine = EngineMachine()
    machine.shelf = shelf
    machine.begin(terms=Terms(), mode="merge", same_name=False, stranger=False, synced=True)
    machine.authors_commit(chosen=[Edit("b", "metadata", (("grade", "5"),))], how=How([None, None, None, "401"]))
    machine.authors_commit(chosen=[Edit("b", "metadata", ())], how=How())
    machine.teardown()


@pytest.mark.parametrize("at", [1, 2, 3])
def test_trial_that_a_pause_would_outlast_sends_nothing_after_its_lease(at: int):
    """Between the calls of the trial there was no end to waiting: by then the object may be somebody else's."""
    machine = EngineMachine()
    machine.begin(terms=Terms(), mode="merge", same_name=False, stranger=False, synced=True)
    machine.authors_commit_during_a_push(
        first=[Edit("a", "metadata", (("grade", "5"),))],
        at=at,
        chosen=[Edit("b", "spacing", 1)],
        hits=False,
        pause=650.0,
        back=False,
        how=How(),
    )
    machine.teardown()


HOW = {"stateful_step_count": 25, "report_multiple_bugs": False, "suppress_health_check": list(HealthCheck)}
TestEngineModel = patient(EngineMachine.TestCase)
TestEngineModel.settings = histories(100, **HOW)
TestEngineModelOnSqlite = patient(SqliteMachine.TestCase)
TestEngineModelOnSqlite.settings = histories(15, **HOW)
TestEngineModelWithThreads = patient(ThreadedMachine.TestCase)
TestEngineModelWithThreads.settings = histories(10, **HOW)
