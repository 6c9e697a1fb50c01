"""What is synced, what waits and why; "in sync" is said only if it is true of everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import START, a_journal_line, a_pass, a_recorded
from report_values import BROKEN, HEAD, NOW, a_place, valid

from qtisync.delivery.pace import Pace
from qtisync.model import ItemStatus, Kind, Standing
from qtisync.report.status import (
    Observed,
    in_sync,
    overview,
    pace_of,
    render_item,
    render_status,
    status_report,
    words_of,
)
from qtisync.report.value import moment

PARKED = a_recorded(
    "q2",
    status=ItemStatus.PARKED,
    attempts=1,
    last_outcome="Conflict",
    last_error="changed at the API",
    http_status=None,
)


def seen(**others: Any) -> Observed:
    values: dict[str, Any] = {
        "last": a_pass(HEAD),
        "synced": HEAD,
        "counts": {"synced": 1240},
        "unsettled": (),
        "pace": Pace(rate=12.5, ceiling=50.0),
        "capability": {"fitness": "fit", "reason": ""},
        "lists": {"fitness": "untested", "reason": ""},
        "degraded": (),
        "now": NOW,
    }
    return Observed(**{**values, **others})


def test_record_that_is_all_synced_is_in_sync():
    assert in_sync(seen(), a_place())
    assert in_sync(seen(counts={"synced": 3, "ignored": 1, "orphan": 2}), a_place())
    assert in_sync(seen(counts={"synced": 3, "queued": 0}), a_place())


@pytest.mark.parametrize("name", ["queued", "in_flight", "parked", "blocked", "held"])
def test_anything_that_waits_is_not_in_sync(name: str):
    assert not in_sync(seen(counts={"synced": 3, name: 1}), a_place())


@pytest.mark.parametrize(
    "others",
    [
        {"last": None},
        {"last": a_pass(HEAD, broken=(BROKEN,))},
        {"degraded": ("the repository cannot be read",)},
        {"synced": None},
        {"synced": "8be0"},
    ],
)
def test_doubt_of_any_sort_is_not_in_sync(others: dict[str, Any]):
    assert not in_sync(seen(**others), a_place())


def test_status_of_a_calm_target():
    report = status_report(seen(), a_place(base=None))

    assert (
        render_status(report)
        == """\
qtisync status  target=staging  127.0.0.1:8765  repo=content@3f2a9c1 (main)
  commit     head 3f2a9c1, synced 3f2a9c1: in sync
  objects    1,240 synced
  queue      empty
  pace       12.5 requests/s (ceiling 50)
  metadata   POST /assessment-items/metadata is fit
"""
    )
    assert valid(report)["complete"] is True


def test_status_of_a_target_in_trouble():
    report = status_report(
        seen(
            last=a_pass(HEAD, broken=(BROKEN,)),
            synced=None,
            counts={"synced": 2, "queued": 3, "in_flight": 1, "parked": 1, "held": 1, "orphan": 2, "ignored": 1},
            unsettled=(PARKED, a_recorded("q3", altered="its XML differs from ours")),
            pace=Pace(rate=5.0, ceiling=50.0, paused_until=NOW + 9.96, pause_reason="throttled"),
            capability={"fitness": "unfit", "reason": "it touched q9"},
            degraded=("inotify is full",),
        ),
        a_place(base=None),
    )

    assert (
        render_status(report)
        == """\
qtisync status  target=staging  127.0.0.1:8765  repo=content@3f2a9c1 (main)
  commit     head 3f2a9c1, synced never: not in sync
  objects    2 synced, 4 pending, 1 parked, 1 invalid (the API keeps the last good version), 1 altered, 2 orphan, 1 skipped
  queue      3 queued, 1 in_flight, 1 parked
  pace       5 requests/s (ceiling 50), paused for 10 s: throttled
  metadata   POST /assessment-items/metadata is unfit, metadata goes by PUT: it touched q9
  degraded   inotify is full
  ! parked   q2  items/q2.xml  Conflict: changed at the API
  x invalid  geo-0040  items/geometry/geo-0040.xml:17  correct response "D" is not a choice
