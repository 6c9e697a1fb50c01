"""10,000 items under 5 % mixed faults: all converge, nothing twice, nothing lost, nothing revived; and at what cost.

The emulated API runs in a process of its own. First all items are created, then a quarter of them is changed, under the
same faults. The least possible: one POST for each new item, one PUT for each changed one, and one list for a hundred of
them that is read before.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from world import item, make_repository

ITEMS = 10_000
CHANGED = 2_500
PAGE = 100  # items that one list shows at most
REFUSED = tuple(f"q-{n:06}" for n in range(0, ITEMS, ITEMS // 10))
SECRET = "a-secret-of-the-benchmark"
MIX = {
    "429:retry-after=0.2": 0.3,
    "429:retry-after=garbage": 0.1,
    "500": 0.6,
    "500-after": 0.5,
    "html-502": 0.6,
    "reset-before": 0.6,
    "reset-after": 0.8,
    "truncate": 0.8,
    "hang=1": 0.4,
    "hang-after=1": 0.3,
}
"""Percent of the calls, 5 together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What one sync did."""

    name: str
    items: int
    calls: int
    least: int
    took: float
    faults: int

    def line(self) -> str:
        rate, ratio = self.items / self.took, self.calls / self.least
        calls = f"{self.calls:6,} calls for {self.items:6,} items = {ratio:.3f} times the least"
        return f"     {self.name:<8} {calls}, {self.faults:,} faults, {self.took:.0f} s, {rate:.0f} items/s"


class Remote:
    """The emulated API, in its own process."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._http = httpx.Client(base_url=origin, timeout=60.0, trust_env=False)

    def journal(self) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get("/_sandbox/journal").json()
        return found

    def items(self) -> dict[str, str]:
        rows = self._http.get("/_sandbox/items").json()["items"]
        assert len({row["identifier"] for row in rows}) == len(rows)
        return {row["identifier"]: row["xml"] for row in rows}

    def quiet(self) -> None:
        self._http.post("/_sandbox/faults", json={"clear": True}).raise_for_status()


@contextmanager
def api(folder: Path) -> Iterator[Remote]:
    rules = [f"400:id={name}:times=1" for name in REFUSED] + [f"{name}:{percent}%" for name, percent in MIX.items()]
    command = [sys.executable, "-m", "qtisync", "sandbox", "--port", "0", "--client-secret", SECRET]
    for rule in rules:
        command += ["--fault", rule]
    log = folder / "sandbox.log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield Remote(_origin(log))
        finally:
            process.terminate()


def _origin(log: Path) -> str:
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found:
            return found[0]
        time.sleep(0.05)
    raise RuntimeError(f"the sandbox did not start: {log.read_text()}")


def configure(folder: Path, origin: str) -> None:
    target = {
        "base_url": f"{origin}/api",
        "token_url": f"{origin}/oauth2/token",
        "client_id": "sandbox-client",
        "client_secret": "env/BENCH_SECRET",
        "max_requests_per_second": 5000.0,
        "max_concurrency": 32,
        "pace": "fixed",
    }
    config = {"repository": {"path": "content.git"}, "state": "./state", "targets": {"bench": target}}
    (folder / "qtisync.yaml").write_text(json.dumps(config))


def sync(folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "qtisync", "sync", "--quiet", "--format", "json"],
        cwd=folder,
        env={**os.environ, "BENCH_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 3:  # the refused items
        raise RuntimeError(f"sync left with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def change(repository: Path) -> None:
    """A commit that changes every fourth item."""
    with subprocess.Popen(["git", "-C", repository, "fast-import", "--quiet"], stdin=subprocess.PIPE) as stream:
        assert stream.stdin is not None
        write = stream.stdin.write
        write(b"commit refs/heads/main\ncommitter Bench <bench@example.org> 1700000001 +0000\ndata 6\nchange\n")
        write(b"from refs/heads/main^0\n")
        for number in changed():
            data = text(number, second=True).encode()
            write(b"M 100644 inline items/%03d/q-%06d.xml\n" % (number // 500, number))
            write(b"data %d\n%s\n" % (len(data), data))


def changed() -> range:
    return range(1, ITEMS, ITEMS // CHANGED)


def text(number: int, *, second: bool) -> str:
    return item(number).replace("plus one?", "plus two?") if second else item(number)


def phase(name: str, folder: Path, remote: Remote, count: int, least: int) -> Phase:
    before = remote.journal()
    began = time.monotonic()
    sync(folder)
    took = time.monotonic() - began
    after = remote.journal()
    calls = [entry for entry in after["entries"][len(before["entries"]) :] if entry["path"].startswith("/api/")]
    written = Counter(entry["identifier"] for entry in calls if entry["applied"])
    if set(written.values()) != {1} or len(written) != count:
        raise AssertionError(f"{name}: {len(written)} items written, {written.most_common(3)}")
    faults = sum(entry["fault"] is not None for entry in calls)
    return Phase(name=name, items=count, calls=len(calls), least=least, took=took, faults=faults)


def faults() -> None:
    """Both phases, the proof, and the figures."""
    folder = Path(tempfile.mkdtemp(prefix="qtisync-bench-"))
    try:
        repository = make_repository(folder, ITEMS)
        with api(folder) as remote:
            configure(folder, remote.origin)
            made = ITEMS - len(REFUSED)
            print(phase("create", folder, remote, made, ITEMS).line(), flush=True)
            change(repository)
            second = [n for n in changed() if f"q-{n:06}" not in REFUSED]
            print(
                phase("update", folder, remote, len(second), len(second) + -(-len(second) // PAGE)).line(), flush=True
            )
            prove(folder, remote)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prove(folder: Path, remote: Remote) -> None:
    """The API holds what git says, refused items were sent once and never again, and nothing is left to do."""
    edited = set(changed())
    expected = {f"q-{n:06}": text(n, second=n in edited) for n in range(ITEMS) if f"q-{n:06}" not in REFUSED}
    assert remote.items() == expected
    refusals = Counter(entry["identifier"] for entry in remote.journal()["entries"] if entry["status"] == 400)
    assert refusals == dict.fromkeys(REFUSED, 1)
    remote.quiet()
    sent = len(remote.journal()["entries"])
    sync(folder)
    assert len(remote.journal()["entries"]) == sent
    kinds = Counter(entry["fault"] for entry in remote.journal()["entries"] if entry["fault"])
    print(f"     all converged: no duplicate, no lost update, {len(REFUSED)} refused and none revived; then 0 calls")
    print("     " + ", ".join(f"{name.rpartition(':')[0]}: {count}" for name, count in kinds.items() if "%" in name))


if __name__ == "__main__":
    faults()
