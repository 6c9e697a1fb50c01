"""A daemon that is started anew without its record: it recognises what is there and sends nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_world import daemon
from world import World, item_xml

from qtisync.engine.recognise import FEW


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, sections={"daemon": {"listen": None}, "repository": {"poll_every": "1h"}}) as made:
        yield made


def test_a_daemon_without_its_record_writes_nothing_that_is_there_already(world: World) -> None:
    head = world.commit({f"q{n:03}.xml": item_xml(f"q{n:03}") for n in range(FEW + 2)})
    with daemon(world) as process:
        process.synced(head)
    shutil.rmtree(world.folder / "state")
    world.api.journal.clear()
    newer = world.commit({"q999.xml": item_xml("q999")})
    with daemon(world) as process:
        process.synced(newer)
        assert process.service.bench.store.counts() == {"synced": FEW + 3}
    assert world.writes() == [("POST", "/assessment-items")]
