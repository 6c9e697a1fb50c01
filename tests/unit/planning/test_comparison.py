"""Git, record and API side by side: each class by itself, and what is none of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from builders import a_content_digest, a_key, a_recorded, a_snapshot, an_item, facets

from qtisync.delivery.outcome import RemoteObject
from qtisync.model import Broken, Facets, Item, ItemStatus, Key, Kind, Presence, Recorded, Remote, RepoPath, Standing
from qtisync.ownership import Ownership, Stamp
from qtisync.planning.comparison import VANISHED, Comparison, Shown, side_by_side
from qtisync.planning.diff import diff
from qtisync.planning.plan import Destination

OURS = Ownership(prefixes=("our-", "q", "s", "new"))
THEIRS = Ownership(prefixes=("their-",))
HERE = Destination(target="t", base_url="http://127.0.0.1:1/api")
MEDIUM, HARD = {"difficulty": "medium"}, {"difficulty": "hard"}


def a_copy(row: Recorded | None = None, **others: Any) -> RemoteObject:
    """The API's copy, as it was recorded; what differs gives it new stamps."""
    row = row or a_recorded()
    values: dict[str, Any] = {
        "identifier": row.key.identifier,
        "xml": "",
        "content": row.remote.content if row.remote else a_content_digest("c1"),
        "metadata": dict(row.acknowledged_metadata),
        "version": row.remote.version if row.remote else 1,
        "updated_at": row.remote.updated_at if row.remote else "t",
    }
    if others:
        values |= {"version": 7, "updated_at": "later"}
    return RemoteObject(**{**values, **others})


def compared(
    rows: Iterable[Recorded],
    copies: dict[Key, RemoteObject],
    items: Iterable[Item] | None = None,
    *,
    gone: Iterable[Key] = (),
    moved: Iterable[Key] = (),
    thorough: bool = False,
    ownership: Ownership = OURS,
    broken: tuple[Broken, ...] = (),
    ignored: dict[Key, RepoPath] | None = None,
) -> Comparison:
    recorded = {row.key: row for row in rows}
    wanted = [_item_of(row) for row in recorded.values()] if items is None else items
    plan = diff(a_snapshot(*wanted, broken=broken, ignored=ignored or {}), recorded, HERE)
    shown = Shown(copies=copies, gone=frozenset(gone), moved=frozenset(moved), thorough=thorough)
    return side_by_side(plan, recorded, shown, ownership)


def _item_of(row: Recorded) -> Item:
    content = (row.desired.content or "").partition(":")[2]
    return an_item(row.key.identifier, kind=row.key.kind, content=content, metadata=row.desired_metadata)


def drifted(row: Recorded, **changes: Any) -> tuple[bool, tuple[str, ...]] | None:
    """What of one synced object is said to have drifted."""
    found = compared([row], {row.key: a_copy(row, **changes)})
    assert found.conflicts == ()
    return (found.drift[0].content, found.drift[0].names) if found.drift else None


def test_untouched_world_is_in_sync():
    rows = [a_recorded("q1"), a_recorded("s1", kind=Kind.STIMULUS)]

    assert compared(rows, {row.key: a_copy(row) for row in rows}) == Comparison(in_sync=2)


def test_changed_content_is_drift():
    (one,) = compared([a_recorded()], {a_key(): a_copy(content=a_content_digest("theirs"))}).drift

    assert (one.content, one.names, one.vanished, one.is_conflict) == (True, (), False, False)
    assert one.message == "its content was changed at the API since our last write"


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        (HARD, ("difficulty",)),
        ({}, ("difficulty",)),
        ({"difficulty": ["medium"]}, ("difficulty",)),
        ({**MEDIUM, "status": "live", "reportedBy": "an app"}, None),
    ],
)
def test_only_keys_of_git_drift(metadata: dict[str, Any], names: tuple[str, ...] | None):
    found = drifted(a_recorded(metadata=MEDIUM), metadata=metadata)

    assert found == (None if names is None else (False, names))


