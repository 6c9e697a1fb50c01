"""Git, record and API side by side: what is the same, what git is ahead of, what changed at the API. Pure.

For an object that is recorded (``shown``: the API's copy of it):

| shown | its target | result |
|---|---|---|
| as recorded, or only keys of others differ | acknowledged | in sync |
| as recorded, or only keys of others differ | another one | pending |
| its content or a key of git's differs from what was recorded, or it is gone | acknowledged | drift |
| the same | another one | conflict |
| another owner's stamp is on it | whatever | conflict: it is no longer ours |
| whatever | in doubt (an answer was lost) | pending: it may be our own write that is seen |

Measured is always against what the API showed when we wrote last, never against local bytes: the API writes XML in a
way of its own. What already is as git wants it is neither drift nor conflict.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from qtisync.model import (
    Digest,
    Facets,
    ItemStatus,
    Json,
    Key,
    Metadata,
    Presence,
    Recorded,
    Remote,
    RepoPath,
    Standing,
    same_json,
)
from qtisync.ownership import NotOurs, Ownership
from qtisync.planning.plan import Action, Change, Plan

CONFLICT = "Conflict"
"""The outcome of an attempt that met one."""
VANISHED = "it vanished at the API since our last write"


class OnDrift(enum.StrEnum):
    """What to do about an object that changed at the API only."""

    REPORT = "report"
    OVERWRITE = "overwrite"
    BLOCK = "block"


class Copy(Protocol):
    """The API's copy of an object."""

    @property
    def content(self) -> Digest | None:
        """Canonical digest of its XML; ``None`` if it cannot be read."""

    @property
    def metadata(self) -> Metadata:
        """All of its metadata."""

    @property
    def version(self) -> int | None:
        """``__v``."""

    @property
    def updated_at(self) -> str | None:
        """When it was last changed, as the API says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the API showed."""

    copies: Mapping[Key, Copy] = field(default_factory=dict)
    gone: frozenset[Key] = frozenset()
    """Recorded objects that are proven not to be there."""
    moved: frozenset[Key] = frozenset()
    """Objects that we wrote ourselves meanwhile: nothing is concluded about them."""
    thorough: bool = False
    """Each was read and digested anew: versions and times that did not move prove nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergent:
    """An object of git's that the API has otherwise than we left it."""

    key: Key
    path: RepoPath
    recorded: Recorded | None
    """``None``: it was never sent, and is there."""
    change: Change | None
    """What git wants of it besides; ``None``: nothing."""
    copy: Copy | None
    """``None``: it is gone."""
    content: bool = False
    names: tuple[str, ...] = ()
    """Metadata keys of git's that were changed."""
    message: str = ""
    not_ours: NotOurs | None = None
    """It is somebody else's: never written, whatever the policy says of other edits."""

    @property
    def vanished(self) -> bool:
        """Whether it is gone."""
        return self.copy is None

    @property
    def is_conflict(self) -> bool:
        """Whether git wants something else of it as well, or it is not ours at all."""
        return self.not_ours is not None or self.recorded is None or is_ahead(self.recorded, self.change)

    @property
    def desired_metadata(self) -> Metadata:
        """What git wants its metadata to be."""
        if self.change is not None:
            return self.change.item.metadata
        return self.recorded.desired_metadata if self.recorded is not None else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """An object at the API that neither git nor the record knows."""

    key: Key
    copy: Copy
    owner: str = ""
    """Who owns it, in words, if it says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that is not the same everywhere, in lists that are never merged; each sorted by key."""

    drift: tuple[Divergent, ...] = ()
    conflicts: tuple[Divergent, ...] = ()
    pending: tuple[Key, ...] = ()
    """Git is ahead, or an answer was lost; parked and blocked ones are not among them."""
    parked: tuple[Recorded, ...] = ()
    blocked: tuple[Key, ...] = ()
    altered: tuple[Recorded, ...] = ()
    held: tuple[Recorded, ...] = ()
    """Their files are broken: the API keeps the last good version."""
    orphans: tuple[Key, ...] = ()
    unmanaged: tuple[Stranger, ...] = ()
    """Ours by prefix or stamp."""
    foreign: tuple[Stranger, ...] = ()
    in_sync: int = 0


