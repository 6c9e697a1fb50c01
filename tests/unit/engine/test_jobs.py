"""Rings of the bell as jobs."""

import threading
import time
from dataclasses import replace

import pytest
from builders import a_key
from fakes import FakeClock

from qtisync.engine.jobs import FEW, KEPT, Jobs, Waiting
from qtisync.engine.timing import Rings
from qtisync.errors import StoreError
from qtisync.report.job import JobState
from qtisync.report.value import Place, Report, ReportOrphan

REPORT = Report(
    kind="sync",
    at=0.0,
    place=Place(repository="", ref="", head="", base=None, target="", base_url="", capabilities={}),
)
Q1, Q2 = a_key("q1"), a_key("q2")


@pytest.fixture
def clock():
    return FakeClock(now=100.0)


@pytest.fixture
def told():
    return []


@pytest.fixture
def jobs(clock, told):
    return Jobs(clock, told.append)


def pushing(jobs, *keys, origin="hook", report=lambda: REPORT):
    jobs.ring(origin)
    job = jobs.take()
    jobs.pushing(job, "c1", keys, report)
    return job


def test_rings_before_a_pass_are_one_job(jobs, clock):
    first = jobs.ring("refs")
    clock.advance(1.0)
    second = jobs.ring("hook")

    assert (second.id, second.origin, second.asked_at) == (first.id, "refs, hook", 100.0)
    assert jobs.rings() == Rings(first=100.0, last=101.0, origins=("refs", "hook"))


def test_ring_during_a_pass_is_another_job(jobs):
    first = jobs.ring("refs")
    taken = jobs.take()
    second = jobs.ring("refs")

    assert taken is not None
    assert (taken.id, taken.state) == (first.id, JobState.READING)
    assert second.id != first.id
    assert jobs.take().id == second.id
    assert (jobs.take(), jobs.rings()) == (None, None)


def test_job_is_done_when_all_that_it_waits_for_is_settled(jobs, told):
    job = pushing(jobs, Q1, Q2)
    jobs.settled([Q1])
    assert jobs.find(job.id).state is JobState.PUSHING
    jobs.settled([Q2])

    done = jobs.find(job.id)
    assert (done.state, done.commit, done.report, done.ended_at) == (JobState.DONE, "c1", REPORT, 100.0)
    assert [one.state for one in told] == [JobState.PUSHING, JobState.DONE]


def test_pass_that_changes_nothing_is_done_at_once(jobs, told):
    job = pushing(jobs)

    assert jobs.find(job.id).state is JobState.DONE
    assert [one.state for one in told] == [JobState.DONE]


def test_fix_is_done_while_a_bulk_goes_on(jobs):
    bulk, fix = pushing(jobs, Q1, Q2), pushing(jobs, Q1)
    jobs.settled([Q1])

    assert (jobs.find(bulk.id).state, jobs.find(fix.id).state) == (JobState.PUSHING, JobState.DONE)
    assert jobs.waiting() == Waiting(jobs=frozenset({bulk.id}), keys=frozenset({Q2}))


def test_queue_that_stops_ends_every_job_with_its_reason(jobs):
    job = pushing(jobs, Q1)
    jobs.drained(JobState.FAILED, "AuthError: no")

    ended = jobs.find(job.id)
    assert (ended.state, ended.error, ended.report) == (JobState.FAILED, "AuthError: no", REPORT)


def test_what_ended_does_not_move_any_more(jobs):
    job = pushing(jobs, Q1)
    jobs.end(job, JobState.FAILED, error="first")
    jobs.end(job, JobState.DONE)
    jobs.settled([Q1])

    assert (jobs.find(job.id).state, jobs.find(job.id).error) == (JobState.FAILED, "first")


def test_who_waits_for_a_job_wakes_at_its_end(jobs):
    job = pushing(jobs, Q1)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(jobs.wait_for(job.id, 60.0)))
    thread.start()
    jobs.settled([Q1])
    thread.join(10)

    assert [one.state for one in answers] == [JobState.DONE]


def test_wait_ends_after_its_time_and_for_an_unknown_job_at_once(jobs):
    job = pushing(jobs, Q1)

    assert jobs.wait_for(job.id, 0.0).state is JobState.PUSHING
    assert jobs.wait_for("nothing", 60.0) is None


