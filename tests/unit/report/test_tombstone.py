"""What is told of an object that was deleted."""

from __future__ import annotations

from dataclasses import replace

from builders import START, a_commit, a_key

from qtisync.delivery.ledger import decided
from qtisync.model import JournalLine, Kind
from qtisync.report.tombstone import Tombstone, tombstones
from qtisync.report.value import moment

END = JournalLine(
    at=START,
    key=a_key(),
    method="DELETE",
    path="/assessment-items/q1",
    purpose="delete",
    outcome="Missing",
    commit=a_commit(),
    message="deleted: q1.xml is not in 2c41f0e; the API had content c1",
)
GRAVE = Tombstone(key=a_key(), at=START, commit=a_commit(), why=END.message or "")


def test_the_newest_call_of_an_object_tells_its_end_and_decisions_tell_nothing():
    read = replace(END, method="GET", purpose="pre_read", outcome="shown", message=None)
    late = decided("retry", "ada", START + 1, key=a_key())

    assert tombstones([late, END, read]) == (GRAVE,)
    assert tombstones([read, END]) == ()
    assert tombstones([late]) == ()
    assert tombstones([]) == ()


def test_each_kind_of_one_identifier_has_an_end_of_its_own():
    stimulus = a_key("q1", Kind.STIMULUS)
    graves = tombstones([END, replace(END, key=stimulus, message=None)])

    assert {grave.key: grave.why for grave in graves} == {
        a_key(): GRAVE.why,
        stimulus: "the API does not have it",
    }


def test_it_says_when_and_why():
    assert GRAVE.words == f"item q1: no longer at the API since {moment(START)}: {GRAVE.why}"
    assert GRAVE.json == {
        "kind": "item",
        "identifier": "q1",
        "at": moment(START),
        "commit": a_commit(),
        "message": GRAVE.why,
    }
