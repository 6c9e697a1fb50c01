"""Blobs of what is sent next are read together, and a blob that vanished is told with its own object only."""

from __future__ import annotations

import pytest
from builders import an_item, intents_for
from fake_source import FakeSource
from fakes import FakeClock, MemoryStore

from qtisync.engine.read_ahead import AHEAD, SMALL, ReadAhead
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


def test_many_objects_are_read_by_few_questions():
    ahead, source, blobs = a_queue(AHEAD)

    assert [ahead.blob(blob) for blob in blobs] == [source.data[blob] for blob in blobs]
    assert source.asked == [AHEAD]


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
