"""What the engine needs from the outside, as Protocols; ``app`` joins them to adapters, tests to in-memory twins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from qtisync.content.facts import Facts
from qtisync.delivery.ledger import Chain, Entry
from qtisync.delivery.messages import MayLeave, Reply, Request
from qtisync.delivery.pace import Pace
from qtisync.delivery.settlement import Claim, Settlement, Turn
from qtisync.model import (
    BlobId,
    CommitId,
    CommitInfo,
    Identifier,
    JournalLine,
    Json,
    Key,
    PassRecord,
    Recorded,
    RepoPath,
    TooLarge,
    TreeEntry,
)
from qtisync.planning.intent import Intents, Reassertion


class Source(Protocol):
    """A repository of content. Every method raises ``RepositoryError`` and is bounded in time; threads may share it."""

    def location(self) -> str:
        """Where it is, for people: a path or a URL without credentials."""

    def full_ref(self, ref: str) -> str:
        """The full name of ``ref`` (``main`` → ``refs/heads/main``), or ``ref`` itself if it is a commit id."""

    def resolve(self, ref: str) -> CommitId:
        """The commit that ``ref`` points to now, always 40 (or 64) hexadecimal digits."""

    def tree(self, commit: CommitId) -> Sequence[TreeEntry]:
        """All entries of the commit's tree, recursive, sorted by path."""

    def entries(self, commit: CommitId, paths: Iterable[RepoPath]) -> Sequence[TreeEntry] | None:
        """The files of the commit's tree that lie at these paths, sorted; ``None`` if only ``tree`` can tell."""

    def changed(self, base: CommitId, commit: CommitId) -> Sequence[RepoPath] | None:
        """Paths that differ between two commits; ``None`` if ``base`` is no longer in the repository."""

    def is_ancestor(self, base: CommitId, commit: CommitId) -> bool:
        """Whether ``commit`` descends from ``base`` (false after a rewritten history, or if ``base`` is gone)."""

    def blobs(self, wanted: Iterable[BlobId], max_bytes: int) -> Iterator[tuple[BlobId, bytes | TooLarge]]:
        """The contents of blobs, in the order asked for; larger ones are not read into memory."""

    def blob(self, wanted: BlobId) -> bytes:
        """One blob's content; raises ``BlobMissingError`` if it vanished."""

    def sole_author(self, base: CommitId, commit: CommitId) -> CommitInfo | None:
        """Who made ``commit``, if ``base`` is its only parent, and if that can be told without a search."""

    def last_touched(
        self, base: CommitId | None, commit: CommitId, paths: Iterable[RepoPath]
    ) -> Mapping[RepoPath, CommitInfo]:
        """For each path the newest commit in ``base..commit`` that changed it; paths without one are left out."""

    def close(self) -> None:
        """End every child process. The source can be used again afterwards."""


class RecordReader(Protocol):
    """The record, for reading only: what plan and status see."""

    def last_pass(self) -> PassRecord | None:
        """The newest pass that was recorded."""

    def recorded(self) -> Mapping[Key, Recorded]:
        """Every row, sorted by key."""

    def recorded_some(self, keys: Iterable[Key]) -> Mapping[Key, Recorded]:
        """The rows of these objects, as far as there are any; sorted by key."""

    def unsettled(self, most_queued: int | None = None) -> Sequence[Recorded]:
        """Rows that are not both ``WANTED`` and ``SYNCED``, or carry an ``altered`` finding; sorted by key.

        ``most_queued``: of those that are wanted, queued and nothing else, no more than so many, the first by key.
        """

    def find(self, identifier: Identifier) -> Sequence[Recorded]:
        """The rows with this identifier, of any kind."""

    def counts(self) -> Mapping[str, int]:
        """Rows by what is shown: the status of ``WANTED`` rows, the standing of all others."""

    def lanes(self) -> Mapping[str, int]:
        """``WANTED`` rows that are ``QUEUED``, by lane; lanes without one are left out."""

    def known_facts(self, wanted: Iterable[BlobId], version: str) -> Mapping[BlobId, Facts]:
        """Parsed facts that were kept for these blobs by this version of the readers."""

    def setting(self, name: str) -> Json:
        """A named value, ``None`` if it was never set."""

    def pace(self) -> Pace | None:
        """The shared pace, ``None`` before the first request."""

    def history(self, identifier: Identifier | None, limit: int) -> Sequence[JournalLine]:
        """The newest journal lines, newest first; of one object or of all."""

    def entries(self, after: int, limit: int, identifier: Identifier | None = None) -> Sequence[Entry]:
        """The journal's entries behind the one with this number, oldest first; at most ``limit``."""

    def chain(self) -> Chain | None:
        """Both ends of the journal; ``None``: somebody removed them."""

    def next_ready(self, now: float) -> float | None:
        """When the next queued row may be claimed (``now`` if one may already); ``None``: nothing is queued."""

    def in_flight(self) -> int:
        """Number of rows that are in flight."""

    def bystander(self, other_than: Key) -> Recorded | None:
        """Some ``WANTED``, ``SYNCED``, ``PRESENT`` item other than the given one: always the same, for the canary."""

    def close(self) -> None:
        """Let go of the files."""


class PaceKeeper(Protocol):
    """Who keeps the pace: the record, or (for a process that may not write it) a copy in memory."""

    def reserve(self, now: float) -> float:
        """Take the next slot of the pace and return the time at which it begins: one ``UPDATE … RETURNING``."""

    def update_pace(self, change: Callable[[Pace | None], Pace]) -> Pace:
        """Replace the pace by ``change`` of it, in one transaction."""

    def counts(self) -> Mapping[str, int]:
        """How much waits behind this pace, as ``RecordReader.counts``."""


