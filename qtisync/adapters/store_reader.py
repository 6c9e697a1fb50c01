"""The record for reading only: what plan and status see. Nothing in here can write."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import sqlalchemy as sa

from qtisync.adapters.empty_record import EmptyReader
from qtisync.adapters.store_files import (
    connect_reader,
    record_file,
    refuse_newer,
    refuse_older,
    schema_revision,
    store_errors,
)
from qtisync.adapters.store_journal import CHAIN, ENTRIES, chain_of, entry_of
from qtisync.adapters.store_rows import ROW, pace_of, pass_of, recorded_of, setting_of
from qtisync.adapters.store_tables import (
    IS_FREE,
    IS_QUEUED,
    IS_UNSETTLED,
    blob,
    item,
    journal,
    pace,
    passes,
    setting,
    word,
)
from qtisync.content.facts import Facts, load_facts
from qtisync.delivery.ledger import Chain, Entry, plain
from qtisync.delivery.pace import Pace
from qtisync.model import (
    BlobId,
    Identifier,
    ItemStatus,
    JournalLine,
    Json,
    Key,
    Kind,
    PassRecord,
    Presence,
    Recorded,
    Standing,
)

__all__ = ["ROWS", "EmptyReader", "Found", "SqlReader", "open_reader"]

Found: TypeAlias = sa.CursorResult[*tuple[Any, ...]]
"""What a statement found; rows are checked by tests, not by types."""
_PORTION = 5_000
"""Keys in one statement; SQLite allows 32,766 parameters."""

ROWS = sa.select(*(item.c[name] for name in ROW))
_ALL = ROWS.order_by(item.c.kind, item.c.identifier)
_UNSETTLED = _ALL.where(IS_UNSETTLED)
_PLAINLY_QUEUED = sa.and_(IS_QUEUED, item.c.altered.is_(None))
_SOME_QUEUED = _UNSETTLED.where(_PLAINLY_QUEUED).limit(sa.bindparam("number"))
_NOT_QUEUED = _UNSETTLED.where(sa.not_(_PLAINLY_QUEUED))
_FIND = _ALL.where(item.c.kind.in_([word(kind) for kind in Kind]), item.c.identifier == sa.bindparam("identifier"))
_SOME = ROWS.where(
    item.c.kind == sa.bindparam("kind"), item.c.identifier.in_(sa.bindparam("identifiers", expanding=True))
)
_COUNTS = sa.union_all(
    sa.select(sa.null(), sa.null(), sa.func.count()).select_from(item),
    sa.select(item.c.standing, item.c.status, sa.func.count())
    .where(IS_UNSETTLED)
    .group_by(item.c.standing, item.c.status),
)
"""The number of all rows, and the groups of those that are not simply synced, which are few and indexed."""
_LANES = sa.select(item.c.lane, sa.func.count()).where(IS_QUEUED).group_by(item.c.lane)
_LAST_PASS = sa.select(passes).order_by(passes.c.id.desc()).limit(1)
_FACTS = sa.select(blob.c.blob, blob.c.facts).where(
    blob.c.blob.in_(sa.bindparam("wanted", expanding=True)), blob.c.version == sa.bindparam("version")
)
_SETTING = sa.select(setting.c.value).where(setting.c.name == sa.bindparam("name"))
_HISTORY = ENTRIES.order_by(journal.c.id.desc()).limit(sa.bindparam("limit"))
_ONWARD = ENTRIES.where(journal.c.id > sa.bindparam("after")).order_by(journal.c.id).limit(sa.bindparam("limit"))
_FREE_NOW = sa.select(item.c.not_before).where(IS_FREE, item.c.not_before <= sa.bindparam("now")).limit(1)
_FIRST_FREE = sa.select(sa.func.min(item.c.not_before)).where(IS_FREE)
_ANY_QUEUED = sa.select(item.c.not_before).where(IS_QUEUED).limit(1)
_FLYING = sa.and_(IS_UNSETTLED, item.c.status == word(ItemStatus.IN_FLIGHT))
_FIRST_LANDING = sa.select(sa.func.min(item.c.lease_until)).where(_FLYING)
_IN_FLIGHT = sa.select(sa.func.count()).select_from(item).where(_FLYING)
_BYSTANDER = (
    ROWS.where(item.c.kind == word(Kind.ITEM), item.c.status == word(ItemStatus.SYNCED))
    .where(item.c.standing == word(Standing.WANTED), item.c.presence == word(Presence.PRESENT))
    .where(sa.or_(sa.bindparam("kind") != word(Kind.ITEM), item.c.identifier != sa.bindparam("identifier")))
    .order_by(item.c.kind, item.c.identifier)
    .limit(1)
)


class SqlReader:
    """``engine.ports.RecordReader`` on one connection. Threads may share it."""

    def __init__(self, connection: sa.Connection, file: Path) -> None:
        self._reading = connection
        self._read_lock = threading.Lock()
        self._file = file

    @contextmanager
    def _read(self, statement: sa.Executable, **values: object) -> Iterator[Found]:
        with self._read_lock, store_errors(self._file):
            try:
                yield self._reading.execute(statement, values)
            finally:
                # Ends SQLAlchemy's idea of a transaction; the database has none open.
                self._reading.rollback()

    def last_pass(self) -> PassRecord | None:
        """See ``engine.ports``."""
        with self._read(_LAST_PASS) as found:
            row = found.first()
        return None if row is None else pass_of(row)

    def recorded(self) -> Mapping[Key, Recorded]:
        """See ``engine.ports``."""
        with self._read(_ALL) as found:
            return {row.key: row for row in map(recorded_of, found)}

    def recorded_some(self, keys: Iterable[Key]) -> Mapping[Key, Recorded]:
        """See ``engine.ports``."""
        found: list[Recorded] = []
        by_kind: dict[Kind, list[str]] = {}
        for key in sorted(set(filter(_is_storable, keys))):
            by_kind.setdefault(key.kind, []).append(key.identifier)
        for kind, identifiers in by_kind.items():
            for start in range(0, len(identifiers), _PORTION):
                portion = identifiers[start : start + _PORTION]
                with self._read(_SOME, kind=str(kind), identifiers=portion) as rows:
                    found += map(recorded_of, rows)
        return {row.key: row for row in sorted(found, key=lambda row: row.key)}

    def unsettled(self, most_queued: int | None = None) -> Sequence[Recorded]:
        """See ``engine.ports``."""
        if most_queued is None:
            with self._read(_UNSETTLED) as found:
                return [recorded_of(row) for row in found]
        # A row that moves between the two reads may be in both, or in neither: then it was queued and is fine now.
        rows: dict[Key, Recorded] = {}
        for statement, values in ((_SOME_QUEUED, {"number": most_queued}), (_NOT_QUEUED, {})):
            with self._read(statement, **values) as found:
                rows.update({(row := recorded_of(one)).key: row for one in found})
        return [row for _, row in sorted(rows.items())]

    def find(self, identifier: Identifier) -> Sequence[Recorded]:
        """See ``engine.ports``."""
        if not _is_storable(identifier):
            return []
        with self._read(_FIND, identifier=identifier) as found:
            return [recorded_of(row) for row in found]

    def counts(self) -> Mapping[str, int]:
        """See ``engine.ports``."""
        totals = {str(ItemStatus.SYNCED): 0}
        with self._read(_COUNTS) as found:
            for standing, status, number in found:
                if standing is None:
                    totals[ItemStatus.SYNCED] += number
                    continue
                shown = status if standing == Standing.WANTED else standing
                totals[shown] = totals.get(shown, 0) + number
                totals[ItemStatus.SYNCED] -= number
        return {shown: number for shown, number in totals.items() if number}

    def lanes(self) -> Mapping[str, int]:
        """See ``engine.ports``."""
        with self._read(_LANES) as found:
            return {str(lane): number for lane, number in found}

    def known_facts(self, wanted: Iterable[BlobId], version: str) -> Mapping[BlobId, Facts]:
        """See ``engine.ports``. Facts that cannot be read are as if they were never kept."""
        known: dict[BlobId, Facts] = {}
        rest = iter(sorted(wanted))
        while portion := list(islice(rest, _PORTION)):
            with self._read(_FACTS, wanted=portion, version=version) as found:
                known.update(_readable(found.all()))
        return known

    def setting(self, name: str) -> Json:
        """See ``engine.ports``."""
        with self._read(_SETTING, name=name) as found:
            return setting_of(found.scalar())

    def pace(self) -> Pace | None:
        """See ``engine.ports``."""
        with self._read(sa.select(pace)) as found:
            row = found.first()
        return None if row is None else pace_of(row)

    def history(self, identifier: Identifier | None, limit: int) -> Sequence[JournalLine]:
        """See ``engine.ports``."""
        statement = _HISTORY if identifier is None else _HISTORY.where(journal.c.identifier == identifier)
        with self._read(statement, limit=limit) as found:
            return [entry_of(row).line for row in found]

    def entries(self, after: int, limit: int, identifier: Identifier | None = None) -> Sequence[Entry]:
        """See ``engine.ports``."""
        statement = _ONWARD if identifier is None else _ONWARD.where(journal.c.identifier == identifier)
        with self._read(statement, after=after, limit=limit) as found:
            return [entry_of(row) for row in found]

    def chain(self) -> Chain | None:
        """See ``engine.ports``."""
        with self._read(CHAIN) as found:
            row = found.first()
        return None if row is None else chain_of(row)

    def next_ready(self, now: float) -> float | None:
        """See ``engine.ports``.

        Where all queued rows wait for objects in flight: the end of the first lease, by which at the latest one of them
        may move.
        """
        if self._first(_FREE_NOW, now=now) is not None:
            return now
        free = self._first(_FIRST_FREE)
        if free is not None:
            return max(now, free)
        if self._first(_ANY_QUEUED) is None:
            return None
        landing = self._first(_FIRST_LANDING)
        return None if landing is None else max(now, landing)

    def _first(self, statement: sa.Executable, **values: float) -> float | None:
        with self._read(statement, **values) as found:
            number: float | None = found.scalar()
        return number

    def in_flight(self) -> int:
        """See ``engine.ports``."""
        with self._read(_IN_FLIGHT) as found:
            return int(found.scalar_one())

    def bystander(self, other_than: Key) -> Recorded | None:
        """See ``engine.ports``: the first by identifier."""
        with self._read(_BYSTANDER, kind=str(other_than.kind), identifier=other_than.identifier) as found:
            row = found.first()
        return None if row is None else recorded_of(row)

    def close(self) -> None:
        """See ``engine.ports``. May be called again."""
        with self._read_lock:
            self._reading.close()


def _is_storable(named: Key | Identifier) -> bool:
    """Whether there can be a row of it: the API's objects, and a terminal's words, may be no text (lone surrogates)."""
    identifier = named.identifier if isinstance(named, Key) else named
    return identifier.isascii() or identifier == plain(identifier)


def _readable(rows: Iterable[sa.Row[*tuple[Any, ...]]]) -> Iterator[tuple[BlobId, Facts]]:
    for name, text in rows:
        try:
            yield name, load_facts(text)
        except (ValueError, KeyError, TypeError):
            continue


def open_reader(directory: Path, target: str) -> SqlReader | None:
    """The record of a target for reading, ``None`` if there is none yet.

    The file stays as it is, byte by byte. Raises ``StoreError``: ``record-corrupt``, ``record-too-new``,
    ``record-too-old``.
    """
    file = record_file(directory, target)
    if not file.exists():
        return None
    with store_errors(file):
        connection = connect_reader(file)
        try:
            revision = schema_revision(connection)
            connection.rollback()
            refuse_newer(revision, file)
            if revision is not None:
                refuse_older(revision, file)
        except BaseException:
            connection.close()
            raise
    if revision is None:
        connection.close()
        return None
    return SqlReader(connection, file)
