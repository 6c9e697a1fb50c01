"""The queue of the record: claim, settle, give back, block. Every function is called inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from qtisync.adapters.store_reader import ROWS
from qtisync.adapters.store_rows import bound_key, journal_values, key_of, progress_values, recorded_of, to_json
from qtisync.adapters.store_tables import (
    IS_FREE,
    IS_NEEDED_LACKING,
    IS_NEEDED_WANTED,
    IS_UNSETTLED,
    ON_NEEDED,
    dependency,
    item,
    journal,
    needed,
    word,
)
from qtisync.delivery.settlement import Claim, Settlement
from qtisync.model import Facets, ItemStatus, Key, Metadata, Presence, Recorded

_QUEUED, _BLOCKED = word(ItemStatus.QUEUED), word(ItemStatus.BLOCKED)
_SYNCED, _PARKED = word(ItemStatus.SYNCED), word(ItemStatus.PARKED)
_THIS = sa.and_(item.c.kind == sa.bindparam("k"), item.c.identifier == sa.bindparam("i"))
_ONE = ROWS.where(_THIS)
_UPDATE_THIS = item.update().where(_THIS)
_NEXT = (
    ROWS.where(IS_FREE, item.c.not_before <= sa.bindparam("now"))
    .order_by(item.c.turn, item.c.not_before, item.c.identifier)
    .limit(1)
)


def _agreed(column: sa.Column[Any], target: sa.Column[Any]) -> sa.Case[Any]:
    return sa.case((column == target, column), else_=sa.null())


_CLAIM = _UPDATE_THIS.values(
    status=word(ItemStatus.IN_FLIGHT),
    presence=sa.case((item.c.presence == word(Presence.ABSENT), word(Presence.DOUBTFUL)), else_=item.c.presence),
    acknowledged_content=_agreed(item.c.acknowledged_content, item.c.desired_content),
    acknowledged_metadata=_agreed(item.c.acknowledged_metadata, item.c.desired_metadata),
    acknowledged_keys=sa.bindparam("ours"),
    lease_owner=sa.bindparam("worker"),
    lease_until=sa.bindparam("until"),
)


def claim(connection: sa.Connection, worker: str, now: float, lease: float) -> Claim | None:
    """See ``engine.ports.Store``: the row is read, then marked, under one write lock."""
    found = connection.execute(_NEXT, {"now": now}).first()
    if found is None:
        return None
    row = recorded_of(found)
    ours = to_json(claimed_keys(row))
    connection.execute(_CLAIM, {**bound_key(row.key), "worker": worker, "until": now + lease, "ours": ours})
    return Claim(row=row, worker=worker, lease_until=now + lease)


def claimed_keys(row: Recorded) -> Metadata:
    """Git's keys that may be at the API once ``row`` is sent: until an answer is clear, also those that were meant."""
    if row.desired.metadata == row.acknowledged.metadata:
        return row.acknowledged_metadata
    return {**row.desired_metadata, **row.acknowledged_metadata}


def settle(connection: sa.Connection, claimed: Claim, settlement: Settlement) -> bool:
    """See ``engine.ports.Store``. An attempt is always worth its journal lines, even if the lease was lost."""
    if settlement.journal:
        connection.execute(journal.insert(), [journal_values(line) for line in settlement.journal])
    row = _held(connection, claimed)
    if row is None:
        return False
    _write(connection, _settled(row, claimed, settlement))
    return True


def release(connection: sa.Connection, claimed: Claim) -> None:
    """See ``engine.ports.Store``: nothing was sent, so what was known before is known again."""
    row = _held(connection, claimed)
    if row is not None:
        landed = _landed(row, claimed, claimed.row.acknowledged, claimed.row.presence)
        _write(connection, replace(landed, acknowledged_metadata=claimed.row.acknowledged_metadata))


def _held(connection: sa.Connection, claimed: Claim) -> Recorded | None:
    found = connection.execute(_ONE, bound_key(claimed.row.key)).first()
    if found is None or (found.lease_owner, found.lease_until) != (claimed.worker, claimed.lease_until):
        return None
    return recorded_of(found)


