"""The authoring source: 20,000 files checked out at once, and one file saved; against git doing the same alone."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from timing import line
from world import item, make_repository

from qtisync.adapters.watcher import WorktreeWatcher
from qtisync.adapters.worktree import WorktreeSource

FILES = 20_000
QUIET, CAP = 0.05, 2.0


class Gathering:
    """Rings gathered as the daemon does it: the first one counts at once, what follows after a quiet moment."""

    def __init__(self, source: WorktreeSource) -> None:
        self.source, self.rings, self.looks = source, 0, 0
        self.seen_at = 0.0
        self.seen = source.resolve("")
        self._rung, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def ring(self) -> None:
        self.rings += 1
        self._rung.set()

    def _follow(self) -> None:
        while not self._ended.is_set():
            if not self._rung.wait(0.02):
                continue
            self._rung.clear()
            self.looks += 1
            self.seen = self.source.resolve("")
            self.seen_at = time.perf_counter()
            limit = time.monotonic() + CAP
            while self._rung.is_set() and time.monotonic() < limit:
                before = self.rings
                self._ended.wait(QUIET)
                if self.rings == before:
                    break

    def close(self) -> None:
        self._ended.set()
        self._thread.join()


@contextmanager
def checkout() -> Iterator[Path]:
    """A clone without files: ``main`` has all of them, ``empty`` none."""
    folder = Path(tempfile.mkdtemp(prefix="qtisync-bench-"))
    try:
        bare = make_repository(folder, FILES // 2)
        clone = folder / "clone"
        git(folder, "clone", "-q", "--no-checkout", str(bare), str(clone))
        empty = "git branch empty $(git -c user.name=b -c user.email=b@b commit-tree -m empty $(git mktree </dev/null))"
        subprocess.run(empty, cwd=clone, check=True, shell=True)
        git(clone, "checkout", "-q", "empty")
        yield clone
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def git(folder: Path, *arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def hashing(clone: Path) -> float:
    """Seconds in which git itself reads and hashes all files."""
    began = time.perf_counter()
    command = "git ls-files | git hash-object --no-filters --stdin-paths >/dev/null"
    subprocess.run(command, cwd=clone, check=True, shell=True)
    return time.perf_counter() - began


def watched(clone: Path, source: WorktreeSource) -> tuple[float, float]:
    """Seconds of a checkout of everything, and from its end until everything was seen."""
    follower = Gathering(source)
    watcher = WorktreeWatcher(clone, follower.ring)
    watcher.start()
    took = git(clone, "checkout", "-q", "main")
    ended = time.perf_counter()
    limit = time.monotonic() + 60.0
    while time.monotonic() < limit and (follower.seen_at < ended or time.perf_counter() - follower.seen_at < 0.5):
        time.sleep(0.02)
    seen = follower.seen_at - ended
    expected = WorktreeSource(clone, wall_clock=time.time).resolve("")  # after it, so as not to compete with it
    if follower.seen != expected:
        raise RuntimeError("not all files were seen")
    files = len(source.tree(expected))
    degraded = "overflowed" if watcher.degraded else "nothing lost"
    print(f"     {files:,} files at once: {follower.rings:,} rings, {follower.looks} looks, {degraded}", flush=True)
    watcher.close()
    follower.close()
    return took, seen


def saves(clone: Path, source: WorktreeSource) -> tuple[float, float]:
    """Median seconds from a save to its ring, and of seeing what was saved."""
    rung = threading.Event()
    watcher = WorktreeWatcher(clone, rung.set)
    watcher.start()
    rings, looks = [], []
    for number in range(20):
        path = clone / f"items/000/q-{number:06}.xml"
        data = item(number, "Saved.")
        rung.clear()
        began = time.perf_counter()
        path.write_text(data)
        rung.wait(10)
        rings.append(time.perf_counter() - began)
        began = time.perf_counter()
        source.resolve("")
        looks.append(time.perf_counter() - began)
    watcher.close()
    return statistics.median(rings), statistics.median(looks)


def worktree() -> None:
    """Both."""
    with checkout() as clone:
        alone, together, after, hashed = [], [], [], []
        for _ in range(3):
            alone.append(git(clone, "checkout", "-q", "main"))
            hashed.append(hashing(clone))
            git(clone, "checkout", "-q", "empty")
            source = WorktreeSource(clone, wall_clock=time.time)
            took, seen = watched(clone, source)
            together.append(took)
            after.append(seen)
            git(clone, "checkout", "-q", "empty")
        git(clone, "checkout", "-q", "main")
        floor, peer = statistics.median(alone), statistics.median(hashed)
        print(line("W1", f"git checkout of {FILES:,} files, watched / alone", statistics.median(together), floor, 2.0))
        print(line("W2", "from its end until all is seen / git hash-object", statistics.median(after), peer, 2.0))
        time.sleep(3.0)  # files that were just written are read again
        source = WorktreeSource(clone, wall_clock=time.time)
        source.resolve("")
        ring, look = saves(clone, source)
        status = statistics.median(git(clone, "status", "--short") for _ in range(5))
        print(line("W3", "seeing one saved file of all / git status", look, status, 5.0))
        print(f"     ring after a save: {ring * 1000:.2f} ms", flush=True)
