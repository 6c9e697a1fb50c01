"""The record of a target that was never synced: nothing is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qtisync.content.facts import Facts
from qtisync.delivery.ledger import Chain, Entry
from qtisync.delivery.pace import Pace
from qtisync.model import BlobId, Identifier, JournalLine, Json, Key, PassRecord, Recorded


class EmptyReader:
    """The record of a target that was never synced."""

    def last_pass(self) -> PassRecord | None:
        """None."""
        return None

    def recorded(self) -> Mapping[Key, Recorded]:
        """No row."""
        return {}

    def recorded_some(self, keys: Iterable[Key]) -> Mapping[Key, Recorded]:
        """No row."""
        del keys
        return {}

    def unsettled(self, most_queued: int | None = None) -> Sequence[Recorded]:
        """No row."""
        del most_queued
        return []

    def find(self, identifier: Identifier) -> Sequence[Recorded]:
        """No row."""
        del identifier
        return []

    def counts(self) -> Mapping[str, int]:
        """Nothing to count."""
        return {}

    def lanes(self) -> Mapping[str, int]:
        """Nothing waits."""
        return {}

    def known_facts(self, wanted: Iterable[BlobId], version: str) -> Mapping[BlobId, Facts]:
        """Nothing is known."""
        del wanted, version
        return {}

    def setting(self, name: str) -> Json:
        """Nothing was set."""
        del name
        return None

    def pace(self) -> Pace | None:
        """Nothing was learned."""
        return None

    def history(self, identifier: Identifier | None, limit: int) -> Sequence[JournalLine]:
        """Nothing happened."""
        del identifier, limit
        return []

    def entries(self, after: int, limit: int, identifier: Identifier | None = None) -> Sequence[Entry]:
        """Nothing happened."""
        del after, limit, identifier
        return []

    def chain(self) -> Chain:
        """It has not begun."""
        return Chain()

    def next_ready(self, now: float) -> float | None:
        """Nothing is queued."""
        del now
        return None

    def in_flight(self) -> int:
        """None."""
        return 0

    def bystander(self, other_than: Key) -> Recorded | None:
        """There is none."""
        del other_than
        return None

    def close(self) -> None:
        """Nothing is open."""
