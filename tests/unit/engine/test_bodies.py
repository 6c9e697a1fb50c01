"""The XML on both sides of an update, from git: what vanished is left out, and any bytes can be looked at."""

from __future__ import annotations

import codecs

import pytest
from builders import a_recorded, a_snapshot, an_item

from qtisync.engine.bodies import changed_texts, text_of
from qtisync.errors import BlobMissingError
from qtisync.model import BlobId
from qtisync.planning.diff import diff
from qtisync.planning.plan import Destination

THERE = Destination(target="staging", base_url="http://127.0.0.1:8765/api")


class Blobs:
    """A repository that only has blobs."""

    def __init__(self, kept: dict[BlobId, bytes]) -> None:
        self.kept = kept
        self.asked: list[BlobId] = []

    def blob(self, wanted: BlobId) -> bytes:
        self.asked.append(wanted)
        if wanted not in self.kept:
            raise BlobMissingError("it vanished")
        return self.kept[wanted]


def test_only_what_an_update_of_content_changes_is_read():
    updated, retagged = a_recorded(), a_recorded("q2", metadata={"grade": "4"})
    item = an_item(content="c2")
    plan = diff(a_snapshot(item, an_item("q2"), an_item("q3")), {row.key: row for row in (updated, retagged)}, THERE)
    blobs = Blobs({item.blob: b"<new/>", updated.acknowledged_blob: b"<old/>"})

    assert changed_texts(blobs, plan) == {updated.acknowledged_blob: "<old/>", item.blob: "<new/>"}
    assert blobs.asked == [updated.acknowledged_blob, item.blob]


def test_blob_that_vanished_is_left_out():
    row, item = a_recorded(), an_item(content="c2")
    plan = diff(a_snapshot(item), {row.key: row}, THERE)

    assert changed_texts(Blobs({item.blob: b"<new/>"}), plan) == {item.blob: "<new/>"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("<é/>".encode(), "<é/>"),
        (codecs.BOM_UTF8 + "<é/>".encode(), "<é/>"),
        ("<é/>".encode("utf-16"), "<é/>"),
        (b"<\xe9/>", "<\ufffd/>"),
    ],
)
def test_any_bytes_can_be_looked_at(data: bytes, text: str):
    assert text_of(data) == text
