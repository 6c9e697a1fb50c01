"""P8: calls for each changed item, when the keys of other writers are kept and conflicts are looked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from world import item, make_repository

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox

QTISYNC = str(Path(sys.executable).parent / "qtisync")
COUNT = 1_000


def p8() -> None:
    """1,000 updates of items of which every third has keys of a run-time writer: GET + PUT would be 2.00."""
    with tempfile.TemporaryDirectory(prefix="qtisync-bench-") as name, Sandbox(Options()) as api:
        folder = Path(name)
        make_repository(folder, COUNT)
        target: dict[str, Any] = {
            "base_url": api.base_url,
            "token_url": api.token_url,
            "client_id": "sandbox-client",
            "client_secret": "env/BENCH_SECRET",
            "max_requests_per_second": 1000.0,
            "pace": "fixed",
            "max_update": "100%",
        }
        config = {"repository": {"path": "content.git"}, "state": "./state", "targets": {"bench": target}}
        (folder / "qtisync.yaml").write_text(json.dumps(config))
        env = {**os.environ, "BENCH_SECRET": api.client_secret}
        sync(folder, env)
        for number in range(0, COUNT, 3):
            stored = api.world.item(f"q-{number:06}")
            api.world.edit_item(stored.identifier, metadata={**stored.metadata, "reportedBy": f"learner {number}"})
        change_all(folder)
        api.journal.clear()
        sent = sync(folder, env)["sent"]
        calls = Counter(
            f"{entry.method} {'list' if 'filter=' in str(entry.query) else 'item'}"
            for entry in api.journal.entries()
            if entry.path.startswith("/api/")
        )
        kept = sum("reportedBy" in api.world.item(f"q-{number:06}").metadata for number in range(0, COUNT, 3))
        verdict = "met" if calls.total() / COUNT <= 1.05 else "MISSED"
        print(
            f"P8   calls per changed item, {COUNT:,} updates, GET + PUT = 2.00: {calls.total() / COUNT:.3f} "
            f"(goal ≤ 1.05: {verdict}); {dict(calls)}, {sent}; {kept} of {len(range(0, COUNT, 3))} foreign keys kept"
        )


def sync(folder: Path, env: dict[str, str]) -> dict[str, Any]:
    """One sync; its report."""
    command = [QTISYNC, "sync", "--format", "json"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"sync left with {done.returncode}: {done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def change_all(folder: Path) -> None:
    """Another commit that changes the words of every item."""
    stream = [b"commit refs/heads/main\ncommitter B <b@example.org> 1700000001 +0000\ndata 4\nedit"]
    stream.append(b"\nfrom refs/heads/main^0\n")
    for number in range(COUNT):
        data = item(number, "Other words.").encode()
        path = f"items/{number // 500:03}/q-{number:06}.xml"
        stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
    git = ["git", "-C", folder / "content.git", "fast-import", "--quiet"]
    subprocess.run(git, input=b"".join(stream), check=True)
