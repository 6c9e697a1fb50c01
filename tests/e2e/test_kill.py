"""kill -9 at any moment is safe: the next sync goes on, and the API ends equal to the commit."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest
from world import World, item_xml

from qtisync.sandbox.options import Options

ITEMS = 300
KILLS = 50


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_fifty_kills_of_a_sync_of_300_items_leave_the_api_equal_to_the_commit(tmp_path: Path) -> None:
    dice = random.Random(20261122)
    with World(tmp_path, options=Options(latency=(0.01, 0.05)), target={"max_requests_per_second": 60.0}) as world:
        files = {f"{n:03}.xml": item_xml(f"q-{n:03}") for n in range(ITEMS)}
        world.commit(files)
        killed = 0
        for _ in range(KILLS):
            process = subprocess.Popen(world.command("sync"), cwd=world.folder, env=world.environ, stdout=-3, stderr=-3)
            time.sleep(dice.uniform(0.05, 1.2))
            process.kill()
            killed += process.wait() == -9
        world.configure(max_requests_per_second=2000.0)
        report = world.report("sync", code=0)

        assert {name: row.xml for name, row in world.api.world.items().items()} == {
            f"q-{n:03}": item_xml(f"q-{n:03}") for n in range(ITEMS)
        }
        assert [item for item in report["items"] if item["outcome"]["status"] != "applied"] == []
        applied = [entry for entry in world.api.journal.writes() if entry.applied]
        assert len(applied) == ITEMS  # no create was repeated blindly, none was lost
        conflicts = [entry for entry in world.api.journal.writes() if entry.status == 409]
        assert conflicts == []
        status = world.report("status", code=0)["status"]
        assert status["in_sync"]
        assert killed >= KILLS // 2
        print(f"{killed} of {KILLS} killed while running; {len(world.calls())} calls for {ITEMS} items")
