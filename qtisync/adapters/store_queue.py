"""The queue of the record: claim, settle, give back. Every function is called inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from qtisync.adapters.store_blocking import reblock
from qtisync.adapters.store_journal import append
from qtisync.adapters.store_reader import ROWS
from qtisync.adapters.store_rows import (
    PROGRESS,
    bound_key,
    progress_values,
    recorded_of,
    to_json,
)
from qtisync.adapters.store_statement import Statement
from qtisync.adapters.store_tables import (
    IS_FREE,
    IS_UNSETTLED,
    item,
    pace,
    word,
)
from qtisync.delivery.pace import SLACK
from qtisync.delivery.settlement import Claim, Settlement, Turn
from qtisync.model import Facets, ItemStatus, Key, Metadata, Presence, Recorded, Standing
from qtisync.planning.diff import DRIFT
from qtisync.planning.intent import Reassertion

_QUEUED = word(ItemStatus.QUEUED)
_SYNCED, _PARKED = word(ItemStatus.SYNCED), word(ItemStatus.PARKED)
_THIS = sa.and_(item.c.kind == sa.bindparam("k"), item.c.identifier == sa.bindparam("i"))
_ONE = Statement(ROWS.where(_THIS))
_UPDATE_THIS = item.update().where(_THIS)
_PROGRESS = Statement(_UPDATE_THIS, columns=PROGRESS)
_LAND = Statement(
    _UPDATE_THIS.where(
        item.c.lease_owner == sa.bindparam("owner"),
        item.c.lease_until == sa.bindparam("until"),
        item.c.generation == sa.bindparam("target"),
    ),
    columns=PROGRESS,
)
NEXT = (
    ROWS.where(IS_FREE, item.c.not_before <= sa.bindparam("now"))
    .order_by(item.c.turn, item.c.not_before, item.c.identifier)
    .limit(sa.bindparam("number"))
)
"""The rows that are claimed next, in their order."""
_NEXT = Statement(NEXT)


def _agreed(column: sa.Column[Any], target: sa.Column[Any]) -> sa.Case[Any]:
    return sa.case((column == target, column), else_=sa.null())


_CLAIM = Statement(
    _UPDATE_THIS.values(
        status=word(ItemStatus.IN_FLIGHT),
        presence=sa.case((item.c.presence == word(Presence.ABSENT), word(Presence.DOUBTFUL)), else_=item.c.presence),
        acknowledged_content=_agreed(item.c.acknowledged_content, item.c.desired_content),
        acknowledged_metadata=_agreed(item.c.acknowledged_metadata, item.c.desired_metadata),
        acknowledged_keys=sa.bindparam("ours"),
        lease_owner=sa.bindparam("worker"),
        lease_until=sa.bindparam("until"),
    )
)


_NOW = sa.bindparam("now", type_=sa.Double)


def _later(one: sa.ColumnElement[float], other: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.case((one > other, one), else_=other)


# `delivery.pace.ready_at` and `taken`, as one statement.
_APART = pace.c.slot + 1.0 / pace.c.ceiling
_SPACED = sa.case((pace.c.tat + SLACK > _APART, _APART), else_=pace.c.tat + SLACK)
_FREE_AT = _later(_later(pace.c.tat, pace.c.paused_until), _SPACED)
_BEGIN = _later(_FREE_AT, _NOW)
_TAKEN = _later(pace.c.tat, _BEGIN - SLACK) + 1.0 / pace.c.rate
_RESERVE = Statement(pace.update().values(slot=_BEGIN, tat=_TAKEN).returning(pace.c.slot))


def claim(connection: sa.Connection, worker: str, now: float, lease: float) -> Claim | None:
    """See ``engine.ports.Store``: the row is read, then marked, under one write lock."""
    row = _next(connection, now)
    return None if row is None else _mark(connection, row, worker, now + lease)


def take(connection: sa.Connection, worker: str, now: float, lease: float) -> Turn | None:
    """See ``engine.ports.Store``; ``None`` if no row is ready."""
    row = _next(connection, now)
    if row is None:
        return None
    begins = reserve(connection, now)
    if begins > now:
        return Turn(begins=begins, ready=now)
    return Turn(claim=_mark(connection, row, worker, now + lease), ready=now)


def reserve(connection: sa.Connection, now: float) -> float:
    """See ``engine.ports.Store``; ``now`` if there is no pace yet."""
    begins = _RESERVE.number(connection, {"now": now})
    return now if begins is None else begins


def _next(connection: sa.Connection, now: float) -> Recorded | None:
    found = _NEXT.first(connection, {"now": now, "number": 1})
    return None if found is None else recorded_of(found)


def _mark(connection: sa.Connection, row: Recorded, worker: str, until: float) -> Claim:
    ours = to_json(claimed_keys(row))
    _CLAIM.run(connection, {**bound_key(row.key), "worker": worker, "until": until, "ours": ours})
    return Claim(row=row, worker=worker, lease_until=until)


def claimed_keys(row: Recorded) -> Metadata:
    """Git's keys that may be at the API once ``row`` is sent: until an answer is clear, also those that were meant."""
    if row.desired.metadata == row.acknowledged.metadata:
        return row.acknowledged_metadata
    return {**row.desired_metadata, **row.acknowledged_metadata}


