"""Values for tests: every argument has a default, so that a test names only what it is about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qtisync.model import (
    BlobId,
    Broken,
    CommitId,
    CommitInfo,
    Digest,
    Facets,
    Identifier,
    Item,
    ItemStatus,
    JournalLine,
    Json,
    Key,
    Kind,
    Lane,
    Metadata,
    PassRecord,
    Presence,
    Recorded,
    Remote,
    RepoPath,
    Snapshot,
    Steering,
)
from qtisync.planning.intent import Intents, Target

Q1 = Key(Kind.ITEM, Identifier("q1"))
GRADE_5: Metadata = {"grade": "5"}
START = 1_800_000_000.0
_FOLDERS = {Kind.ITEM: "items", Kind.STIMULUS: "stimuli", Kind.TEST: "tests"}


def hexadecimal(text: str) -> str:
    """40 digits derived from a text, such as git would print."""
    return hashlib.sha1(text.encode()).hexdigest()


def a_commit(name: str = "1") -> CommitId:
    return CommitId(hexadecimal(f"commit {name}"))


def a_blob(name: str) -> BlobId:
    return BlobId(hexadecimal(f"blob {name}"))


def a_content_digest(content: str) -> Digest:
    return Digest(f"canon/1:{content}")


def a_metadata_digest(metadata: Mapping[str, Json]) -> Digest:
    return Digest("meta/1:" + hexadecimal(json.dumps(metadata, sort_keys=True))[:12])


def facets(content: str | None = "c1", metadata: Mapping[str, Json] | None = GRADE_5) -> Facets:
    """Both digests by what they stand for; ``None`` is a digest in doubt."""
    return Facets(
        content=None if content is None else a_content_digest(content),
        metadata=None if metadata is None else a_metadata_digest(metadata),
    )


def a_key(id: str = "q1", kind: Kind = Kind.ITEM) -> Key:  # noqa: A002 - the word of the domain
    return Key(kind, Identifier(id))


def an_item(
    id: str = "q1",  # noqa: A002 - the word of the domain
    *,
    kind: Kind = Kind.ITEM,
    content: str = "c1",
    metadata: Metadata = GRADE_5,
    path: str | None = None,
    references: tuple[Key, ...] = (),
    steering: Steering = Steering(),
    **others: Any,
) -> Item:
    """A desired object; its digests and its blob follow from ``content`` and ``metadata``."""
    values: dict[str, Any] = {
        "key": a_key(id, kind),
        "path": RepoPath(path or f"{_FOLDERS[kind]}/{id}.xml"),
        "blob": a_blob(f"{id} {content}"),
        "facets": facets(content, metadata),
        "metadata": metadata,
        "answers": Digest(f"answers/1:{content}"),
        "references": references,
        "steering": steering,
    }
    return Item(**{**values, **others})


def a_stimulus(id: str = "s1", **others: Any) -> Item:  # noqa: A002 - the word of the domain
    return an_item(id, kind=Kind.STIMULUS, **others)


def a_recorded(
    id: str = "q1",  # noqa: A002 - the word of the domain
    *,
    kind: Kind = Kind.ITEM,
    content: str = "c1",
    metadata: Metadata = GRADE_5,
    **others: Any,
) -> Recorded:
    """A row: without further arguments one that is synced and untouched at the API."""
    item = an_item(id, kind=kind, content=content, metadata=metadata)
    row = Recorded(
        key=item.key,
        path=item.path,
        status=ItemStatus.SYNCED,
        presence=Presence.PRESENT,
        desired=item.facets,
        desired_metadata=metadata,
        blob=item.blob,
        answers=item.answers,
        acknowledged=item.facets,
        acknowledged_metadata=metadata,
        acknowledged_blob=item.blob,
        remote=Remote(content=item.facets.content, version=1, updated_at="2027-01-15T08:00:00.000Z"),
        commit=a_commit(),
        author="Ada",
        last_outcome="Accepted",
        http_status=200,
    )
    return replace(row, **others)


def a_snapshot(
    *items: Item, commit: CommitId | None = None, broken: tuple[Broken, ...] = (), **others: Any
) -> Snapshot:
    return Snapshot(commit=commit or a_commit(), items={i.key: i for i in items}, broken=broken, **others)


def a_pass(commit: CommitId | None = None, **others: Any) -> PassRecord:
    values: dict[str, Any] = {"base": None, "ref": "refs/heads/main", "fingerprint": "config/1:f1", "at": START}
    return PassRecord(**{"commit": commit or a_commit(), **values, **others})


def intents_for(
    *items: Item, commit: CommitId | None = None, lane: Lane = Lane.NORMAL, author: str = "Ada", **others: Any
) -> Intents:
    """A pass that targets these items, each waiting for what it refers to; ``others`` are further fields of it."""
    chosen = commit or a_commit()
    ordered = sorted(items, key=lambda item: item.key)
    values: dict[str, Any] = {
        "record": a_pass(chosen),
        "targets": tuple(
            Target(item=i, lane=i.steering.lane or lane, commit=CommitInfo(commit=chosen, author=author))
            for i in ordered
        ),
        "dependencies": {i.key: i.references for i in ordered},
    }
    return Intents(**{**values, **others})


def a_journal_line(key: Key | None = Q1, **others: Any) -> JournalLine:
    values: dict[str, Any] = {
        "key": key,
        "at": START,
        "method": "PUT",
        "path": "/assessment-items/q1",
        "purpose": "update",
        "outcome": "Accepted",
    }
    return JournalLine(**{**values, **others})