Parked objects wait for an edit, or for: qtisync retry --failed
"""
    )
    document = valid(report)
    assert [item["identifier"] for item in document["conflicts"]] == ["q2"]
    assert (document["complete"], document["summary"]["conflict"], document["status"]["held"]) == (False, 1, 1)


def test_status_of_a_repository_elsewhere_says_when_it_was_fetched():
    report = status_report(seen(fetched=NOW), replace(a_place(), repository="git@forge.example:items.git"))

    assert ("fetched", f"{moment(NOW)} from git@forge.example:items.git") in overview(report)
    assert valid(report)["status"]["fetched_at"] == moment(NOW)


def test_status_before_the_first_pass():
    report = status_report(
        seen(last=None, synced=None, counts={}, pace=None, capability={"fitness": "untested"}),
        a_place(head="", base=None),
    )

    assert valid(report)["status"] == {
        "head": "",
        "synced_commit": None,
        "synced_at": None,
        "in_sync": False,
        "last_pass": None,
        "queue": {"queued": 0, "in_flight": 0, "parked": 0, "blocked": 0},
        "held": 0,
        "pace": None,
        "metadata_endpoint": {"fitness": "untested"},
        "list_filter": {"fitness": "untested", "reason": ""},
        "paused": None,
        "held_pass": None,
        "daemon": None,
        "degraded": [],
        "fetched_at": None,
    }
    assert "  pace       nothing was sent yet\n" in render_status(report)


def test_pause_that_is_over_is_not_told():
    over = Pace(rate=5.0, ceiling=50.0, paused_until=NOW - 1, pause_reason="throttled")

    assert pace_of(over, NOW) == {"rate": 5.0, "ceiling": 50.0, "paused_seconds": 0.0, "reason": ""}


def test_many_waiting_objects_are_cut_with_a_count():
    rows = tuple(a_recorded(f"q{n:03}", status=ItemStatus.QUEUED) for n in range(57))
    report = status_report(seen(counts={"queued": 57}, unsettled=rows), a_place())

    assert "  … and 7 more; -v lists them\n" in render_status(report)
    assert "more" not in render_status(report, verbose=True)


def test_one_object_is_shown_with_its_history():
    line = a_journal_line(http_status=200, remote_version=4)

    assert (
        render_item([a_recorded(protect=True)], [line])
        == f"""\
item q1: synced
  path       items/q1.xml  (protected)
  commit     {a_recorded().commit}  by Ada
  content    canon/1:c1
  metadata   {a_recorded().desired.metadata}
  at the API version 1, updated 2027-01-15T08:00:00.000Z
  2027-01-15T08:00:00.000Z  PUT  /assessment-items/q1  Accepted → version 4
