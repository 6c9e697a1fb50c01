"""Counting the calls that were made for the objects of one pass, while others are pushed beside them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Collection

from qtisync.model import Key


class Tally:
    """Calls that were made for these objects since it was opened; it counts as long as somebody keeps it."""

    def __init__(self, keys: Collection[Key]) -> None:
        self.keys = frozenset(keys)
        self.calls = 0


class Tallies:
    """All that are open. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[Tally] = weakref.WeakSet()

    def open(self, keys: Collection[Key]) -> Tally:
        """Count from now on what is called for these objects."""
        tally = Tally(keys)
        with self._lock:
            self._open.add(tally)
        return tally

    def called(self, keys: Collection[Key], calls: int) -> None:
        """So many calls were made for these objects together."""
        if not calls:
            return
        with self._lock:
            for tally in self._open:
                if any(key in tally.keys for key in keys):
                    tally.calls += calls
