"""Opening the record's file, and what can be wrong with it.

The write-ahead log exists only while a writer is at work: a record at rest is one plain file, which can be copied, and
read from a read-only directory without leaving anything behind. After a ``kill -9`` the log stays (``-wal`` and
``-shm`` beside the file) until the next writer closes; readers read through it. In a directory that they may not write
they can do so as long as both files are readable.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import sqlalchemy as sa
import sqlalchemy.dialects.sqlite.pysqlite  # else the first connection imports it

from qtisync.adapters.store_tables import REVISIONS
from qtisync.errors import StoreError

Cursor: TypeAlias = sqlite3.Cursor
BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that holds the file, such as a reader that replays a dead writer's log."""
CHECKED_WHOLE = 64 * 1024 * 1024
"""Bytes up to which the whole file is checked at start; beyond, only ``CHECKED_ALWAYS``: a start stays quick."""
CHECKED_ALWAYS = ("item", "dependency", "setting", "pace")
_WORDS = {
    "FULL": "the disk is full",
    "BUSY": "another process keeps it busy",
    "READONLY": "it cannot be written",
    "CANTOPEN": "it cannot be opened",
    "IOERR": "the disk reported an error",
    "PERM": "the permissions do not allow it",
}


def record_file(directory: Path, target: str) -> Path:
    """Where the record of a target lies."""
    return directory / f"{target}.sqlite3"


def lock_file(directory: Path, target: str) -> Path:
    """Where its lock lies."""
    return directory / f"{target}.lock"


def connect_writer(file: Path) -> sa.Connection:
    """A connection whose every transaction is a ``BEGIN IMMEDIATE``; creates the file."""

    def connect() -> sqlite3.Connection:
        raw = _connect(f"{file.absolute().as_uri()}?mode=rwc")
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = NORMAL")
        return raw

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # The driver is told to leave transactions alone; it would begin too late, and not as a writer.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine.connect()


def connect_reader(file: Path) -> sa.Connection:
    """A connection that cannot write; each statement sees one state of the record."""
    uri = f"{file.absolute().as_uri()}?mode=ro"
    return sa.create_engine("sqlite://", creator=lambda: _connect(uri), poolclass=sa.NullPool).connect()


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)


def driver(connection: sa.Connection) -> sqlite3.Connection:
    """The driver's own connection below."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - for mypy: no other driver is configured
    return raw


def close_writer(connection: sa.Connection) -> None:
    """Close, and put the log back into the file if nobody is reading at this moment (else the next writer does)."""
    raw = driver(connection)
    raw.execute("PRAGMA busy_timeout = 100")
    try:
        raw.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError:
        pass
    finally:
        connection.close()


@contextmanager
def store_errors(file: Path) -> Iterator[None]:
    """Database errors that come from the world become ``StoreError``; those that are bugs of ours stay as they are."""
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error) as exc:
        origin = exc.orig if isinstance(exc, sa.exc.DBAPIError) else exc
        name = str(getattr(origin, "sqlite_errorname", ""))
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise corrupt(file, str(origin)) from exc
        words = _WORDS.get(name.removeprefix("SQLITE_").split("_")[0])
        if words is None:
            raise
        hint = "Look at the disk and at the permissions of the state directory, then run the command again."
        raise StoreError(f"The record {file} cannot be used: {words}.", hint=hint) from exc


def corrupt(file: Path, words: str) -> StoreError:
    """The error for a damaged file."""
    return StoreError(
        f"The record {file} is damaged ({words}).",
        hint=f"Nothing is lost: it can be rebuilt from git and the API. Move it away (mv '{file}' '{file}.damaged', "
        f"and the same for '{file}-wal' and '{file}-shm' if they are there), then run `qtisync sync`.",
        reference="record-corrupt",
    )


def check_integrity(connection: sa.Connection, file: Path) -> None:
    """Raise ``record-corrupt`` if the file contradicts itself.

    About 9 ms for each MB, so 0.6 s for the 64 MB that are checked whole. Of a larger file (where the journal is most
    of it) only the tables are checked that decide what is sent, a second for 200,000 objects; damage elsewhere is found
    when it is read.
    """
    whole = file.stat().st_size <= CHECKED_WHOLE
    for check in ("",) if whole else tuple(f"({table})" for table in CHECKED_ALWAYS):
        found = connection.exec_driver_sql(f"PRAGMA quick_check{check}").scalars().all()
        if list(found) != ["ok"]:
            raise corrupt(file, str(found[0]))


def schema_revision(connection: sa.Connection) -> str | None:
    """The revision of the schema, ``None`` if there is none yet."""
    there = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").first()
    if there is None:
        return None
    revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return revision


def refuse_newer(revision: str | None, file: Path) -> None:
    """Raise ``record-too-new`` for a schema that this version does not know."""
    if revision is not None and revision not in REVISIONS:
        raise StoreError(
            f"The record {file} was written by a newer qtisync (its schema is {revision}, this version knows up to "
            f"{REVISIONS[-1]}).",
            hint="Install that newer version again. Or move the file away and run `qtisync sync`: it is rebuilt from "
            "git and the API.",
            reference="record-too-new",
        )


def refuse_older(revision: str | None, file: Path) -> None:
    """Raise ``record-too-old`` for a schema that a reader cannot read, because only a writer may upgrade it."""
    if revision != REVISIONS[-1]:
        raise StoreError(
            f"The record {file} was written by an older qtisync (its schema is {revision}, this version reads "
            f"{REVISIONS[-1]}).",
            hint="Run `qtisync sync` once: it upgrades the record.",
            reference="record-too-old",
        )
