"""Blobs of what is sent next are read together, and a blob that vanished is told with its own object only."""

from __future__ import annotations

import pytest
from builders import an_item, intents_for
from fake_source import FakeSource
from fakes import FakeClock, MemoryStore

from qtisync.engine.read_ahead import AHEAD, MOST, SMALL, ReadAhead
from qtisync.errors import BlobMissingError
from qtisync.model import BlobId


class CountingSource(FakeSource):
    """Knows how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def blobs(self, wanted, max_bytes):
        names = list(wanted)
        self.asked.append(len(names))
        return super().blobs(names, max_bytes)


def a_queue(count: int, size: int = 10) -> tuple[ReadAhead, CountingSource, list[BlobId]]:
    source, store = CountingSource(), MemoryStore()
    files = {f"{n:02}.xml": f"{n}".encode().ljust(size) for n in range(count)}
    commit = source.commit(files)
    blobs = [entry.blob for entry in source.tree(commit)]
    store.record_pass(intents_for(*(an_item(f"q{n:02}", blob=blob) for n, blob in enumerate(blobs))))
    return ReadAhead(source, store, FakeClock()), source, blobs


def a_long_queue(count: int) -> tuple[ReadAhead, CountingSource, MemoryStore]:
    source, store = CountingSource(), MemoryStore()
    commit = source.commit({f"{n:03}.xml": f"{n}".encode() for n in range(count)})
    blobs = [entry.blob for entry in source.tree(commit)]
    store.record_pass(intents_for(*(an_item(f"q{n:03}", blob=blob) for n, blob in enumerate(blobs))))
    return ReadAhead(source, store, FakeClock()), source, store


def test_many_objects_are_read_by_few_questions():
    ahead, source, store = a_long_queue(AHEAD)

    for _ in range(AHEAD):
        blob = store.claim("me", 0.0, 60.0).row.blob
        assert ahead.blob(blob) == source.data[blob]
    assert source.asked == [AHEAD]


def test_workers_that_claim_side_by_side_do_not_read_what_another_has_read():
    ahead, source, store = a_long_queue(400)
    claimed = []
    for turn in range(400):
        claim = store.claim("me", 0.0, 60.0)
        claimed.append(claim.row.blob)
        if turn % 8 == 7:  # eight are at work, and ask in any order
            assert [ahead.blob(blob)[:1] for blob in reversed(claimed)] == [
                source.data[b][:1] for b in reversed(claimed)
            ]
            claimed.clear()

    assert sum(source.asked) == 400
    assert len(source.asked) <= 400 / 7


def test_what_was_read_and_is_not_sent_after_all_is_dropped_in_time():
    ahead, _source, store = a_long_queue(400)
    for _turn in range(100):
        claim = store.claim("me", 0.0, 60.0)
        for _superseded in range(3):
            store.claim("me", 0.0, 60.0)
        ahead.blob(claim.row.blob)

    assert len(ahead._kept) <= MOST


def test_a_large_blob_is_read_when_it_is_sent():
    ahead, source, blobs = a_queue(2, size=SMALL + 1)

    assert [ahead.blob(blob) for blob in blobs] == [source.data[blob] for blob in blobs]


def test_a_vanished_blob_is_told_with_its_own_object_only():
    ahead, source, blobs = a_queue(3)
    gone = blobs[1]
    del source.data[gone]

    assert ahead.blob(blobs[0]).startswith(b"0")
    assert ahead.blob(blobs[2]).startswith(b"2")
    with pytest.raises(BlobMissingError):
        ahead.blob(gone)
