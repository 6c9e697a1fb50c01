"""From the end of ``git push`` to the first byte of the call at the API, of an idle daemon (P4)."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from world import item

PUSHES = 50
GOALS = (15.0, 50.0)  # milliseconds: p50, p95
COMMITTER = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org")

# The floor: the same path without the work of a daemon. It knows nothing and only sends a byte when a ref moved.
FLOOR = """
import os, socket, sys, time, threading
sys.path.insert(0, {root!r})
from pathlib import Path
from qtisync.adapters.watcher import RefWatcher
moved = threading.Event()
watcher = RefWatcher(Path({repository!r}), moved.set)
watcher.start()
print("ready", flush=True)
last = ""
while True:
    moved.wait(); moved.clear()
    now = Path({repository!r}, "refs/heads/main").read_text()
    if now != last:
        last = now
        with socket.create_connection(("127.0.0.1", {port})) as out:
            out.sendall(b"x")
"""


@contextmanager
def first_bytes() -> Iterator[tuple[int, Callable[[float], float]]]:
    """A port, and a function that waits for the first byte after a moment: when it came."""
    import socket

    came: list[float] = []
    news = threading.Condition()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    if connection.recv(1):
                        with news:
                            came.append(time.monotonic())
                            news.notify_all()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()

        def wait(since: float) -> float:
            with news:
                assert news.wait_for(lambda: any(at >= since for at in came), 30), "nothing came"
                first = min(at for at in came if at >= since)
                came.clear()
            return first

        yield server.getsockname()[1], wait
        server.shutdown(socket.SHUT_RDWR)


def clone(folder: Path) -> Path:
    """A checkout to push from."""
    work = folder / "work"
    subprocess.run(["git", "clone", "-q", folder / "content.git", work], check=True)
    return work


def push(work: Path, number: int) -> float:
    """Commit a change of one item and push it; when the push was over."""
    file = work / f"items/{number // 500:03}/q-{number:06}.xml"
    file.write_text(item(number, f"Changed at {time.time()}"))
    subprocess.run(["git", "-C", work, *COMMITTER, "commit", "-q", "-m", "edit", "--", file], check=True)
    subprocess.run(["git", "-C", work, "push", "-q"], check=True)
    return time.monotonic()


def percentiles(times: list[float]) -> tuple[float, float]:
    """p50 and p95."""
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def floor(folder: Path, work: Path, pushes: int) -> list[float]:
    """The latencies of the floor."""
    with first_bytes() as (port, wait):
        code = FLOOR.format(root=str(Path(__file__).parents[1]), repository=str(folder / "content.git"), port=port)
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            times = []
            for number in range(pushes):
                before = time.monotonic()
                done = push(work, number)
                times.append((wait(before) - done) * 1000)
            return times
        finally:
            process.kill()
            process.communicate()


def daemon(
    folder: Path, work: Path, env: dict[str, str], journal: Callable[[], list[float]], pushes: int
) -> list[float]:
    """The latencies of `qtisync run`: the first call that the API got after each push."""
    from qtisync.app import load_setup

    command = [str(Path(sys.executable).parent / "qtisync"), "run"]
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    setup = load_setup(folder / "qtisync.yaml", None, env)

    def synced(commit: str) -> bool:
        reader = setup.open_reader()
        try:
            return reader.setting("synced_commit") == commit
        finally:
            reader.close()

    def settle() -> None:
        head = subprocess.run(["git", "-C", work, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        limit = time.monotonic() + 60
        while not synced(head.stdout.strip()):
            assert process.poll() is None, (folder / "daemon.log").read_text()[-2000:]
            assert time.monotonic() < limit, (folder / "daemon.log").read_text()[-2000:]
            time.sleep(0.02)

    try:
        settle()
        push(work, 19_000)  # the first push confirms the API and warms everything
        settle()
        times = []
        for number in range(pushes):
            time.sleep(0.6)  # an idle daemon is what is asked about
            before = time.monotonic()
            done = push(work, number)
            settle()
            times.append((min(at for at in journal() if at > before) - done) * 1000)
        return times
    finally:
        process.terminate()
        process.wait(30)
