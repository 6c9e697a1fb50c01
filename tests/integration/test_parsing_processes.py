"""Other processes read the same out of the same bytes; without them everything is read here."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
from world import item_xml

from qtisync.engine.parsing import WORTH_PROCESSES, Parsing, Reader, parsing
from qtisync.model import BlobId, TooLarge

CAP = 65_536
XML = [
    *((BlobId(f"x{n}"), item_xml(f"q{n}", references="s1" if n % 2 else "").encode()) for n in range(600)),
    (BlobId("broken"), b"<broken"),
    (BlobId("large"), TooLarge(70_000)),
    (BlobId("remarked"), item_xml("q", key="Z").encode()),
    (BlobId("other"), b"<manifest/>"),
]
YAML = [
    *((BlobId(f"y{n}"), b"grade: %d\n" % (n % 13)) for n in range(600)),
    (BlobId("steering"), b"qtisync: {protect: true}\n"),
    (BlobId("bad"), b"grade: 99\n"),
]
EXPECTED = {
    Reader.XML: {b: Reader.XML.read(d, CAP) for b, d in XML},
    Reader.YAML: {b: Reader.YAML.read(d, CAP) for b, d in YAML},
}


def read_by(parser: Parsing) -> dict[Reader, dict]:
    return {
        reader: dict(parser.facts(blobs, reader, CAP)) for reader, blobs in ((Reader.XML, XML), (Reader.YAML, YAML))
    }


class BreakingPool(ThreadPoolExecutor):
    """Takes one portion, then dies with it."""

    asked = 0

    def submit(self, *_args, **_kwargs):
        self.asked += 1
        if self.asked > 1:
            raise BrokenProcessPool("dead")
        lost: Future = Future()
        lost.set_exception(BrokenProcessPool("dead"))
        return lost


def test_processes_say_what_this_one_says():
    with parsing(WORTH_PROCESSES, 2) as parser:
        assert parser.is_shared
        assert read_by(parser) == EXPECTED


def test_few_files_or_one_core_start_no_process():
    with parsing(WORTH_PROCESSES - 1, 2) as few, parsing(WORTH_PROCESSES, 1) as alone:
        assert (few.is_shared, alone.is_shared) == (False, False)
        assert read_by(alone) == EXPECTED


@pytest.mark.parametrize("others", [1, 3])
def test_a_process_that_dies_loses_nothing(others):
    with BreakingPool(1) as pool:
        assert read_by(Parsing(pool, others)) == EXPECTED