def _write(connection: sa.Connection, row: Recorded) -> None:
    connection.execute(_UPDATE_THIS, {**bound_key(row.key), **progress_values(row)})
    reblock(connection, row.key)


def _landed(row: Recorded, claimed: Claim, acknowledged: Facets, presence: Presence) -> Recorded:
    """Back from its flight, to be sent again, unless a newer target (a revert) is what the API has now."""
    reached = row.generation != claimed.row.generation and row.desired == acknowledged
    return replace(
        row,
        status=ItemStatus.SYNCED if reached else ItemStatus.QUEUED,
        acknowledged=acknowledged,
        presence=presence,
        lease_owner=None,
        lease_until=None,
    )


def _settled(row: Recorded, claimed: Claim, settlement: Settlement) -> Recorded:
    landed = _landed(row, claimed, settlement.acknowledged, settlement.presence)
    if settlement.acknowledged_metadata is not None:
        landed = replace(landed, acknowledged_metadata=settlement.acknowledged_metadata)
    if settlement.remote is not None:
        landed = replace(landed, remote=settlement.remote)
    sent = settlement.acknowledged.content
    if sent is not None and sent == claimed.row.desired.content:
        # Else the API is known to have kept what it had before, and its blob is known already.
        landed = replace(landed, acknowledged_blob=claimed.row.blob)
    if row.generation != claimed.row.generation:
        return landed
    return replace(
        landed,
        status=settlement.status,
        attempts=settlement.attempts,
        not_before=settlement.not_before,
        last_outcome=settlement.outcome,
        last_error=settlement.message,
        http_status=settlement.http_status,
        altered=settlement.altered,
        # What a person asked for is done; the next conflict is news again.
        force=row.force and settlement.status is not ItemStatus.SYNCED,
    )


_AGAIN = item.update().values(status=_QUEUED, attempts=0, not_before=0.0)
_DOUBT = _AGAIN.where(_THIS, item.c.status == _SYNCED).values(acknowledged_metadata=sa.null())
_RETRY = _AGAIN.where(IS_UNSETTLED, item.c.status == _PARKED).values(force=sa.true())
_RECOVER = (
    item.update()
    .where(item.c.status == word(ItemStatus.IN_FLIGHT))
    .values(status=_QUEUED, lease_owner=sa.null(), lease_until=sa.null())
)
_RECOVER_EXPIRED = _RECOVER.where(IS_UNSETTLED, item.c.lease_until <= sa.bindparam("now"))
_RECOVER_OTHERS = _RECOVER.where(IS_UNSETTLED, item.c.lease_owner != sa.bindparam("owner"))


def recover(connection: sa.Connection, now: float, owner: str | None) -> int:
    """See ``engine.ports.Store``."""
    if owner is None:
        number = connection.execute(_RECOVER_EXPIRED, {"now": now}).rowcount
    else:
        number = connection.execute(_RECOVER_OTHERS, {"owner": owner}).rowcount
    if number:
        reblock(connection)
    return number


def doubt(connection: sa.Connection, key: Key) -> None:
    """See ``engine.ports.Store``; a row that is not synced is on its way anyway, with complete metadata."""
    if connection.execute(_DOUBT, bound_key(key)).rowcount:
        reblock(connection, key)


def retry(connection: sa.Connection, keys: Iterable[Key] | None) -> int:
    """See ``engine.ports.Store``."""
    if keys is None:
        number = connection.execute(_RETRY).rowcount
    else:
        chosen = sorted(set(keys))
        number = sum(connection.execute(_RETRY.where(_THIS), bound_key(key)).rowcount for key in chosen)
    if number:
        reblock(connection)
    return number


