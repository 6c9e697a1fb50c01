"""The text of a report: one line per object, then one sentence, and what to do next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_recorded, a_snapshot, an_item
from report_values import HEAD, NOW, URL, a_place, rows_after_push, sample_plan

from qtisync.model import ItemStatus, Problem, RepoPath, Standing
from qtisync.planning.diff import diff
from qtisync.planning.plan import Destination, Hold
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.text import MAX_LINES, conclusion, first_problems, headline, render_text
from qtisync.report.value import Report, ReportProblem

SAMPLE = """\
qtisync plan  target=staging  127.0.0.1:8765  repo=content@3f2a9c1 (main)  base=8be0d44
  ~ update   alg-0102  items/algebra/alg-0102.xml      content  ! answer key
  + create   alg-0417  items/algebra/alg-0417.xml      content, metadata
  > move     bio-0009  items/bio/old.xml → items/bio/new.xml  no call
  ~ update   geo-0033  items/geometry/geo-0033.yaml    metadata  difficulty: medium → hard
  ? orphan   alg-0007  items/algebra/alg-0007.xml      report only
  x invalid  geo-0040  items/geometry/geo-0040.xml:17  correct response "D" is not a choice. Add the choice or correct the key.
Plan: 1 create, 2 update, 0 delete, 1 moved, 1 orphan, 1 invalid, 1,236 unchanged.  3 calls, ≈ 1 s.
"""


def a_problem(path: str, message: str = "is broken") -> ReportProblem:
    return ReportProblem(path=path, line=None, identifier=None, code="x", message=message, hint="")


def a_report(**others: object) -> Report:
    return replace(plan_report(sample_plan(), a_place(), NOW), **others)


def many(count: int) -> Report:
    plan = diff(
        a_snapshot(*(an_item(f"q{n:04}") for n in range(count)), an_item("z", content="c2")),
        {row.key: row for row in [a_recorded("z")]},
        Destination(target="staging", base_url=URL),
    )
    return plan_report(plan, a_place(), NOW)


def test_plan_reads_as_the_sample_of_the_interface():
    assert render_text(a_report()) == SAMPLE


def test_same_world_prints_the_same_text():
    assert render_text(a_report()) == render_text(a_report())


def test_push_says_what_became_of_each_object():
    report = push_report("apply", sample_plan(), rows_after_push(), a_place(), NOW, Course(sent=5, took=2.4))

    assert (
        render_text(report)
        == """\
qtisync apply  target=staging  127.0.0.1:8765  repo=content@3f2a9c1 (main)  base=8be0d44
  ~ update   alg-0102  items/algebra/alg-0102.xml      content  ! answer key  parked: RequestError 400: Stimulus(s) not found
  + create   alg-0417  items/algebra/alg-0417.xml      content, metadata  applied
  > move     bio-0009  items/bio/old.xml → items/bio/new.xml  no call
  ~ update   geo-0033  items/geometry/geo-0033.yaml    metadata  difficulty: medium → hard  pending
  ? orphan   alg-0007  items/algebra/alg-0007.xml      report only
  x invalid  geo-0040  items/geometry/geo-0040.xml:17  correct response "D" is not a choice. Add the choice or correct the key.
