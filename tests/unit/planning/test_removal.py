"""What speaks against deleting, and the ledger that no sequence of commits gets around."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import a_commit, a_key, a_recorded, a_snapshot, an_item

from qtisync.model import (
    Broken,
    Facets,
    Identifier,
    ItemStatus,
    Json,
    Key,
    Kind,
    Presence,
    Problem,
    Recorded,
    RepoPath,
    Standing,
)
from qtisync.ownership import Ownership, Stamp
from qtisync.planning.plan import Destination, Orphan, Plan
from qtisync.planning.removal import (
    NOT_DELETED,
    WINDOW,
    Ledger,
    Removals,
    following,
    in_order,
    judged,
    ledger_of,
    may_be_removed,
    speaks_against,
    suspected,
)

NOW = 1_000_000.0
REMOVALS = Removals(ownership=Ownership(prefixes=("q", "s")))
S1 = a_key("s1", Kind.STIMULUS)


def an_orphan(name: str = "q1", **row: Any) -> Orphan:
    return Orphan(recorded=a_recorded(name, standing=Standing.ORPHAN, **row), new=True)


def a_plan(*orphans: Orphan, **others: Any) -> Plan:
    destination = Destination(target="t", base_url="https://api.example.org/api")
    return Plan(commit=a_commit("2"), base=a_commit(), destination=destination, orphans=orphans, **others)


def judge(plan: Plan, *items: Any, rows: tuple[Recorded, ...] = (), **others: Any) -> dict[str, str]:
    """Object → why it is kept; empty: it goes."""
    recorded: dict[Key, Recorded] = {row.key: row for row in (*rows, *(orphan.recorded for orphan in plan.orphans))}
    terms: dict[str, Any] = {"same_place": True, "occupied": lambda _paths: frozenset(), **others}
    found = judged(plan, a_snapshot(*(items or (an_item("q9"),))), recorded, REMOVALS, **terms)
    assert all(orphan.delete is not bool(orphan.kept) for orphan in found.orphans)
    return {str(orphan.recorded.key): orphan.kept for orphan in found.orphans}


UNKNOWN = "it is not known what the API holds of it"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, ""),
        ({"protect": True}, "it is protected"),
        ({"presence": Presence.DOUBTFUL}, UNKNOWN),
        ({"remote": None}, UNKNOWN),
        ({"acknowledged": Facets(content=None, metadata=a_recorded().acknowledged.metadata)}, UNKNOWN),
        ({"acknowledged": Facets(content=a_recorded().acknowledged.content)}, UNKNOWN),
        ({"status": ItemStatus.IN_FLIGHT}, UNKNOWN),
        ({"status": ItemStatus.PARKED, "last_outcome": "Conflict", "last_error": "changed there"}, "changed there"),
        ({"status": ItemStatus.PARKED, "last_outcome": "Conflict"}, "it was changed at the API"),
        ({"status": ItemStatus.PARKED, "last_error": f"{NOT_DELETED}in use"}, "in use"),
        ({"status": ItemStatus.PARKED, "last_outcome": "RequestError", "last_error": "bad"}, ""),
        ({"status": ItemStatus.QUEUED, "last_outcome": "Conflict"}, ""),
    ],
)
def test_what_a_row_says_against_it(row: dict[str, Any], reason: str) -> None:
    orphan = an_orphan(**row)
    assert speaks_against(orphan.recorded, REMOVALS) == reason
    assert may_be_removed(orphan.recorded, REMOVALS) is (not reason)
    assert judge(a_plan(orphan)) == {"q1": reason}


def test_what_is_not_ours_or_no_orphan_is_left_alone() -> None:
    assert judge(a_plan(an_orphan("x1"))) == {"x1": "its identifier has none of the owned prefixes"}
    assert not may_be_removed(a_recorded(), REMOVALS)


@pytest.mark.parametrize(
    ("plan", "others", "reason"),
    [
        ({"partial": True}, {}, "only some objects were asked for"),
        ({"broken": (Broken(path=RepoPath("z.xml")),)}, {}, "a file cannot be read, and it may be the one"),
        (
            {"warnings": (Problem(path=RepoPath("lib"), code="submodule", message="not read"),)},
            {},
            "a part of the tree is a submodule, which is not read",
        ),
        ({}, {"same_place": False}, "the record belongs to another target"),
        ({}, {"pinned": {a_key("q1")}}, "it is pinned"),
        ({}, {"occupied": frozenset}, "the commit still has something at its path"),
        ({"warnings": (Problem(path=RepoPath("a"), code="case-twin", message=""),)}, {}, ""),
    ],
)
def test_what_a_plan_says_against_it(plan: dict[str, Any], others: dict[str, Any], reason: str) -> None:
    assert judge(a_plan(an_orphan(), **plan), **others) == {"q1": reason}


def test_an_empty_commit_and_an_identifier_changed_in_place_delete_nothing() -> None:
    emptied = judged(
        a_plan(an_orphan()), a_snapshot(), {}, REMOVALS, same_place=True, occupied=lambda _paths: frozenset()
    )
    assert [orphan.kept for orphan in emptied.orphans] == ["the commit holds no item at all"]
    renamed = replace(an_orphan(), renamed_to=Identifier("q2"))
    assert judge(a_plan(renamed)) == {"q1": "its identifier was changed in place"}


def test_a_stimulus_goes_only_with_everything_that_may_refer_to_it() -> None:
    stimulus = an_orphan("s1", kind=Kind.STIMULUS)
    assert judge(a_plan(stimulus, an_orphan("q1"))) == {"stimulus s1": "", "q1": ""}
    assert judge(a_plan(stimulus), an_item("q9", references=(S1,))) == {"stimulus s1": "items refer to it"}
    kept = "items that no file asks for stay, and may refer to it"
    assert judge(a_plan(stimulus, an_orphan("q1", protect=True)))["stimulus s1"] == kept
    ignored = a_recorded("q2", standing=Standing.IGNORED)
    assert judge(a_plan(stimulus), rows=(ignored,)) == {"stimulus s1": kept}
    never = a_recorded("q2", standing=Standing.IGNORED, presence=Presence.ABSENT)
    assert judge(a_plan(stimulus), rows=(never,)) == {"stimulus s1": ""}


LEDGER = Ledger(commit=a_commit(), ref="refs/heads/main", fingerprint="f", since=NOW - WINDOW)


def follow(before: Ledger | None, *orphans: Orphan, **others: Any) -> Ledger:
    terms: dict[str, Any] = {"ref": "refs/heads/main", "fingerprint": "f", "now": NOW, "descends": lambda _: True}
    return following(before, a_plan(*orphans), **{**terms, **others})


def test_a_followed_commit_leaves_no_suspect() -> None:
    assert follow(LEDGER, an_orphan()) == replace(LEDGER, commit=a_commit("2"))


@pytest.mark.parametrize(
    "others", [{"descends": lambda _: False}, {"ref": "refs/heads/other"}, {"fingerprint": "other rules"}]
)
def test_whatever_else_makes_files_vanish_makes_suspects(others: dict[str, Any]) -> None:
    ledger = follow(LEDGER, an_orphan(), **others)
    assert ledger.suspects == ("item/q1",)
    since = replace(ledger, ref=LEDGER.ref, fingerprint=LEDGER.fingerprint)
    assert follow(since, an_orphan(), an_orphan("q2")).suspects == ("item/q1",)
    assert follow(since, an_orphan("q2")).suspects == ()
    assert suspected(a_plan(replace(an_orphan(), delete=True)), ledger) == [a_key("q1")]
    assert suspected(a_plan(an_orphan()), ledger) == []
    assert suspected(a_plan(replace(an_orphan(), delete=True)), ledger.allow([a_recorded()])) == []


def test_a_first_ledger_and_an_item_that_was_ignored_make_suspects() -> None:
    first = follow(None, an_orphan())
    assert (first.since, first.suspects, first.left(9, NOW, [])) == (NOW, ("item/q1",), 0)
    ignored = Orphan(recorded=a_recorded(standing=Standing.IGNORED), new=True)
    assert follow(LEDGER, ignored).suspects == ("item/q1",)


def test_deletes_are_counted_once_each_for_a_day() -> None:
    ledger = LEDGER.spend(a_key("q1"), NOW).spend(a_key("q1"), NOW + 1).spend(a_key("q2"), NOW + 2)
    assert (ledger.spent, ledger.begun) == ((NOW, NOW + 2), ("item/q1", "item/q2"))
    assert ledger.left(3, NOW + 3, [a_key("q3")]) == 1
    assert ledger.left(2, NOW + 3, [a_key("q1"), a_key("q3")]) == 1  # the one that was begun
    assert ledger.left(1, NOW + 3, [a_key("q3")]) == 0
    assert ledger.left(2, NOW + WINDOW + 1, [a_key("q3")]) == 1
    assert follow(ledger, an_orphan("q2")).begun == ("item/q2",)


def test_approved_ones_are_not_counted_and_forgotten_when_their_file_is_back() -> None:
    ledger = LEDGER.allow([a_recorded("q1")])
    assert ledger.spend(a_key("q1"), NOW) == ledger
    assert ledger.left(0, NOW, [a_key("q1"), a_key("q2")]) == 1
    assert follow(ledger, an_orphan("q1")).approved == ("item/q1",)
    assert follow(ledger).approved == ()


def test_a_ledger_is_kept_whole_and_what_is_none_allows_nothing() -> None:
    ledger = replace(LEDGER, suspects=("item/a",)).spend(a_key("q1"), NOW).allow([a_recorded("q2")])
    assert ledger_of(ledger.json) == ledger
    broken: list[Json] = [None, 1, [], {}, {"suspects": [], "spent": [], "begun": []}]
    assert isinstance(ledger.json, dict)
    broken += [{**ledger.json, name: None} for name in ("suspects", "spent", "begun", "approved", "since")]
    assert [ledger_of(value) for value in broken] == [None] * len(broken)


def test_dependants_go_first() -> None:
    rows = [a_recorded("s1", kind=Kind.STIMULUS), a_recorded("t1", kind=Kind.TEST), a_recorded("b"), a_recorded("a")]
    assert [row.key.identifier for row in in_order(rows)] == ["t1", "a", "b", "s1"]


def test_with_a_stamp_only_what_the_api_acknowledged_with_it_goes() -> None:
    removals = Removals(ownership=Ownership(stamp=Stamp(key="owner", value="us")))
    bare, ours = an_orphan().recorded, an_orphan(acknowledged_metadata={"owner": "us"}).recorded
    theirs = an_orphan(acknowledged_metadata={"owner": "them"}).recorded
    assert [speaks_against(row, removals) for row in (bare, ours, theirs)] == [
        "it does not carry the owner stamp owner: us",
        "",
        'its owner is "them"',
    ]
