"""What `qtisync wait` reads from the record and the repository."""

from __future__ import annotations

from typing import Any

import pytest
from fake_source import FakeSource
from fakes import MemoryStore

from qtisync.cli.exit_codes import HELD, LOCKED, OK
from qtisync.cli.steer import _state_of
from qtisync.engine import pause as pauses
from qtisync.errors import RepositoryError

NOW = 1000.0


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def state(source: FakeSource, store: MemoryStore, commit: str) -> int | None:
    return _state_of(source, store, commit, NOW)  # type: ignore[arg-type]


def held(commit: str) -> dict[str, Any]:
    return {"commit": commit, "command": "qtisync apply held.json --allow mass-update"}


def test_commit_or_a_later_one_that_is_synced_is_the_end(source: FakeSource, store: MemoryStore) -> None:
    first, second = source.commit({"a": b"1"}), source.commit({"a": b"2"})
    assert state(source, store, first) is None
    store.put_setting("synced_commit", first)
    assert (state(source, store, first), state(source, store, second)) == (OK, None)
    store.put_setting("synced_commit", second)
    assert state(source, store, first) == OK


def test_commit_that_waits_behind_a_later_one_that_is_held_is_held(
    source: FakeSource, store: MemoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = source.commit({"a": b"1"}), source.commit({"a": b"2"})
    third = source.commit({"a": b"3"})
    store.put_setting("held", held(second))

    assert [state(source, store, one) for one in (first, second, third)] == [HELD, HELD, None]
    assert f"A safety rule holds {second[:7]}. If this is meant: qtisync apply held.json" in capsys.readouterr().err


def test_held_commit_that_was_forced_away_decides_nothing(source: FakeSource, store: MemoryStore) -> None:
    first = source.commit({"a": b"1"})
    store.put_setting("held", held("0" * 40))

    assert state(source, store, first) is None


def test_pause_is_said_at_once(source: FakeSource, store: MemoryStore) -> None:
    first = source.commit({"a": b"1"})
    pauses.begin(store, pauses.Pause(reason="", since=NOW, until=NOW + 1))  # type: ignore[arg-type]

    assert state(source, store, first) == LOCKED


def test_commit_that_is_not_here_yet_is_waited_for_and_a_word_that_is_none_is_refused(
    source: FakeSource, store: MemoryStore
) -> None:
    source.commit({"a": b"1"})
    assert state(source, store, "f" * 40) is None
    with pytest.raises(RepositoryError):
        state(source, store, "no-such-branch")
