"""A commit of content without git and without parsing: paths, and what their blobs say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from builders import a_blob, a_commit

from qtisync.content.facts import BrokenFacts, Facts, ObjectFacts, Remark, SidecarFacts
from qtisync.content.loader import load_snapshot
from qtisync.content.selection import ContentRules, Selection, select
from qtisync.model import BlobId, Digest, Identifier, Json, Kind, RepoPath, Snapshot, Steering

SYMLINK = "120000"
SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class File:
    """One entry of a tree."""

    path: RepoPath
    mode: str
    blob: BlobId


def entries(files: Mapping[str, Facts | str] | Iterable[str]) -> list[File]:
    """A file for each path; a string as value is its mode."""
    modes = files if isinstance(files, Mapping) else dict.fromkeys(files, "100644")
    return [
        File(RepoPath(path), what if isinstance(what, str) else "100644", a_blob(path)) for path, what in modes.items()
    ]


def selected(files: Mapping[str, Facts | str] | Iterable[str], **rules: object) -> Selection:
    return select(entries(files), ContentRules(**rules))


def loaded(files: Mapping[str, Facts | str], **rules: object) -> Snapshot:
    """The snapshot of a tree in which every path has a blob of its own."""
    chosen = ContentRules(**rules)
    facts = {a_blob(path): what for path, what in files.items() if not isinstance(what, str)}
    return load_snapshot(a_commit(), select(entries(files), chosen), facts, chosen)


def an_object(identifier: str, kind: Kind = Kind.ITEM, **fields: object) -> ObjectFacts:
    return ObjectFacts(kind=kind, identifier=Identifier(identifier), content=Digest(f"canon/1:{identifier}"), **fields)


def a_damaged(identifier: str | None = None, kind: Kind = Kind.ITEM) -> BrokenFacts:
    """A file that is not well-formed; with an identifier if that could still be read."""
    problem = Remark(code="not-well-formed", message="It ends too early.", line=7)
    known = identifier is not None
    return BrokenFacts(
        problems=(problem,), identifier=Identifier(identifier) if known else None, kind=kind if known else None
    )


def a_sidecar(metadata: Mapping[str, Json] | None = None, **steering: object) -> SidecarFacts:
    return SidecarFacts(metadata=metadata or {}, steering=Steering(**steering), steered=tuple(sorted(steering)))


def a_bad_sidecar() -> BrokenFacts:
    return BrokenFacts(problems=(Remark(code="sidecar-grade", message="No such grade.", line=2, hint="Write 5."),))
