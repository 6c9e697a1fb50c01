"""Two targets compared: what one lacks, what differs, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace

from builders import a_content_digest, a_key, a_recorded, facets

from qtisync.delivery.outcome import RemoteObject
from qtisync.model import Facets, Identifier, Presence, RepoPath, Standing
from qtisync.ownership import Stamp
from qtisync.planning.across import Difference, Side, across, recorded_sides, shown_sides, unstamped

PATH = RepoPath("q.xml")
SIDE = Side(content=a_content_digest("c1"), metadata={"grade": "5"}, version=1)


def compare(here: Side | None, there: Side | None) -> tuple[tuple[Difference, ...], int]:
    key = a_key("q")
    return across({} if here is None else {key: here}, {} if there is None else {key: there}, {key: PATH})


def test_same_is_counted():
    assert compare(SIDE, replace(SIDE, version=9)) == ((), 1)


def test_each_difference_is_told():
    (one,), same = compare(SIDE, replace(SIDE, content=a_content_digest("c2"), metadata={"grade": 5, "x": True}))

    assert (one.content, one.names, one.path, same) == (True, ("grade", "x"), PATH, 0)


def test_what_one_lacks_is_told():
    assert compare(SIDE, None)[0][0].there is None
    assert compare(None, SIDE)[0][0].here is None


def test_what_is_in_doubt_is_no_difference_of_content():
    (one,), _ = compare(SIDE, replace(SIDE, content=None))

    assert (one.unknown, one.content) == (True, False)


def test_record_says_what_was_acknowledged():
    rows = [
        a_recorded("q1", desired=facets("newer")),
        a_recorded("q2", presence=Presence.ABSENT),
        a_recorded("q3", standing=Standing.ORPHAN),
        a_recorded("q4", acknowledged=Facets(content=a_content_digest("c1"))),
    ]

    sides = recorded_sides({row.key: row for row in rows})

    assert sides == {a_key("q1"): SIDE, a_key("q4"): replace(SIDE, content=None)}


def test_api_shows_gits_keys_only():
    row = a_recorded("q1")
    copy = RemoteObject(
        identifier=Identifier("q1"),
        xml="",
        content=a_content_digest("c1"),
        metadata={"grade": "5", "seen": 1},
        version=1,
    )

    assert shown_sides({row.key: row, a_key("q2"): a_recorded("q2")}, {row.key: copy}) == {row.key: SIDE}


def test_owner_stamps_of_two_targets_are_no_difference():
    key, here = a_key("q"), replace(SIDE, metadata={"grade": "5", "owner": "staging"})
    there = {key: replace(SIDE, metadata={"grade": "5", "managedBy": "live"})}
    stamps = (Stamp(key="owner", value="staging"), None, Stamp(key="managedBy", value="live"))
    assert unstamped({key: here}, stamps) == unstamped(there, stamps) == {key: SIDE}
    assert unstamped(there, (None, None)) is there