def test_number_for_text_is_drift_and_true_is_not_one():
    assert drifted(a_recorded(metadata={"grade": "5"}), metadata={"grade": 5}) == (False, ("grade",))
    assert drifted(a_recorded(metadata={"flag": 1}), metadata={"flag": True}) == (False, ("flag",))
    assert drifted(a_recorded(metadata={"n": 1}), metadata={"n": 1.0}) is None


def test_everything_at_once_is_told_in_one_sentence():
    row = a_recorded(metadata={"a": 1, "b": 2})
    found = compared([row], {row.key: a_copy(row, content=None, metadata={"a": 0})})

    assert found.drift[0].message == (
        'its content, its metadata "a" and its metadata "b" were changed at the API since our last write'
    )


def test_server_that_writes_xml_in_its_own_way_does_not_drift():
    row = a_recorded(remote=Remote(content=a_content_digest("the server's way"), version=1, updated_at="t"))

    assert drifted(row, version=9) is None


def test_digests_of_two_algorithms_are_not_compared():
    row = a_recorded(remote=Remote(content=a_content_digest("x").replace("canon/1", "canon/0"), version=1))  # type: ignore[arg-type]

    assert drifted(row, content=a_content_digest("y")) is None


def test_same_stamps_say_untouched_unless_everything_was_read_anew():
    row = a_recorded()
    copy = replace(a_copy(row), content=a_content_digest("theirs"))

    assert compared([row], {row.key: copy}).drift == ()
    assert len(compared([row], {row.key: copy}, thorough=True).drift) == 1


def test_stamps_that_the_api_does_not_have_prove_nothing():
    row = a_recorded(remote=Remote(content=a_content_digest("c1")))
    copy = replace(a_copy(row), content=a_content_digest("theirs"))

    assert len(compared([row], {row.key: copy}).drift) == 1


def test_copy_that_lags_behind_our_own_write_accuses_nobody():
    remote = Remote(content=a_content_digest("c1"), version=4, updated_at="2027-01-15T08:00:00.000Z")
    old = {"content": a_content_digest("older"), "version": 3}

    assert drifted(a_recorded(remote=remote), **old, updated_at="2027-01-15T07:00:00.000Z") is None
    # … but what others deleted and made anew has a low version, too, and a later time
    assert drifted(a_recorded(remote=remote), **old, updated_at="2027-01-15T09:00:00.000Z") == (True, ())


def test_what_already_is_as_git_wants_it_is_no_conflict():
    row = a_recorded(metadata=MEDIUM)
    wanted = an_item(content="c2", metadata=HARD)
    copy = a_copy(row, content=a_content_digest("c2"), metadata=HARD)

    found = compared([row], {row.key: copy}, [wanted])

    assert (found.conflicts, found.drift, found.pending) == ((), (), (row.key,))


def test_change_on_both_sides_is_a_conflict_and_in_no_other_list():
    row = a_recorded()
    found = compared([row], {row.key: a_copy(row, content=a_content_digest("theirs"))}, [an_item(content="c2")])

    assert ([one.key for one in found.conflicts], found.drift, found.pending) == ([row.key], (), ())


def test_git_alone_is_pending():
    row = a_recorded()
    found = compared([row, a_recorded("q2")], {row.key: a_copy(row)}, [an_item(content="c2"), an_item("new")])

    assert found.pending == (a_key("new"), a_key("q1"))
    assert found.orphans == (a_key("q2"),)
    assert (found.drift, found.conflicts) == ((), ())


def test_vanished_object_is_drift_only_if_it_is_proven():
    row = a_recorded()

    assert compared([row], {}).drift == ()
    (one,) = compared([row], {}, gone=[row.key]).drift
    assert (one.vanished, one.message) == (True, VANISHED)


