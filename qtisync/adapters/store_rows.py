"""Rows of the record ↔ values of the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from qtisync.delivery.ledger import plain
from qtisync.delivery.pace import Pace
from qtisync.model import (
    Broken,
    CommitInfo,
    Digest,
    Facets,
    Identifier,
    Item,
    ItemStatus,
    Json,
    Key,
    Kind,
    Lane,
    PassRecord,
    Presence,
    Problem,
    Recorded,
    Remote,
    Standing,
)

Values: TypeAlias = dict[str, Any]
"""The parameters of a statement, by column."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_KINDS = {str(k): k for k in Kind}
_LANES = {str(v): v for v in Lane}
_STATUSES = {str(s): s for s in ItemStatus}
_STANDINGS = {str(s): s for s in Standing}
_PRESENCES = {str(p): p for p in Presence}


def to_json(value: object) -> str:
    """Canonical JSON: sorted keys, no blanks, ASCII only.

    ASCII because a server (or a file name) can contain lone surrogates, which no database can store as text.
    """
    return _CANONICAL.encode(value)


def from_json(text: str) -> Any:  # noqa: ANN401 - the shape is the caller's
    """The reverse of ``to_json``."""
    return {} if text == "{}" else json.loads(text)


def key_values(key: Key) -> Values:
    """The primary key."""
    return {"kind": str(key.kind), "identifier": key.identifier}


def bound_key(key: Key) -> Values:
    """The primary key as the parameters ``k`` and ``i`` of an UPDATE, whose other parameters are named as columns."""
    return {"k": str(key.kind), "i": key.identifier}


def key_of(kind: str, identifier: str) -> Key:
    """The reverse of ``key_values``."""
    return Key(_KINDS[kind], Identifier(identifier))


def attribute_values(item: Item) -> Values:
    """What a file says of an object besides what is sent of it."""
    return {
        "path": plain(item.path),
        "blob": item.blob,
        "answers": item.answers,
        "desired_keys": to_json(item.metadata),
        "protect": item.steering.protect,
    }


def target_values(item: Item, lane: Lane, commit: CommitInfo) -> Values:
    """A new row for an object that was never sent."""
    return {
        **key_values(item.key),
        **attribute_values(item),
        "standing": str(Standing.WANTED),
        "status": str(ItemStatus.QUEUED),
        "presence": str(Presence.ABSENT),
        "desired_content": item.facets.content,
        "desired_metadata": item.facets.metadata,
        "acknowledged_keys": "{}",
        "generation": 1,
        "attempts": 0,
        "not_before": 0.0,
        "lane": str(lane),
        "commit_id": commit.commit,
        "author": plain(commit.author),
        "force": False,
    }


def row_values(row: Recorded) -> Values:
    """A whole row."""
    return {
        **key_values(row.key),
        **progress_values(row),
        "path": plain(row.path),
        "standing": str(row.standing),
        "desired_content": row.desired.content,
        "desired_metadata": row.desired.metadata,
        "desired_keys": to_json(row.desired_metadata),
        "blob": row.blob,
        "answers": row.answers,
        "generation": row.generation,
        "lane": str(row.lane),
        "protect": row.protect,
        "commit_id": row.commit,
        "author": plain(row.author),
        "blocker_kind": None if row.blocker is None else str(row.blocker.kind),
        "blocker_identifier": None if row.blocker is None else row.blocker.identifier,
    }


PROGRESS = (
    *("status", "presence", "acknowledged_content", "acknowledged_metadata", "acknowledged_keys", "acknowledged_blob"),
    *("remote_content", "remote_version", "remote_updated_at", "remote_foreign", "attempts", "not_before"),
    *("lease_owner", "lease_until", "last_outcome", "last_error", "http_status", "altered", "force"),
)
"""The columns that an attempt can change: all but the target."""


def progress_values(row: Recorded) -> Values:
    """The values of ``PROGRESS``."""
    remote = row.remote
    return {
        "status": str(row.status),
        "presence": str(row.presence),
        "acknowledged_content": row.acknowledged.content,
        "acknowledged_metadata": row.acknowledged.metadata,
        "acknowledged_keys": to_json(row.acknowledged_metadata),
        "acknowledged_blob": row.acknowledged_blob,
        "remote_content": remote.content if remote else None,
        "remote_version": remote.version if remote else None,
        "remote_updated_at": plain(remote.updated_at) if remote else None,
        "remote_foreign": to_json(remote.foreign) if remote else None,
        "attempts": row.attempts,
        "not_before": row.not_before,
        "lease_owner": row.lease_owner,
        "lease_until": row.lease_until,
        "last_outcome": row.last_outcome,
        "last_error": plain(row.last_error),
        "http_status": row.http_status,
        "altered": plain(row.altered),
        "force": row.force,
    }


