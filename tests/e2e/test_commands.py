"""The other commands, as a newcomer uses them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from world import World, item_xml

from qtisync.cli import COMMANDS

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        made.commit({"a.xml": item_xml("q-a"), "a.yaml": "grade: 5\n"})
        yield made


def test_every_command_is_in_the_help_and_in_the_readme(world: World) -> None:
    shown = world.run("--help").out
    documented = README.read_text()
    for name in COMMANDS:
        assert re.search(rf"^  {name}\b", shown, re.MULTILINE), name
        assert f"qtisync {name}" in documented or f"make {name}" in documented, name
        helped = world.run(name, "--help")
        assert helped.code == 0, name
        assert len(helped.out.splitlines()) > 3, name


def test_status_of_one_item_shows_its_calls(world: World) -> None:
    world.report("sync", code=0)
    shown = world.run("status", "q-a").out
    assert "item q-a: synced" in shown
    assert "POST /assessment-items" in shown
    unknown = world.run("status", "nobody")
    assert unknown.code == 64
    assert "nobody" in unknown.err


def test_status_says_in_sync_only_of_the_head_that_was_read(world: World) -> None:
    assert "synced never: not in sync" in world.run("status").out
    world.report("sync", code=0)
    assert world.run("status").out.count(": in sync") == 1
    world.commit({"a.xml": item_xml("q-a", "Edited?")})
    assert "not in sync" in world.run("status").out


def test_queue_shows_what_is_parked_and_why_and_retry_queues_it_again(world: World) -> None:
    world.api.faults.add("400@POST:times=1")
    world.report("sync", code=3)
    listed = world.run("queue", "ls").out
    assert "parked" in listed
    assert "RequestError 400" in listed
    assert world.report("sync", code=3)["summary"]["parked"] == 1  # a second sync does not revive a refusal
    assert "1 object queued again" in world.run("retry", "q-a").out
    world.report("sync", code=0)
    assert world.run("queue", "ls").out == "The queue is empty.\n"


def test_doctor_finds_everything_in_order_and_says_what_is_not(world: World) -> None:
    good = world.run("doctor")
    assert good.code == 0
    assert "FAIL" not in good.out
    denied = world.run("doctor", environ={"TEST_QTI_SECRET": "other"})
    assert denied.code == 7
    assert "FAIL  credentials" in denied.out
    world.configure(base_url=world.api.base_url.replace("/api", "/nothing"))
    assert world.run("doctor").code == 78


def test_schemas_are_valid_and_accept_what_they_describe(world: World) -> None:
    for what in ("config", "sidecar", "report"):
        schema = json.loads(world.run("schema", what).out)
        jsonschema.Draft202012Validator.check_schema(schema)
    sidecar = json.loads(world.run("schema", "sidecar").out)
    jsonschema.validate({"grade": 5, "difficulty": "easy", "own": [1], "qtisync": {"protect": True}}, sidecar)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"difficulty": "Medium"}, sidecar)
    config = json.loads(world.run("schema", "config").out)
    jsonschema.validate(json.loads((world.folder / "qtisync.yaml").read_text()), config)
    assert config["$defs"]["Target"]["properties"]["max_update"]["description"]


def test_init_writes_a_configuration_that_works(world: World) -> None:
    (world.folder / "qtisync.yaml").unlink()
    flags = ["--repository", "content", "--base-url", world.api.base_url, "--token-url", world.api.token_url]
    assert world.run("init", *flags).code == 0
    again = world.run("init", *flags)
    assert again.code == 64
    assert "already" in again.err
    secrets = {"QTI_CLIENT_ID": world.api.client_id, "QTI_CLIENT_SECRET": world.api.client_secret}
    assert world.run("sync", environ=secrets).code == 0


def test_validate_works_without_configuration_and_names_line_and_remedy(world: World) -> None:
    (world.folder / "qtisync.yaml").unlink()
    world.write(
        {"b.xml": item_xml("q-b").replace("</qti-prompt>", ""), "c.yaml": "grade: yes\n", "c.xml": item_xml("q-c")}
    )
    ran = world.run("validate", "content")
    assert ran.code == 9
    assert re.search(r"^b\.xml:13: error: .*line 10", ran.out, re.MULTILINE)
    assert re.search(r"^c\.yaml:1: error: ", ran.out, re.MULTILINE)
    assert "1 valid" in ran.out
    only_a = world.run("validate", "content/a.xml")
    assert only_a.code == 0


def test_validate_of_a_commit_ignores_the_working_tree(world: World) -> None:
    world.write({"a.xml": "<broken"})
    assert world.run("validate", "--ref", "main").code == 0
    assert world.run("validate").code == 9


def test_warnings_count_only_with_strict(world: World) -> None:
    world.commit({"w.xml": item_xml("q-w", key="Z")})
    ran = world.run("validate")
    assert ran.code == 0
    assert "correct-response-not-a-choice" in ran.out
    assert world.run("validate", "--strict").code == 9
    assert world.run("plan", "--strict").code == 9


def test_markdown_report_fits_a_pull_request(world: World) -> None:
    shown = world.run("plan", "--format", "markdown").out
    assert "| `q-a` | `a.xml` |" in shown


def test_report_goes_to_the_file_that_was_asked_for(world: World) -> None:
    ran = world.run("plan", "--format", "json", "--output", "report.json")
    assert ran.out == ""
    assert json.loads((world.folder / "report.json").read_text())["kind"] == "plan"


def test_interrupted_sync_ends_what_is_in_flight_and_writes_its_report(world: World) -> None:
    world.commit({f"{n}.xml": item_xml(f"q-{n}") for n in range(60)})
    world.configure(max_requests_per_second=20.0)
    process = subprocess.Popen(
        world.command("sync", "--format", "json"),
        cwd=world.folder,
        env=world.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 30
    while len(world.api.world.items()) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    report = json.loads(out)
    assert report["error"].startswith("Interrupted")
    assert report["complete"] is False
    assert report["summary"]["applied"] == len(world.api.world.items())
    world.configure()
    world.report("sync", code=0)
    assert len(world.writes()) == 61  # nothing was sent twice


def test_timeout_keeps_the_queue_and_leaves_with_8(world: World) -> None:
    world.commit({f"{n}.xml": item_xml(f"q-{n}") for n in range(30)})
    world.configure(max_requests_per_second=5.0)
    assert world.report("sync", "--timeout", "1.5", code=8)["summary"]["pending"] > 0
    world.configure()
    world.report("sync", code=0)


def test_sandbox_command_runs_says_where_it_is_and_ends_on_sigterm() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "qtisync", "sandbox", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert re.search(r"http://127\.0\.0\.1:\d+/api", first)
    assert process.returncode == 0


def test_bad_fault_rule_is_one_clear_message(world: World) -> None:
    ran = world.run("sandbox", "--fault", "explode")
    assert ran.code == 64
    assert "explode" in ran.err


@pytest.mark.slow
def test_demo_tells_the_whole_story(tmp_path: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "qtisync", "demo", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for word in ("14 create", "14 applied", "answer key", "difficulty: medium → hard", "invalid", "move", "To play on"):
        assert word in done.stdout
    print(f"{time.monotonic() - began:.1f} s")
    _, _, rest = done.stdout.partition("To play on")
    pasted = "\n".join(line for line in rest.splitlines() if line.startswith("  "))
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    played = subprocess.run(
        ["bash", "-c", f"trap 'kill $(jobs -p)' EXIT\n{pasted}"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert "Sync: 1 applied" in played.stdout
    assert ": in sync" in played.stdout
