"""Passes over 100,000 items: the first one (P3), one after a small change (P1), and what they leave in memory (P10)."""

from __future__ import annotations

import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from timing import line
from world import item, make_repository

COUNT = 100_000
ROUNDS = 9
_ACKNOWLEDGE = """
    UPDATE item SET status = 'synced', presence = 'present', acknowledged_content = desired_content,
    acknowledged_metadata = desired_metadata, acknowledged_keys = desired_keys, acknowledged_blob = blob,
    remote_content = desired_content, remote_version = 0, remote_foreign = '{}' WHERE status <> 'synced'
"""
IMPORTS = """
import sys
sys.path.insert(0, {benchmarks!r})
import json, passes, qtisync.app, qtisync.adapters.git_source, qtisync.adapters.store, qtisync.engine.delta
import git.cmd, lxml.etree, yaml, sqlalchemy.dialects.sqlite.pysqlite
"""


@contextmanager
def repository(count: int = COUNT) -> Iterator[Path]:
    """A folder with a repository of so many items."""
    folder = Path(tempfile.mkdtemp(prefix="qtisync-bench-"))
    try:
        print(f"     (making a repository of {count:,} items)", flush=True)
        make_repository(folder, count)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Engine:
    """What a daemon keeps open."""

    def __init__(self, folder: Path, processes: int = 0) -> None:
        from qtisync.adapters.git_source import GitSource
        from qtisync.adapters.store import open_store
        from qtisync.content.selection import ContentRules
        from qtisync.engine.reconcile import Aim
        from qtisync.engine.warm import Memory
        from qtisync.planning.plan import Destination

        self.file = folder / "state" / "bench.sqlite3"
        self.source = GitSource(folder / "content.git")
        self.store = open_store(folder / "state", "bench", holder="benchmark")
        self.memory = Memory()
        self.aim = Aim(
            destination=Destination(target="bench", base_url="http://127.0.0.1"),
            ref="main",
            rules=ContentRules(),
            processes=processes,
        )
        self.passes = 0

    def one_pass(self) -> int:
        """Read, compare and write down; the number of changes."""
        from qtisync.engine.reconcile import prepare, write_down

        self.passes += 1
        prepared = prepare(self.source, self.store, self.aim, float(self.passes), Silence(), self.memory)
        write_down(self.store, prepared)
        return len(prepared.plan.changes)

    def acknowledge(self) -> None:
        """As if everything had been sent."""
        with closing(sqlite3.connect(self.file)) as record, record:
            record.execute(_ACKNOWLEDGE)

    def close(self) -> None:
        self.store.close()
        self.source.close()


class Silence:
    @contextmanager
    def step(self, _label, _total):
        yield lambda _units: None


def edit(repo: Path, number: int, words: str) -> None:
    """One more commit, with one item changed."""
    data = item(number, words).encode()
    path = f"items/{number // 500:03}/q-{number:06}.xml"
    head = b"commit refs/heads/main\ncommitter Bench <bench@example.org> 1700000000 +0000\ndata 4\nedit\n"
    stream = head + b"from refs/heads/main^0\n" + f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data
    subprocess.run(["git", "-C", repo, "fast-import", "--quiet"], input=stream, check=True)


def p1() -> None:
    """A pass after one changed item, in a process that stays, against ``git diff-tree`` as a process."""
    with repository() as folder, closing(Engine(folder)) as engine:
        engine.one_pass()
        engine.acknowledge()
        times = []
        for number in range(ROUNDS + 1):
            edit(folder / "content.git", number * 37, f"words {number}")
            began = time.perf_counter()
            assert engine.one_pass() == 1
            took = time.perf_counter() - began
            began = time.perf_counter()
            command = ["git", "-C", folder / "content.git", "diff-tree", "-r", "--raw", "-z", "main~1", "main"]
            subprocess.run(command, capture_output=True, check=True)
            times.append((took, time.perf_counter() - began))
            engine.acknowledge()
        subject, floor = (statistics.median(column) for column in zip(*times[1:], strict=True))
        print(line("P1", f"a pass after one change, {COUNT:,} items", subject, floor, 1.5))


