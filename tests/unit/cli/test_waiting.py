"""What `qtisync wait` reads from the record and the repository."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_recorded
from fake_source import FakeSource
from fakes import MemoryStore

from qtisync.cli.exit_codes import HELD, LOCKED, OK, PARTIAL
from qtisync.cli.waiting import Elsewhere, Seen, Watch
from qtisync.engine import pause as pauses
from qtisync.errors import RepositoryError
from qtisync.model import ItemStatus, Standing

NOW = 1000.0
UNKNOWN = "deadbeef"


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def look(source: FakeSource, store: MemoryStore, commit: str, elsewhere: Elsewhere | None = None) -> Seen:
    return Watch(source, commit, "main", elsewhere).look(store, NOW)


def code(source: FakeSource, store: MemoryStore, commit: str) -> int | None:
    return look(source, store, commit).code


def held(commit: str) -> dict[str, Any]:
    return {"commit": commit, "command": "qtisync apply held.json --allow mass-update"}


def forge(*, fetched: float | None = None, asked: bool = False) -> Elsewhere:
    return Elsewhere(name="git.example.org:items.git", fetched=lambda: fetched, asked=lambda: asked)


def test_commit_or_a_later_one_that_is_synced_is_the_end(source: FakeSource, store: MemoryStore) -> None:
    first, second = source.commit({"a": b"1"}), source.commit({"a": b"2"})
    assert look(source, store, first) == Seen()
    store.put_setting("synced_commit", first)
    assert look(source, store, first) == Seen(code=OK, words=f"{first[:7]} is synced.")
    assert look(source, store, second) == Seen()
    store.put_setting("synced_commit", second)
    assert look(source, store, first) == Seen(code=OK, words=f"{second[:7]} is synced.")


def test_what_was_refused_and_what_stays_at_the_api_is_said(source: FakeSource, store: MemoryStore) -> None:
    head = source.commit({"a": b"1"})
    store.put_setting("synced_commit", head)
    store.plant([a_recorded("q1", standing=Standing.ORPHAN)])
    left = Seen(code=OK, words=f"{head[:7]} is synced; 1 orphan left at the API, see: qtisync status")
    assert look(source, store, head) == left

    store.plant([a_recorded("q2", status=ItemStatus.PARKED)])
    both = Seen(code=PARTIAL, words=f"{head[:7]} is synced; 1 refused, 1 orphan left at the API, see: qtisync status")
    assert look(source, store, head) == both


def test_commit_that_waits_behind_a_later_one_that_is_held_is_held(source: FakeSource, store: MemoryStore) -> None:
    first, second = source.commit({"a": b"1"}), source.commit({"a": b"2"})
    third = source.commit({"a": b"3"})
    store.put_setting("held", held(second))

    assert [code(source, store, one) for one in (first, second, third)] == [HELD, HELD, None]
    words = f"A safety rule holds {second[:7]}. If this is meant: {held('')['command']}"
    assert look(source, store, first) == Seen(code=HELD, words=words)


def test_held_commit_that_was_forced_away_decides_nothing(source: FakeSource, store: MemoryStore) -> None:
    first = source.commit({"a": b"1"})
    store.put_setting("held", held("0" * 40))

    assert look(source, store, first) == Seen()


def test_pause_is_said_at_once(source: FakeSource, store: MemoryStore) -> None:
    first = source.commit({"a": b"1"})
    pauses.begin(store, pauses.Pause(reason="", since=NOW, until=NOW + 1))

    assert code(source, store, first) == LOCKED


@pytest.mark.parametrize("commit", [UNKNOWN, "f" * 40, "no-such-branch"])
def test_commit_that_a_repository_on_this_machine_does_not_have_is_refused_at_once(
    source: FakeSource, store: MemoryStore, commit: str
) -> None:
    source.commit({"a": b"1"})
    with pytest.raises(RepositoryError, match=commit):
        look(source, store, commit)


def test_commit_of_a_repository_elsewhere_is_waited_for_until_it_was_fetched(
    source: FakeSource, store: MemoryStore
) -> None:
    source.commit({"a": b"1"})
    told = f"{UNKNOWN} is not known here yet{{}}: waiting for the next fetch of git.example.org:items.git."
    assert look(source, store, UNKNOWN, forge()) == Seen(words=told.format(""))
    before = look(source, store, UNKNOWN, forge(fetched=NOW))
    assert before == Seen(words=told.format(" (last fetched 1970-01-01T00:16:40.000Z)"))
    with pytest.raises(RepositoryError, match=f"was fetched just now, and has no commit {UNKNOWN}"):
        look(source, store, UNKNOWN, forge(fetched=NOW, asked=True))


def test_word_that_is_no_commit_is_refused_without_a_fetch(source: FakeSource, store: MemoryStore) -> None:
    source.commit({"a": b"1"})
    with pytest.raises(RepositoryError):
        look(source, store, "no-such-branch", forge())


def test_commit_that_is_not_on_the_way_to_the_branch_is_said(source: FakeSource, store: MemoryStore) -> None:
    head = source.commit({"a": b"1"})
    aside = source.commit({"a": b"2"}, branch="draft")

    words = f"{aside[:7]} is not in the history of main (now {head[:7]}): waiting until it is."
    assert look(source, store, aside) == Seen(words=words)
