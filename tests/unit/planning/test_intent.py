"""What a pass writes down: new targets, reverts, attributes, standings; never what is on its way already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from builders import a_blob, a_commit, a_key, a_pass, a_recorded, a_snapshot, a_stimulus, an_item, facets

from qtisync.model import (
    Broken,
    CommitInfo,
    Digest,
    Facets,
    Item,
    ItemStatus,
    Kind,
    Lane,
    Presence,
    Recorded,
    RepoPath,
    Snapshot,
    Standing,
    Steering,
)
from qtisync.planning.diff import diff
from qtisync.planning.intent import Intents, Target, intents
from qtisync.planning.plan import Destination

THERE = Destination(target="staging", base_url="http://127.0.0.1:8765/api")
UNKNOWN = CommitInfo(commit=a_commit(), author="")


def written(items: Iterable[Item] | Snapshot, *recorded: Recorded, partial: bool = False) -> Intents:
    snapshot = items if isinstance(items, Snapshot) else a_snapshot(*items)
    rows = {row.key: row for row in recorded}
    plan = replace(diff(snapshot, rows, THERE), partial=partial)
    return intents(plan, snapshot, rows, a_pass())


def test_nothing_is_written_for_a_world_in_sync_but_the_pass():
    assert written([an_item()], a_recorded()) == Intents(record=a_pass())


def test_new_and_edited_items_get_targets():
    new, edited = an_item("q1"), an_item("q2", content="c2", steering=Steering(lane=Lane.HOTFIX))

    assert written([edited, new], a_recorded("q2")) == Intents(
        record=a_pass(),
        targets=(
            Target(item=new, lane=Lane.NORMAL, commit=UNKNOWN),
            Target(item=edited, lane=Lane.HOTFIX, commit=UNKNOWN),
        ),
        dependencies={new.key: (), edited.key: ()},
    )


def test_target_carries_the_commit_and_the_author_who_touched_the_file():
    item, snapshot = an_item(), a_snapshot(an_item())
    info = CommitInfo(commit=a_commit("older"), author="Ada")
    plan = replace(diff(snapshot, {}, THERE), authors={item.path: info})

    assert intents(plan, snapshot, {}, a_pass()).targets == (Target(item=item, lane=Lane.NORMAL, commit=info),)


@pytest.mark.parametrize("status", [ItemStatus.QUEUED, ItemStatus.IN_FLIGHT, ItemStatus.BLOCKED, ItemStatus.PARKED])
def test_item_on_its_way_or_parked_is_not_written_again(status: ItemStatus):
    assert written([an_item()], a_recorded(status=status, acknowledged=Facets())) == Intents(record=a_pass())


def test_revert_is_settled_at_once():
    item, row = an_item(), a_recorded(content="c2", status=ItemStatus.QUEUED, acknowledged=facets("c1"))

    assert written([item], row) == Intents(record=a_pass(), settled=(item,), dependencies={item.key: ()})


def test_new_algorithm_of_the_digest_is_recorded_without_a_call():
    item = replace(an_item(), facets=replace(facets(), content=Digest("canon/2:c1")))

    assert written([item], a_recorded()) == Intents(record=a_pass(), settled=(item,), dependencies={item.key: ()})


@pytest.mark.parametrize(
    "item",
    [
        an_item(path="items/moved.xml"),
        an_item(blob=a_blob("another spelling")),
        an_item(steering=Steering(protect=True)),
        an_item(answers=Digest("answers/2:x")),
    ],
)
def test_attributes_are_updated_in_place(item: Item):
    assert written([item], a_recorded()) == Intents(record=a_pass(), touched=(item,), dependencies={item.key: ()})


def test_item_waits_for_its_stimuli_that_are_known():
    stimulus, recorded_one = a_stimulus("s1"), a_key("s2", Kind.STIMULUS)
    item = an_item(references=(stimulus.key, recorded_one, a_key("s3", Kind.STIMULUS)))

    assert written([item, stimulus], a_recorded("s2", kind=Kind.STIMULUS)).dependencies == {
        item.key: (stimulus.key, recorded_one),
        stimulus.key: (),
    }


@pytest.mark.parametrize(
    ("snapshot", "standing"),
    [
        (a_snapshot(), Standing.ORPHAN),
        (a_snapshot(broken=(Broken(path=RepoPath("items/q1.xml")),)), Standing.HELD),
        (a_snapshot(ignored={a_key(): RepoPath("items/q1.xml")}), Standing.IGNORED),
    ],
)
def test_standing_of_a_row_follows_the_commit(snapshot: Snapshot, standing: Standing):
    assert written(snapshot, a_recorded()) == Intents(record=a_pass(), standings={a_key(): standing})


@pytest.mark.parametrize("standing", [Standing.ORPHAN, Standing.HELD, Standing.IGNORED])
def test_item_that_comes_back_unchanged_is_wanted_again_without_a_call(standing: Standing):
    assert written([an_item()], a_recorded(standing=standing)) == Intents(
        record=a_pass(), standings={a_key(): Standing.WANTED}
    )


def test_object_that_was_never_sent_is_forgotten_once_nobody_wants_it():
    unsent = a_recorded(status=ItemStatus.QUEUED, presence=Presence.ABSENT, acknowledged=Facets())
    held = a_snapshot(broken=(Broken(path=unsent.path),))
    ignored = a_snapshot(ignored={unsent.key: unsent.path})

    assert written([], unsent).forgotten == (unsent.key,)
    assert written(held, unsent).forgotten == ()
    assert written(ignored, unsent).forgotten == ()
    assert written([], replace(unsent, presence=Presence.DOUBTFUL)).forgotten == ()


def test_partial_plan_touches_only_what_it_names():
    new, revert, moved = an_item("q1"), an_item("q2"), an_item("q3", path="items/moved.xml")
    rows = (
        a_recorded("q2", content="c2", acknowledged=facets("c1")),
        a_recorded("q3"),
        a_recorded("q4"),
    )

    assert written([new, revert, moved], *rows, partial=True) == Intents(
        record=a_pass(),
        targets=(Target(item=new, lane=Lane.NORMAL, commit=UNKNOWN),),
        dependencies={new.key: ()},
    )


def test_partial_plan_takes_an_orphan_back():
    item = an_item(content="c2")

    assert written([item], a_recorded(standing=Standing.ORPHAN), partial=True).standings == {item.key: Standing.WANTED}