def side_by_side(plan: Plan, recorded: Mapping[Key, Recorded], shown: Shown, ownership: Ownership) -> Comparison:
    """Compare."""
    changes = {change.item.key: change for change in plan.changes}
    orphans = {orphan.recorded.key for orphan in plan.orphans}
    # What the plan says of them is newer than what is written down.
    idle = {*orphans, *plan.ignored, *(row.key for row in plan.held)}
    expected = {key for key, row in recorded.items() if row.standing in {Standing.WANTED, Standing.HELD}}
    expected -= {*orphans, *plan.ignored, *shown.moved}
    found = {key: divergence(recorded[key], changes.get(key), shown, ownership) for key in expected}
    clashes = (_clash(change, shown.copies.get(key), ownership) for key, change in changes.items())
    found |= {clash.key: clash for clash in clashes if clash is not None}
    divergent = [one for _, one in sorted(found.items()) if one is not None]
    conflicts = tuple(one for one in divergent if _is_conflict(one, idle))
    drift = tuple(one for one in divergent if not _is_conflict(one, idle))
    rows = [row for key, row in sorted(recorded.items()) if key not in idle]
    settled = {one.key for one in divergent}
    strangers = _strangers(plan, recorded, changes.keys(), shown, ownership)
    return Comparison(
        drift=drift,
        conflicts=conflicts,
        pending=tuple(key for key in _pending(rows, changes) if key not in settled),
        parked=tuple(
            row
            for row in rows
            if _is(row, ItemStatus.PARKED)
            and row.key not in changes
            and not (row.key in settled and row.last_outcome == CONFLICT)
        ),
        blocked=tuple(sorted(_blocked(rows, changes))),
        altered=tuple(row for row in rows if _is(row, ItemStatus.SYNCED) and row.altered and row.key not in changes),
        held=plan.held,
        orphans=tuple(sorted(orphans)),
        unmanaged=tuple(one for one in strangers if ownership.marks(one.key, one.copy.metadata)),
        foreign=tuple(one for one in strangers if not ownership.marks(one.key, one.copy.metadata)),
        in_sync=sum(
            _is(row, ItemStatus.SYNCED) and not row.altered and row.key not in settled and row.key not in changes
            for row in rows
        ),
    )


def _is_conflict(one: Divergent, idle: Collection[Key]) -> bool:
    return one.is_conflict and (one.not_ours is not None or one.key not in idle)


def divergence(row: Recorded, change: Change | None, shown: Shown, ownership: Ownership) -> Divergent | None:
    """What others changed of ours since we wrote it last; ``None``: nothing, or nothing that can be told."""
    found = Divergent(key=row.key, path=row.path, recorded=row, change=change, copy=shown.copies.get(row.key))
    if row.presence is not Presence.PRESENT or row.remote is None:
        met = found.copy is not None and _is(row, ItemStatus.PARKED) and row.last_outcome == CONFLICT
        return _met(found, ownership) if met else None
    if found.copy is None:
        lost = row.acknowledged == Facets()  # a create or a delete of our own may be under way
        gone = row.key in shown.gone and not lost
        return replace(found, message=VANISHED) if gone else None
    if _lags(row.remote, found.copy):
        return None
    taken = ownership.refuses(row.key, found.copy.metadata, row.acknowledged_metadata)
    if taken is not None:
        return replace(found, names=tuple(ownership.on(found.copy.metadata)), message=taken.message, not_ours=taken)
    if not shown.thorough and _untouched(row.remote, found.copy):
        return None
    content = _content_changed(row, change, found.copy)
    names = _names_changed(row, found.desired_metadata, found.copy)
    if not content and not names:
        return None
    what = ["its content"] if content else []
    what += [f'its metadata "{name}"' for name in names]
    verb = "was" if len(what) == 1 else "were"
    words = f"{_listed(what)} {verb} changed at the API since our last write"
    return replace(found, content=content, names=names, message=words)