"""
    )


def test_object_that_is_not_confirmed_says_so():
    row = a_recorded(kind=Kind.STIMULUS, id="s1", content="c2", status=ItemStatus.PARKED, standing=Standing.HELD)
    text = render_item([row], [])

    assert text.startswith("stimulus s1: held\n")


def test_status_says_what_stops_the_queue_and_how_to_go_on():
    report = status_report(
        seen(
            paused={"reason": "exam week", "since": START, "until": None},
            held={
                "commit": HEAD,
                "checksum": "sha256:1",
                "rules": [{"rule": "mass-update", "message": "412 of 1240 would be updated"}],
                "command": "qtisync apply /state/held.json --allow mass-update",
            },
            daemon={
                "since": "2026-11-28T07:00:00.000Z",
                "halted": {"reason": "AuthError: 403", "until": "2026-11-28T08:00:00.000Z"},
            },
        ),
        a_place(),
    )
    valid(report)

    assert [
        line
        for line in render_status(report).splitlines()
        if line.split()[0] in {"paused", "held", "go", "daemon", "halted"}
    ] == [
        "  paused     exam week (until: qtisync resume)",
        "  held       commit 3f2a9c1 by mass-update: 412 of 1240 would be updated",
        "  go on      if this is meant: qtisync apply /state/held.json --allow mass-update",
        "  daemon     runs since 2026-11-28T07:00:00.000Z",
        "  halted     AuthError: 403 (asked again 2026-11-28T08:00:00.000Z, or at once: qtisync resume)",
    ]
    assert report.status["in_sync"] is False
    assert "paused; held by a safety rule; halted: AuthError: 403" in words_of(report)


def test_what_is_not_listed_is_counted():
    rows = tuple(a_recorded(f"q{number:03}", status=ItemStatus.QUEUED) for number in range(60))
    report = status_report(seen(counts={"synced": 2, "queued": 100_000}, unsettled=rows), a_place())

    assert "  … and 99,950 more; -v lists them" in render_status(report)


@pytest.mark.parametrize(
    ("files", "held", "words"),
    [
        (1, 1, "1 invalid (the API keeps the last good version)"),
        (2, 1, "2 invalid (of 1 the API keeps the last good version)"),
        (2, 0, "2 invalid"),
        (0, 1, "1 held (the API keeps the last good version)"),
    ],
)
def test_broken_file_is_counted_in_one_place(files: int, held: int, words: str):
    broken = tuple(replace(BROKEN, path=f"{n}.xml") for n in range(files))
    broken = tuple(replace(one, problems=tuple(replace(p, path=one.path) for p in one.problems)) for one in broken)
    report = status_report(seen(last=a_pass(HEAD, broken=broken), counts={"synced": 3, "held": held}), a_place())

    assert ("objects", f"3 synced, {words}") in overview(report)


def test_orphans_are_named_and_many_of_them_only_on_demand():
    rows = tuple(a_recorded(f"q{n:02}", standing=Standing.ORPHAN) for n in range(12))
    report = status_report(seen(counts={"synced": 3, "orphan": 12}, unsettled=rows), a_place())
    shown = [line for line in render_status(report).splitlines() if "orphan" in line]

    assert shown[1] == "  ? orphan   q00  items/q00.xml  its file is gone, it is still at the API"
    assert (len(shown), shown[-1]) == (12, "  … and 2 more orphans; -v lists them")
    assert sum("? orphan" in line for line in render_status(report, verbose=True).splitlines()) == 12
    assert len(valid(report)["orphans"]) == 12


def test_verdict_says_why_a_commit_that_is_synced_is_not_in_sync():
    def verdict(**others: Any) -> str:
        return overview(status_report(seen(**others), a_place()))[0][1].rpartition(": ")[2]

    assert verdict() == "in sync"
    assert verdict(last=a_pass(HEAD, broken=(BROKEN,)), counts={"held": 1}) == "not in sync (1 invalid)"
    assert verdict(counts={"parked": 2}, degraded=("no watches",)) == "not in sync (2 parked, degraded)"
    assert verdict(synced=None, counts={"queued": 2}) == "not in sync"


@pytest.mark.parametrize(
    ("checked", "words"),
    [
        ({"complete": True}, "10:00: nothing changed at the API"),
        ({"complete": True, "drift": 2}, "10:00: 2 drift"),
        ({"complete": False}, "10:00, but the API could not be read completely"),
        ({"complete": False, "drift": 2}, "10:00, but the API could not be read completely: 2 drift"),
    ],
)
def test_look_at_the_api_that_was_not_complete_does_not_say_that_nothing_changed(checked: dict[str, Any], words: str):
    report = status_report(seen(), a_place())
    report = replace(report, status={**report.status, "last_check": {"at": "10:00", **checked}})

    assert ("checked", words) in overview(report)
