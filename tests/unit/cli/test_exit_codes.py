"""Which code counts when several apply: 1 > 7 > 4 > 5 > 3 > 8 > 9 > 2 > 0."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qtisync.cli.exit_codes import after_plan, after_push, strongest
from qtisync.engine.drain import Drained, Ending
from qtisync.report.value import Place, Report, ReportHold, ReportProblem

PLACE = Place(repository="r", ref="main", head="c", base=None, target="t", base_url="u", capabilities={})
REPORT = Report(kind="plan", at=0.0, place=PLACE)
BROKEN = ReportProblem(path="a.xml", line=1, identifier=None, code="xml", message="m", hint="h")
HOLD = ReportHold(
    rule="mass-update", limit="30%", actual="9 of 10", message="m", items=(), override="--allow mass-update"
)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((0, 1, 7, 4, 5, 3, 8, 9, 2), 1),
        ((0, 7, 4, 5, 3, 8, 9, 2), 7),
        ((0, 4, 5, 3, 8, 9, 2), 4),
        ((0, 5, 3, 8, 9, 2), 5),
        ((0, 3, 8, 9, 2), 3),
        ((0, 8, 9, 2), 8),
        ((0, 9, 2), 9),
        ((0, 2), 2),
        ((0,), 0),
        ((), 0),
    ],
)
def test_the_strongest_code_counts(codes: tuple[int, ...], expected: int) -> None:
    assert strongest(codes) == expected


def test_a_plan_leaves_with_0_unless_asked_for_details() -> None:
    changes = replace(REPORT, summary={"create": 1}, broken=(BROKEN,), holds=(HOLD,))
    assert after_plan(changes, detailed=False, strict=False) == 0
    assert after_plan(replace(changes, holds=()), detailed=True, strict=False) == 2
    assert after_plan(changes, detailed=True, strict=False) == 4
    assert after_plan(changes, detailed=False, strict=True) == 9


@pytest.mark.parametrize("count", ["parked", "blocked", "altered", "invalid"])
def test_a_push_that_leaves_something_behind_is_partial(count: str) -> None:
    assert after_push(replace(REPORT, summary={count: 1, "applied": 3}), Drained(ending=Ending.DRAINED)) == 3


@pytest.mark.parametrize(
    ("drained", "expected"),
    [
        (Drained(ending=Ending.DRAINED), 0),
        (Drained(ending=Ending.HALTED), 7),
        (Drained(ending=Ending.HALTED, conflict=True), 5),
        (Drained(ending=Ending.HALTED, wrong_api=True), 78),
        (Drained(ending=Ending.UNAVAILABLE), 8),
        (Drained(ending=Ending.INTERRUPTED), 130),
    ],
)
def test_the_ending_of_a_push_has_its_code(drained: Drained, expected: int) -> None:
    assert after_push(REPORT, drained) == expected
