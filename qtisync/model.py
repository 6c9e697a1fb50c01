"""The nouns: frozen values that every room shares. No I/O, no clock, no behaviour beyond what a value knows of itself.

Units: every point in time is a ``float`` of seconds since the epoch (UTC); every duration a ``float`` of seconds.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NewType, TypeAlias

Identifier = NewType("Identifier", str)
"""An object's QTI ``identifier``: unique among all objects of the API, case-sensitive."""
RepoPath = NewType("RepoPath", str)
"""A path inside the repository: ``/`` between parts, no leading slash."""
BlobId = NewType("BlobId", str)
"""A git blob's object name, hexadecimal."""
CommitId = NewType("CommitId", str)
"""A git commit's object name, hexadecimal, always complete."""
Digest = NewType("Digest", str)
"""``algorithm:hex``, such as ``canon/1:9f2c…``: digests of different algorithms are never equal."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Metadata: TypeAlias = Mapping[str, Json]
"""The metadata object of an item as it is sent: JSON-safe, string keys."""


def same_json(one: Json, other: Json) -> bool:
    """Equality of JSON values; ``True`` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other


class Kind(enum.StrEnum):
    """What sort of QTI object; declared in the order in which they are sent: a stimulus before its items."""

    STIMULUS = "stimulus"
    ITEM = "item"
    TEST = "test"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The identity of an object: its kind and identifier. The path is only an attribute."""

    kind: Kind
    identifier: Identifier

    def __str__(self) -> str:
        return self.identifier if self.kind is Kind.ITEM else f"{self.kind} {self.identifier}"


class Lane(enum.StrEnum):
    """Which queue a change travels in; declared in order of urgency."""

    HOTFIX = "hotfix"
    NORMAL = "normal"
    BULK = "bulk"


class Scope(enum.StrEnum):
    """What part of an object a change touches."""

    CONTENT = "content"
    METADATA = "metadata"


class Reason(enum.StrEnum):
    """Why a change is needed."""

    NEW = "new"
    CONTENT_CHANGED = "content_changed"
    METADATA_CHANGED = "metadata_changed"
    BOTH_CHANGED = "content_and_metadata_changed"
    IN_DOUBT = "in_doubt"
    DRIFT = "drift"


class Standing(enum.StrEnum):
    """What the last commit says of a recorded object."""

    WANTED = "wanted"
    """A readable file asks for it."""
    HELD = "held"
    """Its file is there but cannot be read: the API keeps the last good version."""
    ORPHAN = "orphan"
    """No file asks for it any more."""
    IGNORED = "ignored"
    """Its sidecar says ``ignore: true`` or leaves this target out."""


class ItemStatus(enum.StrEnum):
    """Where a recorded object stands in the queue; ``delivery.item_state`` has the moves between them."""

    SYNCED = "synced"
    """The API confirmed what is desired."""
    QUEUED = "queued"
    """To be sent as soon as ``not_before`` is past and the pace allows."""
    IN_FLIGHT = "in_flight"
    """Claimed by a worker under a lease."""
    PARKED = "parked"
    """Refused: waits for an edit or for ``qtisync retry``."""
    BLOCKED = "blocked"
    """Refers to an object that is parked or held."""


class Presence(enum.StrEnum):
    """What we know about an object's existence at the API."""

    ABSENT = "absent"
    """We never created it."""
    DOUBTFUL = "doubtful"
    """A create was sent and its answer is not known: read before anything else."""
    PRESENT = "present"
    """The API showed it to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """The two halves of an object, each by its digest. ``None``: not known, "in doubt"."""

    content: Digest | None = None
    metadata: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing a person should know about a file.

    ``code`` is stable and kebab-case; ``line`` counts from 1; ``hint`` says what to do.
    """

    path: RepoPath
    code: str
    message: str
    line: int | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """The reserved key ``qtisync:`` of a sidecar: it steers this tool and is never sent."""

    protect: bool = False
    ignore: bool = False
    lane: Lane | None = None
    renamed_from: Identifier | None = None
    targets: tuple[str, ...] | None = None
    """Names of the targets it goes to; ``None``: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A desired object: one readable file of a commit with its metadata."""

    key: Key
    path: RepoPath
    blob: BlobId
    sidecar: RepoPath | None = None
    facets: Facets
    """Both digests are set."""
    metadata: Metadata = field(default_factory=dict)
    """Git's keys: folder defaults and sidecar, merged."""
    answers: Digest | None = None
    """Digest of what decides a score, to point out edits of an answer key."""
    size: int = 0
    """Bytes of the blob."""
    references: tuple[Key, ...] = ()
    """Objects it refers to (its stimuli), whether they are in git or not."""
    steering: Steering = Steering()
    findings: tuple[Problem, ...] = ()
    """Warnings on a well-formed file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A file that cannot be sent: a value, not an exception. The identity that its path had is held."""

    path: RepoPath
    key: Key | None = None
    """The identity, where it could still be read."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one commit wants."""

    commit: CommitId
    items: Mapping[Key, Item]
    broken: tuple[Broken, ...] = ()
    ignored: Mapping[Key, RepoPath] = field(default_factory=dict)
    """Objects whose sidecar tells us to leave them alone."""
    warnings: tuple[Problem, ...] = ()
    """Findings that belong to no item: orphaned sidecars, case-only twins, submodules…"""
    others: int = 0
    """Matching XML files that are not ours to send (manifests, QTI tests…)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """What the API answered when we last saw the object; drift is measured against this, never against local bytes."""

    content: Digest | None = None
    """Digest of the server's own copy of the XML; ``None`` if it cannot be digested."""
    version: int | None = None
    """``__v``."""
    updated_at: str | None = None
    foreign: Metadata = field(default_factory=dict)
    """Metadata keys that are not git's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One row of the record: desired and acknowledged side by side, as a controller's *spec* and *status*."""

    key: Key
    path: RepoPath
    standing: Standing = Standing.WANTED
    status: ItemStatus = ItemStatus.QUEUED
    presence: Presence = Presence.ABSENT
    desired: Facets = Facets()
    desired_metadata: Metadata = field(default_factory=dict)
    blob: BlobId | None = None
    """The blob of the desired content."""
    answers: Digest | None = None
    acknowledged: Facets = Facets()
    acknowledged_metadata: Metadata = field(default_factory=dict)
    """Git's keys as the API last confirmed them: what is git's, and what a removed key was."""
    acknowledged_blob: BlobId | None = None
    remote: Remote | None = None
    generation: int = 1
    """Bumped with each new target; a worker that comes back compares it."""
    attempts: int = 0
    not_before: float = 0.0
    lane: Lane = Lane.NORMAL
    lease_owner: str | None = None
    lease_until: float | None = None
    protect: bool = False
    commit: CommitId | None = None
    """The commit that set the present target."""
    author: str | None = None
    last_outcome: str | None = None
    """Name of the last outcome, such as ``Refused``."""
    last_error: str | None = None
    """The server's or our own words about it."""
    http_status: int | None = None
    altered: str | None = None
    """A fidelity finding: the API stored something else than what was meant."""
    blocker: Key | None = None
    force: bool = False
    """A person asked for it (``retry``): conflicts are not reported again for this target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitInfo:
    """Who last touched a path."""

    commit: CommitId
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One call to the API and its outcome, or one decision of a person; append-only."""

    at: float
    key: Key | None
    """``None``: a decision that concerns everything."""
    method: str
    """Empty for a decision."""
    path: str
    """Path and query of the request: never a host, never a body."""
    purpose: str
    outcome: str
    commit: CommitId | None = None
    """Of the target that the call was to reach."""
    author: str | None = None
    """Of that commit."""
    actor: str | None = None
    """Who decided."""
    content: Digest | None = None
    """What the API holds from now on, as far as this call confirmed it."""
    metadata: Digest | None = None
    http_status: int | None = None
    remote_version: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRecord:
    """What one pass found and did."""

    commit: CommitId
    base: CommitId | None
    ref: str
    fingerprint: str
    """Digest of everything besides the commit that decides what is desired; empty if the pass was partial."""
    at: float
    broken: tuple[Broken, ...] = ()
    warnings: tuple[Problem, ...] = ()
    summary: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a commit's tree. ``mode`` as git prints it: 100644, 100755, 120000 (symlink), 160000 (submodule)."""

    path: RepoPath
    mode: str
    blob: BlobId


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A blob that was not read because it is larger than asked for; ``size`` in bytes."""

    size: int
