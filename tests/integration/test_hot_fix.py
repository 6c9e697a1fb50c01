"""A fix of one item, pushed in the middle of a bulk of 5,000: it is at the API at once, and the bulk goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_world import daemon
from world import World, item_xml

from qtisync.model import Lane
from qtisync.report.job import JobState

RATE = 200.0
BULK = 5_000
ALLOWED = 2.0  # seconds at the pace that is allowed


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, target={"max_requests_per_second": RATE}) as made:
        yield made


@pytest.mark.slow
def test_fix_pushed_into_a_bulk_of_5000_is_at_the_api_within_two_seconds(world: World) -> None:
    world.commit({f"{n // 500}/q-{n:04}.xml": item_xml(f"q-{n:04}") for n in range(BULK)})
    with daemon(world) as process:
        process.until_there("q-0200", "Two plus two?")
        assert "q-4999" not in world.api.world.items()

        world.commit(
            {
                "0/q-0000.xml": item_xml("q-0000", "A wrong key is corrected."),  # at the API: one GET, one PUT
                "9/q-4999.xml": item_xml("q-4999", "It never saw its first version."),  # last of those that wait
            }
        )
        began = time.monotonic()
        process.ring()
        times = [
            process.until_there("q-0000", "A wrong key is corrected.") - began,
            process.until_there("q-4999", "It never saw its first version.") - began,
        ]
        waiting = BULK - len(world.api.world.items())

    assert waiting > BULK / 2
    assert max(times) < ALLOWED, times
    print(f"the fix was at the API after {times[0]:.2f} s and {times[1]:.2f} s; {waiting} items were still waiting")
    fixed = [entry for entry in world.api.journal.writes() if entry.identifier == "q-4999"]
    assert len(fixed) == 1  # what the fix superseded was never sent


def test_every_ring_is_answered_and_the_end_is_the_newest_commit(world: World) -> None:
    world.commit({f"q-{n:02}.xml": item_xml(f"q-{n:02}") for n in range(60)})
    with daemon(world) as process:
        for turn in range(3):
            process.until_there(f"q-{turn:02}", "Two plus two?")
            head = world.commit({"q-59.xml": item_xml("q-59", f"Version {turn}")})
            job = process.ring()
        process.synced(head)
        ended = process.in_state(job, JobState.DONE)
        lanes = {row.lane for row in process.service.bench.store.recorded().values()}

    assert (ended.commit, len(world.api.world.items())) == (head, 60)
    assert "Version 2" in world.api.world.items()["q-59"].xml
    assert lanes == {Lane.BULK, Lane.NORMAL}


def test_pass_that_fails_is_told_and_the_push_goes_on(world: World) -> None:
    head = world.commit({f"q-{n:02}.xml": item_xml(f"q-{n:02}") for n in range(60)})
    with daemon(world) as process:
        process.until_there("q-00", "Two plus two?")
        (world.content / ".git").rename(world.content / "moved")
        job = process.settled()
        degraded = process.controls.degraded()
        (world.content / "moved").rename(world.content / ".git")
        process.synced(head)
        assert len(world.api.world.items()) == 60
        again = process.settled()

    assert job.state is JobState.FAILED
    assert job.error is not None
    assert str(world.content) in job.error
    assert degraded[0].startswith("the last pass failed: ")
    assert again.state is JobState.DONE
    assert "pass_failed" in process.log.names()
