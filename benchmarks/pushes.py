"""200 pushes while the watch's events are lost (0 %, 50 %, 100 %): all are noticed, only the time differs.

``python benchmarks/pushes.py [PUSHES]``
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from soak import Author, settle

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox


def pushes(count: int, lost: float) -> None:
    """Push so often, each time waiting until the change is at the API."""
    from qtisync.app import load_setup
    from qtisync.engine.warm import Memory
    from qtisync.service import Service

    folder, dice = Path(tempfile.mkdtemp(prefix="qtisync-pushes-")), random.Random(1)
    author = Author(folder)
    with Sandbox(Options()) as api:
        target = {
            "base_url": api.base_url,
            "token_url": api.token_url,
            "client_id": "sandbox-client",
            "client_secret": "env/BENCH_SECRET",
            "max_requests_per_second": 5000.0,
            "reconcile_every": "1d",
        }
        repository = {"path": "content.git", "poll_every": "1s"}
        config = {"repository": repository, "daemon": {"listen": None}, "targets": {"bench": target}}
        (folder / "qtisync.yaml").write_text(json.dumps(config))
        env = {**os.environ, "BENCH_SECRET": api.client_secret}
        service = Service(load_setup(folder / "qtisync.yaml", None, env), lambda _event, **_fields: None, Memory())
        service.start()
        assert service.watcher is not None
        heard = service._moved
        service.watcher._ring = lambda: None if dice.random() < lost else heard()
        times = []
        try:
            settle(service, author)
            for turn in range(1, count + 1):
                author.push(turn)
                began = time.monotonic()
                while f"Turn {turn}." not in api.world.items()[f"q-{turn % 200:06}"].xml:
                    assert time.monotonic() - began < 60, f"push {turn} was never noticed"
                    time.sleep(0.002)
                times.append(time.monotonic() - began)
            settle(service, author)
        finally:
            service.stop(20)
    slowest = statistics.quantiles(times, n=20)[-1]
    print(
        f"     {count} of {count} pushes noticed, {lost:4.0%} of events lost: "
        f"p50 {statistics.median(times) * 1000:6.0f} ms, p95 {slowest * 1000:6.0f} ms (poll every 1 s)",
        flush=True,
    )


if __name__ == "__main__":
    for share in (0.0, 0.5, 1.0):
        pushes(int(sys.argv[1]) if len(sys.argv) > 1 else 200, share)
