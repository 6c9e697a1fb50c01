"""What somebody who pushed is told in their terminal."""

from __future__ import annotations

from typing import Any

from report_values import BROKEN, a_place

from qtisync.report.build import problems
from qtisync.report.push_answer import first_job_of, left_to_push, push_answer
from qtisync.report.value import ItemOutcome, Report, ReportHold, ReportItem, ReportOrphan, as_json


def an_item(identifier: str, action: str = "update", status: str = "applied", error: str | None = None) -> ReportItem:
    outcome = ItemOutcome(status=status, error=error)
    return ReportItem(identifier=identifier, kind="item", path=f"{identifier}.xml", action=action, outcome=outcome)


def a_job(state: str = "done", error: str | None = None, **report: Any) -> dict[str, Any]:
    document = as_json(Report(kind="sync", at=1.0, place=a_place(), **report))
    return {"id": "j", "state": state, "ended": True, "error": error, "report": document}


def a_status(**status: Any) -> dict[str, Any]:
    return {"kind": "status", "status": {"queue": {"queued": 211, "in_flight": 1}, **status}}


def test_counts_and_the_one_that_was_refused_are_one_line() -> None:
    items = (*(an_item(f"q{n}") for n in range(3)), an_item("q9", "create"), an_item("q7", status="altered"))

    assert push_answer(a_job(items=items, broken=problems((BROKEN,)))) == [
        '1 created, 4 updated, 1 refused: geo-0040 (line 17: correct response "D" is not a choice)'
    ]


def test_several_that_were_refused_have_a_line_each_and_many_are_counted() -> None:
    parked = tuple(an_item(f"q{n:02}", status="parked", error="RequestError no such grade") for n in range(12))
    lines = push_answer(a_job(items=(*parked, an_item("q99", status="blocked"))))

    assert lines[0] == "12 refused, 1 blocked"
    assert lines[1] == "  refused: q00 (RequestError no such grade)"
    assert (len(lines), lines[-1]) == (12, "  … and 2 more, see: qtisync status")


def test_nothing_to_do_is_said() -> None:
    assert push_answer(a_job()) == ["nothing to send, in sync at 3f2a9c1"]


def test_hold_is_said_with_the_command_that_continues_it() -> None:
    hold = ReportHold(rule="mass-update", limit="30%", actual="4 of 9", message="4 of 9 would", items=(), override="x")
    command = "qtisync apply state/held.json --allow mass-update"
    status = a_status(held_pass={"command": command})

    assert push_answer(a_job("held", holds=(hold,)), status) == [
        "held, nothing was sent: mass-update: 4 of 9 would",
        f"if this is meant: {command}",
    ]
    assert push_answer(a_job("held"))[-1] == "see: qtisync status"


def test_push_that_goes_on_says_how_much_is_left() -> None:
    assert push_answer(a_job("pushing"), a_status(), 5000) == [
        "still pushing 212 of 5,000, follow with: qtisync status"
    ]
    assert push_answer(a_job("pushing"), a_status()) == ["still pushing 212, follow with: qtisync status"]
    assert push_answer({"state": "pushing", "report": None}) == ["still pushing, follow with: qtisync status"]
    assert (left_to_push(a_status()), left_to_push(None), left_to_push({})) == (212, None, None)


def test_first_job_of_a_commit_is_looked_for_no_farther_back_than_the_ref_points_to_it() -> None:
    new, old = "a" * 40, "b" * 40
    jobs = [{"id": "4", "commit": new}, {"id": "3", "commit": None}, {"id": "2", "commit": new}]
    status = a_status(daemon={"jobs": [*jobs, {"id": "1", "commit": old}, {"id": "0", "commit": new}]})

    assert (first_job_of(status, new), first_job_of(status, old)) == ("2", None)
    assert first_job_of(a_status(), new) is first_job_of(None, new) is None


def test_pause_failure_and_reading_are_said() -> None:
    assert push_answer(a_job("paused"), a_status(paused={"reason": "exam week"})) == [
        "written down; the queue is paused (exam week). To go on: qtisync resume"
    ]
    assert push_answer(a_job("failed", error="the disk is full")) == [
        "the pass failed, the daemon tries again by itself: the disk is full"
    ]
    assert push_answer({"state": "waiting"}) == [
        "noticed; the daemon still reads the commit, follow with: qtisync status"
    ]


def test_what_would_steer_a_terminal_is_written_out() -> None:
    assert "\x1b" not in push_answer(a_job(items=(an_item("q\x1b[2J", status="parked", error="x\nremote: y"),)))[0]


def an_orphan(identifier: str, **others: Any) -> ReportOrphan:
    values = {"kind": "item", "path": f"{identifier}.xml", "new": True, "renamed_to": None, "protected": False}
    return ReportOrphan(identifier=identifier, **{**values, **others})


def test_pusher_is_told_of_what_is_gone_from_git_and_still_at_the_api() -> None:
    orphans = (an_orphan("q1"), an_orphan("q2", renamed_to="q3"), an_orphan("q4", kept="it is protected"))
    known = an_orphan("old", new=False)

    assert push_answer(a_job(orphans=(*orphans, known))) == [
        "nothing to send, in sync at 3f2a9c1",
        "  orphan: q1, q1.xml is gone; it stays at the API",
        "  orphan: q2, renamed to q3; it stays at the API",
        "  orphan: q4, q4.xml is gone; it stays at the API: it is protected",
    ]
    assert push_answer(a_job(items=(an_item("q3", "create"),), orphans=orphans[1:2])) == [
        "1 created",
        "  orphan: q2, renamed to q3; it stays at the API",
    ]


def test_many_orphans_are_counted() -> None:
    lines = push_answer(a_job(orphans=tuple(an_orphan(f"q{n:02}") for n in range(12))))

    assert (len(lines), lines[-1]) == (12, "  … and 2 more orphans, see: qtisync status")


def test_push_that_waits_for_an_api_that_is_down_is_kept() -> None:
    job = {**a_job("failed", "the API gives no usable answer since 10:32"), "cause": "unavailable"}

    assert push_answer(job) == ["kept, and sent once the API answers again: the API gives no usable answer since 10:32"]


def test_pusher_who_waits_for_an_api_that_gives_no_answer_is_told_why() -> None:
    job = {**a_job("pushing"), "ended": False, "report": None}

    assert push_answer(job, a_status(degraded=["the API gives no usable answer since 10:32"])) == [
        "still pushing 212, follow with: qtisync status",
        "  degraded: the API gives no usable answer since 10:32",
    ]