def _met(found: Divergent, ownership: Ownership) -> Divergent:
    """What a create met, or what is there after one that was refused."""
    not_ours = ownership.refuses(found.key, found.copy.metadata if found.copy is not None else {})
    said = found.recorded.last_error if found.recorded is not None else None
    message = not_ours.message if not_ours is not None else said or "it is there, and was not written by us"
    return replace(found, content=True, message=message, not_ours=not_ours)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _untouched(remote: Remote, copy: Copy) -> bool:
    stamps = (remote.version, remote.updated_at)
    return stamps != (None, None) and stamps == (copy.version, copy.updated_at)


def _lags(remote: Remote, copy: Copy) -> bool:
    """Whether what was shown is from before our own last write: the API answered from a copy that lags.

    An object that others deleted and made anew has a low version as well, but not an earlier time.
    """
    if None in (remote.version, copy.version, remote.updated_at, copy.updated_at):
        return False
    return (copy.version or 0) < (remote.version or 0) and (copy.updated_at or "") < (remote.updated_at or "")


def _content_changed(row: Recorded, change: Change | None, copy: Copy) -> bool:
    before = row.remote.content if row.remote is not None else None
    wanted = change.item.facets.content if change is not None else row.desired.content
    if row.acknowledged.content is None or copy.content in {before, wanted}:
        return False
    # Digests of two algorithms say nothing about each other.
    return before is None or copy.content is None or _algorithm(before) == _algorithm(copy.content)


def _algorithm(digest: Digest) -> str:
    return digest.partition(":")[0]


def _names_changed(row: Recorded, wanted: Metadata, copy: Copy) -> tuple[str, ...]:
    if row.acknowledged.metadata is None:
        return ()
    return tuple(
        name
        for name, value in sorted(row.acknowledged_metadata.items())
        if not _holds(copy.metadata, name, value)
        and not (name in wanted and _holds(copy.metadata, name, wanted[name]))
        and f'"{name}"' not in (row.altered or "")  # told when it was written: the API never had what we acknowledged
    )


def _holds(metadata: Metadata, name: str, value: Json) -> bool:
    return name in metadata and same_json(metadata[name], value)


def is_ahead(row: Recorded, change: Change | None) -> bool:
    """Whether git wants something else of an object than what the API acknowledged."""
    if row.standing is not Standing.WANTED:
        return False  # its file is broken: nobody can say what git wants
    return change is not None or row.status is not ItemStatus.SYNCED


def _clash(change: Change, copy: Copy | None, ownership: Ownership) -> Divergent | None:
    """A new item whose identifier is taken by somebody else."""
    item, row = change.item, change.recorded
    sent = row is not None and row.presence is not Presence.ABSENT
    not_ours = ownership.refuses(item.key, copy.metadata) if copy is not None else None
    if not_ours is None or sent or change.action is not Action.CREATE:
        return None
    return Divergent(
        key=item.key,
        path=item.path,
        recorded=row,
        change=change,
        copy=copy,
        content=True,
        message=not_ours.message,
        not_ours=not_ours,
    )


def _is(row: Recorded, status: ItemStatus) -> bool:
    return row.standing is Standing.WANTED and row.status is status


def _pending(rows: Iterable[Recorded], changes: Mapping[Key, Change]) -> list[Key]:
    waiting = {row.key for row in rows if _is(row, ItemStatus.QUEUED) or _is(row, ItemStatus.IN_FLIGHT)}
    ready = {key for key, change in changes.items() if change.blocker is None}
    return sorted((waiting | ready) - _blocked(rows, changes))


def _blocked(rows: Iterable[Recorded], changes: Mapping[Key, Change]) -> set[Key]:
    known = {row.key for row in rows if _is(row, ItemStatus.BLOCKED) and row.key not in changes}
    return known | {key for key, change in changes.items() if change.blocker is not None}


def _strangers(
    plan: Plan, recorded: Mapping[Key, Recorded], new: Iterable[Key], shown: Shown, ownership: Ownership
) -> list[Stranger]:
    in_git = {*new, *plan.ignored, *(file.key for file in plan.broken if file.key is not None)}
    return [
        Stranger(key=key, copy=copy, owner=ownership.owner(copy.metadata))
        for key, copy in sorted(shown.copies.items())
        if key not in recorded and key not in in_git
    ]