def p3() -> None:
    """The first plan against reading all blobs, parsing and digesting the items, in one process."""
    with repository() as folder:
        floor = _fresh("floor", folder)
        for processes, goal in ((1, 1.3), (2, 0.75)):
            subject = _fresh(f"plan{processes}", folder)
            print(line("P3", f"first plan, {COUNT:,} items, {processes} process(es)", subject, floor, goal))


def p10() -> None:
    """Resident memory of a process that stays, after its passes, against one that only has the same imports."""
    with repository() as folder:
        plain, steady = _fresh("imports", folder), _fresh("steady", folder)
        verdict = "met" if steady - plain <= 60 else "MISSED"
        print(
            f"P10  resident, {COUNT:,} items, steady{'':30} {steady:8.1f} MB - {plain:8.1f} MB = {steady - plain:5.1f}"
            f"  (goal ≤ 60: {verdict})"
        )


def _fresh(what: str, folder: Path) -> float:
    """Measure in a new process, so that nothing is warm that should not be."""
    code = IMPORTS.format(benchmarks=str(Path(__file__).parent)) + f"print(json.dumps(passes.{what}({str(folder)!r})))"
    script = folder / "measure.py"
    script.write_text(code.replace("\nprint", "\nif __name__ == '__main__':\n    print"))
    done = subprocess.run([sys.executable, script], capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(json.loads(done.stdout))


def floor(folder: str) -> float:
    """Seconds to read every blob by one pipelined ``cat-file --batch``, and to parse and digest the items."""
    import threading

    from lxml import etree

    from qtisync.content.canonical import canonical_digest
    from qtisync.content.xml_source import parser

    git = ["git", "-C", f"{folder}/content.git"]
    began = time.perf_counter()
    listing = subprocess.run([*git, "ls-tree", "-r", "-z", "main"], capture_output=True, check=True).stdout
    wanted = [(entry[12:52], entry.endswith(b".xml")) for entry in listing.split(b"\0")[:-1]]
    with subprocess.Popen([*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:

        def ask() -> None:
            child.stdin.write(b"".join(name + b"\n" for name, _ in wanted))
            child.stdin.close()

        asking = threading.Thread(target=ask)
        asking.start()
        for _, is_xml in wanted:
            size = int(child.stdout.readline().split()[2])
            data = child.stdout.read(size + 1)[:-1]
            if is_xml:
                canonical_digest(etree.fromstring(data, parser()))
        asking.join()
    return time.perf_counter() - began


def plan1(folder: str) -> float:
    """Seconds for a first plan by one process."""
    return _first_plan(folder, 1)


def plan2(folder: str) -> float:
    """Seconds for a first plan by two processes."""
    return _first_plan(folder, 2)


def _first_plan(folder: str, processes: int) -> float:
    from qtisync.engine.reconcile import prepare

    engine = Engine(Path(folder), processes)
    began = time.perf_counter()
    prepared = prepare(engine.source, engine.store, engine.aim, 1.0, Silence())
    took = time.perf_counter() - began
    assert len(prepared.plan.changes) == COUNT
    engine.close()
    return took


def imports(_folder: str) -> float:
    """Resident megabytes with all imports and nothing done."""
    return _resident()


def steady(folder: str) -> float:
    """Resident megabytes after a first pass, its acknowledgement and three passes over small changes."""
    from qtisync.engine.bulk import give_back

    engine = Engine(Path(folder))
    engine.one_pass()
    engine.acknowledge()
    for number in range(3):
        edit(Path(folder, "content.git"), number, f"words {number}")
        engine.one_pass()
        engine.acknowledge()
    give_back()  # as a process that stays does when it has nothing to do
    resident = _resident()
    engine.close()
    return resident


def _resident() -> float:
    for text in Path("/proc/self/status").read_text().splitlines():
        if text.startswith("VmRSS:"):
            return int(text.split()[1]) / 1024
    raise RuntimeError("no VmRSS")