class Store(RecordReader, PaceKeeper, Protocol):
    """The record, for the one writer of a target. Each method is one transaction."""

    def remember_facts(self, facts: Mapping[BlobId, Facts], version: str) -> None:
        """Keep what blobs say."""

    def record_pass(self, intents: Intents) -> None:
        """Write down what every object must become, and the pass, in one transaction; then block and unblock."""

    def claim(self, worker: str, now: float, lease: float) -> Claim | None:
        """Take the next ready row: lane, then kind (stimuli first), then age of its target.

        Ready: ``WANTED``, ``QUEUED``, ``not_before`` ≤ now, and every dependency in the record is ``SYNCED`` (or not
        wanted but present). In the same transaction what will be sent becomes in doubt: the acknowledged digests that
        differ from the desired ones are set to ``None``, an ``ABSENT`` object becomes ``DOUBTFUL``, and if the metadata
        is in doubt, the desired keys join the acknowledged ones: they may be at the API now, and are ours. The returned
        row is as it was *before* that.
        """

    def take(self, worker: str, now: float, lease: float) -> Turn:
        """``reserve`` and ``claim`` in one transaction, for the moment of sending.

        If a row is ready, the next slot of the pace is taken; if it begins at once, the row is claimed. Otherwise the
        caller waits until then, and claims. If no row is ready, no slot is taken.
        """

    def upcoming(self, now: float, limit: int) -> Sequence[Recorded]:
        """The rows that ``claim`` would give out next, in its order, unchanged; at most ``limit``."""

    def settle(self, claim: Claim, settlement: Settlement) -> bool:
        """Write the end of an attempt; false (nothing but the journal is written) if the lease is no longer ours."""

    def release(self, claim: Claim) -> None:
        """Give a claim back of which nothing was sent: the row is again what it was."""

    def recover(self, now: float, owner: str | None = None) -> int:
        """Return rows in flight to ``queued``: expired leases, or every lease not held by ``owner`` if it is given.

        They keep their doubt; the number of rows is returned.
        """

    def doubt(self, key: Key) -> None:
        """A synced object may have been changed under us at the API: its metadata is in doubt, queue it again."""

    def reassert(self, drifted: Sequence[Reassertion]) -> int:
        """Queue synced objects again whose copy at the API was changed by others; how many were.

        What changed is no longer acknowledged, so that it is sent, and what is known to be there is read before. A row
        that is not synced any more, or has a newer target, is left alone.
        """

    def retry(self, keys: Iterable[Key] | None) -> int:
        """Queue parked rows again (all, or these) with fresh attempts and ``force`` set; how many."""

    def plant(self, rows: Sequence[Recorded]) -> int:
        """Write whole rows, except over those in flight, and have the next pass look at everything; how many.

        A row that was there is replaced; its generation moves on.
        """

    def forget(self, keys: Iterable[Key]) -> int:
        """Drop these rows, except those in flight, and have the next pass look at everything; how many."""

    def bury(self, key: Key, generation: int, lines: Sequence[JournalLine]) -> bool:
        """An orphan is gone at the API: its row goes, and these lines say so in the journal.

        False (only the lines are written) if it is no orphan of this generation any more, or in flight.
        """

    def note(self, lines: Sequence[JournalLine]) -> None:
        """Add lines to the journal, such as decisions of people."""

    def drop_journal(self, before: float) -> int:
        """Drop the journal's beginning that is older than this, once at least half of it can go; how many entries.

        What it says last of an object is never lost: it is said again at the end (``ledger.carried``).
        """

    def put_setting(self, name: str, value: Json) -> None:
        """Set a named value; ``None`` removes it."""


class Api(Protocol):
    """The QTI API: tries once, never waits to try again, never raises for what the network does."""

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        """Send one request with a valid token (one refresh and one replay after a 401). Threads may share it."""

    def close(self) -> None:
        """Close all connections."""


class Clock(Protocol):
    """The only source of time and chance."""

    def now(self) -> float:
        """Seconds since the epoch; never goes back while the process lives (a monotonic clock set once)."""

    def jitter(self) -> float:
        """A random number from 0 (included) to 1 (excluded)."""


class Bell(Protocol):
    """What everything waits on, so that a signal ends any wait at once."""

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; true if it was rung meanwhile (the ring is not consumed)."""

    def ring(self) -> None:
        """End all waits."""

    @property
    def stopped(self) -> bool:
        """Whether a graceful stop was asked for."""


class Log(Protocol):
    """Structured events: a name of the catalogue and fields."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Write one event."""


class Progress(Protocol):
    """Long work, shown on a terminal or nowhere."""

    def step(self, label: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
        """Begin a step; the value it gives is called with the number of units done since the last call."""


class Meter(Protocol):
    """Counts what happens, for metrics. Never raises, never waits; threads may share it."""

    def called(self, purpose: str, outcome: str, seconds: float) -> None:
        """One call to the API ended: why it was made, the name of its outcome, how long it took."""

    def paused(self, reason: str, seconds: float) -> None:
        """The queue waits for so long: the API asked for it, or is in trouble."""

    def passed(self, outcome: str, seconds: float) -> None:
        """One pass ended: ``finished``, ``held`` or ``failed``, and how long it took."""

    def token_refreshed(self) -> None:
        """A new access token was issued."""

    def rung(self, origin: str) -> None:
        """The bell was rung."""
