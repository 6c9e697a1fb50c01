"""The daemon compares everything with the API now and then, beside its passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_world import daemon, wait_until
from sandbox_calls import client
from world import World, item_xml

from qtisync.engine.drift import last_check

WORDS = "Somebody else was here."


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, sections={"daemon": {"listen": None}}) as made:
        made.commit({f"q-{n}.xml": item_xml(f"q-{n}") for n in range(4)})
        yield made


def edit_at_the_api(world: World) -> None:
    with client(world.api) as other:
        other.put("/assessment-items/q-1", json={"format": "xml", "xml": item_xml("q-1", WORDS)}).raise_for_status()


def test_new_record_is_compared_once_and_then_left_alone_for_hours(world: World) -> None:
    with daemon(world) as process:
        checked = wait_until(lambda: last_check(process.service.bench.store), "a comparison")
        wait_until(lambda: process.service.inspector.join(0.0), "its end")
        process.settled()
        process.service.inspector.look(process.service.bench.clock.now())
        assert process.service.inspector.join(0.0)

    assert checked["complete"] is True
    assert process.log.names().count("check_finished") == 1


def test_drift_is_found_and_overwritten_where_the_policy_says_so(world: World) -> None:
    world.configure(on_drift="overwrite", reconcile_every="1s")
    with daemon(world) as process:
        process.settled()
        edit_at_the_api(world)
        process.until_there("q-1", "Two plus two?")
        wait_until(lambda: process.log.of("drift"), "the log line")

    assert {line["item"] for line in process.log.of("drift")} == {"q-1"}


def test_drift_that_blocks_holds_the_next_pass(world: World) -> None:
    world.configure(on_drift="block", reconcile_every="1s")
    with daemon(world) as process:
        process.settled()
        edit_at_the_api(world)
        wait_until(lambda: process.controls.gauges().held, "a held pass")
        assert WORDS in world.api.world.items()["q-1"].xml


def test_look_that_fails_is_told_and_the_service_goes_on(world: World) -> None:
    world.configure(reconcile_every="1s")
    with daemon(world) as process:
        process.settled()
        world.api.faults.add("html-200@GET:path=/assessment-items")
        head = world.commit({"q-2.xml": item_xml("q-2", "Meanwhile.")})
        process.ring()
        wait_until(lambda: process.service.daemon.seen.head == head, "the pass")
        assert process.service.running
