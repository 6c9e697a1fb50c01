"""What one pass writes down. Called inside a transaction; rows are written in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from qtisync.adapters.store_blocking import reblock
from qtisync.adapters.store_rows import (
    ROW,
    Values,
    attribute_values,
    bound_key,
    key_values,
    pass_values,
    row_values,
    target_values,
)
from qtisync.adapters.store_tables import KEPT_PASSES, dependency, item, passes, word
from qtisync.model import Item, ItemStatus, Key, Presence, Recorded, Standing
from qtisync.planning.intent import Intents

_IN_FLIGHT = word(ItemStatus.IN_FLIGHT)
_THIS = sa.and_(item.c.kind == sa.bindparam("k"), item.c.identifier == sa.bindparam("i"))
_FRESH: Values = {
    "standing": word(Standing.WANTED),
    "generation": item.c.generation + 1,
    "attempts": 0,
    "not_before": 0.0,
    "last_error": sa.null(),
    "force": sa.false(),
    "blocker_kind": sa.null(),
    "blocker_identifier": sa.null(),
}
"""A new target replaces the old one and never merges with it."""
_REPLACED = (
    "path",
    "blob",
    "answers",
    "desired_keys",
    "protect",
    "desired_content",
    "desired_metadata",
    "lane",
    "commit_id",
    "author",
)


def _target_statement() -> sa.Insert:
    statement = insert(item)
    return statement.on_conflict_do_update(
        index_elements=[item.c.kind, item.c.identifier],
        set_={
            **_FRESH,
            **{name: statement.excluded[name] for name in _REPLACED},
            "status": sa.case((item.c.status == _IN_FLIGHT, _IN_FLIGHT), else_=word(ItemStatus.QUEUED)),
        },
    )


_TARGET = _target_statement()
_TOUCH = item.update().where(_THIS)
# Compared again here: a worker may have settled the row after the pass had read it.
_REACHED = sa.and_(
    item.c.acknowledged_content == sa.bindparam("content"),
    item.c.acknowledged_metadata == sa.bindparam("metadata"),
)
_SETTLED = _TOUCH.values(
    **_FRESH,
    author=sa.null(),
    status=sa.case(
        (item.c.status == _IN_FLIGHT, _IN_FLIGHT),
        (_REACHED, word(ItemStatus.SYNCED)),
        else_=word(ItemStatus.QUEUED),
    ),
)
_STANDING = _TOUCH.values(standing=sa.bindparam("standing"))
_FORGET = item.delete().where(_THIS).where(item.c.presence == word(Presence.ABSENT), item.c.status != _IN_FLIGHT)


def _plant_statement() -> sa.Insert:
    statement = insert(item)
    replaced = {name: statement.excluded[name] for name in ROW if name not in {"kind", "identifier", "generation"}}
    return statement.on_conflict_do_update(
        index_elements=[item.c.kind, item.c.identifier],
        set_={**replaced, "generation": item.c.generation + 1},
        where=item.c.status != _IN_FLIGHT,
    )


_PLANT = _plant_statement()
_DROP = item.delete().where(_THIS, item.c.status != _IN_FLIGHT)
_BURY = item.delete().where(
    _THIS,
    item.c.generation == sa.bindparam("target"),
    item.c.standing == word(Standing.ORPHAN),
    item.c.status != _IN_FLIGHT,
)
# A pass without a fingerprint did not look at everything, so the next one does.
_LOOK_ANEW = (
    passes.update().where(passes.c.id == sa.select(sa.func.max(passes.c.id)).scalar_subquery()).values(fingerprint="")
)
_NO_NEEDS = dependency.delete().where(
    dependency.c.kind == sa.bindparam("k"), dependency.c.identifier == sa.bindparam("i")
)


def write_pass(connection: sa.Connection, intents: Intents) -> None:
    """See ``engine.ports.Store.record_pass``."""
    targets = sorted(intents.targets, key=lambda target: target.item.key)
    _many(connection, _TARGET, [target_values(t.item, t.lane, t.commit) for t in targets])
    settled = [{**_settled_values(i), "commit_id": intents.record.commit} for i in _sorted(intents.settled)]
    _many(connection, _SETTLED, settled)
    _many(connection, _TOUCH, [{**bound_key(i.key), **attribute_values(i)} for i in _sorted(intents.touched)])
    standings = sorted(intents.standings.items())
    _many(connection, _STANDING, [{**bound_key(key), "standing": str(standing)} for key, standing in standings])
    _write_dependencies(connection, intents)
    for key in sorted(intents.forgotten):
        if connection.execute(_FORGET, bound_key(key)).rowcount:
            connection.execute(_NO_NEEDS, bound_key(key))
    _write_record(connection, intents)
    reblock(connection)


def plant(connection: sa.Connection, rows: Iterable[Recorded]) -> int:
    """See ``engine.ports.Store.plant``."""
    planted = [row_values(row) for row in sorted(rows, key=lambda row: row.key)]
    count = sum(connection.execute(_PLANT, values).rowcount for values in planted)
    if count:
        connection.execute(_LOOK_ANEW)
        reblock(connection)
    return count


def forget(connection: sa.Connection, keys: Iterable[Key]) -> int:
    """See ``engine.ports.Store.forget``."""
    count = 0
    for key in sorted(set(keys)):
        if connection.execute(_DROP, bound_key(key)).rowcount:
            connection.execute(_NO_NEEDS, bound_key(key))
            count += 1
    if count:
        connection.execute(_LOOK_ANEW)
        reblock(connection)
    return count


def bury(connection: sa.Connection, key: Key, generation: int) -> bool:
    """See ``engine.ports.Store.bury``."""
    if not connection.execute(_BURY, {**bound_key(key), "target": generation}).rowcount:
        return False
    connection.execute(_NO_NEEDS, bound_key(key))
    reblock(connection)
    return True


def _many(connection: sa.Connection, statement: sa.Executable, rows: list[Values]) -> None:
    if rows:
        connection.execute(statement, rows)


def _sorted(items: tuple[Item, ...]) -> list[Item]:
    return sorted(items, key=lambda item: item.key)


def _settled_values(item: Item) -> dict[str, Any]:
    content, metadata = item.facets.content, item.facets.metadata
    digests = {"desired_content": content, "desired_metadata": metadata, "content": content, "metadata": metadata}
    return {**bound_key(item.key), **attribute_values(item), **digests}


def _write_dependencies(connection: sa.Connection, intents: Intents) -> None:
    chosen = sorted(intents.dependencies.items())
    _many(connection, _NO_NEEDS, [bound_key(key) for key, _ in chosen])
    links = [(key, need) for key, needs in chosen for need in sorted(set(needs)) if need != key]
    _many(connection, dependency.insert(), [_link_values(key, need) for key, need in links])


def _link_values(key: Key, need: Key) -> Values:
    return {**key_values(key), "on_kind": str(need.kind), "on_identifier": need.identifier}


def _write_record(connection: sa.Connection, intents: Intents) -> None:
    added = connection.execute(passes.insert().values(pass_values(intents.record)))
    newest = added.inserted_primary_key
    if newest is not None:
        connection.execute(passes.delete().where(passes.c.id <= newest.id - KEPT_PASSES))
