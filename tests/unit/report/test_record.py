"""The record in words: sound or not, and what it holds."""

from __future__ import annotations

import json
from dataclasses import replace

from builders import START, a_commit, a_pass, a_recorded

from qtisync.delivery.ledger import Chain, Fault, Place
from qtisync.model import ItemStatus, Remote
from qtisync.report.record import Finding, Look, findings, render_findings, row_as_json

SOUND = Look(
    damage=(),
    faults=(),
    rows=(a_recorded(),),
    last=a_pass(),
    settings={"base_url": "https://a.example/api", "synced_commit": a_commit()},
    base_url="https://a.example/api",
    now=START,
)
FLYING = a_recorded(status=ItemStatus.IN_FLIGHT, lease_owner="w", lease_until=START - 1)


def messages(**changes) -> list[str]:
    return [one.message for one in findings(replace(SOUND, **changes))]


def test_a_sound_record_has_no_finding():
    assert findings(SOUND) == ()
    chain = Chain(newest=Place(number=4, digest="abc"))
    assert render_findings((), chain, 1).startswith(
        "The record is sound: 1 object. The journal is intact: entries 1 to 4"
    )


def test_damage_and_tampering_are_told_each():
    assert messages(
        damage=("the file: row 3 missing from index",), faults=(Fault(number=2, message="was changed"),)
    ) == [
        "damaged: the file: row 3 missing from index",
        "the journal was tampered with: entry 2 was changed",
    ]


def test_another_base_url_and_a_cursor_without_a_pass_are_found():
    assert messages(base_url="https://b.example/api", last=None) == [
        "it was made for https://a.example/api, and the configuration says https://b.example/api",
        "it knows a synced commit, but no pass",
    ]
    assert messages(settings={"base_url": None, "synced_commit": None}, last=None) == []


def test_a_stale_lease_is_told_and_is_not_bad():
    (one,) = findings(replace(SOUND, rows=(FLYING, replace(FLYING, lease_until=START + 1))))
    assert (one.message, one.bad) == ("q1 is in flight under a lease that ended at 2027-01-15T07:59:59.000Z", False)


def test_findings_are_shown_with_what_to_do():
    found = (Finding(message="a\x1b", hint="Do this."), Finding(message="b", hint="Do that.", bad=False))
    assert render_findings(found, None, 0) == (
        "The record has 2 findings:\n  x a\\x1b\n      Do this.\n  ! b\n      Do that.\n"
    )


def test_values_of_metadata_are_exported_only_when_they_are_asked_for():
    row = a_recorded(metadata={"modelAnswer": "42"}, remote=Remote(version=3, foreign={"secret": "x"}))
    hidden, shown = row_as_json(row), row_as_json(row, show_content=True)

    assert ("42" in json.dumps(hidden), hidden["desired_metadata"]) == (False, ["modelAnswer"])
    assert hidden["remote"]["foreign_metadata"] == ["secret"]
    assert (shown["desired_metadata"], shown["remote"]["foreign_metadata"]) == ({"modelAnswer": "42"}, {"secret": "x"})
    assert row_as_json(replace(row, remote=None))["remote"] is None
