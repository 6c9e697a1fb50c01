"""One writer per target, also where processes die."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from builders import START, a_key

from qtisync.adapters.store import open_store
from qtisync.adapters.store_reader import open_reader
from qtisync.errors import RecordLockedError
from qtisync.model import ItemStatus

HOLD = """
import sys, pathlib
sys.path.insert(0, sys.argv[2])
from builders import an_item, intents_for
from qtisync.adapters.store import open_store
store = open_store(pathlib.Path(sys.argv[1]), "t", holder="qtisync run")
store.record_pass(intents_for(an_item()))
claim = store.claim("dead", 1.0, 60.0)
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def another_process(folder: Path):
    """A process that holds the record, with one object in flight."""
    tests = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", HOLD, str(folder), str(tests)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tests.parent
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_and_told_who_has_the_record(tmp_path):
    with another_process(tmp_path) as process, pytest.raises(RecordLockedError) as caught:
        open_store(tmp_path, "t", holder="qtisync sync")

    assert (caught.value.exit_code, caught.value.reference) == (6, "record-locked")
    said = rf"The record of target “t” is in use by “qtisync run” \(process {process.pid}, since 20\d\d-\d\d-.*\)\."
    assert re.fullmatch(said, caught.value.message)


def test_a_second_opener_in_the_same_process_is_refused(tmp_path):
    store = open_store(tmp_path, "t", holder="first")
    with pytest.raises(RecordLockedError, match="first"):
        open_store(tmp_path, "t", holder="second")
    open_store(tmp_path, "other", holder="second").close()
    store.close()

    open_store(tmp_path, "t", holder="second").close()


def test_a_killed_process_leaves_nothing_to_clean_up(tmp_path):
    with another_process(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        reader = open_reader(tmp_path, "t")
        assert reader is not None
        assert reader.in_flight() == 1, "a reader sees what is only in the dead writer's log"
        reader.close()
        store = open_store(tmp_path, "t", holder="next")
        assert (store.recover(START, owner="next"), store.recorded()[a_key()].status) == (1, ItemStatus.QUEUED)
        store.close()

    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.lock", "t.sqlite3"]
