"""Months in minutes: many passes with pushes, webhooks, throttling and restarts of the API; what stays behind.

``python benchmarks/soak.py [PASSES]``: the daemon lives in this process with its gathering times cut, so that thousands
of passes fit; each push is a real commit in a bare repository, each webhook a signed request to its HTTP surface.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from world import SIDECAR, item

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox

if TYPE_CHECKING:  # measured from the moment at which it is imported
    from qtisync.service import Service

ITEMS = 200
SECRET = "soak-webhook-secret"
COMMITTER = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org")
PUSH_EVERY, THROTTLE_EVERY, RESTART_EVERY = 5, 500, 2_000  # passes
LIMITS = {"descriptors": 8, "children": 2, "memory": 40_000_000, "database": 12_000_000}
"""What may be added between the first tenth and the end, when everything is warm."""


@dataclass(frozen=True)
class Seen:
    """What the process holds."""

    descriptors: int
    children: int
    memory: int
    database: int


def look(state: Path) -> Seen:
    """Look at this process and its record."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    children = sum(len(task.read_text().split()) for task in Path("/proc/self/task").glob("*/children"))
    return Seen(
        descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        children=children,
        memory=int(resident.split()[1]) * 1024,
        database=sum(file.stat().st_size for file in state.glob("*.sqlite3*")),
    )


class Author:
    """Somebody who commits to a bare repository by plumbing, which is quick."""

    def __init__(self, folder: Path) -> None:
        self.bare = folder / "content.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.bare], check=True)
        self._stream(range(ITEMS), 0)

    def push(self, turn: int) -> None:
        """One commit that changes one item."""
        self._stream([turn % ITEMS], turn)

    def _stream(self, numbers: Iterable[int], turn: int) -> None:
        parent = b"from refs/heads/main^0\n" if turn else b""
        parts = [b"commit refs/heads/main\ncommitter B <b@example.org> 1700000000 +0000\ndata 1\nx\n", parent]
        for number in numbers:
            for name, text in (
                (".xml", item(number, f"Turn {turn}.")),
                (".yaml", SIDECAR.format(grade=turn % 12, n=number)),
            ):
                data = text.encode()
                parts.append(f"M 100644 inline q-{number:04}{name}\ndata {len(data)}\n".encode() + data + b"\n")
        subprocess.run(["git", "-C", self.bare, "fast-import", "--quiet", "--force"], input=b"".join(parts), check=True)


def webhook(port: int, number: int) -> int:
    """One signed delivery, as GitHub sends it; the status of the answer."""
    body = json.dumps({"ref": "refs/heads/main", "after": f"{number:040x}"}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {
        "X-Hub-Signature-256": f"sha256={signature}",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": f"delivery-{number}",
        "Content-Type": "application/json",
    }
    connection.request("POST", "/hooks/github", body=body, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def soak(passes: int) -> bool:
    """Run so many passes; whether everything stayed flat and the API is what git says."""
    from qtisync.app import load_setup
    from qtisync.engine.timing import Timing
    from qtisync.engine.warm import Memory
    from qtisync.service import Service

    folder = Path(tempfile.mkdtemp(prefix="qtisync-soak-"))
    author, counted = Author(folder), 0
    with Sandbox(Options()) as api:
        target = {
            "base_url": api.base_url,
            "token_url": api.token_url,
            "client_id": "sandbox-client",
            "client_secret": "env/BENCH_SECRET",
            "max_requests_per_second": 5000.0,
        }
        config = {
            "repository": {"path": "content.git", "poll_every": "1s"},
            "daemon": {"listen": "127.0.0.1:0"},
            "webhooks": {"github": "env/BENCH_WEBHOOK"},
            "targets": {"bench": target},
        }
        (folder / "qtisync.yaml").write_text(json.dumps(config))
        env = {**os.environ, "BENCH_SECRET": api.client_secret, "BENCH_WEBHOOK": SECRET}
        service = Service(load_setup(folder / "qtisync.yaml", None, env), lambda _event, **_fields: None, Memory())
        service.start()
        service.daemon._timing = Timing(gap=0.0, longest_gap=0.0, quiet=0.0, cap=0.0)
        original = service.daemon._reconcile

        def counting(job):
            nonlocal counted
            counted += 1
            return original(job)

        service.daemon._reconcile = counting
        assert service.web.address is not None
        port, first, turn, delivered, began = service.web.address[1], None, 0, 0, time.monotonic()
        try:
            while counted < passes:
                turn += 1
                if turn % PUSH_EVERY == 0:
                    author.push(turn)
                if turn % 10 == 1:
                    delivered += 1
                    assert webhook(port, turn) == 202
                if turn % THROTTLE_EVERY == 0:
                    api.faults.add("429@PUT:times=1:retry-after=1")
                if turn % RESTART_EVERY == RESTART_EVERY // 2:
                    api.stop()
                    api.start()
                job = service.controls.ring("soak")
                service.controls.wait_for(job.id, 30)
                if first is None and counted >= passes // 10:
                    first = look(folder / "state")
            settle(service, author)
            last = look(folder / "state")
        finally:
            service.stop(20)
        assert first is not None
        took = time.monotonic() - began
        print(f"     {counted:,} passes, {turn // PUSH_EVERY:,} pushes, {delivered:,} webhooks in {took:.0f} s")
        return flat(first, last) and equal(api, author)


def settle(service: Service, author: Author) -> None:
    """Wait until the last push is at the API."""
    head = subprocess.run(["git", "-C", author.bare, "rev-parse", "main"], capture_output=True, text=True, check=True)
    limit = time.monotonic() + 120
    while service.bench.store.setting("synced_commit") != head.stdout.strip():
        assert time.monotonic() < limit, "never synced"
        time.sleep(0.05)


def flat(first: Seen, last: Seen) -> bool:
    """Print what was held after a tenth and at the end; whether it stayed within the limits."""
    good = True
    for name, limit in LIMITS.items():
        before, after = getattr(first, name), getattr(last, name)
        fine = after - before <= limit
        good = good and fine
        print(f"soak {name:<12} {before:>12,} → {after:>12,}  ({'flat' if fine else 'GROWS'}: at most +{limit:,})")
    return good


def equal(api: Sandbox, author: Author) -> bool:
    """Whether the API holds what git says."""
    for identifier, row in api.world.items().items():
        number = int(identifier.removeprefix("q-"))
        text = subprocess.run(
            ["git", "-C", author.bare, "show", f"main:q-{number:04}.xml"], capture_output=True, text=True, check=True
        ).stdout
        if row.xml.strip() != text.strip():
            print(f"soak {identifier} differs")
            return False
    return len(api.world.items()) == ITEMS


if __name__ == "__main__":
    sys.exit(0 if soak(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000) else 1)
