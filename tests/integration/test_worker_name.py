"""Who holds a lease: a name that no process before and none after has."""

from __future__ import annotations

from pathlib import Path

from fake_api import FakeApi
from fake_source import FakeSource
from fakes import MemoryStore, RecordedLog

from qtisync.app import Setup, ThreadBell, load_setup

CONFIG = """
repository: {path: ., ref: main}
state: ./state
targets:
  test: {base_url: "http://127.0.0.1:1/api", token_url: "http://127.0.0.1:1/t", client_id: env/A, client_secret: env/B}
"""


def test_a_process_never_has_the_name_of_one_before_it(tmp_path: Path) -> None:
    # In a container host and process id are the same after every restart: a lease of the dead one would look like ours.
    (tmp_path / "qtisync.yaml").write_text(CONFIG)
    setup = load_setup(tmp_path / "qtisync.yaml", None, {"A": "a", "B": "b"})

    assert worker(setup) != worker(setup)


def worker(setup: Setup) -> str:
    parts = {
        "store": MemoryStore(),
        "source": FakeSource(),
        "api": FakeApi(),
        "bell": ThreadBell(),
        "log": RecordedLog(),
    }
    with setup.bench(**parts) as bench:
        return bench.worker
