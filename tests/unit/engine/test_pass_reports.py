"""The reports of a daemon's passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from engine_world import EngineWorld
from world import item_xml

from qtisync.engine.cycle import Run, apply
from qtisync.engine.reports import pass_report, pushed_report
from qtisync.report.value import Report


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    made.source.commit({f"q{n}.xml": item_xml(f"q{n}").encode() for n in range(2)})
    yield made
    made.close()


def outcomes(report: Report) -> list[tuple[str, str]]:
    return [(item.identifier, item.outcome.status) for item in report.items]


def test_held_pass_shows_its_plan_and_nothing_as_sent(world: EngineWorld) -> None:
    report = pass_report(world.bench, world.prepare())

    assert (report.kind, report.place.head, outcomes(report)) == (
        "plan",
        world.source.resolve("main"),
        [("q0", "pending"), ("q1", "pending")],
    )


def test_pushed_pass_shows_what_became_of_each_object_so_far(world: EngineWorld) -> None:
    prepared = world.prepare()
    apply(world.bench, prepared, Run())
    plan_alone = replace(prepared, snapshot=None, recorded={}, fresh={})  # what a daemon keeps of it
    report = pushed_report(world.bench, plan_alone, 2.0, 3)

    assert (report.kind, report.at, report.sent, report.calls_per_change, outcomes(report)) == (
        "sync",
        prepared.record.at + 2.0,
        3,
        1.5,
        [("q0", "applied"), ("q1", "applied")],
    )
