"""However a command ends, a script gets its report and a person gets the prompt back."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from world import World, item_xml

from qtisync.report.schema import REPORT_SCHEMA


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        made.commit({"a.xml": item_xml("q-a")})
        yield made


def test_an_error_is_a_valid_json_report_too(world: World) -> None:
    ran = world.run("plan", "--ref", "mian", "--format", "json")
    assert ran.code == 1
    jsonschema.validate(ran.report, REPORT_SCHEMA)
    assert ran.report["errored"]
    assert "mian" in ran.report["error"]


def test_a_second_interrupt_abandons_a_call_that_hangs_and_the_next_sync_resolves_it(world: World) -> None:
    world.api.faults.add("hang=60@POST:times=1")
    process = subprocess.Popen(
        world.command("sync", "--format", "json"),
        cwd=world.folder,
        env=world.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not any(entry.method == "POST" and "items" in entry.path for entry in world.api.journal) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert json.loads(out)["summary"]["pending"] == 1
    world.report("sync", code=0)
    assert set(world.api.world.items()) == {"q-a"}
