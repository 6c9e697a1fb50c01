"""What was live when, from the journal alone; and the journal in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import START, a_commit, a_content_digest, a_journal_line, a_key, a_metadata_digest

from qtisync.delivery.ledger import Chain, Entry, Fault, Place, chained, decided
from qtisync.model import Kind
from qtisync.report.audit import (
    Live,
    entry_as_json,
    live_as_json,
    live_at,
    render_entry,
    render_live,
    render_verdict,
    verdict_as_json,
)

FIRST = a_journal_line(
    at=START, purpose="create", outcome="shown", commit=a_commit("1"), author="Ada", remote_version=0,
    content=a_content_digest("c1"), metadata=a_metadata_digest({}),
)  # fmt: skip
SECOND = replace(
    FIRST, at=START + 100, purpose="update", commit=a_commit("2"), author="Zoë", remote_version=1,
    content=a_content_digest("c2"),
)  # fmt: skip
LIVE = Live(
    key=a_key(),
    content=a_content_digest("c1"),
    metadata=a_metadata_digest({}),
    commit=a_commit("1"),
    author="Ada",
    version=0,
    since=START,
    confirmed=START,
)


def test_nothing_is_live_before_the_first_confirmation():
    assert live_at([FIRST, SECOND], START - 1) == ()


def test_what_was_confirmed_is_live_until_something_else_is():
    assert live_at([FIRST, SECOND], START + 99) == (LIVE,)
    newer = replace(
        LIVE, content=SECOND.content, commit=a_commit("2"), author="Zoë", version=1, since=START + 100, confirmed=START + 100
    )  # fmt: skip
    assert live_at([FIRST, SECOND], START + 100) == (newer,)


def test_a_later_confirmation_of_the_same_does_not_change_since_when():
    again = replace(FIRST, at=START + 50, purpose="pre_read", remote_version=3, commit=a_commit("9"))
    assert live_at([FIRST, again], START + 60) == (replace(LIVE, confirmed=START + 50, version=3),)


def test_what_was_carried_over_was_live_then_too():
    carried = replace(FIRST, purpose="carried", message="was entry 1")
    later = a_journal_line(a_key("q0"), at=START + 500)
    assert live_at([later, carried], START + 1) == (LIVE,)


def test_what_the_api_no_longer_had_was_not_live():
    gone = a_journal_line(at=START + 50, purpose="pre_read", outcome="Missing")
    removed = a_journal_line(at=START + 50, purpose="delete", outcome="Removed")
    assert live_at([FIRST, gone], START + 60) == live_at([FIRST, removed], START + 60) == ()
    assert live_at([FIRST, gone], START + 49) == (LIVE,)


def test_a_write_whose_answer_was_lost_leaves_doubt_until_the_next_confirmation():
    lost = a_journal_line(at=START + 50, purpose="update", outcome="NoAnswer")
    refused = a_journal_line(at=START + 60, purpose="update", outcome="RequestError")
    assert live_at([FIRST, lost, refused], START + 70) == (replace(LIVE, doubt=START + 50),)
    assert live_at([FIRST, lost, SECOND], START + 100)[0].doubt is None


def test_objects_are_listed_by_key_and_decisions_are_none():
    stimulus = replace(FIRST, key=a_key("q1", Kind.STIMULUS))
    decision = decided("pause", "ada@desk", START)
    assert [live.key for live in live_at([FIRST, stimulus, decision], START)] == [FIRST.key, stimulus.key]


def test_what_was_adopted_did_not_come_from_git():
    adopted = replace(FIRST, purpose="adopt", commit=None, author=None, message="as the API has it")
    (live,) = live_at([adopted], START)
    assert (
        render_live(live) == f"{'q1':<24}  since 2027-01-15T08:00:00.000Z  version 0  not from git  as the API has it"
    )


def test_lines_say_who_and_what_and_steer_no_terminal():
    assert render_entry(replace(SECOND, message="altered\x1b[2J")) == (
        f"2027-01-15T08:01:40.000Z  {'q1':<20}  {'PUT update':<20}  shown  → version 1  confirmed  "
        f"commit {a_commit('2')[:9]} by Zoë  altered\\x1b[2J"
    )
    assert render_entry(decided("retry", "ada@desk", START, key=a_key("q7"))) == (
        f"2027-01-15T08:00:00.000Z  {'q7':<20}  {'retry':<20}  decided  [ada@desk]"
    )
    live = replace(LIVE, doubt=START + 5, note="x")
    assert render_live(live).endswith("in doubt since 2027-01-15T08:00:05.000Z: the answer to a later write was lost")


def test_scripts_get_every_field():
    entry = next(iter(chained(Place(), [FIRST])))
    assert entry_as_json(entry) == {
        "entry": 1,
        "at": "2027-01-15T08:00:00.000Z",
        "kind": "item",
        "identifier": "q1",
        "purpose": "create",
        "outcome": "shown",
        "method": "PUT",
        "path": "/assessment-items/q1",
        "http_status": None,
        "remote_version": 0,
        "commit": a_commit("1"),
        "author": "Ada",
        "actor": None,
        "content": "canon/1:c1",
        "metadata": a_metadata_digest({}),
        "message": None,
        "digest": entry.digest,
    }
    assert live_as_json(LIVE) == {
        "kind": "item",
        "identifier": "q1",
        "content": "canon/1:c1",
        "metadata": a_metadata_digest({}),
        "commit": a_commit("1"),
        "author": "Ada",
        "remote_version": 0,
        "since": "2027-01-15T08:00:00.000Z",
        "confirmed": "2027-01-15T08:00:00.000Z",
        "note": None,
        "in_doubt_since": None,
    }


def test_a_verdict_says_what_is_intact_and_from_when():
    chain = Chain(dropped=Place(number=2, digest="d"), dropped_until=START, newest=Place(number=7, digest="abc"))
    assert render_verdict((), chain) == (
        "Entries 1 to 2 (until 2027-01-15T08:00:00.000Z) were dropped by retention (keep_journal).\n"
        "The journal is intact: entries 3 to 7, no gap, nothing changed.\n"
        "Note elsewhere, to prove it later: entry 7 has digest abc\n"
    )
    assert render_verdict((), Chain()) == "The journal is intact; it has no entries.\n"
    assert verdict_as_json((), chain) == {
        "intact": True, "faults": [], "first_entry": 3, "last_entry": 7, "digest": "abc",
        "dropped_until": "2027-01-15T08:00:00.000Z",
    }  # fmt: skip


def test_a_verdict_names_every_sign_of_tampering():
    faults = (Fault(number=3, message="was changed"), Fault(number=0, message="the ends of the chain are gone"))
    assert render_verdict(faults, None) == (
        "The journal was tampered with: 2 signs.\n"
        "  entry 3: was changed\n"
        "  the ends of the chain are gone\n"
        "Compare it with a backup of the state directory; the entries around these places tell when.\n"
    )
    assert verdict_as_json(faults, None)["faults"][0] == {"entry": 3, "message": "was changed"}


def test_an_entry_that_makes_no_sense_is_a_value_error_not_a_crash():
    entry = Entry(number=1, values=("soon", *next(iter(chained(Place(), [FIRST]))).values[1:]), digest="x")
    with pytest.raises(ValueError, match="an entry without a time"):
        _ = entry.line
