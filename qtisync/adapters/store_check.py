"""Looking for damage in a record without writing to it: more thorough, and slower, than what each start checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from qtisync.adapters.store_files import connect_reader, record_file, store_errors
from qtisync.adapters.store_reader import ROWS
from qtisync.adapters.store_rows import from_json, pace_of, pass_of, recorded_of
from qtisync.adapters.store_tables import dependency, item, pace, passes, setting

_STRAY = (
    sa.select(dependency.c.kind, dependency.c.identifier)
    .distinct()
    .where(
        ~sa.exists()
        .where(item.c.kind == dependency.c.kind, item.c.identifier == dependency.c.identifier)
        .correlate(dependency)
    )
)
_MOST = 20  # findings of one sort that are told


def damage(directory: Path, target: str) -> tuple[str, ...]:
    """What is wrong inside the record of a target, which exists and has this version's schema; in words."""
    file = record_file(directory, target)
    with store_errors(file), closing(connect_reader(file)) as connection:
        found = [f"the file: {words}" for words in _file(connection)]
        return tuple(found or _contents(connection))  # what a damaged file holds need not make sense


def _file(connection: sa.Connection) -> list[str]:
    """Pages, indexes, constraints of every row."""
    found = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})").scalars().all()
    return [] if list(found) == ["ok"] else [str(words) for words in found]


def _contents(connection: sa.Connection) -> Iterator[str]:
    for row in connection.execute(ROWS):
        try:
            recorded_of(row)
        except (ValueError, KeyError, TypeError) as exc:
            yield f"the row of {row.kind} {row.identifier!r} cannot be read: {exc}"
    for kind, identifier in connection.execute(_STRAY):
        yield f"{kind} {identifier!r} has no row, but a list of what it waits for"
    for name, text in connection.execute(sa.select(setting)):
        try:
            from_json(text)
        except ValueError:
            yield f"the setting {name!r} cannot be read"
    for table, read in ((passes, pass_of), (pace, pace_of)):
        for row in connection.execute(sa.select(table)):
            try:
                read(row)
            except (ValueError, KeyError, TypeError) as exc:
                yield f"the {table.name} {row.id} cannot be read: {exc}"
