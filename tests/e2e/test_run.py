"""`qtisync run`, as a supervisor starts it and as people meet it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from daemon_world import wait_until
from jsonschema import Draft202012Validator
from world import World, item_xml

from qtisync.report.schema import REPORT_SCHEMA


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, sections={"daemon": {"listen": None, "grace": "10s"}}) as made:
        yield made


class Process:
    """The daemon as a process; its log is read as it grows."""

    def __init__(self, world: World, **environ: str) -> None:
        self.world = world
        self._out, self._err = world.folder / "daemon.out", world.folder / "daemon.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            command = world.command("run", "--format", "json")
            self.process = subprocess.Popen(
                command, cwd=world.folder, env=world.environ | environ, stdout=out, stderr=err
            )

    def events(self, name: str = "") -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._err.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if not name or line["event"] == name]

    def until(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        def look() -> list[dict[str, Any]]:
            assert self.process.poll() is None or self.events(event), self._err.read_text()[-3000:]
            found = self.events(event)
            return found if len(found) >= count else []

        return wait_until(look, f"{count} of {event}")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        assert "Traceback" not in self._err.read_text(), self._err.read_text()
        return code

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self._out.read_text())


@contextmanager
def running(world: World, **environ: str) -> Iterator[Process]:
    process = Process(world, **environ)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
        process.process.wait()


def items(count: int, words: str = "Two plus two?") -> dict[str, str]:
    return {f"q-{n:03}.xml": item_xml(f"q-{n:03}", words) for n in range(count)}


def test_stop_during_a_push_is_in_time_and_nothing_acknowledged_is_sent_twice(world: World) -> None:
    world.configure(max_requests_per_second=100.0)
    world.commit(items(300))
    with running(world) as process:
        process.until("item_settled", 40)
        assert process.end() == 0
        settled = {line["item"] for line in process.events("item_settled")}
        report = process.report

    assert (report["kind"], report["complete"]) == ("status", False)
    assert report["summary"]["pending"] == 300 - len(settled)
    with running(world) as again:
        again.until("synced")
        assert again.end() == 0
        assert again.report["status"]["in_sync"] is True
    writes = [entry.identifier for entry in world.api.journal.writes()]
    assert len(writes) == len(set(writes)) == 300
    assert len(world.api.world.items()) == 300


def test_kill_at_any_time_is_safe(world: World) -> None:
    world.configure(max_requests_per_second=150.0)
    world.commit(items(60))
    for count in (5, 25, 45):
        with running(world) as process:
            process.until("item_settled", 3)
            wait_until(lambda count=count: len(world.api.world.items()) >= count, f"{count} items")
    with running(world) as process:
        process.until("synced")
        assert process.end() == 0

    posts = [entry for entry in world.api.journal.writes() if entry.method == "POST" and entry.status == 409]
    assert (len(world.api.world.items()), posts) == (60, [])


def test_second_daemon_on_the_same_target_leaves_with_6(world: World) -> None:
    world.commit(items(2))
    with running(world) as process:
        process.until("synced")
        second = world.run("run", "--format", "json")

    assert second.code == 6
    assert "in use by “qtisync run”" in second.err
    Draft202012Validator(REPORT_SCHEMA).validate(second.report)
    assert (second.report["kind"], second.report["errored"]) == ("status", True)
    assert second.report["error"].startswith("record-locked: ")


def test_commands_reach_the_daemon_in_every_state(world: World) -> None:
    world.commit(items(2))
    with running(world) as process:
        process.until("synced")
        head = world.commit({"q-001.xml": item_xml("q-001", "By sync.")})
        ran = world.report("sync", code=0)
        assert (ran["complete"], ran["repository"]["head"]) == (True, head)  # the watch may have been quicker
        assert "By sync." in world.api.world.items()["q-001"].xml
        assert world.run("wait", "--commit", head, "--timeout", "30").code == 0

        paused = world.run("pause", "--reason", "exam week")
        assert (paused.code, paused.out) == (0, "test is paused; to go on: qtisync resume\n")
        world.commit({"q-001.xml": item_xml("q-001", "While paused.")})
        assert world.run("sync").code == 6
        by_hand = world.run("apply", "--yes")
        assert by_hand.code == 6
        assert "What it should do now: qtisync sync." in by_hand.err
        assert world.report("status", code=0)["status"]["paused"]["reason"] == "exam week"
        assert world.run("resume").out == "test goes on.\n"
        assert world.report("sync", code=0)["summary"]["invalid"] == 0
        assert "While paused." in world.api.world.items()["q-001"].xml
        assert process.end() == 0


def test_sync_beside_the_daemon_reports_its_calls_and_what_came_of_it_when_its_time_is_over(world: World) -> None:
    world.configure(max_requests_per_second=20.0)
    world.commit(items(200))
    with running(world) as process:
        process.until("item_settled", 5)
        late = world.report("sync", "--timeout", "1s", code=8)
        assert (late["kind"], late["complete"], late["errored"]) == ("sync", False, True)
        assert late["error"] == "Stopped waiting by --timeout. The daemon goes on: qtisync status"
        assert late["summary"]["applied"] + late["summary"]["pending"] == 200
        assert 5 <= late["summary"]["applied"] <= late["sent"]["calls"] <= late["summary"]["applied"] + 20
        text = world.run("sync", "--timeout", "1s")
        assert text.out.splitlines()[-1] == late["error"]
        assert process.end() == 0


def test_api_that_is_down_is_told_by_every_door(world: World) -> None:
    world.commit(items(2))
    with running(world) as process:
        process.until("synced")
        world.api.stop()
        head = world.commit({"q-001.xml": item_xml("q-001", "While it was down.")})
        process.until("api_down")
        status = world.run("status").out
        assert re.search(r"degraded +the API gives no usable answer since 20\S+: .* refuses connections", status), (
            status
        )
        assert "not in sync" in status
        failed = world.report("sync", code=8)
        assert "The daemon could not finish it and goes on trying: the API gives no usable answer" in failed["error"]
        world.api.start()
        assert world.run("wait", "--commit", head, "--timeout", "2m").code == 0
        process.until("api_up")
        assert "degraded" not in world.run("status").out
        assert process.end() == 0


def test_api_that_was_down_in_the_last_sync_is_told_until_it_answers(world: World) -> None:
    world.commit(items(2))
    assert world.run("sync").code == 0
    world.api.stop()
    world.commit({"q-001.xml": item_xml("q-001", "While it was down.")})
    gave_up = world.run("sync", "--timeout", "3s")
    assert gave_up.code == 8
    assert "Stopped by --timeout, the queue is kept: the deadline is over; the API gave no usable answer" in gave_up.out
    assert re.search(r"degraded +the API gives no usable answer since 20", world.run("status").out)
    world.api.start()
    assert world.run("sync").code == 0
    assert "degraded" not in world.run("status").out


def test_steering_works_without_a_daemon_and_holds_for_every_command(world: World) -> None:
    world.commit(items(2))
    assert world.run("pause", "--reason", "exam week", "--until", "2h").code == 0
    refused = world.run("sync")
    assert refused.code == 6
    assert "test is paused: exam week" in refused.err
    assert world.writes() == []
    assert "paused     exam week (until 20" in world.run("status").out
    assert world.run("resume").code == 0
    alone = world.run("wait", "--commit", "main", "--timeout", "0.5s")
    assert (alone.code, alone.out) == (8, "")
    assert alone.err == (
        "No daemon of test runs here: waiting for whoever runs `qtisync sync`.\n"
        "main is not synced after 0.5s. What goes on: qtisync status\n"
    )
    assert world.run("sync").code == 0
    synced = world.run("wait", "--commit", "main")
    assert (synced.code, synced.err, synced.out[7:]) == (0, "", " is synced.\n")
    assert world.run("resume").out == "test was not paused, and its queue had not halted.\n"
    assert world.run("pause", "--until", "yesterday").code == 64


def test_plan_that_the_daemon_holds_goes_on_by_the_command_that_it_names(world: World) -> None:
    world.commit(items(12))
    with running(world) as process:
        process.until("synced")
        head = world.commit(items(12, "All of them changed."))
        held = process.until("pass_held")[0]
        assert world.run("sync").code == 4
        assert world.run("wait", "--commit", head).code == 4
        status = world.run("status").out
        assert held["continue_with"] in status

        arguments = held["continue_with"].split()[1:]
        without = [word for word in arguments if word not in {"--allow", "mass-update"}]
        assert world.run(*without).code == 4
        assert world.run(*arguments).code == 0
        assert world.run(*arguments).code == 5
        assert "All of them changed." in world.api.world.items()["q-000"].xml
        assert process.end() == 0


def test_hangup_reads_the_configuration_again_and_a_broken_one_changes_nothing(world: World) -> None:
    world.commit(items(2))
    with running(world) as process:
        process.until("synced")
        file = world.folder / "qtisync.yaml"
        good = file.read_text()
        file.write_text(good.replace("max_requests_per_second", "max_requests"))
        process.process.send_signal(signal.SIGHUP)
        refused = process.until("reload_refused")[0]
        assert "max_requests" in refused["problems"][0]

        world.git("checkout", "-q", "-b", "other")
        head = world.commit({"q-001.xml": item_xml("q-001", "On another branch.")})
        file.write_text(good.replace('"ref": "main"', '"ref": "other"'))
        process.process.send_signal(signal.SIGHUP)
        process.until("daemon_reloaded")
        wait_until(lambda: "On another branch." in world.api.world.items()["q-001"].xml, "the other branch")
        assert world.run("wait", "--commit", head, "--timeout", "30").code == 0
        assert process.end(signal.SIGINT) == 0


def test_configuration_that_cannot_be_opened_leaves_the_old_one_at_work(world: World) -> None:
    world.commit(items(2))
    with running(world) as process, socket.create_server(("127.0.0.1", 0)) as taken:
        process.until("synced")
        world.sections["daemon"] = {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}
        world.configure()
        process.process.send_signal(signal.SIGHUP)
        assert "cannot" in process.until("reload_refused")[0]["problems"][0].lower()
        head = world.commit({"q-001.xml": item_xml("q-001", "Still at work.")})
        assert world.run("wait", "--commit", head, "--timeout", "60").code == 0
        assert process.end() == 0


def test_signal_rings_the_bell(world: World) -> None:
    world.commit(items(1))
    with running(world) as process:
        process.until("synced")
        process.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: world.report("status")["status"]["daemon"] is not None, "the daemon's words")
        assert process.end() == 0


def test_supervisor_is_told_of_a_first_pass_that_fails_and_of_the_one_that_does_not(world: World) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(world.folder / "notify"))
        supervisor.settimeout(60)

        def told(words: str) -> str:
            while words not in (message := supervisor.recv(4096).decode()):
                pass
            return message

        with running(world, NOTIFY_SOCKET=str(world.folder / "notify")) as process:
            assert told("READY=1") == (
                "READY=1\nSTATUS=head ?, synced never; degraded: the last pass failed: "
                f"There is no branch, tag or commit main in the repository {world.content}."
            )
            world.commit(items(1))
            told("STATUS=in sync with ")
            assert process.end() == 0
        told("STOPPING=1")
