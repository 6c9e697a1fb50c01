"""One suite, every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import MemoryStore

from qtisync.adapters.store import open_store
from qtisync.engine.ports import Store


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store = MemoryStore() if request.param == "memory" else open_store(tmp_path, "test", holder="pytest")
    yield opened
    opened.close()
