"""All benchmarks, as ratios to a floor of the same run: ``make bench``, or ``python benchmarks/run.py P2``."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import latency
from calls import p8
from delivery import p9, p12
from faults import faults
from pace import p5, p6, p7, shared
from passes import p1, p3, p10
from timing import line, paired
from worktree import worktree
from world import make_repository

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox

QTISYNC = str(Path(sys.executable).parent / "qtisync")


@contextmanager
def synced(count: int) -> Iterator[tuple[Path, dict[str, str], Sandbox]]:
    """A folder with a configuration whose record says that ``count`` items are synced."""
    folder = Path(tempfile.mkdtemp(prefix="qtisync-bench-"))
    try:
        make_repository(folder, count)
        with Sandbox(Options()) as api:
            target = {
                "base_url": api.base_url,
                "token_url": api.token_url,
                "client_id": "sandbox-client",
                "client_secret": "env/BENCH_SECRET",
                "max_requests_per_second": 5000.0,
                "pace": "fixed",
            }
            config = {"repository": {"path": "content.git"}, "state": "./state", "targets": {"bench": target}}
            (folder / "qtisync.yaml").write_text(json.dumps(config))
            env = {**os.environ, "BENCH_SECRET": api.client_secret}
            print(f"     (syncing {count:,} items once, so that there is a record)", flush=True)
            pretend_synced(folder, env)
            yield folder, env, api
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pretend_synced(folder: Path, env: dict[str, str]) -> None:
    """Record a first pass, and acknowledge it without the network: the record is as a real sync leaves it."""
    from contextlib import closing

    from qtisync.app import SystemClock, load_setup
    from qtisync.cli.common_options import Common
    from qtisync.cli.progress import Bars
    from qtisync.delivery.settlement import Settlement
    from qtisync.engine.reconcile import finish_cursor, prepare, write_down
    from qtisync.model import ItemStatus, Presence, Remote

    clock = SystemClock()
    common = Common(
        config=None, target=None, format="json", output=None, no_color=True, verbose=0, quiet=True, show_content=False
    )
    setup = load_setup(folder / "qtisync.yaml", None, env)
    with closing(setup.open_store("bench")) as store, closing(setup.open_source()) as source:
        write_down(store, prepare(source, store, setup.aim(), clock.now(), Bars(common)))
        while (claim := store.claim("bench", clock.now(), 60.0)) is not None:
            store.settle(
                claim,
                Settlement(
                    status=ItemStatus.SYNCED,
                    attempts=0,
                    presence=Presence.PRESENT,
                    acknowledged=claim.row.desired,
                    acknowledged_metadata=claim.row.desired_metadata,
                    remote=Remote(content=claim.row.desired.content, version=0, updated_at="2026-01-01T00:00:00.000Z"),
                    outcome="accepted",
                ),
            )
        assert finish_cursor(store, 0.0)


# The libraries that a plan cannot do without, as it uses them; none of our own modules.
PLAN_IMPORTS = (
    "from pydantic import AfterValidator, BaseModel, Field, JsonValue;"
    "import click, yaml, sqlalchemy, sqlalchemy.dialects.sqlite.pysqlite, sqlite3, git.cmd, json, fnmatch;"
    "import subprocess;"
    "subprocess.run(['git', '-C', 'content.git', 'rev-parse', 'main'], capture_output=True, check=True)"
)


def p2() -> None:
    """``qtisync plan`` with nothing changed, 20,000 items, against the interpreter, its imports and git rev-parse."""
    with synced(20_000) as (folder, env, _):
        floor = [sys.executable, "-c", PLAN_IMPORTS]
        subject, least = paired([QTISYNC, "plan"], floor, cwd=folder, env=env, rounds=15)
        print(line("P2", "plan, nothing changed, 20,000 items, cold process", subject, least, 1.5))


def p4() -> None:
    """From the end of ``git push`` to the first byte at the API: the daemon idle, 20,000 items, 50 pushes."""
    with synced(20_000) as (folder, env, api):
        work = latency.clone(folder)
        floor = latency.percentiles(latency.floor(folder, work, 20))

        def calls() -> list[float]:
            return [entry.started for entry in api.journal.entries() if entry.path.startswith("/api/")]

        ours = latency.percentiles(latency.daemon(folder, work, env, calls, latency.PUSHES))
        for name, measured, least, goal in zip(("p50", "p95"), ours, floor, latency.GOALS, strict=True):
            verdict = "met" if measured <= goal else "MISSED"
            print(
                f"P4   git push → first byte, {name}, 20,000 items, idle daemon               "
                f"{measured:6.1f} ms (floor {least:.1f} ms; goal ≤ {goal:g} ms: {verdict})"
            )


def p11() -> None:
    """``qtisync --help`` against ``import click``."""
    here = Path.cwd()
    floor = [sys.executable, "-c", "import click"]
    subject, least = paired([QTISYNC, "--help"], floor, cwd=here, env=os.environ, rounds=25)
    print(line("P11", "qtisync --help", subject, least, 1.3))


BENCHMARKS: dict[str, Callable[[], None]] = {
    "P1": p1,
    "P2": p2,
    "P3": p3,
    "P4": p4,
    "P10": p10,
    "P5": p5,
    "P6": p6,
    "P7": p7,
    "shared": shared,
    "P8": p8,
    "P9": p9,
    "P11": p11,
    "P12": p12,
    "faults": faults,
    "worktree": worktree,
}

if __name__ == "__main__":
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of alternating runs")
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name]()
