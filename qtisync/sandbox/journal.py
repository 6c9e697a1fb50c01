"""Every request that came in, in order, for tests to look at. Secrets never get in here."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, overload

KEPT_ENTRIES: Final = 200_000
"""The oldest beyond that are forgotten: a sandbox may run for weeks."""
SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One request. Times are seconds of ``time.monotonic``."""

    number: int
    method: str
    path: str
    """As sent, percent-encoded, without the query."""
    query: str
    identifier: str | None
    """What it is about: named by the path (decoded), or by the body of a POST."""
    headers: tuple[tuple[str, str], ...]
    """Lower-case names; the values of secret ones are ``***``."""
    body_sha256: str
    body_size: int
    started: float
    in_flight: int
    """Requests being answered when it came, with itself."""
    peak: int
    """The most requests in flight so far."""
    finished: float | None = None
    status: int | None = None
    """``None``: not answered, yet or at all."""
    fault: str | None = None
    """The rule of the fault script that struck."""
    applied: bool = False
    """Whether it changed what is stored."""
    catastrophe: bool = False
    """``DELETE /{id}`` at the API root: the route that deletes anything (api.md, "a dangerous route")."""

    @property
    def writes(self) -> bool:
        """Whether it is a request that means to change the API: no read, no token, no validation."""
        quiet = self.path.startswith(("/oauth2/", "/api/validate"))
        return self.method not in {"GET", "HEAD", "OPTIONS"} and not quiet


class Journal(Sequence[JournalEntry]):
    """The entries, oldest first; safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, JournalEntry] = OrderedDict()
        self._numbers = itertools.count(1)
        self._in_flight = 0
        self._peak = 0

    @overload
    def __getitem__(self, index: int) -> JournalEntry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[JournalEntry]: ...
    def __getitem__(self, index: int | slice) -> JournalEntry | Sequence[JournalEntry]:
        return self.entries()[index]

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def __iter__(self) -> Iterator[JournalEntry]:
        return iter(self.entries())

    def entries(self) -> list[JournalEntry]:
        """All entries now."""
        with self._lock:
            return list(self._entries.values())

    def writes(self) -> list[JournalEntry]:
        """The requests that mean to change the API."""
        return [entry for entry in self.entries() if entry.writes]

    def catastrophes(self) -> list[JournalEntry]:
        """Requests to the route that deletes anything; there must never be one."""
        return [entry for entry in self.entries() if entry.catastrophe]

    @property
    def in_flight(self) -> int:
        """Requests being answered now."""
        with self._lock:
            return self._in_flight

    @property
    def peak(self) -> int:
        """The most requests in flight since the start or the last ``clear``."""
        with self._lock:
            return self._peak

    def clear(self) -> None:
        """Forget all entries; requests in flight are not entered any more."""
        with self._lock:
            self._entries.clear()
            self._peak = self._in_flight

    def open(self, arrived: Callable[[int, int, int], JournalEntry]) -> JournalEntry:
        """Enter a request that came in; ``arrived`` makes the entry from number, requests in flight and peak."""
        with self._lock:
            number = next(self._numbers)
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
            self._entries[number] = arrived(number, self._in_flight, self._peak)
            if len(self._entries) > KEPT_ENTRIES:
                self._entries.popitem(last=False)
            return self._entries[number]

    def close(
        self, number: int, *, now: float, status: int | None, fault: str | None, applied: bool, catastrophe: bool
    ) -> None:
        """Complete an entry when its answer was decided and sent, or will never be sent."""
        with self._lock:
            self._in_flight -= 1
            entry = self._entries.get(number)
            if entry is not None:
                self._entries[number] = replace(
                    entry, finished=now, status=status, fault=fault, applied=applied, catastrophe=catastrophe
                )