def upcoming(connection: sa.Connection, now: float, limit: int) -> list[Recorded]:
    """See ``engine.ports.Store``."""
    return [recorded_of(row) for row in _NEXT.run(connection, {"now": now, "number": limit}).fetchall()]


def settle(connection: sa.Connection, claimed: Claim, settlement: Settlement) -> bool:
    """See ``engine.ports.Store``. An attempt is always worth its journal lines, even if the lease was lost."""
    if settlement.journal:
        append(connection, settlement.journal)
    landed = _settled(_flying(claimed), claimed, settlement)
    if _LAND.run(connection, {**progress_values(landed), **_lease(claimed)}).rowcount:
        reblock(connection, landed.key)
        return True
    row = _held(connection, claimed)  # a newer target came meanwhile, or the lease is lost
    if row is None:
        return False
    _write(connection, _settled(row, claimed, settlement))
    return True


def _flying(claimed: Claim) -> Recorded:
    """The row as the claim left it, as far as ``_settled`` looks: while it flies, only a new target changes it."""
    keys = claimed_keys(claimed.row)
    return (
        claimed.row if keys is claimed.row.acknowledged_metadata else replace(claimed.row, acknowledged_metadata=keys)
    )


def _lease(claimed: Claim) -> dict[str, Any]:
    row = claimed.row
    return {**bound_key(row.key), "owner": claimed.worker, "until": claimed.lease_until, "target": row.generation}


def release(connection: sa.Connection, claimed: Claim) -> None:
    """See ``engine.ports.Store``: nothing was sent, so what was known before is known again."""
    row = _held(connection, claimed)
    if row is not None:
        changes = _landed(row, claimed, claimed.row.acknowledged, claimed.row.presence)
        _write(connection, replace(row, **changes, acknowledged_metadata=claimed.row.acknowledged_metadata))


def _held(connection: sa.Connection, claimed: Claim) -> Recorded | None:
    found = _ONE.first(connection, bound_key(claimed.row.key))
    row = None if found is None else recorded_of(found)
    if row is None or (row.lease_owner, row.lease_until) != (claimed.worker, claimed.lease_until):
        return None
    return row


def _write(connection: sa.Connection, row: Recorded) -> None:
    _PROGRESS.run(connection, {**bound_key(row.key), **progress_values(row)})
    reblock(connection, row.key)


def _landed(row: Recorded, claimed: Claim, acknowledged: Facets, presence: Presence) -> dict[str, Any]:
    """Back from its flight, to be sent again, unless a newer target (a revert) is what the API has now."""
    reached = row.generation != claimed.row.generation and row.desired == acknowledged
    return {
        "status": ItemStatus.SYNCED if reached else ItemStatus.QUEUED,
        "acknowledged": acknowledged,
        "presence": presence,
        "lease_owner": None,
        "lease_until": None,
    }


