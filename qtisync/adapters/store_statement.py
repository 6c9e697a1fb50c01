"""Statements of the queue, compiled once and run past SQLAlchemy.

Its own bookkeeping for one execution costs ten times what SQLite does, and the workers share one interpreter with it.
The clauses stay SQLAlchemy's, so that they are written for every database alike; only the running is ours. A row comes
as the driver gives it: numbers for truth values, plain tuples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from qtisync.adapters.store_files import Cursor, driver

Row = tuple[Any, ...]
_NOTHING: Mapping[str, Any] = {}


@contextmanager
def transaction(connection: sa.Connection) -> Iterator[None]:
    """A writer's transaction, begun and ended at the driver: in it only ``Statement`` may be used."""
    raw = driver(connection)
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if raw.in_transaction:  # some errors of the disk have ended it already
            raw.execute("ROLLBACK")
        raise
    raw.execute("COMMIT")


class Statement:
    """One clause. ``columns`` are those that an INSERT or UPDATE sets from its parameters."""

    def __init__(self, clause: sa.ClauseElement, columns: Iterable[str] | None = None) -> None:
        self._clause = clause
        self._columns = None if columns is None else list(columns)
        self._text = ""
        self._names: Sequence[str] = ()
        self._fixed: Mapping[str, Any] = {}

    def run(self, connection: sa.Connection, values: Mapping[str, Any] = _NOTHING) -> Cursor:
        """Execute it once."""
        if not self._text:
            self._compile(connection)
        return driver(connection).execute(self._text, self._bound(values))

    def run_many(self, connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute it for each of ``rows``."""
        if not self._text:
            self._compile(connection)
        driver(connection).executemany(self._text, [self._bound(values) for values in rows])

    def first(self, connection: sa.Connection, values: Mapping[str, Any] = _NOTHING) -> Row | None:
        """The first row that it finds."""
        cursor = self.run(connection, values)
        row: Row | None = cursor.fetchone()
        cursor.close()  # an open one would keep the transaction from ending
        return row

    def number(self, connection: sa.Connection, values: Mapping[str, Any] = _NOTHING) -> float | None:
        """The first column of the first row."""
        row = self.first(connection, values)
        return None if row is None else row[0]

    def _bound(self, values: Mapping[str, Any]) -> list[Any]:
        fixed = self._fixed
        return [values[name] if name in values else fixed[name] for name in self._names]

    def _compile(self, connection: sa.Connection) -> None:
        compiled = self._clause.compile(dialect=connection.dialect, column_keys=self._columns)
        assert isinstance(compiled, sa.sql.compiler.SQLCompiler)  # noqa: S101 - for mypy: no clause here is a DDL
        given = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._names, self._fixed = tuple(compiled.positiontup or ()), given
        self._text = compiled.string  # last: threads look at it
