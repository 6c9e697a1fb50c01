"""Walking through the journal of a record, also while somebody adds to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtisync.delivery.ledger import Chain, Entry, Fault, Place, faults

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader
    from qtisync.model import Identifier

_PORTION = 2_000
_BEFORE_ALL = -(2**62)  # also before what somebody inserted with a negative number


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What verifying the journal came to."""

    faults: tuple[Fault, ...]
    chain: Chain | None
    noted: bool | None = None
    """Whether a digest that was noted earlier is still in the chain; ``None``: none was asked for."""


def walk(reader: RecordReader, identifier: Identifier | None = None, after: int = _BEFORE_ALL) -> Iterator[Entry]:
    """Every entry, oldest first; of one object or of all."""
    while portion := reader.entries(after, _PORTION, identifier):
        yield from portion
        after = portion[-1].number


def verify(reader: RecordReader, noted: str | None = None) -> Verified:
    """Whether anybody tampered with the journal. ``noted``: a digest that somebody wrote down earlier."""
    while True:
        before = reader.chain()
        begin = Place() if before is None else before.dropped
        seen = {begin.digest}

        def watched(seen: set[str] = seen) -> Iterator[Entry]:
            for entry in walk(reader):
                if entry.digest == noted:
                    seen.add(entry.digest)
                yield entry

        found = tuple(faults(watched(), begin, reader.chain))
        after = reader.chain()
        # A writer that dropped the beginning meanwhile would look like a thief.
        if before is None or after is None or before.dropped == after.dropped:
            return Verified(faults=found, chain=after, noted=None if noted is None else noted in seen)
