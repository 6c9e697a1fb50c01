"""P9 and P12: what pushing costs and how fast it is, against a bare ``httpx`` loop that sends the same bodies.

Every round pushes 1,000 changed items from a copy of the same record: the real engine, SQLite, git, HTTP and log (to
/dev/null), one PUT for each. The loops do nothing but send and read: no record, no git, no check of the answer.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from answering import answering
from world import item, make_repository

ITEMS = 1_000
ROUNDS = 5
WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one round took, in seconds for one item."""

    cpu: float
    wall: float


@contextmanager
def metered(count: int) -> Iterator[list[Cost]]:
    """Put the cost of the block into the list; a child counts as soon as it has ended."""
    before, began = _cpu(), time.perf_counter()
    found: list[Cost] = []
    yield found
    took = time.perf_counter() - began
    found.append(Cost(cpu=(_cpu() - before) / count, wall=took / count))


def _cpu() -> float:
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextmanager
def changed_items(count: int) -> Iterator[tuple[Path, str]]:
    """A folder whose record says that every item is at the API and waits for an update; and the API's origin."""
    from run import pretend_synced  # the table of benchmarks imports this module

    folder = Path(tempfile.mkdtemp(prefix="qtisync-bench-"))
    try:
        make_repository(folder, count)
        with answering() as origin:
            target = {
                "base_url": f"{origin}/api",
                "token_url": f"{origin}/token",
                "client_id": "bench",
                "client_secret": "env/BENCH_SECRET",
                "pace": "fixed",
                "max_requests_per_second": 1e6,
                "foreign_metadata": "replace",
                "on_conflict": "overwrite",
                "max_concurrency": WORKERS,
            }
            config = {"repository": {"path": "content.git"}, "state": "./state", "targets": {"bench": target}}
            (folder / "qtisync.yaml").write_text(json.dumps(config))
            pretend_synced(folder, {**os.environ, "BENCH_SECRET": "a secret"})
            _change_all(folder / "content.git", count)
            _plan(folder)
            yield folder, origin
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _change_all(repository: Path, count: int) -> None:
    stream = subprocess.Popen(["git", "-C", repository, "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert stream.stdin is not None
    stream.stdin.write(
        b"commit refs/heads/main\ncommitter Bench <bench@example.org> 1700000001 +0000\ndata 6\nchange\n"
    )
    stream.stdin.write(b"from refs/heads/main^0\n")
    for number in range(count):
        data = _changed(number)
        stream.stdin.write(b"M 100644 inline items/%03d/q-%06d.xml\n" % (number // 500, number))
        stream.stdin.write(b"data %d\n%s\n" % (len(data), data))
    stream.stdin.close()
    if stream.wait():
        raise RuntimeError("git fast-import failed")


def _changed(number: int) -> bytes:
    return item(number).replace("plus one?", "plus two?").encode()


def _setup(folder: Path) -> Any:
    from qtisync.app import load_setup

    return load_setup(folder / "qtisync.yaml", None, {**os.environ, "BENCH_SECRET": "a secret"})


def _plan(folder: Path) -> None:
    """Write down that every item must change, and keep the record for the rounds."""
    from qtisync.app import SystemClock
    from qtisync.cli.common_options import Common
    from qtisync.cli.progress import Bars
    from qtisync.engine.preflight import SETTING
    from qtisync.engine.reconcile import prepare, write_down

    setup, now = _setup(folder), SystemClock().now()
    names = {"config": None, "target": None, "format": "json", "output": None}
    bars = Bars(Common(**names, no_color=True, verbose=0, quiet=True, show_content=False))
    with closing(setup.open_store("bench")) as store, closing(setup.open_source()) as source:
        prepared = prepare(source, store, setup.aim(), now, bars)
        write_down(store, replace(prepared, plan=replace(prepared.plan, holds=())))
        store.put_setting(SETTING, setup.target.base_url)
    shutil.copytree(folder / "state", folder / "before")


def engine(folder: Path, count: int) -> Cost:
    """Push everything, as ``qtisync sync`` does it."""
    import logging

    from qtisync.app import ThreadBell
    from qtisync.engine.cycle import Run, push
    from qtisync.engine.drain import Ending
    from qtisync.logs.setup import configure, event_log

    shutil.rmtree(folder / "state")
    shutil.copytree(folder / "before", folder / "state")
    setup = _setup(folder)
    with Path(os.devnull).open("w") as nowhere, closing(setup.open_store("bench")) as store:
        configure(nowhere, json=True, level=logging.INFO)
        with metered(count) as cost:
            source, api = setup.open_source(), setup.open_api()
            with setup.bench(store=store, source=source, api=api, bell=ThreadBell(), log=event_log()) as bench:
                drained = push(bench, Run())
            source.close()
        assert (drained.ending, drained.settled, drained.writes) == (Ending.DRAINED, count, count), drained
    return cost[0]


def bodies(count: int) -> list[tuple[str, Mapping[str, Any]]]:
    """What the engine sends, ready in memory."""
    return [
        (
            f"q-{n:06}",
            {
                "format": "xml",
                "xml": _changed(n).decode(),
                "metadata": {
                    "subject": "Math",
                    "grade": str(n % 12),
                    "difficulty": "medium",
                    "learningObjectiveSet": [{"source": "CASE", "learningObjectiveIds": [f"LO-{n}"]}],
                },
            },
        )
        for n in range(count)
    ]


def loop(origin: str, work: list[tuple[str, Mapping[str, Any]]], threads: int) -> Cost:
    """The bare loop: each thread has a client of its own, which is the fastest way to use ``httpx``."""
    waiting: queue.SimpleQueue[tuple[str, Mapping[str, Any]]] = queue.SimpleQueue()
    for job in work:
        waiting.put(job)

    def send() -> None:
        with httpx.Client(headers={"authorization": f"Bearer {'t' * 40}"}, timeout=30.0, verify=False) as client:
            while True:
                try:
                    identifier, body = waiting.get_nowait()
                except queue.Empty:
                    return
                client.put(f"{origin}/api/assessment-items/{identifier}", json=body).raise_for_status()

    with metered(len(work)) as cost:
        if threads == 1:
            send()
        else:
            started = [threading.Thread(target=send) for _ in range(threads)]
            for thread in started:
                thread.start()
            for thread in started:
                thread.join()
    return cost[0]


def p9() -> None:
    """CPU per pushed item, against one loop."""
    ours, bare = _rounds(1)
    _print("P9", "CPU per pushed item / bare loop", [a.cpu / b.cpu for a, b in zip(ours, bare, strict=True)], 1.5)
    _tell(ours, bare, "1 thread")


def p12() -> None:
    """Items settled per second, against as many loops as there are workers."""
    ours, bare = _rounds(WORKERS)
    ratios = [b.wall / a.wall for a, b in zip(ours, bare, strict=True)]
    _print("P12", f"items settled per second / bare loop, {WORKERS} threads", ratios, 0.6)
    _tell(ours, bare, f"{WORKERS} threads")


def _rounds(threads: int) -> tuple[list[Cost], list[Cost]]:
    """The engine and the loop in turn."""
    with changed_items(ITEMS) as (folder, origin):
        work = bodies(ITEMS)
        loop(origin, work[:200], threads)
        rounds = [(engine(folder, ITEMS), loop(origin, work, threads)) for _ in range(ROUNDS)]
    return [ours for ours, _ in rounds], [bare for _, bare in rounds]


def _tell(ours: list[Cost], bare: list[Cost], what: str) -> None:
    for name, costs in (("engine", ours), (f"loop, {what}", bare)):
        cpu, wall = (statistics.median(getattr(c, kind) for c in costs) for kind in ("cpu", "wall"))
        print(f"     {name:<16} {cpu * 1e6:6.0f} µs CPU per item, {1 / wall:6.0f} items/s")


def _print(goal_id: str, what: str, ratios: list[float], goal: float) -> None:
    ratio = statistics.median(ratios)
    met = ratio <= goal if goal > 1 else ratio >= goal
    each = " ".join(f"{r:.2f}" for r in ratios)
    sign = "≤" if goal > 1 else "≥"
    print(f"{goal_id:<4} {what:<58} {ratio:5.2f}  of {each}  (goal {sign} {goal}: {'met' if met else 'MISSED'})")


if __name__ == "__main__":
    p9()
    p12()
