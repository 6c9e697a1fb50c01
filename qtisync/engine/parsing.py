"""Bytes to facts, many at a time: beside this process also by others, where so much is unread that starting them pays.

What a file says depends on its bytes alone, so it does not matter who reads it. If no process can be started, or one
dies, everything is read here.
"""

from __future__ import annotations

import enum
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from qtisync.content.facts import BrokenFacts, Facts, ObjectFacts, Remark, SidecarFacts
from qtisync.content.qti import parse_object
from qtisync.content.sidecar import parse_sidecar
from qtisync.model import BlobId, TooLarge

if TYPE_CHECKING:
    from concurrent.futures import Executor

WORTH_PROCESSES = 4_000
"""Unread files of one sort from which other processes help: to start one takes as long as to read a thousand."""
MOST_PROCESSES = 8
_PORTION = 250  # files that travel to another process together
_AHEAD = 3  # portions that may wait for each process, so that it never waits for us

Packed: TypeAlias = Any
"""Facts in a form that travels cheaply: nearly all are plain tuples and mappings."""
_Portion: TypeAlias = Sequence[tuple[BlobId, bytes]]


class Reader(enum.Enum):
    """Who says what the bytes are."""

    XML = "xml"
    YAML = "yaml"

    def read(self, data: bytes | TooLarge, cap: int) -> Facts:
        """What one file says; at most ``cap`` bytes are read."""
        if isinstance(data, TooLarge):
            return _too_large(data, cap)
        return parse_object(data, max_bytes=cap) if self is Reader.XML else parse_sidecar(data, max_bytes=cap)


class Parsing:
    """Reads files, beside this process by ``others`` if there are any."""

    def __init__(self, pool: Executor | None = None, others: int = 0) -> None:
        self._pool = pool
        self._room = others * _AHEAD

    @property
    def is_shared(self) -> bool:
        """Whether other processes help."""
        return self._pool is not None

    def facts(
        self, blobs: Iterable[tuple[BlobId, bytes | TooLarge]], reader: Reader, cap: int
    ) -> Iterator[tuple[BlobId, Facts]]:
        """What each file says, in any order."""
        rest = iter(blobs)
        away: deque[tuple[_Portion, Future[list[Packed]]]] = deque()
        while self._pool is not None and (portion := list(islice(rest, _PORTION))):
            small = [(blob, data) for blob, data in portion if isinstance(data, bytes)]
            yield from ((blob, reader.read(data, cap)) for blob, data in portion if isinstance(data, TooLarge))
            if len(away) < self._room and (sent := self._send(small, reader, cap)) is not None:
                away.append((small, sent))
            else:
                yield from ((blob, reader.read(data, cap)) for blob, data in small)
            while away and away[0][1].done():
                yield from self._returned(*away.popleft(), reader, cap)
        for blob, data in rest:
            yield blob, reader.read(data, cap)
        while away:
            yield from self._returned(*away.popleft(), reader, cap)

    def _send(self, portion: _Portion, reader: Reader, cap: int) -> Future[list[Packed]] | None:
        if self._pool is None:
            return None
        try:
            return self._pool.submit(_read_portion, reader, [data for _, data in portion], cap)
        except (RuntimeError, OSError):  # the pool is broken, or no process can be started
            self._pool = None
            return None

    def _returned(
        self, portion: _Portion, sent: Future[list[Packed]], reader: Reader, cap: int
    ) -> Iterator[tuple[BlobId, Facts]]:
        try:
            packed = sent.result()
        except (RuntimeError, OSError):
            self._pool = None
            yield from ((blob, reader.read(data, cap)) for blob, data in portion)
            return
        yield from zip((blob for blob, _ in portion), map(_unpacked, packed), strict=True)


@contextmanager
def parsing(unread: int, processes: int) -> Iterator[Parsing]:
    """A ``Parsing`` for so many unread files by at most so many processes, this one included; 0: one for each core."""
    others = min(processes or len(os.sched_getaffinity(0)), MOST_PROCESSES) - 1
    if others < 1 or unread < WORTH_PROCESSES:
        yield Parsing()
        return
    import multiprocessing  # noqa: PLC0415 - only for a great many files
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - likewise

    # `spawn`: a copy of this process would copy its threads' locks and its database connections, too.
    pool = ProcessPoolExecutor(others, multiprocessing.get_context("spawn"), _leave_with_parent)
    try:
        yield Parsing(pool, others)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_with_parent() -> None:
    """In a new process: a signal of the terminal is the parent's to handle; when the parent dies, so do we."""
    from multiprocessing import parent_process  # noqa: PLC0415 - only in a child

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def leave() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


def _read_portion(reader: Reader, files: list[bytes], cap: int) -> list[Packed]:
    return list(map(_packed, map(partial(_read, reader, cap), files)))


def _read(reader: Reader, cap: int, data: bytes) -> Facts:
    return reader.read(data, cap)


def _packed(facts: Facts) -> Packed:
    if isinstance(facts, ObjectFacts) and not facts.findings:
        return (facts.kind, facts.identifier, facts.content, facts.answers, facts.size, facts.references)
    if isinstance(facts, SidecarFacts) and not facts.steered:
        return facts.metadata
    return facts


def _unpacked(packed: Packed) -> Facts:
    if isinstance(packed, tuple):
        kind, identifier, content, answers, size, references = packed
        return ObjectFacts(
            kind=kind, identifier=identifier, content=content, answers=answers, size=size, references=references
        )
    if isinstance(packed, dict):
        return SidecarFacts(metadata=packed)
    facts: Facts = packed
    return facts


def _too_large(blob: TooLarge, cap: int) -> BrokenFacts:
    message = f"the file has {blob.size:,} bytes; at most {cap:,} are read"
    hint = "Is it really a QTI item? Move media out of the XML, or raise the limit in the configuration (content)."
    return BrokenFacts(problems=(Remark(code="too-large", message=message, hint=hint),))
