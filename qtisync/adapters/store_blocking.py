"""Blocking in the queue: what waits for a refused or unreadable object. Called inside a transaction."""

from __future__ import annotations

import sqlalchemy as sa

from qtisync.adapters.store_rows import bound_key, key_of
from qtisync.adapters.store_statement import Statement
from qtisync.adapters.store_tables import (
    IS_NEEDED_LACKING,
    IS_NEEDED_WANTED,
    IS_UNSETTLED,
    ON_NEEDED,
    dependency,
    item,
    needed,
    word,
)
from qtisync.model import ItemStatus, Key

_QUEUED, _BLOCKED, _PARKED = word(ItemStatus.QUEUED), word(ItemStatus.BLOCKED), word(ItemStatus.PARKED)
_UPDATE_THIS = item.update().where(item.c.kind == sa.bindparam("k"), item.c.identifier == sa.bindparam("i"))
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
_HAS_LINKS = Statement(
    sa.select(
        sa.exists().where(dependency.c.kind == sa.bindparam("k"), dependency.c.identifier == sa.bindparam("i")),
        sa.exists().where(dependency.c.on_kind == sa.bindparam("k"), dependency.c.on_identifier == sa.bindparam("i")),
    )
)
# A join, because SQLite walks through the whole table for a pair of columns that is IN a subquery.
_NEAR = sa.union_all(
    sa.select(sa.bindparam("k").label("kind"), sa.bindparam("i").label("identifier")), _DEPENDANTS
).subquery("near")
_BLOCKERS_NEAR = Statement(
    _BLOCKERS.join(_NEAR, sa.and_(_NEAR.c.kind == dependency.c.kind, _NEAR.c.identifier == dependency.c.identifier))
)
_BLOCKERS_ALL = Statement(_BLOCKERS)
_BLOCKED_NEAR = Statement(
    _BLOCKED_NOW.join_from(item, _NEAR, sa.and_(_NEAR.c.kind == item.c.kind, _NEAR.c.identifier == item.c.identifier))
)
_BLOCKED_ALL = Statement(_BLOCKED_NOW.where(IS_UNSETTLED))
_BLOCK = Statement(
    _UPDATE_THIS.values(
        status=_BLOCKED, blocker_kind=sa.bindparam("on_kind"), blocker_identifier=sa.bindparam("on_identifier")
    )
)
_UNBLOCK = Statement(_UPDATE_THIS.values(status=_QUEUED, blocker_kind=sa.null(), blocker_identifier=sa.null()))


def reblock(connection: sa.Connection, changed: Key | None = None) -> None:
    """Block what waits for a refused or unreadable object, and unblock what no longer does.

    Of the whole record, or only around one ``changed`` row. What is blocked blocks in turn, so it goes on until nothing
    moves. The first blocker by key is the one that is named.
    """
    if changed is not None and not any(_HAS_LINKS.first(connection, bound_key(changed)) or ()):
        return
    moves = _moves(connection, changed)
    while moves:
        blocked = [{**bound_key(k), "on_kind": str(on.kind), "on_identifier": on.identifier} for k, on in moves if on]
        freed = [bound_key(key) for key, on in moves if on is None]
        if blocked:
            _BLOCK.run_many(connection, blocked)
        if freed:
            _UNBLOCK.run_many(connection, freed)
        moves = _moves(connection, None)


def _moves(connection: sa.Connection, changed: Key | None) -> list[tuple[Key, Key | None]]:
    of_blockers, of_blocked = (_BLOCKERS_ALL, _BLOCKED_ALL) if changed is None else (_BLOCKERS_NEAR, _BLOCKED_NEAR)
    values = {} if changed is None else bound_key(changed)
    blockers: dict[Key, Key] = {}
    for kind, identifier, on_kind, on_identifier in of_blockers.run(connection, values).fetchall():
        blockers.setdefault(key_of(kind, identifier), key_of(on_kind, on_identifier))
    now: dict[Key, Key] = {}
    for kind, identifier, on_kind, on_identifier in of_blocked.run(connection, values).fetchall():
        now[key_of(kind, identifier)] = key_of(on_kind, on_identifier)
    return [(key, blockers.get(key)) for key in sorted({*blockers, *now}) if blockers.get(key) != now.get(key)]
