"""What the sandbox holds: items and stimuli, keyed by identifier, server-wide (C12). Safe for any thread.

Tests reach in from outside as "another writer": ``put_item``, ``edit_item``, ``remove_item`` and the same for stimuli
bypass the API's rules, bump ``__v`` and ``updatedAt``, and leave nothing in the journal.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from qtisync.sandbox.documents import stimulus_xml
from qtisync.sandbox.messages import JsonObject
from qtisync.sandbox.shelf import Shelf, Stored

_COUNTER = (1 << 88) - 1
"""The part of ``_id`` that counts."""


class World:
    """Both shelves and the clock that stamps them: milliseconds, strictly rising (f 3)."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._clock_ms = 0
        self._ids = itertools.count(1)
        self.item_shelf = Shelf(self.lock, self._stamp, self._new_id)
        self.stimulus_shelf = Shelf(self.lock, self._stamp, self._new_id)

    def items(self) -> dict[str, Stored]:
        """All items by identifier."""
        return self.item_shelf.all()

    def item(self, identifier: str) -> Stored | None:
        """One item, or ``None``."""
        return self.item_shelf.get(identifier)

    def put_item(self, identifier: str, xml: str, metadata: Mapping[str, Any] | None = None) -> Stored:
        """Create or replace an item as another writer would."""
        with self.lock:
            row = self.item_shelf.create(identifier, xml, metadata or {})
            return row or _there(
                self.item_shelf.update(identifier, xml=xml, model_xml=xml, metadata=dict(metadata or {})), identifier
            )

    def edit_item(self, identifier: str, xml: str | None = None, metadata: Mapping[str, Any] | None = None) -> Stored:
        """Change an item as another writer would; what is ``None`` stays. Raises ``KeyError``."""
        changes: JsonObject = {} if xml is None else {"xml": xml, "model_xml": xml}
        if metadata is not None:
            changes["metadata"] = dict(metadata)
        return _there(self.item_shelf.update(identifier, **changes), identifier)

    def remove_item(self, identifier: str) -> bool:
        """Delete an item; whether it was there."""
        return self.item_shelf.remove(identifier)

    def stimuli(self) -> dict[str, Stored]:
        """All stimuli by identifier."""
        return self.stimulus_shelf.all()

    def stimulus(self, identifier: str) -> Stored | None:
        """One stimulus, or ``None``."""
        return self.stimulus_shelf.get(identifier)

    def put_stimulus(
        self, identifier: str, title: str, content: str, metadata: Mapping[str, Any] | None = None
    ) -> Stored:
        """Create or replace a stimulus as another writer would; ``content`` is HTML."""
        fields = {"identifier": identifier, "title": title, "content": content}
        xml = stimulus_xml(fields)
        with self.lock:
            row = self.stimulus_shelf.create(identifier, xml, metadata or {}, fields)
            changes = {"xml": xml, "model_xml": xml, "fields": fields, "metadata": dict(metadata or {})}
            return row or _there(self.stimulus_shelf.update(identifier, **changes), identifier)

    def edit_stimulus(
        self, identifier: str, content: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Stored:
        """Change a stimulus as another writer would; what is ``None`` stays. Raises ``KeyError``."""
        with self.lock:
            row = _there(self.stimulus(identifier), identifier)
            fields = row.fields if content is None else row.fields | {"content": content}
            xml = row.xml if content is None else stimulus_xml(fields)
            kept = row.metadata if metadata is None else dict(metadata)
            changes = {"xml": xml, "model_xml": xml, "fields": fields, "metadata": kept}
            return _there(self.stimulus_shelf.update(identifier, **changes), identifier)

    def remove_stimulus(self, identifier: str) -> bool:
        """Delete a stimulus; whether it was there."""
        return self.stimulus_shelf.remove(identifier)

    def load(self, items: list[Stored], stimuli: list[Stored]) -> None:
        """Fill an empty world from a file; the clock and the ids go on from there."""
        with self.lock:
            self.item_shelf.load(items)
            self.stimulus_shelf.load(stimuli)
            rows = [*items, *stimuli]
            self._ids = itertools.count(1 + max((int(row.object_id, 16) & _COUNTER for row in rows), default=0))
            newest = max((row.updated_at for row in rows), default="1970-01-01T00:00:00.000Z")
            self._clock_ms = round(datetime.fromisoformat(newest).timestamp() * 1000)

    def _stamp(self) -> str:
        self._clock_ms = max(self._clock_ms + 1, int(time.time() * 1000))
        moment = datetime.fromtimestamp(self._clock_ms // 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self._clock_ms % 1000:03d}Z"

    def _new_id(self) -> str:
        return f"65{next(self._ids):022x}"


def _there(row: Stored | None, identifier: str) -> Stored:
    if row is None:
        raise KeyError(identifier)
    return row
