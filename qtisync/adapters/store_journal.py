"""The journal of the record: added to at its end, dropped from its beginning. Called inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from qtisync.adapters.store_statement import Statement
from qtisync.adapters.store_tables import chain, journal
from qtisync.delivery.ledger import FIELDS, Chain, Entry, Place, carried, chained
from qtisync.errors import StoreError
from qtisync.model import JournalLine

ENTRIES = sa.select(journal.c.id, *(journal.c[name] for name in FIELDS), journal.c.digest)
"""The entries, in the form that ``entry_of`` takes apart."""
CHAIN = sa.select(chain)
_NEWEST = Statement(sa.select(chain.c.newest, chain.c.newest_digest))
_ADD = Statement(journal.insert().inline(), columns=("id", *FIELDS, "digest"))
_END = Statement(chain.update(), columns=("newest", "newest_digest"))
_ALL_OLD = sa.select(sa.func.min(journal.c.id)).where(journal.c.at >= sa.bindparam("before"))
_newer = journal.alias("newer")
_SAYS_LAST = sa.and_(
    journal.c.content.is_not(None),
    ~sa.exists()
    .where(_newer.c.identifier == journal.c.identifier, _newer.c.kind == journal.c.kind, _newer.c.id > journal.c.id)
    .where(sa.or_(_newer.c.content.is_not(None), _newer.c.outcome == "Missing"))
    .correlate(journal),
)
"""What the API confirmed last of an object."""
_KEPT = ENTRIES.where(journal.c.id <= sa.bindparam("last"), _SAYS_LAST).order_by(journal.c.id)


def entry_of(row: Sequence[Any]) -> Entry:
    """A row of ``ENTRIES``."""
    number, *values, digest = row
    return Entry(number=number, values=tuple(values), digest=digest)


def chain_of(row: Any) -> Chain:  # noqa: ANN401 - a row of ``store_tables.chain``
    """A row of ``CHAIN``."""
    return Chain(
        dropped=Place(number=row.dropped, digest=row.dropped_digest),
        dropped_until=row.dropped_until,
        newest=Place(number=row.newest, digest=row.newest_digest),
    )


def append(connection: sa.Connection, lines: Iterable[JournalLine]) -> None:
    """See ``engine.ports.Store.note``."""
    found = _NEWEST.first(connection)
    if found is None:
        raise StoreError(
            "Somebody removed the ends of the journal from the record.",
            hint="`qtisync audit --verify` says what else is wrong. To go on: move the record away and run `qtisync "
            "state rebuild`.",
            reference="journal-damaged",
        )
    number, digest = found
    entries = list(chained(Place(number=number, digest=digest), lines))
    if entries:
        rows = [{"id": e.number, "digest": e.digest, **dict(zip(FIELDS, e.values, strict=True))} for e in entries]
        _ADD.run_many(connection, rows)
        _END.run(connection, {"newest": entries[-1].number, "newest_digest": entries[-1].digest})


def drop(connection: sa.Connection, before: float) -> int:
    """See ``engine.ports.Store.drop_journal``."""
    ends = connection.execute(CHAIN).first()
    young = connection.execute(_ALL_OLD, {"before": before}).scalar()
    if ends is None:
        return 0
    last = ends.newest if young is None else young - 1
    if last <= ends.dropped or last < ends.look_again:
        return 0
    kept = [entry_of(row) for row in connection.execute(_KEPT, {"last": last})]
    gone: int = last - ends.dropped - len(kept)
    if gone < len(kept):
        # What is carried would be most of it. At least so many more must grow old first.
        connection.execute(chain.update().values(look_again=last + len(kept) - gone))
        return 0
    append(connection, map(carried, kept))
    end = connection.execute(sa.select(journal.c.digest, journal.c.at).where(journal.c.id == last)).one()
    dropped = {"dropped": last, "dropped_digest": end.digest, "dropped_until": end.at, "look_again": 0}
    connection.execute(chain.update().values(dropped))
    connection.execute(journal.delete().where(journal.c.id <= last))
    return gone
