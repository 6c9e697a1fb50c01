"""The bytes of the objects that are sent next, read in one question for many: git answers that in little more time."""

from __future__ import annotations

import threading

from qtisync.engine.ports import Clock, Source, Store
from qtisync.errors import BlobMissingError
from qtisync.model import BlobId

AHEAD = 23  # objects; with the one that is needed now about as many as git's waiting process is asked at once
LOW = 8  # so few that are left are about to be needed: other threads have claimed what comes after them meanwhile
MOST = 64  # objects that are kept; those that were superseded are dropped by and by
SMALL = 65_536  # bytes; larger ones are read when they are sent


class ReadAhead:
    """Blobs of claimed objects. Threads share it. A blob never changes, so what was read ahead cannot become old."""

    def __init__(self, source: Source, store: Store, clock: Clock) -> None:
        self._source, self._store, self._clock = source, store, clock
        self._lock = threading.Lock()
        self._kept: dict[BlobId, bytes | None] = {}
        """What git was asked for; ``None``: it is large or gone, and asked for again when it is sent."""

    def blob(self, wanted: BlobId) -> bytes:
        """One blob's content; raises ``BlobMissingError`` if it vanished."""
        with self._lock:
            if wanted not in self._kept or len(self._kept) <= LOW:
                self._read(wanted)
            data = self._kept.pop(wanted, None)
        return self._source.blob(wanted) if data is None else data

    def _read(self, wanted: BlobId) -> None:
        rows = self._store.upcoming(self._clock.now(), AHEAD)
        names = [wanted, *(row.blob for row in rows if row.blob is not None)]
        missing = [name for name in dict.fromkeys(names) if name not in self._kept]
        if not missing:
            return
        self._kept.update(dict.fromkeys(missing))
        try:
            for name, data in self._source.blobs(missing, SMALL):
                if isinstance(data, bytes):
                    self._kept[name] = data
        except BlobMissingError:
            return  # told when its own object is sent
        finally:
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
