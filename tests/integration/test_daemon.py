"""The daemon on a real repository, a real record and a sandbox API: what it promises to those who push."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from daemon_world import PATIENCE, daemon, wait_until
from world import World, item_xml

from qtisync.app import load_setup
from qtisync.engine import pause as pauses
from qtisync.engine.timing import Timing
from qtisync.report.job import JobState


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, sections={"daemon": {"listen": None}, "repository": {"poll_every": "1s"}}) as made:
        yield made


def items(count: int, words: str = "Two plus two?") -> dict[str, str]:
    return {f"q-{n:03}.xml": item_xml(f"q-{n:03}", words) for n in range(count)}


def setting(world: World, name: str) -> object:
    with closing(load_setup(world.folder / "qtisync.yaml", None, world.environ).open_reader()) as reader:
        return reader.setting(name)


def test_push_into_a_bare_repository_is_at_the_api_without_a_ring(world: World) -> None:
    world.commit(items(3))
    bare = world.folder / "content.git"
    subprocess.run(["git", "clone", "-q", "--bare", world.content, bare], check=True)
    world.sections["repository"] = {"path": "content.git", "poll_every": "1h"}
    world.configure()
    with daemon(world) as process:
        process.synced(world.git("rev-parse", "HEAD"))
        head = world.commit({"q-001.xml": item_xml("q-001", "Pushed.")})
        world.git("push", "-q", str(bare), "main")
        process.until_there("q-001", "Pushed.")
        process.synced(head)


@pytest.mark.parametrize("lost", [0.0, 0.5, 1.0])
def test_no_push_is_missed_however_many_events_are_lost(world: World, lost: float) -> None:
    """I6: only latency changes. 200 pushes are in benchmarks/pushes.py; here are a few, each seen to arrive."""
    dice = random.Random(7)
    world.commit(items(3))
    with daemon(world) as process:
        heard = process.service._moved  # type: ignore[attr-defined]
        process.service.watcher._ring = lambda: None if dice.random() < lost else heard()  # type: ignore[attr-defined]
        for turn in range(4):
            head = world.commit({"q-001.xml": item_xml("q-001", f"Turn {turn}.")})
            process.until_there("q-001", f"Turn {turn}.")
        process.synced(head)


def test_nothing_is_sent_while_a_person_pauses_and_everything_after(world: World) -> None:
    world.commit(items(3))
    with daemon(world) as process:
        process.settled()
        process.controls.pause("exam week", None)
        head = world.commit({"q-001.xml": item_xml("q-001", "During the exam.")})
        before = len(world.writes())
        job = process.settled()
        status = process.controls.status().status

        assert (job.state, len(world.writes())) == (JobState.PAUSED, before)
        assert (status["paused"]["reason"], status["in_sync"]) == ("exam week", False)
        process.controls.resume()
        process.until_there("q-001", "During the exam.")
        process.synced(head)
        assert process.controls.status().status["paused"] is None


def test_job_that_comes_during_a_pause_is_told_so_even_if_it_finds_nothing_new(world: World) -> None:
    world.commit(items(3))
    with daemon(world) as process:
        process.settled()
        process.controls.pause("exam week", None)
        world.commit({"q-001.xml": item_xml("q-001", "During the exam.")})

        assert [process.settled().state for _ in range(3)] == [JobState.PAUSED] * 3


def test_polls_during_a_long_push_end_with_it_and_keep_one_plan(world: World) -> None:
    world.configure(max_requests_per_second=40.0)
    head = world.commit(items(120))
    with daemon(world) as process:
        process.until_there("q-003", "Two plus two?")
        polls = [process.in_state(process.ring("poll"), JobState.PUSHING) for _ in range(3)]
        entries = process.service.jobs._entries
        kept = {id(entries[poll.id].report) for poll in polls}
        process.synced(head)
        ended = [process.controls.wait_for(poll.id, PATIENCE) for poll in polls]

    assert len(kept) == 1
    assert [job is not None and job.state for job in ended] == [JobState.DONE] * 3


def test_pause_holds_over_a_restart_and_ends_at_its_time(world: World) -> None:
    world.commit(items(2))
    with daemon(world) as process:
        process.settled()
        process.controls.pause("tonight", process.service.bench.clock.now() + 3600)
    world.commit({"q-001.xml": item_xml("q-001", "Later.")})
    before = len(world.writes())
    with daemon(world) as process:
        assert process.settled().state is JobState.PAUSED
        assert len(world.writes()) == before
        store, now = process.service.bench.store, process.service.bench.clock.now()
        pauses.begin(store, pauses.Pause(reason="", since=now, until=now + 0.1))
        process.until_there("q-001", "Later.")


def test_held_pass_is_told_everywhere_and_goes_on_when_it_is_approved(world: World) -> None:
    world.commit(items(12))
    with daemon(world) as process:
        process.settled()
        head = world.commit(items(12, "All of them changed."))
        job = process.settled()
        held = process.service.bench.store.setting("held")

        assert (job.state, job.commit) == (JobState.HELD, head)
        assert job.report is not None
        assert [hold.rule for hold in job.report.holds] == ["mass-update"]
        assert isinstance(held, dict)
        assert str(held["command"]).startswith("qtisync apply ")
        assert "--allow mass-update" in str(held["command"])
        assert process.controls.gauges().held is True
        assert "Two plus two?" in world.api.world.items()["q-000"].xml

        wrong = process.controls.approve("sha256:of-another-plan", ("mass-update",), "test")
        process.in_state(wrong, JobState.HELD)
        approved = process.controls.approve(job.report.checksum, ("mass-update",), "test")
        process.in_state(approved, JobState.DONE)
        process.synced(head)
        assert process.service.bench.store.setting("held") is None
        assert "All of them changed." in world.api.world.items()["q-000"].xml
    assert process.log.names().count("pass_held") == 1


def test_refused_credentials_halt_the_queue_and_resume_takes_it_up(world: World) -> None:
    world.commit(items(5))
    secret = world.folder / "secret"
    secret.write_text("wrong")
    world.configure(client_secret=f"file/{secret}")
    with daemon(world) as process:
        job = process.in_state(process.ring(), JobState.FAILED)
        tokens = [entry for entry in world.api.journal.entries() if entry.path == "/oauth2/token"]

        assert job.error is not None
        assert "AuthError" in job.error
        assert process.controls.unready() != ()
        assert process.controls.gauges().items == {"queued": 5}
        assert len(tokens) <= 2
        assert all(row.attempts == 0 for row in process.service.bench.store.recorded().values())

        later = process.controls.wait_for(
            process.ring().id, PATIENCE
        )  # no new commit, and the queue rests for a minute
        assert later is not None
        assert (later.state, later.cause) == (JobState.FAILED, "credentials")

        secret.write_text(world.api.client_secret)
        process.controls.resume()
        process.synced(world.git("rev-parse", "HEAD"))
        assert process.controls.unready() == ()


def test_api_that_is_down_and_comes_back_loses_nothing(world: World) -> None:
    world.commit(items(5))
    with daemon(world) as process:
        process.settled()
        world.api.stop()
        head = world.commit({"q-001.xml": item_xml("q-001", "While it was down.")})
        process.ring()
        wait_until(lambda: "queue_paused" in process.log.names() or "item_retry" in process.log.names(), "trouble")
        world.api.start()
        process.until_there("q-001", "While it was down.")
        process.synced(head)


def test_new_head_during_a_long_push_supersedes_at_once(world: World) -> None:
    world.configure(max_requests_per_second=60.0)
    world.commit(items(120))
    with daemon(world) as process:
        process.until_there("q-003", "Two plus two?")
        world.commit({"q-119.xml": item_xml("q-119", "The newest.")})
        process.until_there("q-119", "The newest.")
        assert len(world.api.world.items()) < 120
    writes = [entry for entry in world.api.journal.writes() if entry.identifier == "q-119"]
    assert len(writes) == 1


def test_unexpected_failures_in_a_row_end_it_for_its_supervisor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sections["daemon"] = {"listen": None, "give_up_after": 3}
    world.configure()
    world.commit(items(1))
    with daemon(world) as process:
        process.settled()
        process.service.daemon._timing = Timing(retry=0.01)
        process.service.daemon._reconcile = _a_bug  # type: ignore[method-assign]
        process.ring()
        wait_until(lambda: not process.service.running, "the end")

    assert isinstance(process.service.error, ZeroDivisionError)
    assert process.log.names().count("turn_failed") == 3


def _a_bug(_job: object) -> bool:
    raise ZeroDivisionError


def test_flood_of_rings_causes_a_handful_of_passes(world: World) -> None:
    world.commit(items(3))
    with daemon(world) as process:
        process.settled()
        passes: list[int] = []
        original = process.service.daemon._reconcile

        def counted(job: object) -> bool:
            passes.append(1)
            return original(job)  # type: ignore[arg-type]

        process.service.daemon._reconcile = counted  # type: ignore[method-assign]
        began = time.monotonic()
        threads = [
            threading.Thread(target=lambda: [process.ring("webhook/github") for _ in range(250)]) for _ in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        job = process.settled()
        took = time.monotonic() - began

    assert job.state is JobState.DONE
    assert len(passes) <= 8 + 2 * took


def test_daemon_that_lives_says_so_and_one_that_hangs_does_not(world: World) -> None:
    world.commit(items(1))
    with daemon(world) as process:
        process.settled()
        assert process.controls.alive()
        process.service.daemon.seen.beat_until = 0.0
        wait_until(process.controls.alive, "the next turn")


def test_retry_sends_again_what_was_parked(world: World) -> None:
    world.api.faults.add("422@POST:times=1:id=q-001")
    head = world.commit(items(3))
    with daemon(world) as process:
        process.synced(head)
        assert process.controls.gauges().items == {"synced": 2, "parked": 1}
        assert process.controls.retry(("nothing",)) == 0
        assert process.controls.retry(("q-001",)) == 1
        process.until_there("q-001", "Two plus two?")
        wait_until(lambda: process.controls.gauges().items == {"synced": 3}, "everything synced")


def test_journal_is_kept_as_long_as_it_is_configured(world: World) -> None:
    world.commit(items(2))
    with daemon(world) as process:
        process.settled()
        store, seen = process.service.bench.store, process.service.daemon.seen
        wait_until(lambda: seen.tidied_at is not None, "a look at the journal")
        before = len(store.history(None, 1000))
        process.service.daemon._rounds = replace(process.service.daemon._rounds, keep_journal=0.001)
        for turn in range(3):
            world.commit({"q-001.xml": item_xml("q-001", f"Turn {turn}.")})
            process.settled()
        seen.tidied_at = None

        assert before > 0
        wait_until(lambda: len(store.history(None, 1000)) < before + 3, "a shorter journal")
        assert process.service.running


def test_deletes_are_held_until_a_person_approves_and_go_after_everything_else(world: World) -> None:
    world.target = {"removal": "delete", "max_update": "100%"}
    world.configure()
    world.commit(items(3))
    with daemon(world) as process:
        process.synced(world.git("rev-parse", "HEAD"))
        head = world.commit({"q-001.xml": None, "q-002.xml": item_xml("q-002", "Edited.")})
        held = process.in_state(process.ring(), JobState.HELD)
        assert held.report is not None
        assert [hold.rule for hold in held.report.holds] == ["mass-delete"]
        assert world.api.world.item("q-001") is not None
        process.controls.approve(held.report.checksum, ("mass-delete",), "test")
        wait_until(lambda: world.api.world.item("q-001") is None, "q-001 is gone")
        process.synced(head)
        assert world.writes()[-2:] == [("PUT", "/assessment-items/q-002"), ("DELETE", "/assessment-items/q-001")]
        assert setting(world, "held") is None
