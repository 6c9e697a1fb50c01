"""A process that dies between any two steps: whatever follows, the API ends equal to git, with nothing sent twice.

Run all of it with ``--hypothesis-profile=long``.

Every labelled moment of a cycle (before and after each call to the API and each write to the record) is a crash point.
The record is SQLite's file as the dead process left it, opened by the next one.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from engine_desk import ANCHOR, READER, STIMULUS, Edit, Page, Pages, files, wanted
from engine_watch import Watch
from engine_world import BASE_URL, EngineWorld
from fake_api import Fault, MetadataMode
from histories import USUAL
from hypothesis import settings

from qtisync.engine.drain import LEASE, Ending
from qtisync.model import CommitId, ItemStatus

FIRST = {name: Page(metadata=(("grade", "5"),) if name == "a" else ()) for name in (ANCHOR, "a", "b", READER, STIMULUS)}


class Story:
    """A repository whose commits are pushed by processes that may die, watched all the time."""

    def __init__(self, mode: MetadataMode = "merge") -> None:
        self.world = EngineWorld("sqlite", metadata_mode=mode)
        self.states: dict[CommitId, Pages] = {}
        self.watch = Watch(self.world, self.states)

    def commit(self, pages: Pages) -> None:
        before = files(self.states[self.world.source.resolve("main")]) if self.states else {}
        after = files(pages)
        self.states[self.world.source.commit({**dict.fromkeys(before.keys() - after.keys()), **after})] = pages

    def edit(self, *edits: Edit) -> None:
        pages = dict(self.states[self.world.source.resolve("main")])
        for edit in edits:
            pages = edit.on(pages)
        self.commit(pages)

    def finish(self) -> None:
        """The next process brings it to its end: everything is as git wants it, and nothing is left to send."""
        for _ in range(3):
            assert self.world.cycle().ending is Ending.DRAINED
            self.world.clock.advance(400.0)
        for name, target in wanted(self.states[self.world.source.resolve("main")]).items():
            self.watch.judge_object(name, target)
        assert {row.status for row in self.world.kept.recorded().values()} == {ItemStatus.SYNCED}
        assert self.world.kept.setting("synced_commit") == self.world.source.resolve("main")
        assert self.world.kept.setting("base_url") == BASE_URL  # what the rule `new-target` compares with
        sent = self.watch.sent
        self.world.cycle()
        assert self.watch.sent == sent


@contextmanager
def story(mode: MetadataMode = "merge") -> Iterator[Story]:
    told = Story(mode)
    try:
        yield told
    finally:
        told.world.close()


def first_sync(told: Story) -> None:
    told.commit(FIRST)


def lost_answers(told: Story) -> None:
    first_sync(told)
    told.watch.faults = [
        None,
        Fault.lost(applied=True),
        None,
        Fault.lost(applied=False),
        None,
        Fault.lost(applied=True),
    ]


def edits(told: Story) -> None:
    first_sync(told)
    told.world.cycle()
    told.edit(Edit("a", "words", "v2"), Edit("b", "metadata", (("grade", "6"),)), Edit(STIMULUS, "words", "v2"))


def a_reverted_edit(told: Story) -> None:
    edits(told)
    told.watch.meanwhile = [(3, lambda _: (told.commit(FIRST), told.world.write_down()))]


def metadata_first(told: Story) -> None:
    first_sync(told)
    told.world.cycle()
    told.world.api.store_metadata("a", run_time="1")
    told.edit(Edit("a", "metadata", (("grade", "6"), ("subject", "Math"))), Edit("b", "metadata", (("grade", "7"),)))


def removed_at_the_api(told: Story) -> None:
    edits(told)
    told.watch.stranger_deletes("a")


STORIES = [first_sync, lost_answers, edits, a_reverted_edit, metadata_first, removed_at_the_api]
STRIDE = 1 if settings().max_examples > USUAL else 9
"""`make test` tries each ninth crash point, the profile `long` each one."""


def survivors(begin: Callable[[Story], None], mode: MetadataMode = "merge") -> Iterator[Story]:
    """The story after a kill, for one crash point after the other, until the cycle ends before it."""
    for at in itertools.count(STORIES.index(begin), STRIDE):
        with story(mode) as told:
            begin(told)
            if not told.world.cycle_until(at):
                return
            told.watch.faults, told.watch.meanwhile = [], []
            yield told


@pytest.mark.slow
@pytest.mark.parametrize("begin", STORIES)
def test_a_kill_at_any_point_of_a_cycle_changes_nothing_in_the_end(begin: Callable[[Story], None]) -> None:
    survived = 0
    for told in survivors(begin):
        told.finish()
        survived += 1
    assert survived >= 2


@pytest.mark.slow
@pytest.mark.parametrize("begin", STORIES)
def test_a_revert_after_a_kill_at_any_point_is_what_the_api_ends_with(begin: Callable[[Story], None]) -> None:
    for told in survivors(begin):
        told.commit(FIRST)
        told.finish()


@pytest.mark.parametrize("mode", ["replace", "ignore", "wrong"])
def test_a_kill_while_the_metadata_call_is_tried_out_leaves_what_was_meant(mode: MetadataMode) -> None:
    for told in survivors(metadata_first, mode):
        told.finish()


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_gets_to_the_end() -> None:
    dice = random.Random(20261122)
    with story() as told:
        first_sync(told)
        kills = 0
        for number in range(40):
            kills += told.world.cycle_until(dice.randrange(30))
            told.edit(Edit(dice.choice(("a", "b", STIMULUS)), "words", f"v{number}"))
        told.finish()
    assert kills > 10


def one_edit(told: Story) -> None:
    first_sync(told)
    told.world.cycle()
    told.edit(Edit("a", "words", "v2"))


@pytest.mark.parametrize(("begin", "point"), [(first_sync, "before create"), (one_edit, "before update")])
def test_a_process_of_the_same_name_takes_over_what_a_dead_one_held(begin: Callable[[Story], None], point: str) -> None:
    # In a container the host's name and the process id are the same after every restart. In the first sync others wait
    # for the held object, and would wait for ever; in the second there is nothing else to do.
    with story() as told:
        told.world.same_name = True
        told.world.start()
        begin(told)
        assert told.world.cycle_until(dies_on=point)
        told.finish()


@pytest.mark.parametrize(
    "point", ["after record_pass", "before record_pass", "after put_setting", "before put_setting"]
)
def test_a_kill_beside_the_writing_down_of_a_pass_keeps_the_rule_about_new_targets(point: str) -> None:
    with story() as told:
        first_sync(told)
        assert told.world.cycle_until(dies_on=point)
        told.finish()


def test_an_attempt_that_a_pause_would_outlast_gives_its_object_back() -> None:
    with story() as told:
        edits(told)

        told.watch.meanwhile = [(0, lambda _: told.world.hear_a_pause(LEASE + 1))]  # its first request is a read
        told.finish()
        assert told.watch.meanwhile == []
