"""Taking over what is at the API already, on purpose: from then on it is ours, as the API has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qtisync.content.metadata import metadata_digest
from qtisync.delivery.outcome import RemoteObject
from qtisync.engine.reading import Caps, read_snapshot
from qtisync.engine.recognise import Ask, infos_of, look, seen_of, trouble
from qtisync.engine.survey import Eyes, Survey, Surveyor
from qtisync.errors import RepositoryError
from qtisync.model import CommitId, Identifier, ItemStatus, Key, Kind, Presence, Recorded, RepoPath, Snapshot
from qtisync.ownership import keys_of
from qtisync.planning.takeover import Seen, adopted, without_file

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import Source, Store
    from qtisync.engine.reconcile import Aim

ONE_BY_ONE = 20  # identifiers up to which each is read by itself instead of the whole list
FOREIGN = "If it is meant, say --foreign"
OURS_ALREADY = "ours already"
NO_NAME = "its identifier is no name that a file of git could have"
IN_FLIGHT = "in flight: its answer is not known yet. Run qtisync sync first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be taken over."""

    identifiers: tuple[str, ...] = ()
    prefix: str | None = None
    foreign: bool = False
    """Also what is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What would be taken over, and what not; by key."""

    rows: tuple[Recorded, ...] = ()
    seen: Mapping[Key, Seen] = field(default_factory=dict)
    as_in_git: frozenset[Key] = frozenset()
    without_file: frozenset[Key] = frozenset()
    skipped: Mapping[Key, str] = field(default_factory=dict)
    """Why not."""
    missing: tuple[str, ...] = ()
    """Identifiers that the API does not have."""


def candidates(eyes: Eyes, store: Store, source: Source, aim: Aim, order: Order, ask: Ask) -> Candidates:
    """Look at the API, at git and at the record; nothing is written."""
    there = _there(eyes, order)
    snapshot = snapshot_at(store, source, aim, ask)
    recorded = store.recorded_some(there)
    skipped = {key: why for key in sorted(there) if (why := _refusal(key, there[key], recorded.get(key), order, ask))}
    chosen = {key: row for key, row in there.items() if key not in skipped}
    wanted = {key: snapshot.items[key] for key in sorted(chosen) if key in snapshot.items}
    seen = seen_of(source, wanted, chosen)
    infos = infos_of(source, snapshot, list(wanted.values()))
    rows = [adopted(item, seen[key], infos[item.path], metadata_digest) for key, item in wanted.items()]
    for key in chosen.keys() - wanted.keys():
        seen[key] = plainly(chosen[key])
        stamps = ask.ownership.on(chosen[key].metadata)
        rows.append(without_file(key, seen[key], RepoPath(""), metadata_digest, stamps))
    names = {key.identifier for key in there}
    return Candidates(
        rows=tuple(sorted(rows, key=lambda row: row.key)),
        seen=seen,
        as_in_git=frozenset(
            row.key for row in rows if row.key in wanted and row.acknowledged == wanted[row.key].facets
        ),
        without_file=frozenset(chosen.keys() - wanted.keys()),
        skipped=skipped,
        missing=tuple(name for name in dict.fromkeys(order.identifiers) if name not in names),
    )


def is_name(identifier: str) -> bool:
    """Whether an identifier can be asked for and recorded at all."""
    return identifier.isprintable() and bool(identifier.strip()) and identifier not in {".", ".."}


def plainly(remote: RemoteObject) -> Seen:
    """The API's copy of what git does not have."""
    return Seen(content=remote.content, metadata=remote.metadata, version=remote.version, updated_at=remote.updated_at)


def snapshot_at(store: Store, source: Source, aim: Aim, ask: Ask) -> Snapshot:
    """What git has; nothing, if the repository has no commit yet."""
    try:
        commit = source.resolve(source.full_ref(aim.ref))
    except RepositoryError as error:
        if error.reference != "ref-unknown" or store.last_pass() is not None:
            raise
        return Snapshot(commit=CommitId(""), items={})
    caps = Caps(item=aim.item_cap, sidecar=aim.sidecar_cap, processes=aim.processes)
    return read_snapshot(source, store, commit, aim.rules, caps, ask.progress).snapshot


def _there(eyes: Eyes, order: Order) -> dict[Key, RemoteObject]:
    """The objects at the API that are asked for."""
    if order.prefix is None and len(order.identifiers) <= ONE_BY_ONE:
        return _one_by_one(eyes, order)
    named = set(order.identifiers)
    keys = [Key(kind, Identifier(name)) for name in filter(is_name, named) for kind in (Kind.ITEM, Kind.STIMULUS)]
    found: Survey = look(eyes, frozenset(keys))
    return {
        key: row
        for key, row in found.rows.items()
        if key.identifier in named or (order.prefix is not None and key.identifier.startswith(order.prefix))
    }


def _one_by_one(eyes: Eyes, order: Order) -> dict[Key, RemoteObject]:
    surveyor = Surveyor(eyes, {}, keep_xml=True)
    names = list(filter(is_name, order.identifiers))
    keys = [Key(kind, Identifier(name)) for kind in (Kind.ITEM, Kind.STIMULUS) for name in names]
    found = surveyor.read_each(keys)
    if len(found) < len(set(keys)):
        raise trouble(surveyor.trouble)
    return {key: row for key, row in found.items() if row is not None}


def _refusal(key: Key, remote: RemoteObject, row: Recorded | None, order: Order, ask: Ask) -> str | None:
    if not is_name(key.identifier):
        return NO_NAME
    not_ours = complaint(key, remote, row, ask)
    if not_ours is not None and not order.foreign:
        return not_ours
    if row is None:
        return None
    if row.status is ItemStatus.IN_FLIGHT:
        return IN_FLIGHT
    known = row.presence is Presence.PRESENT and row.remote is not None and row.remote.version is not None
    taken = ask.ownership.refuses(key, remote.metadata, row.acknowledged_metadata)
    return OURS_ALREADY if known and taken is None and row.status is ItemStatus.SYNCED else None


def complaint(key: Key, remote: RemoteObject, row: Recorded | None, ask: Ask) -> str | None:
    """Why an object is not taken over without ``--foreign``: it is not ours."""
    recorded = None if row is None else keys_of(row.presence, row.remote, row.acknowledged_metadata)
    not_ours = ask.ownership.refuses(key, remote.metadata, recorded)
    return None if not_ours is None else f"not ours: {not_ours.why}. {FOREIGN}"
