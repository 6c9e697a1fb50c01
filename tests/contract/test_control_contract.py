"""The daemon and its in-memory twin keep the same promises to the HTTP surface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon_world import daemon, wait_until
from fake_control import FakeControl
from jsonschema import Draft202012Validator
from world import World, item_xml

from qtisync.report.job import Job, job_json
from qtisync.report.schema import REPORT_SCHEMA
from qtisync.report.value import as_json
from qtisync.web.metrics import Metrics
from qtisync.web.page import render_page
from qtisync.web.ports import Control


@dataclass
class Subject:
    """One implementation, and what makes its jobs end."""

    control: Control
    finish: Callable[[Job], None]


@pytest.fixture(params=["memory", "daemon"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param == "memory":
        fake = FakeControl()
        yield Subject(fake, lambda job: fake.end(job.id))
        return
    with World(tmp_path) as world:
        world.commit({"geo-0040.xml": item_xml("geo-0040")})
        with daemon(world) as running:
            running.until_there("geo-0040", "Two plus two?")
            wait_until(lambda: not running.controls.unready())
            yield Subject(running.controls, lambda _job: None)


def test_ring_is_a_job_that_can_be_asked_for_and_ends(subject: Subject):
    job = subject.control.ring("webhook/github")
    subject.finish(job)
    ended = subject.control.wait_for(job.id, 60.0)

    assert "webhook/github" in job.origin
    assert ended is not None
    assert (ended.id, ended.state.ended) == (job.id, True)
    assert subject.control.job(job.id) == ended
    assert job_json(ended)["ended"] is True


def test_unknown_job_is_none_at_once(subject: Subject):
    assert (subject.control.job("none"), subject.control.wait_for("none", 60.0)) == (None, None)


def test_status_is_a_valid_report_and_a_page(subject: Subject):
    report = subject.control.status()
    Draft202012Validator(REPORT_SCHEMA).validate(as_json(report))

    assert (report.kind, report.place.target in render_page(report).html) == ("status", True)


def test_object_has_a_history_and_an_unknown_one_is_none(subject: Subject):
    report = subject.control.item("geo-0040")

    assert report is not None
    assert isinstance(report.status["history"], list)
    assert subject.control.item("none") is None


def test_pause_holds_until_resume(subject: Subject):
    subject.control.pause("exam week", None)
    paused = subject.control.gauges().paused_by_person
    subject.control.resume()

    assert (paused, subject.control.gauges().paused_by_person) == (True, False)


def test_retry_says_how_many(subject: Subject):
    assert isinstance(subject.control.retry(None), int)
    assert isinstance(subject.control.retry(("none",)), int)


def test_it_says_that_it_lives_is_ready_and_how_it_is_in_numbers(subject: Subject):
    metrics = Metrics(lambda: 2_000_000_000.0)
    metrics.watch(subject.control.gauges)

    assert (subject.control.alive(), subject.control.unready()) == (True, ())
    assert f'qtisync_target_info{{target="{subject.control.gauges().target}"}} 1.0' in metrics.text().decode()