ROW = (
    *("kind", "identifier", "path", "standing", "status", "presence", "desired_content", "desired_metadata"),
    *("desired_keys", "blob", "answers", "acknowledged_content", "acknowledged_metadata", "acknowledged_keys"),
    *("acknowledged_blob", "remote_content", "remote_version", "remote_updated_at", "remote_foreign", "generation"),
    *("attempts", "not_before", "lane", "lease_owner", "lease_until", "protect", "commit_id", "author"),
    *("last_outcome", "last_error", "http_status", "altered", "blocker_kind", "blocker_identifier", "force"),
)
"""The columns of ``item`` in the order in which ``recorded_of`` takes them apart."""


def recorded_of(row: Sequence[Any]) -> Recorded:
    """A row of ``item``, selected as ``ROW``. By position: a plan reads thousands, and names would double its time."""
    (kind, identifier, path, standing, status, presence, *rest) = row
    (content, metadata, keys, blob, answers, had_content, had_metadata, had_keys, had_blob, *rest) = rest
    (remote_content, version, updated_at, foreign, generation, attempts, not_before, lane, owner, until, *rest) = rest
    (protect, commit, author, outcome, error, http_status, altered, blocker_kind, blocker, force) = rest
    values = from_json(keys)
    return Recorded(
        key=Key(_KINDS[kind], identifier),
        path=path,
        standing=_STANDINGS[standing],
        status=_STATUSES[status],
        presence=_PRESENCES[presence],
        desired=Facets(content=content, metadata=metadata),
        desired_metadata=values,
        blob=blob,
        answers=answers,
        acknowledged=Facets(content=had_content, metadata=had_metadata),
        acknowledged_metadata=values if had_keys == keys else from_json(had_keys),
        acknowledged_blob=had_blob,
        remote=None if foreign is None else _remote(remote_content, version, updated_at, foreign),
        generation=generation,
        attempts=attempts,
        not_before=not_before,
        lane=_LANES[lane],
        lease_owner=owner,
        lease_until=until,
        protect=bool(protect),
        commit=commit,
        author=author,
        last_outcome=outcome,
        last_error=error,
        http_status=http_status,
        altered=altered,
        blocker=None if blocker is None else key_of(blocker_kind, blocker),
        force=bool(force),  # SQLite knows numbers only
    )


def _remote(content: Digest | None, version: int | None, updated_at: str | None, foreign: str) -> Remote:
    return Remote(content=content, version=version, updated_at=updated_at, foreign=from_json(foreign))


def pass_values(record: PassRecord) -> Values:
    """A row of ``pass``."""
    return {
        "commit_id": record.commit,
        "base": record.base,
        "ref": record.ref,
        "fingerprint": record.fingerprint,
        "at": record.at,
        "broken": to_json([asdict(broken) for broken in record.broken]),
        "warnings": to_json([asdict(problem) for problem in record.warnings]),
        "summary": to_json(dict(record.summary)),
    }


def pass_of(row: Any) -> PassRecord:  # noqa: ANN401 - a row of ``store_tables.passes``
    """The reverse of ``pass_values``."""
    return PassRecord(
        commit=row.commit_id,
        base=row.base,
        ref=row.ref,
        fingerprint=row.fingerprint,
        at=row.at,
        broken=tuple(_broken_of(broken) for broken in from_json(row.broken)),
        warnings=_problems_of(from_json(row.warnings)),
        summary=from_json(row.summary),
    )


def _broken_of(fields: Values) -> Broken:
    key = fields["key"]
    return Broken(
        path=fields["path"],
        key=None if key is None else key_of(**key),
        problems=_problems_of(fields["problems"]),
    )


def _problems_of(listed: Sequence[Values]) -> tuple[Problem, ...]:
    return tuple(Problem(**fields) for fields in listed)


def pace_values(pace: Pace) -> Values:
    """The row of ``pace`` without ``slot``."""
    return {
        "rate": pace.rate,
        "ceiling": pace.ceiling,
        "floor": pace.floor,
        "tat": pace.tat,
        "paused_until": pace.paused_until,
        "pause_reason": plain(pace.pause_reason),
        "memory": to_json(dict(pace.memory)),
    }


def pace_of(row: Any) -> Pace:  # noqa: ANN401 - a row of ``store_tables.pace``
    """The reverse of ``pace_values``."""
    return Pace(
        rate=row.rate,
        ceiling=row.ceiling,
        floor=row.floor,
        tat=row.tat,
        paused_until=row.paused_until,
        pause_reason=row.pause_reason,
        memory=from_json(row.memory),
    )


def setting_of(text: str | None) -> Json:
    """The value of a setting; ``None`` if it was never set."""
    value: Json = None if text is None else json.loads(text)
    return value