def _settled(row: Recorded, claimed: Claim, settlement: Settlement) -> Recorded:
    changes = _landed(row, claimed, settlement.acknowledged, settlement.presence)
    if settlement.acknowledged_metadata is not None:
        changes["acknowledged_metadata"] = settlement.acknowledged_metadata
    if settlement.remote is not None:
        changes["remote"] = settlement.remote
    sent = settlement.acknowledged.content
    if sent is not None and sent == claimed.row.desired.content:
        # Else the API is known to have kept what it had before, and its blob is known already.
        changes["acknowledged_blob"] = claimed.row.blob
    if row.generation == claimed.row.generation:
        changes |= {
            "status": settlement.status,
            "attempts": settlement.attempts,
            "not_before": settlement.not_before,
            "last_outcome": settlement.outcome,
            "last_error": settlement.message,
            "http_status": settlement.http_status,
            "altered": settlement.altered,
            # What a person asked for is done; the next conflict is news again.
            "force": row.force and settlement.status is not ItemStatus.SYNCED,
        }
    return replace(row, **changes)


_AGAIN = item.update().values(status=_QUEUED, attempts=0, not_before=0.0)
_DOUBT = Statement(_AGAIN.where(_THIS, item.c.status == _SYNCED).values(acknowledged_metadata=sa.null()))


def _unless(changed: str, column: sa.Column[Any]) -> sa.Case[Any]:
    return sa.case((sa.bindparam(changed, type_=sa.Boolean), sa.null()), else_=column)


_REASSERT = Statement(
    _AGAIN.where(
        _THIS,
        item.c.status == _SYNCED,
        item.c.standing == word(Standing.WANTED),
        item.c.generation == sa.bindparam("target"),
    ).values(
        acknowledged_content=_unless("content", item.c.acknowledged_content),
        acknowledged_metadata=_unless("metadata", item.c.acknowledged_metadata),
        last_outcome=DRIFT,
        last_error=sa.bindparam("message"),
    )
)
_RETRY = _AGAIN.where(IS_UNSETTLED, item.c.status == _PARKED).values(force=sa.true())
_RETRY_ALL, _RETRY_THIS = Statement(_RETRY), Statement(_RETRY.where(_THIS))
_RECOVER = (
    item.update()
    .where(item.c.status == word(ItemStatus.IN_FLIGHT))
    .values(status=_QUEUED, lease_owner=sa.null(), lease_until=sa.null())
)
_RECOVER_EXPIRED = Statement(_RECOVER.where(IS_UNSETTLED, item.c.lease_until <= sa.bindparam("now")))
_RECOVER_OTHERS = Statement(_RECOVER.where(IS_UNSETTLED, item.c.lease_owner != sa.bindparam("owner")))


def recover(connection: sa.Connection, now: float, owner: str | None) -> int:
    """See ``engine.ports.Store``."""
    if owner is None:
        number = _RECOVER_EXPIRED.run(connection, {"now": now}).rowcount
    else:
        number = _RECOVER_OTHERS.run(connection, {"owner": owner}).rowcount
    if number:
        reblock(connection)
    return number


def doubt(connection: sa.Connection, key: Key) -> None:
    """See ``engine.ports.Store``; a row that is not synced is on its way anyway, with complete metadata."""
    if _DOUBT.run(connection, bound_key(key)).rowcount:
        reblock(connection, key)


def reassert(connection: sa.Connection, drifted: Iterable[Reassertion]) -> int:
    """See ``engine.ports.Store``."""
    number = 0
    for one in drifted:
        values = {"target": one.generation, "content": one.content, "metadata": one.metadata, "message": one.message}
        number += _REASSERT.run(connection, {**bound_key(one.key), **values}).rowcount
    if number:
        reblock(connection)
    return number


def retry(connection: sa.Connection, keys: Iterable[Key] | None) -> int:
    """See ``engine.ports.Store``."""
    if keys is None:
        number = _RETRY_ALL.run(connection).rowcount
    else:
        chosen = sorted(set(keys))
        number = sum(_RETRY_THIS.run(connection, bound_key(key)).rowcount for key in chosen)
    if number:
        reblock(connection)
    return number