Apply: 1 applied, 1 pending, 1 moved, 1 orphan, 1 invalid, 1 parked, 1,236 unchanged.  5 calls in 2 s.
Parked objects wait for an edit, or for: qtisync retry --failed
"""
    )


def test_plan_without_changes_says_so():
    plan = diff(a_snapshot(an_item()), {a_recorded().key: a_recorded()}, Destination(target="staging", base_url=URL))

    assert conclusion(plan_report(plan, a_place(), NOW)) == ("Plan: 0 changes, 1 unchanged.")


def test_held_plan_names_rule_objects_and_the_way_on():
    holds = (
        Hold(rule="mass-update", limit="30%", actual="412 of 1240", message="412 of 1240 would be updated", keys=()),
        Hold(rule="new-target", limit="a", actual="b", message="goes elsewhere", keys=()),
    )
    lines = render_text(plan_report(sample_plan(holds=holds), a_place(), NOW)).splitlines()

    assert lines[-4:-2] == ["held by mass-update: 412 of 1240 would be updated", "held by new-target: goes elsewhere"]
    assert lines[-1].endswith("--allow mass-update --allow new-target")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (a_place(), "repo=content@3f2a9c1 (main)  base=8be0d44"),
        (a_place(base=None), "repo=content@3f2a9c1 (main)"),
        (a_place(base=HEAD), "repo=content@3f2a9c1 (main)"),
        (a_place(base=None, ref="refs/tags/v1", repository="/srv/items/"), "repo=items@3f2a9c1 (v1)"),
        (a_place(base=None, ref=HEAD, repository="."), f"repo=.@3f2a9c1 ({HEAD})"),
    ],
)
def test_headline_names_target_host_and_commit(place, words: str):
    assert headline(a_report(place=place)) == f"qtisync plan  target=staging  127.0.0.1:8765  {words}"


def test_long_plan_is_cut_with_a_count_and_keeps_what_matters():
    report = many(MAX_LINES + 10)
    lines = render_text(report).splitlines()

    assert len(lines) == MAX_LINES + 3
    assert sum("answer key" in line for line in lines) == 1
    assert "11 more" in lines[-2]
    assert "11 more" not in render_text(report, verbose=True)
    assert len(render_text(report, verbose=True).splitlines()) == MAX_LINES + 13


def test_orphans_of_earlier_commits_are_only_counted():
    rows = [a_recorded("q1", standing=Standing.ORPHAN), a_recorded("q2", standing=Standing.ORPHAN)]
    plan = diff(a_snapshot(), {row.key: row for row in rows}, Destination(target="staging", base_url=URL))
    report = plan_report(plan, a_place(), NOW)

    assert "2 known" in render_text(report)
    assert "q1" not in render_text(report)
    assert "q1" in render_text(report, verbose=True)


def test_file_with_several_problems_shows_the_first_and_a_count():
    several = (a_problem("a.xml", "first"), a_problem("b.xml"), a_problem("a.xml", "second"))

    assert first_problems(several) == [(several[0], 1), (several[1], 0)]
    assert "first (and 1 more problem in it)" in render_text(a_report(broken=several))


def test_object_that_waits_is_named_by_how_it_waits():
    row = a_recorded(status=ItemStatus.PARKED, last_outcome="RequestError", last_error="400: no")
    plan = sample_plan(changes=(), moves=(), orphans=(), broken=(), parked=(row,))
    revived = replace(row, status=ItemStatus.QUEUED)

    assert "  ! parked   q1  items/q1.xml  RequestError 400: no\n" in render_text(plan_report(plan, a_place(), NOW))
    report = push_report("apply", plan, {row.key: revived}, a_place(), NOW, Course())
    assert "  ! pending  q1  items/q1.xml  RequestError 400: no\n" in render_text(report)


def test_warnings_are_listed():
    plan = sample_plan(warnings=(Problem(path=RepoPath("a.xml"), code="x", message="has no title", line=3),))

    assert "\n  ! a.xml:3 has no title\n" in render_text(plan_report(plan, a_place(), NOW))


def test_run_that_ended_early_says_why():
    course = Course(error="The API is not available, the queue is kept.", complete=False)
    report = push_report("sync", sample_plan(), {}, a_place(), NOW, course)

    assert (report.errored, report.complete) == (True, False)
    assert "The API is not available, the queue is kept.\n" in render_text(report)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.4, "0.4 s"), (1.0, "1 s"), (59, "59 s"), (119, "119 s"), (120, "2 min"), (7200, "2.0 h")],
)
def test_durations_are_told_roughly(seconds: float, words: str):
    assert conclusion(a_report(seconds=seconds)).endswith(f"3 calls, ≈ {words}.")
    assert conclusion(a_report(calls=1, seconds=seconds)).endswith(f"1 call, ≈ {words}.")


def test_paint_changes_nothing_but_colour():
    assert render_text(a_report(), paint=lambda text, style: text if style else "") == SAMPLE
