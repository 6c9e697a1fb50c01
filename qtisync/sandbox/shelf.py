"""One object as it is stored, and a shelf of them."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from qtisync.sandbox.messages import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """One item or stimulus as it is now; never changed in place."""

    identifier: str
    xml: str
    """rawXml."""
    metadata: JsonObject
    fields: JsonObject
    """Of a stimulus: what its JSON form said beside metadata (title, content, language ...)."""
    model_xml: str
    """The XML that the typed fields were read from: behind ``xml`` where typed fields lag."""
    object_id: str
    created_at: str
    updated_at: str
    version: int
    """``__v``: 0 when created, one more with each write."""


class Shelf:
    """All objects of one kind. Each method is atomic."""

    def __init__(self, lock: threading.RLock, stamp: Callable[[], str], new_id: Callable[[], str]) -> None:
        self._lock = lock
        self._stamp = stamp
        self._new_id = new_id
        self._rows: dict[str, Stored] = {}
        self._before: dict[str, Stored] = {}
        self.on_change: Callable[[], None] | None = None
        self.revision = 0

    def all(self) -> dict[str, Stored]:
        """A copy of the shelf, in the order of creation."""
        with self._lock:
            return dict(self._rows)

    def get(self, identifier: str) -> Stored | None:
        """One object."""
        with self._lock:
            return self._rows.get(identifier)

    def before(self, identifier: str) -> Stored | None:
        """What it was before the last write: a stale read."""
        with self._lock:
            return self._before.get(identifier, self._rows.get(identifier))

    def create(
        self, identifier: str, xml: str, metadata: Mapping[str, Any], fields: Mapping[str, Any] | None = None
    ) -> Stored | None:
        """Add a new object; ``None`` if the identifier is taken."""
        with self._lock:
            if identifier in self._rows:
                return None
            now = self._stamp()
            row = Stored(
                identifier=identifier,
                xml=xml,
                metadata=copy.deepcopy(dict(metadata)),
                fields=copy.deepcopy(dict(fields or {})),
                model_xml=xml,
                object_id=self._new_id(),
                created_at=now,
                updated_at=now,
                version=0,
            )
            self._keep(row)
            return row

    def update(self, identifier: str, /, **changes: Any) -> Stored | None:  # noqa: ANN401 - fields of Stored
        """Change fields of an object; ``None`` if there is none."""
        with self._lock:
            row = self._rows.get(identifier)
            if row is None:
                return None
            for name in changes.keys() & {"metadata", "fields"}:
                changes[name] = copy.deepcopy(changes[name])
            changed = replace(row, **changes, version=row.version + 1, updated_at=self._stamp())
            self._before[identifier] = row
            self._keep(changed, instead_of=identifier)
            return changed

    def remove(self, identifier: str) -> bool:
        """Delete for good; whether it was there."""
        with self._lock:
            found = self._rows.pop(identifier, None) is not None
            self._before.pop(identifier, None)
            if found:
                self._changed()
            return found

    def put_back(self, identifier: str, row: Stored | None) -> None:
        """Undo: the object is again what it was, or gone."""
        with self._lock:
            if row is None:
                self._rows.pop(identifier, None)
            else:
                self._rows[identifier] = row
            self._changed()

    def load(self, rows: list[Stored]) -> None:
        """Fill an empty shelf from a file."""
        with self._lock:
            self._rows = {row.identifier: row for row in rows}
            self.revision += 1

    def _keep(self, row: Stored, instead_of: str | None = None) -> None:
        if instead_of not in {None, row.identifier}:
            self._rows.pop(str(instead_of), None)
        self._rows[row.identifier] = row
        self._changed()

    def _changed(self) -> None:
        self.revision += 1
        if self.on_change is not None:
            self.on_change()
