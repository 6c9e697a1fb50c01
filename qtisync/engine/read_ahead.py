"""The bytes of the objects that are sent next, read in one question for many: git answers that in little more time."""

from __future__ import annotations

import threading

from qtisync.engine.ports import Clock, Source, Store
from qtisync.errors import BlobMissingError
from qtisync.model import BlobId

AHEAD = 15  # objects; with the one that is needed now so many as git's waiting process is asked at once
SMALL = 65_536  # bytes; larger ones are read when they are sent


class ReadAhead:
    """Blobs of claimed objects. Threads share it. A blob never changes, so what was read ahead cannot become old."""

    def __init__(self, source: Source, store: Store, clock: Clock) -> None:
        self._source, self._store, self._clock = source, store, clock
        self._lock = threading.Lock()
        self._kept: dict[BlobId, bytes] = {}

    def blob(self, wanted: BlobId) -> bytes:
        """One blob's content; raises ``BlobMissingError`` if it vanished."""
        with self._lock:
            data = self._kept.pop(wanted, None)
            if data is None:
                self._read(wanted)
                data = self._kept.pop(wanted, None)
        return self._source.blob(wanted) if data is None else data

    def _read(self, wanted: BlobId) -> None:
        rows = self._store.upcoming(self._clock.now(), AHEAD)
        names = dict.fromkeys([wanted, *(row.blob for row in rows if row.blob is not None)])
        self._kept = {}  # what is left was superseded, or is asked for again
        try:
            for name, data in self._source.blobs(list(names), SMALL):
                if isinstance(data, bytes):
                    self._kept[name] = data
        except BlobMissingError:
            return  # told when its own object is sent
