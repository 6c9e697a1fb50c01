"""Rows for objects that are at the API already: adopted on purpose, imported, or recognised after a lost record. Pure.

Nothing is ever written to the API by this. A row says what the API has and what of it is git's, so that the next plan
tells what git wants otherwise.

Of an object that is recognised and differs from git nobody knows who is ahead: git, or somebody at the API. So it is
recorded as changed there since our last write, and ``on_conflict`` decides, as for any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from qtisync.model import (
    CommitInfo,
    Digest,
    Facets,
    Item,
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

DigestMetadata: TypeAlias = Callable[[Metadata], Digest]
"""The digest of metadata; handed in, because planning does not know how content is digested."""

UNKNOWN = Digest("unknown/1:the record was lost")
"""Stands for what was acknowledged and is not known any more: equal to nothing."""
UNKNOWN_VALUE = "(unknown)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The API's copy of an object."""

    content: Digest | None
    metadata: Metadata = field(default_factory=dict)
    version: int | None = None
    updated_at: str | None = None
    same_content: bool = False
    """Its content is git's. Digests alone do not tell that of a stimulus, which the API rewrites."""


def recognised(item: Item, seen: Seen, info: CommitInfo) -> Recorded:
    """The row of an object of git's that the API has, when nothing was recorded of it."""
    same = {name for name, value in item.metadata.items() if _has(seen.metadata, name, value)}
    whole = seen.same_content and len(same) == len(item.metadata)
    held = {
        name: item.metadata[name] if name in same else UNKNOWN_VALUE for name in item.metadata if name in seen.metadata
    }
    acknowledged = Facets(
        content=item.facets.content if seen.same_content else UNKNOWN,
        metadata=item.facets.metadata if len(same) == len(item.metadata) else UNKNOWN,
    )
    remote = Remote(
        content=seen.content if seen.same_content else None,
        version=seen.version if whole else None,
        updated_at=seen.updated_at if whole else None,
        foreign=_others(seen.metadata, item.metadata),
    )
    return _row(item, acknowledged, held, remote, info)


def adopted(item: Item, seen: Seen, info: CommitInfo, digest: DigestMetadata) -> Recorded:
    """The row of an object of git's whose copy at the API is taken over as it is: git may then want it otherwise."""
    held = {
        name: value if _has(seen.metadata, name, value) else seen.metadata[name]
        for name, value in item.metadata.items()
        if name in seen.metadata
    }
    acknowledged = Facets(content=item.facets.content if seen.same_content else seen.content, metadata=digest(held))
    remote = Remote(
        content=seen.content,
        version=seen.version,
        updated_at=seen.updated_at,
        foreign=_others(seen.metadata, item.metadata),
    )
    return _row(item, acknowledged, held, remote, info)


def without_file(
    key: Key, seen: Seen, path: RepoPath, digest: DigestMetadata, metadata: Metadata | None = None
) -> Recorded:
    """The row of an object that is taken over before git has a file of it; ``metadata``: what will be git's of it.

    It is protected until git has it: it was never there, so its absence means nothing.
    """
    metadata = metadata or {}
    acknowledged = Facets(content=seen.content, metadata=digest(metadata))
    return Recorded(
        key=key,
        path=path,
        standing=Standing.ORPHAN,
        status=ItemStatus.SYNCED,
        presence=Presence.PRESENT,
        desired=acknowledged,
        desired_metadata=metadata,
        acknowledged=acknowledged,
        acknowledged_metadata=metadata,
        remote=Remote(
            content=seen.content,
            version=seen.version,
            updated_at=seen.updated_at,
            foreign=_others(seen.metadata, metadata),
        ),
        protect=True,
    )


def _row(item: Item, acknowledged: Facets, held: Metadata, remote: Remote, info: CommitInfo) -> Recorded:
    whole = acknowledged == item.facets
    kept = acknowledged.content == item.facets.content
    return Recorded(
        key=item.key,
        path=item.path,
        status=ItemStatus.SYNCED,
        presence=Presence.PRESENT,
        # The next pass sets the target: with its plan, its guards and its lane.
        desired=acknowledged,
        desired_metadata=held,
        blob=item.blob if kept else None,
        answers=item.answers if kept else None,
        acknowledged=acknowledged,
        acknowledged_metadata=held,
        acknowledged_blob=item.blob if kept else None,
        remote=remote,
        protect=item.steering.protect,
        commit=info.commit if whole else None,
        author=info.author or None if whole else None,
    )


def _others(metadata: Metadata, ours: Metadata) -> Metadata:
    return {name: value for name, value in metadata.items() if name not in ours}


def _has(metadata: Metadata, name: str, value: Json) -> bool:
    return name in metadata and same_json(metadata[name], value)
