"""What a report comes to, in a few words."""

from __future__ import annotations

from typing import Any

import pytest
from report_values import NOW, a_place

from qtisync.report.divergence import Observation
from qtisync.report.value import Report, ReportHold, ReportProblem
from qtisync.report.verdict import Tone, continuation, verdict

PROBLEM = ReportProblem(path="a.xml", line=1, identifier=None, code="x", message="m", hint="h")
HOLD = ReportHold(rule="mass-update", limit="", actual="", message="", items=(), override="--allow mass-update")
HALF = Observation(at=NOW, complete=False)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("plan", {"errored": True}, (Tone.BAD, "It could not be finished")),
        ("plan", {"holds": (HOLD,)}, (Tone.BAD, "Held by a safety rule: nothing was written")),
        ("plan", {"create": 1}, (Tone.NEWS, "1 change to send")),
        ("plan", {"update_content": 1000, "update_metadata": 1}, (Tone.NEWS, "1,001 changes to send")),
        ("plan", {"create": 1, "parked": 1}, (Tone.WARN, "1 change to send")),
        ("plan", {"create": 1, "broken": (PROBLEM,)}, (Tone.WARN, "1 change to send, and files that cannot be")),
        ("plan", {}, (Tone.GOOD, "Nothing to send")),
        ("plan", {"parked": 2}, (Tone.WARN, "Nothing to send, but not all is well")),
        ("apply", {"applied": 2}, (Tone.GOOD, "Everything was applied")),
        ("sync", {}, (Tone.GOOD, "Nothing had to be sent")),
        ("sync", {"applied": 2, "parked": 1}, (Tone.WARN, "Done, but not all of it was accepted")),
        ("sync", {"complete": False}, (Tone.WARN, "Not finished: the rest is queued")),
        ("sync", {"broken": (PROBLEM,)}, (Tone.WARN, "Done, except for files that cannot be read")),
        ("validate", {}, (Tone.GOOD, "Everything is valid")),
        ("validate", {"warnings": (PROBLEM,)}, (Tone.WARN, "Valid, with warnings")),
        ("validate", {"broken": (PROBLEM,)}, (Tone.BAD, "Files that cannot be sent")),
        ("status", {"status": {"in_sync": True}}, (Tone.GOOD, "In sync")),
        ("status", {"status": {"in_sync": False}}, (Tone.NEWS, "Not in sync yet")),
        ("status", {"status": {"in_sync": False}, "parked": 1}, (Tone.WARN, "Some items need attention")),
        ("status", {"status": {"in_sync": False}, "pending": 3}, (Tone.NEWS, "3 to be sent")),
        ("status", {"status": {"degraded": ["the API"]}, "pending": 3}, (Tone.WARN, "Degraded")),
        ("check", {}, (Tone.GOOD, "Git and the API agree")),
        ("check", {"observed": HALF}, (Tone.WARN, "The API could not be read completely")),
        ("check", {"drift": 1}, (Tone.WARN, "1 object is not the same everywhere")),
        ("check", {"invalid": 1}, (Tone.WARN, "Git and the API agree, but not all is well")),
        ("compare", {}, (Tone.GOOD, "The same at both targets")),
        ("compare", {"difference": 2}, (Tone.WARN, "2 objects are not the same everywhere")),
    ],
)
def test_verdict(kind: str, values: dict[str, Any], said: tuple[Tone, str]):
    counts = {name: value for name, value in values.items() if isinstance(value, int) and not isinstance(value, bool)}
    others = {name: value for name, value in values.items() if name not in counts}

    assert verdict(Report(kind=kind, at=NOW, place=a_place(), summary=counts, **others)) == said


def test_only_a_held_plan_has_a_command_to_go_on_with():
    assert continuation(Report(kind="plan", at=NOW, place=a_place(), go_on="qtisync apply")) == ""
    assert continuation(Report(kind="plan", at=NOW, place=a_place(), holds=(HOLD,))) == (
        "qtisync plan --out plan.json && qtisync apply plan.json --allow mass-update"
    )
