"""1,000 real ``kill -9`` of ``qtisync sync`` at random moments, over SQLite: what must hold after each, and at the end.

``python benchmarks/kills.py [COUNT] [FILE]`` goes on where FILE (one line for each finished story) ends. A story is a
new repository, a new record, a new emulated API with a few lost answers, and fifty kills; commits come between the
processes and while they run, with reverts and changes of metadata alone. The invariants of the design that are checked:

I1   at the end the API holds what git says, and another sync sends nothing
I4   no version of an item is written twice in a row, and there is one create for each item, none refused as a duplicate
I5   after each kill: what the record calls synced is at the API
I9   no two writes of one item are in flight at the same moment
I11  each write carries what the item is in the commit that its process works on, never an older one
I12  a write without an answer is followed by a read of the item
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from world import item

from qtisync.adapters.store_files import record_file
from qtisync.adapters.store_reader import open_reader
from qtisync.model import ItemStatus
from qtisync.sandbox.journal import JournalEntry
from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox

QTISYNC = str(Path(sys.executable).parent / "qtisync")
KILLS, STORY = 1_000, 50
ITEMS, EDITS = 40, 14
FAULTS = ("reset-after@PUT:1%", "reset-before@PUT:1%", "reset-after@POST:1%", "truncate@PUT:1%")
IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgsign=false")

Texts = dict[str, tuple[int, int]]
"""What git says: for each item the number of its words and of its topic."""


def xml_of(number: int, words: int) -> str:
    return item(number, f"The words of version {words}.")


def metadata_of(topic: int) -> dict[str, Any]:
    return {"topic": f"topic {topic}"}


def sent_as(name: str, version: tuple[int, int]) -> str:
    """The checksum of a write's body."""
    body = {"format": "xml", "xml": xml_of(int(name[2:]), version[0]), "metadata": metadata_of(version[1])}
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


@dataclass(kw_only=True)
class Run:
    """One process: from when, and which commits it may work on."""

    began: float
    heads: list[int]