_BLOCKS = sa.or_(sa.and_(IS_NEEDED_WANTED, needed.c.status.in_([_PARKED, _BLOCKED])), IS_NEEDED_LACKING)
_WAITING = item.c.status.in_([_QUEUED, _BLOCKED])
_BLOCKERS = (
    sa.select(item.c.kind, item.c.identifier, needed.c.kind, needed.c.identifier)
    .select_from(dependency)
    .join(item, sa.and_(item.c.kind == dependency.c.kind, item.c.identifier == dependency.c.identifier))
    .join(needed, ON_NEEDED)
    .where(_WAITING, _BLOCKS)
    .order_by(item.c.kind, item.c.identifier, needed.c.kind, needed.c.identifier)
)
_BLOCKED_NOW = sa.select(item.c.kind, item.c.identifier, item.c.blocker_kind, item.c.blocker_identifier).where(
    item.c.status == _BLOCKED
)
_DEPENDANTS = sa.select(dependency.c.kind, dependency.c.identifier).where(
    dependency.c.on_kind == sa.bindparam("k"), dependency.c.on_identifier == sa.bindparam("i")
)
_HAS_LINKS = sa.select(
    sa.exists().where(dependency.c.kind == sa.bindparam("k"), dependency.c.identifier == sa.bindparam("i")),
    sa.exists().where(dependency.c.on_kind == sa.bindparam("k"), dependency.c.on_identifier == sa.bindparam("i")),
)
# A join, because SQLite walks through the whole table for a pair of columns that is IN a subquery.
_NEAR = sa.union_all(
    sa.select(sa.bindparam("k").label("kind"), sa.bindparam("i").label("identifier")), _DEPENDANTS
).subquery("near")
_BLOCKERS_NEAR = _BLOCKERS.join(
    _NEAR, sa.and_(_NEAR.c.kind == dependency.c.kind, _NEAR.c.identifier == dependency.c.identifier)
)
_BLOCKED_NEAR = _BLOCKED_NOW.join_from(
    item, _NEAR, sa.and_(_NEAR.c.kind == item.c.kind, _NEAR.c.identifier == item.c.identifier)
)
_BLOCKED_ALL = _BLOCKED_NOW.where(IS_UNSETTLED)
_BLOCK = _UPDATE_THIS.values(
    status=_BLOCKED, blocker_kind=sa.bindparam("on_kind"), blocker_identifier=sa.bindparam("on_identifier")
)
_UNBLOCK = _UPDATE_THIS.values(status=_QUEUED, blocker_kind=sa.null(), blocker_identifier=sa.null())


def reblock(connection: sa.Connection, changed: Key | None = None) -> None:
    """Block what waits for a refused or unreadable object, and unblock what no longer does.

    Of the whole record, or only around one ``changed`` row. What is blocked blocks in turn, so it goes on until nothing
    moves. The first blocker by key is the one that is named.
    """
    if changed is not None and not any(connection.execute(_HAS_LINKS, bound_key(changed)).one()):
        return
    moves = _moves(connection, changed)
    while moves:
        blocked = [{**bound_key(k), "on_kind": str(on.kind), "on_identifier": on.identifier} for k, on in moves if on]
        freed = [bound_key(key) for key, on in moves if on is None]
        if blocked:
            connection.execute(_BLOCK, blocked)
        if freed:
            connection.execute(_UNBLOCK, freed)
        moves = _moves(connection, None)


def _moves(connection: sa.Connection, changed: Key | None) -> list[tuple[Key, Key | None]]:
    of_blockers, of_blocked = (_BLOCKERS, _BLOCKED_ALL) if changed is None else (_BLOCKERS_NEAR, _BLOCKED_NEAR)
    values = {} if changed is None else bound_key(changed)
    blockers: dict[Key, Key] = {}
    for kind, identifier, on_kind, on_identifier in connection.execute(of_blockers, values):
        blockers.setdefault(key_of(kind, identifier), key_of(on_kind, on_identifier))
    now: dict[Key, Key] = {}
    for kind, identifier, on_kind, on_identifier in connection.execute(of_blocked, values):
        now[key_of(kind, identifier)] = key_of(on_kind, on_identifier)
    return [(key, blockers.get(key)) for key in sorted({*blockers, *now}) if blockers.get(key) != now.get(key)]
