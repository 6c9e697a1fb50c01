"""The plan: what a commit asks for, compared with what is recorded, as one value that can be printed and refused."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from qtisync.model import (
    Broken,
    CommitId,
    CommitInfo,
    Identifier,
    Item,
    Json,
    Key,
    Lane,
    Problem,
    Reason,
    Recorded,
    RepoPath,
    Scope,
)


class Action(enum.StrEnum):
    """What happens to an object at the API."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDifference:
    """One metadata key that changes."""

    name: str
    sides: Mapping[str, Json] = field(default_factory=dict)
    """Its value ``recorded`` (what the API acknowledged) and in ``git``, where there is one."""
    hidden: bool = False
    """It may hold an answer or a body: its values are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object that must be sent."""

    item: Item
    recorded: Recorded | None
    action: Action
    scope: frozenset[Scope]
    reason: Reason
    risk: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    """Differences of metadata in words: ``difficulty: medium → hard``."""
    keys: tuple[KeyDifference, ...] = ()
    """The same, for those that show both sides."""
    bodies: Mapping[str, str] = field(default_factory=dict)
    """The XML ``recorded`` and in ``git``: only after ``details.with_content``."""
    renamed_from: Identifier | None = None
    queued: bool = False
    """It is on its way to this very target already; nothing new is written down."""
    blocker: Key | None = None
    lane: Lane = Lane.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The same object at another path: no call."""

    item: Item
    previous: RepoPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A recorded object that no file asks for any more: reported, and left alone unless ``delete``."""

    recorded: Recorded
    new: bool
    """It became one with this commit."""
    renamed_to: Identifier | None = None
    delete: bool = False
    """It is to be deleted at the API: every condition of ``planning.removal`` holds."""
    kept: str = ""
    """Why it is not, where it might have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """An object that stays at the version of an older commit, until it is unpinned or edited."""

    key: Key
    path: RepoPath
    commit: CommitId
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A safety rule that holds the plan: nothing is written until a person allows it."""

    rule: str
    limit: str
    actual: str
    message: str
    keys: tuple[Key, ...] = ()

    @property
    def override(self) -> str:
        """The flag that allows it."""
        return f"--allow {self.rule}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """An estimate: calls, bytes of content, seconds at the present pace."""

    calls: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a plan goes."""

    target: str
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The difference between a commit and the record. Everything is sorted by key or path."""

    commit: CommitId
    base: CommitId | None
    destination: Destination
    changes: tuple[Change, ...] = ()
    moves: tuple[Move, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    parked: tuple[Recorded, ...] = ()
    """Refused earlier and unchanged since: they wait for an edit or for ``qtisync retry``."""
    held: tuple[Recorded, ...] = ()
    """Their files are there and cannot be read: the API keeps the last good version."""
    broken: tuple[Broken, ...] = ()
    ignored: tuple[Key, ...] = ()
    warnings: tuple[Problem, ...] = ()
    altered: tuple[Recorded, ...] = ()
    """The API stored something else than what was sent, and said so when they were written."""
    unchanged: int = 0
    others: int = 0
    holds: tuple[Hold, ...] = ()
    cost: Cost = Cost()
    partial: bool = False
    """Only some objects were asked for (``--only``)."""
    authors: Mapping[RepoPath, CommitInfo] = field(default_factory=dict)
    pins: tuple[Pinned, ...] = ()
    observed: Mapping[str, str] | None = None
    """What the API was seen to have otherwise, each by a digest; ``None``: it was not read."""

    @property
    def renames(self) -> tuple[Change, ...]:
        """Changes whose object had another identifier before."""
        return tuple(change for change in self.changes if change.renamed_from is not None)

    @property
    def removals(self) -> tuple[Recorded, ...]:
        """Objects that are to be deleted."""
        return tuple(orphan.recorded for orphan in self.orphans if orphan.delete)

    @property
    def ready(self) -> tuple[Change, ...]:
        """Changes that nothing blocks."""
        return tuple(change for change in self.changes if change.blocker is None)

    @property
    def checksum(self) -> str:
        """``sha256:…`` over the desired and the observed state that the plan was made from, and where it goes."""
        return "sha256:" + hashlib.sha256(json.dumps(_essence(self), sort_keys=True).encode()).hexdigest()

    @property
    def bound(self) -> Mapping[str, str]:
        """What the checksum covers, object by object: to say what changed since a plan was saved."""
        found = {f"{change.item.key}": _digest(_change_essence(change)) for change in self.changes}
        found |= {f"orphan {orphan.recorded.key}": _orphan_essence(orphan) for orphan in self.orphans}
        found |= {f"parked {row.key}": str(row.generation) for row in self.parked}
        found |= {f"broken file {broken.path}": "" for broken in self.broken}
        found |= {f"hold {hold.rule}": "" for hold in self.holds}
        return found | {f"{key} at the API": seen for key, seen in (self.observed or {}).items()}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _essence(plan: Plan) -> list[object]:
    observed = [] if plan.observed is None else [sorted(plan.observed.items())]
    return [
        *observed,
        plan.commit,
        plan.destination.target,
        plan.destination.base_url,
        plan.partial,
        [_change_essence(change) for change in plan.changes],
        [[str(orphan.recorded.key), _orphan_essence(orphan)] for orphan in plan.orphans],
        [[str(row.key), row.generation] for row in plan.parked],
        [broken.path for broken in plan.broken],
        [hold.rule for hold in plan.holds],
    ]


def _orphan_essence(orphan: Orphan) -> str:
    row = orphan.recorded
    return str(row.generation) if not orphan.delete else f"{row.generation} deleted, {row.acknowledged.content}"


def _change_essence(change: Change) -> list[object]:
    row = change.recorded
    observed = None if row is None else [row.generation, row.acknowledged.content, row.acknowledged.metadata]
    desired = [change.item.facets.content, change.item.facets.metadata]
    return [change.item.key.kind, change.item.key.identifier, change.action, sorted(change.scope), desired, observed]