def test_old_jobs_are_forgotten(jobs):
    first = pushing(jobs)
    for _ in range(KEPT):
        pushing(jobs)

    assert jobs.find(first.id) is None


def test_newest_jobs_leave_out_looks_that_found_nothing(jobs):
    pushing(jobs, origin="poll")
    asked = pushing(jobs, origin="hook")

    assert [job.id for job in jobs.newest(5)] == [asked.id]


def test_newest_jobs_have_one_that_only_made_an_orphan(jobs):
    orphan = ReportOrphan(identifier="q1", kind="item", path="q1.xml", new=True, renamed_to=None, protected=False)
    kept = pushing(jobs, origin="refs", report=lambda: replace(REPORT, orphans=(orphan,)))
    pushing(jobs, origin="refs", report=lambda: replace(REPORT, orphans=(replace(orphan, new=False),)))

    assert [job.id for job in jobs.newest(5)] == [kept.id]


def test_report_of_a_job_that_is_being_pushed_can_be_had_before_its_end(jobs):
    assert jobs.so_far("unknown") is None
    jobs.ring("hook")
    job = jobs.take()
    assert jobs.so_far(job.id).report is None
    jobs.pushing(job, "c1", [a_key("q1")], lambda: REPORT)

    assert (jobs.so_far(job.id).report, jobs.so_far(job.id).state) == (REPORT, JobState.PUSHING)
    assert jobs.find(job.id).report is None


def test_ring_just_before_the_wait_for_one_is_not_lost(jobs):
    jobs.rings()
    jobs.ring("refs")
    began = time.monotonic()
    jobs.wait_for_ring(60.0)
    jobs.wake()
    jobs.wait_for_ring(60.0)

    assert time.monotonic() - began < 30


def test_looks_at_a_commit_that_is_being_pushed_share_one_report_and_one_list(jobs):
    """Otherwise each poll during a long push would keep a plan of its own in memory."""
    made = []

    def report():
        made.append(1)
        return REPORT

    polls = []
    for _ in range(3):
        jobs.ring("poll")
        polls.append(jobs.take())
        jobs.pushing(polls[-1], "c1", [Q1, Q2], report)
    jobs.settled([Q1])
    assert jobs.waiting() == Waiting(jobs=frozenset(one.id for one in polls), keys=frozenset({Q2}))
    jobs.settled([Q2])

    assert [jobs.find(one.id).state for one in polls] == [JobState.DONE] * 3
    assert made == [1]


def test_what_a_look_at_the_record_said_counts_for_those_only_who_waited_then(jobs):
    """A pass that began meanwhile wants a newer target of the same object."""
    old = pushing(jobs, Q1)
    waiting = jobs.waiting()
    jobs.ring("hook")
    new = jobs.take()
    jobs.pushing(new, "c2", [Q1], lambda: REPORT)
    jobs.settled([Q1], waiting)

    assert (jobs.find(old.id).state, jobs.find(new.id).state) == (JobState.DONE, JobState.PUSHING)


def test_everything_but_what_still_moves_is_settled(jobs):
    bulk, fix = pushing(jobs, Q1, Q2), pushing(jobs, Q1)
    jobs.settled_but([Q2], jobs.waiting())

    assert (jobs.find(bulk.id).state, jobs.find(fix.id).state) == (JobState.PUSHING, JobState.DONE)


def test_more_than_a_few_objects_are_not_listed(jobs):
    job = pushing(jobs, *(a_key(f"q{number}") for number in range(FEW + 1)))

    assert jobs.waiting() == Waiting(jobs=frozenset({job.id}), keys=None)


def test_job_that_is_pushed_for_days_does_not_keep_the_others_from_being_forgotten(jobs):
    bulk = pushing(jobs, Q1, Q2)
    first = pushing(jobs)
    for _ in range(KEPT):
        pushing(jobs)

    assert jobs.find(first.id) is None
    assert jobs.find(bulk.id).state is JobState.PUSHING


def test_record_that_cannot_be_read_keeps_no_job_from_its_end(jobs):
    def report():
        raise StoreError("The disk is away.", hint="")

    jobs.ring("hook")
    job = jobs.take()
    jobs.pushing(job, "c1", [Q1], report)
    jobs.settled([Q1])

    assert (jobs.find(job.id).state, jobs.find(job.id).report) == (JobState.DONE, None)
