"""Random histories of edits, faults, strangers and kills: the API always ends equal to git, and nothing else happens.

The real engine runs over a store (plain, and SQLite), a repository, an API and a clock. ``engine_watch`` judges each
request and each change of the record; ``converge`` looks at the end. Run longer with ``--hypothesis-profile=long``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from engine_desk import ANCHOR, FOREIGN, NAMES, STIMULUS, Edit, Page, files, key_of, wanted
from engine_watch import REFUSED, Watch
from engine_world import EngineWorld, Shelf
from fake_api import Fault
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from world import item_xml

from qtisync.delivery.wire import Terms
from qtisync.engine.drain import Ending
from qtisync.engine.push import Manners
from qtisync.model import CommitId, ItemStatus, Standing

names = st.sampled_from(NAMES)
items = st.sampled_from([name for name in NAMES if name != STIMULUS])
words = st.sampled_from(["v1", "v2", "v3", f"{REFUSED} by the API"])
metadata = st.sampled_from([(), (("grade", "5"),), (("grade", "6"), ("subject", "Math")), (("subject", "Art"),)])
edits = st.one_of(
    st.builds(Edit, names, st.just("words"), words),
    st.builds(Edit, names, st.just("words"), words),
    st.builds(Edit, items, st.just("metadata"), metadata),
    st.builds(Edit, names, st.just("folder"), st.sampled_from(["", "moved/"])),
    st.builds(Edit, names, st.just("form"), st.sampled_from(["good", "broken", "twice"])),
    st.builds(Edit, names, st.just("spacing"), st.integers(0, 2)),
    st.builds(Edit, names),
)
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
MOVING = {ItemStatus.QUEUED, ItemStatus.IN_FLIGHT}
faults = st.lists(st.sampled_from(sorted(FAULTS)) | st.none(), min_size=1, max_size=5)


class EngineMachine(RuleBasedStateMachine):
    """One world, and everybody who acts in it."""

    shelf: Shelf = "memory"
    concurrency = 1

    @initialize(
        terms=st.builds(
            Terms, preserve_foreign=st.booleans(), overwrite_conflicts=st.booleans(), read_back=st.booleans()
        ),
        mode=st.sampled_from(["merge", "merge", "replace", "ignore", "wrong"]),
        same_name=st.booleans(),
        stranger=st.booleans(),
    )
    def begin(self, terms, mode, same_name, stranger):
        manners = Manners(terms=terms, owns=lambda key: not key.identifier.startswith("x-"))
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
        self.pages = {ANCHOR: Page(), "a": Page(), STIMULUS: Page()}
        self._commit(self.pages)

    # Authors

    @rule(chosen=st.lists(edits, min_size=1, max_size=3))
    def authors_commit(self, chosen):
        pages = self.pages
        for edit in chosen:
            pages = edit.on(pages)
        self._commit(pages)

    @rule(data=st.data())
    def authors_go_back(self, data):
        commit = data.draw(st.sampled_from(list(self.states)[-6:]))
        if data.draw(st.booleans(), label="rewriting history"):
            self.world.source.move_ref("main", commit)
            self.pages = self.states[commit]
        else:
            self._commit(self.states[commit])

    def _commit(self, pages):
        before = files(self.states[self.world.source.resolve("main")]) if self.states else {}
        after = files(pages)
        self.pages = dict(pages)
        self.states[self.world.source.commit({**dict.fromkeys(before.keys() - after.keys()), **after})] = self.pages

    # The process

    @rule()
    def sync(self):
        self.world.cycle()

    @rule(chosen=faults)
    def sync_with_faults(self, chosen):
        self.watch.faults = [FAULTS[name]() if name else None for name in chosen]
        self.world.cycle()
        self.watch.faults = []

    @rule(at=st.integers(0, 40), chosen=st.none() | faults)
    def sync_and_be_killed(self, at, chosen):
        self.watch.faults = [FAULTS[name]() if name else None for name in chosen or ()]
        self.world.cycle_until(at)
        self.watch.faults = []

    @rule(at=st.integers(0, 6), chosen=st.lists(edits, min_size=1, max_size=2), back=st.booleans())
    def sync_while_authors_commit(self, at, chosen, back):
        before = self.pages

        def commit():
            self.authors_commit.__wrapped__(self, chosen) if not back else self._commit(before)
            self.world.write_down()

        def edit_first():
            self._commit(chosen[0].on(self.pages))
            self.world.write_down()

        self.watch.meanwhile = [(at, edit_first), (at + 1, commit)] if back else [(at, commit)]
        self.world.cycle()
        self.watch.meanwhile = []

    @rule()
    def a_pass_without_a_push(self):
        self.world.write_down()

    @rule(seconds=st.sampled_from([1.0, 30.0, 700.0]))
    def time_passes(self, seconds):
        self.world.clock.advance(seconds)

    @rule()
    def a_person_says_retry(self):
        self.world.store.retry(None)

    @rule()
    def the_record_is_lost(self):
        self.watch.forget_the_record()
        self.world.lose_the_record()

    # Strangers at the API

    @rule(name=items, number=st.integers(1, 2))
    def a_stranger_edits(self, name, number):
        if name in self.world.api.items and name not in self.strangers:
            self.watch.stranger_writes(name, item_xml(name, f"theirs {number}"))

    @rule(name=items, value=st.sampled_from(["5", "7"]))
    def a_stranger_sets_a_key_of_ours(self, name, value):
        if name in self.world.api.items and name not in self.strangers:
            self.watch.stranger_sets(name, "grade", value)

    @rule(name=names)
    def a_stranger_deletes(self, name):
        if name not in self.strangers:
            self.watch.stranger_deletes(name)
            self.run_time.pop(name, None)

    @rule(name=items, value=st.sampled_from(["1", "2"]))
    def a_run_time_writer_sets_a_key_of_its_own(self, name, value):
        if name in self.world.api.items and name not in self.strangers:
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

    @rule()
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
        assert self.watch.sent == sent, "something is sent although nothing changed"

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
                assert name in self.watch.drifted or name == FOREIGN
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


def histories(number):
    """So many in `make test`; more with a profile that asks for more."""
    return settings(
        max_examples=max(1, number * settings().max_examples // 100),
        stateful_step_count=25,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


TestEngineModel = EngineMachine.TestCase
TestEngineModel.settings = histories(100)
TestEngineModelOnSqlite = SqliteMachine.TestCase
TestEngineModelOnSqlite.settings = histories(15)
TestEngineModelWithThreads = ThreadedMachine.TestCase
TestEngineModelWithThreads.settings = histories(10)