def test_what_is_in_doubt_may_be_our_own_write():
    row = a_recorded(
        status=ItemStatus.QUEUED, acknowledged=Facets(content=None, metadata=facets(metadata=MEDIUM).metadata)
    )
    row = replace(row, acknowledged_metadata=MEDIUM, desired_metadata=MEDIUM)
    theirs = a_copy(row, content=a_content_digest("theirs"))

    assert compared([row], {row.key: theirs}).conflicts == ()
    changed = replace(theirs, metadata=HARD)
    assert compared([row], {row.key: changed}).conflicts[0].names == ("difficulty",)


def test_object_in_doubt_altogether_is_not_said_to_have_vanished():
    row = a_recorded(status=ItemStatus.QUEUED, acknowledged=Facets())

    found = compared([row], {}, gone=[row.key])

    assert (found.drift, found.conflicts, found.pending) == ((), (), (row.key,))


def test_create_whose_answer_was_lost_is_pending():
    row = a_recorded(status=ItemStatus.QUEUED, presence=Presence.DOUBTFUL, acknowledged=Facets(), remote=None)

    assert compared([row], {row.key: a_copy(row)}).pending == (row.key,)


def test_what_we_wrote_meanwhile_accuses_nobody():
    row = a_recorded()

    found = compared([row], {row.key: a_copy(row, content=a_content_digest("x"))}, moved=[row.key])

    assert (found.drift, found.conflicts) == ((), ())


def test_new_object_whose_identifier_is_taken_is_a_conflict_unless_it_is_ours():
    taken = {a_key("new"): a_copy(a_recorded("new"))}

    assert compared([], taken, [an_item("new")], ownership=THEIRS).conflicts[0].message == (
        "it exists at the API and is not ours: its identifier has none of the owned prefixes"
    )
    found = compared([], taken, [an_item("new")])
    assert (found.conflicts, found.pending) == ((), (a_key("new"),))


def test_object_that_was_parked_because_it_is_not_ours_is_a_conflict():
    row = a_recorded(status=ItemStatus.PARKED, acknowledged=Facets(), remote=None, last_outcome="Conflict")
    row = replace(row, last_error="not ours")

    found = compared([row], {row.key: a_copy(row)})

    assert ([one.message for one in found.conflicts], found.parked) == (["not ours"], ())


def test_parked_conflict_that_is_over_is_parked():
    row = a_recorded(status=ItemStatus.PARKED, desired=facets("c2"), last_outcome="Conflict", last_error="x")

    found = compared([row], {row.key: a_copy(row)})

    assert (found.conflicts, [one.key for one in found.parked]) == ((), [row.key])


def test_refused_object_is_parked_and_what_needs_it_is_blocked():
    stimulus = a_recorded("s", kind=Kind.STIMULUS, status=ItemStatus.PARKED, desired=facets("c2"))
    item = an_item("q", references=(stimulus.key,))
    rows = [stimulus]

    found = compared(rows, {stimulus.key: a_copy(stimulus)}, [_item_of(stimulus), item])

    assert ([row.key for row in found.parked], found.blocked, found.pending) == ([stimulus.key], (item.key,), ())


def test_altered_object_is_told_and_is_not_drift():
    row = a_recorded(metadata=MEDIUM, altered='… metadata "difficulty" has another value')
    found = compared([row], {row.key: a_copy(row, metadata=HARD)})

    assert ([one.key for one in found.altered], found.drift, found.in_sync) == ([row.key], (), 0)


def test_broken_file_is_held_and_its_object_can_still_drift():
    row = a_recorded(standing=Standing.HELD)
    broken = Broken(path=row.path, key=row.key)
    found = compared([row], {row.key: a_copy(row, content=a_content_digest("x"))}, [], broken=(broken,))

    assert ([one.key for one in found.held], [one.key for one in found.drift]) == ([row.key], [row.key])
    assert found.conflicts == ()