@dataclass
class Story:
    """One repository with its record and its API."""

    folder: Path
    api: Sandbox
    dice: random.Random
    states: list[Texts] = field(default_factory=list)
    commits: dict[str, int] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    killed: int = 0
    ended: int = 0
    span: float = 1.5

    def begin(self, *, metadata_updates: str) -> None:
        (self.folder / "content").mkdir()
        self.git("init", "-q", "-b", "main")
        target = {
            "base_url": self.api.base_url,
            "token_url": self.api.token_url,
            "client_id": "sandbox-client",
            "client_secret": "env/BENCH_SECRET",
            "max_requests_per_second": 1000.0,
            "pace": "fixed",
            "max_update": "100%",
            "metadata_updates": metadata_updates,
        }
        config = {"repository": {"path": "content"}, "state": "./state", "targets": {"bench": target}}
        (self.folder / "qtisync.yaml").write_text(json.dumps(config))
        self.commit({f"q-{n:06}": (0, 0) for n in range(ITEMS)})

    def git(self, *arguments: str) -> str:
        command = ["git", *IDENTITY, *arguments]
        done = subprocess.run(command, cwd=self.folder / "content", capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, state: Texts) -> None:
        before = self.states[-1] if self.states else {}
        for name, version in state.items():
            if before.get(name) != version:
                (self.folder / "content" / f"{name}.xml").write_text(xml_of(int(name[2:]), version[0]))
                (self.folder / "content" / f"{name}.yaml").write_text(json.dumps(metadata_of(version[1])))
        self.git("add", "--all")
        self.git("commit", "-q", "-m", "edit")
        self.states.append(state)
        self.commits[self.git("rev-parse", "HEAD")] = len(self.states) - 1
        if self.runs:
            self.runs[-1].heads.append(len(self.states) - 1)

    def edit(self) -> None:
        """A commit of new words, new metadata, or an item as it once was."""
        state, number = dict(self.states[-1]), len(self.states)
        for name in self.dice.sample(sorted(state), EDITS):
            words, topic = state[name]
            before = self.dice.choice(self.states)[name]
            choices = [(number, topic), (words, number), (number, number), before]
            state[name] = self.dice.choice([choice for choice in choices if choice != state[name]])
        self.commit(state)

    def start(self) -> subprocess.Popen[bytes]:
        env = {**os.environ, "BENCH_SECRET": self.api.client_secret}
        self.runs.append(Run(began=time.monotonic(), heads=[len(self.states) - 1]))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([QTISYNC, "sync", "--quiet"], cwd=self.folder, env=env, **quiet)

    def kill_one(self) -> None:
        """One process and its end; mostly after a commit, sometimes with one while it runs."""
        if self.dice.random() < 0.7:
            self.edit()
        calls = len(self.api.journal)
        process = self.start()
        if self.dice.random() < 0.2:
            time.sleep(self.dice.uniform(0.1, 0.6))
            self.edit()
        if self.dice.random() < 0.6:  # at some moment of its work
            self.await_calls(process, calls + self.dice.randint(1, 2 * EDITS))
            time.sleep(self.dice.uniform(0.0, 0.03))
        else:  # at some moment of its life
            time.sleep(self.dice.uniform(0.0, self.span))
        process.kill()
        code = process.wait()
        if code == -9:
            self.killed += 1
            self.span = min(4.0, self.span * 1.02)
        elif code == 0:
            self.ended += 1
            self.span = max(0.3, self.span * 0.92)
        else:
            raise AssertionError(f"sync left with {code}")
        self.check_cursor()

    def await_calls(self, process: subprocess.Popen[bytes], calls: int) -> None:
        while len(self.api.journal) < calls and process.poll() is None:
            time.sleep(0.001)

    def check_cursor(self) -> None:
        """I5, as the dead process left the record."""
        reader = open_reader(self.folder / "state", "bench")
        if reader is None:
            return
        with closing(reader):
            cursor = reader.setting("synced_commit")
            rows = reader.recorded()
        held = self.api.world.items()
        if cursor is not None:
            number = self.commits[str(cursor)]
            for name, version in self.states[number].items():
                later = {state[name] for state in self.states[number:]}
                told = held[name]
                assert any(told.xml == xml_of(int(name[2:]), words) for words, _ in later), ("I5", name, version)
                assert any(told.metadata == metadata_of(topic) for _, topic in later), ("I5", name, version)
        for key, row in rows.items():
            if row.status is ItemStatus.SYNCED:
                assert row.acknowledged == row.desired, ("I5", key)
                assert key.identifier in held, ("I5", key)

    def finish(self) -> None:
        """The last process is left alone."""
        self.api.faults.clear()
        assert self.start().wait() == 0
        state = self.states[-1]
        held = {name: (row.xml, dict(row.metadata)) for name, row in self.api.world.items().items()}
        meant = {name: (xml_of(int(name[2:]), words), metadata_of(topic)) for name, (words, topic) in state.items()}
        assert held == meant, "I1"
        calls = len(self.api.journal)
        assert self.start().wait() == 0
        assert len(self.api.journal) == calls, "I1: not quiet"
        with closing(sqlite3.connect(record_file(self.folder / "state", "bench"))) as record:
            assert record.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        self.check_journal()

    def check_journal(self) -> None:
        """I4, I9, I11, I12, from what the API saw."""
        entries = [entry for entry in self.api.journal.entries() if entry.path.startswith("/api/")]
        assert not [entry for entry in entries if entry.status == 409], "I4: a create met its own object"
        creates = Counter(e.identifier for e in entries if e.applied and e.path == "/api/assessment-items")
        assert creates == dict.fromkeys(self.states[-1], 1), ("I4", creates.most_common(3))
        for name in self.states[-1]:
            about = [e for e in entries if e.identifier == name or (name in e.query and e.method == "GET")]
            self.check_item(name, about)

    def check_item(self, name: str, calls: list[JournalEntry]) -> None:
        writes = [call for call in calls if call.writes]
        for before, after in pairwise(writes):
            assert before.finished is not None, ("I9", name, before)
            assert before.finished <= after.started, ("I9", name, before, after)
        applied = [call.body_sha256 for call in writes if call.applied]
        assert all(one != two for one, two in pairwise(applied)), ("I4", name, applied)
        for call in writes:
            heads = next(run.heads for run in reversed(self.runs) if run.began <= call.started)
            allowed = {sent_as(name, self.states[head][name]) for head in heads}
            assert call.body_sha256 in allowed, ("I11", name, call)
        for before, after in pairwise(calls):
            if before.writes and (before.fault or before.status is None):
                assert not after.writes, ("I12", name, before, after)


def tell(seed: int) -> dict[str, Any]:
    """One story; its figures. It is left in its folder if it fails."""
    folder = Path(tempfile.mkdtemp(prefix="qtisync-kills-"))
    began = time.monotonic()
    options = Options(latency=(0.003, 0.02), faults=FAULTS, seed=seed)
    with Sandbox(options) as api:
        story = Story(folder, api, random.Random(seed))
        story.begin(metadata_updates="endpoint" if seed % 2 else "put")
        try:
            while story.killed < STORY:
                story.kill_one()
            story.finish()
        except AssertionError as broken:
            raise AssertionError(f"story {seed} in {folder}: {broken.args}") from broken
        calls = [entry for entry in api.journal.entries() if entry.path.startswith("/api/")]
        figures = {
            "seed": seed,
            "killed": story.killed,
            "ended": story.ended,
            "commits": len(story.states),
            "writes": sum(entry.writes for entry in calls),
            "calls": len(calls),
            "seconds": round(time.monotonic() - began),
        }
    shutil.rmtree(folder)
    return figures


def kills(count: int = KILLS, file: Path | None = None) -> None:
    """As many kills as are missing; prints each story."""
    told = [json.loads(line) for line in file.read_text().splitlines()] if file is not None and file.exists() else []
    while sum(story["killed"] for story in told) < count:
        story = tell(max((one["seed"] for one in told), default=0) + 1)
        told.append(story)
        if file is not None:
            with file.open("a") as out:
                out.write(json.dumps(story) + "\n")
        print("     " + ", ".join(f"{name} {value}" for name, value in story.items()), flush=True)
    totals = {name: sum(story[name] for story in told) for name in ("killed", "ended", "commits", "writes", "calls")}
    print(f"kills {totals}: I1, I4, I5, I9, I11 and I12 held")


if __name__ == "__main__":
    kills(int(sys.argv[1]) if len(sys.argv) > 1 else KILLS, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