def test_file_that_just_broke_or_left_is_neither_in_sync_nor_a_conflict():
    broken, ignored, orphan = a_recorded("q1"), a_recorded("q2"), a_recorded("q3")
    copies = {row.key: a_copy(row, content=a_content_digest("x")) for row in (broken, ignored, orphan)}

    found = compared(
        [broken, ignored, orphan],
        copies,
        [],
        broken=(Broken(path=broken.path, key=broken.key),),
        ignored={ignored.key: ignored.path},
    )

    assert ([one.key for one in found.drift], found.conflicts, found.in_sync) == ([broken.key], (), 0)
    assert (found.orphans, [row.key for row in found.held]) == ((orphan.key,), [broken.key])


def test_strangers_are_unmanaged_by_prefix_and_else_foreign():
    ours, theirs = a_key("our-1"), a_key("their-1")
    copies = {key: a_copy(a_recorded(key.identifier)) for key in (theirs, ours)}

    found = compared([], copies)

    assert [one.key for one in found.unmanaged] == [ours]
    assert [one.key for one in found.foreign] == [theirs]


def test_what_git_has_in_any_way_is_no_stranger():
    keys = [a_key(name) for name in ("our-ignored", "our-broken", "our-new", "our-orphan")]
    copies = {key: a_copy(a_recorded(key.identifier)) for key in keys}
    orphan = a_recorded("our-orphan")
    broken = Broken(path=RepoPath("b.xml"), key=keys[1])

    found = compared(
        [orphan], copies, [an_item("our-new")], broken=(broken,), ignored={keys[0]: RepoPath("ignored.xml")}
    )

    assert (found.unmanaged, found.foreign, found.orphans) == ((), (), (orphan.key,))


def test_same_identifier_of_another_kind_is_another_object():
    row = a_recorded("our-x")
    stimulus = a_key("our-x", Kind.STIMULUS)

    found = compared([row], {row.key: a_copy(row), stimulus: a_copy(row)})

    assert [one.key for one in found.unmanaged] == [stimulus]


STAMPED = Ownership(stamp=Stamp(key="owner", value="us"))


def test_another_owner_s_stamp_is_a_conflict_even_if_git_wants_nothing_else_and_nobody_touched_it():
    row = a_recorded()
    held = a_recorded("q2", standing=Standing.HELD)
    copies = {one.key: a_copy(one, metadata={"grade": "5", "owner": "them"}) for one in (row, held)}

    broken = (Broken(path=held.path),)
    found = compared([row, held], copies, [an_item()], broken=broken, ownership=STAMPED)

    assert [(str(one.key), one.names, one.is_conflict, one.message) for one in found.conflicts] == [
        (name, ("owner",), True, 'it is not ours any more: its owner is now "them"') for name in ("q1", "q2")
    ]
    assert found.drift == ()


def test_stamp_that_was_removed_is_drift():
    row = a_recorded(acknowledged_metadata={"grade": "5", "owner": "us"})
    copies = {row.key: a_copy(row, metadata={"grade": "5"}, version=7)}

    (one,) = compared([row], copies, ownership=STAMPED).drift

    assert (one.names, one.not_ours) == (("owner",), None)


def test_what_is_unmanaged_is_told_by_the_stamp_as_well():
    row = a_recorded()
    copies = {
        a_key(name): a_copy(row, metadata={"owner": owner} if owner else {})
        for name, owner in (("x1", "us"), ("x2", "them"), ("x3", ""))
    }

    found = compared([], copies, [], ownership=STAMPED)

    assert [str(one.key) for one in found.unmanaged] == ["x1"]
    assert [(str(one.key), one.owner) for one in found.foreign] == [("x2", '"them"'), ("x3", "")]


def test_new_object_whose_identifier_is_taken_is_ours_if_it_carries_our_stamp():
    taken = a_copy(a_recorded("new"), metadata={"owner": "us"})
    bare = a_copy(a_recorded("new"))

    assert compared([], {a_key("new"): taken}, [an_item("new")], ownership=STAMPED).conflicts == ()
    (one,) = compared([], {a_key("new"): bare}, [an_item("new")], ownership=STAMPED).conflicts
    assert one.message == "it exists at the API and is not ours: it does not carry the owner stamp owner: us"
