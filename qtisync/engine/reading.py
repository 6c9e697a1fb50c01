"""From a commit to a snapshot: list its tree, read the blobs that were never read before, pair and judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qtisync.content.facts import FACTS_VERSION, BrokenFacts, Facts, Remark
from qtisync.content.loader import load_snapshot
from qtisync.content.qti import parse_object
from qtisync.content.selection import ContentRules, Selection, select
from qtisync.content.sidecar import parse_sidecar
from qtisync.engine.ports import Progress, RecordReader, Source
from qtisync.model import BlobId, CommitId, Snapshot, TooLarge


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Largest files that are read, in bytes."""

    item: int = 2_000_000
    sidecar: int = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A snapshot, and the facts that were parsed for it and not known before."""

    snapshot: Snapshot
    fresh: Mapping[BlobId, Facts]


def read_snapshot(
    source: Source, reader: RecordReader, commit: CommitId, rules: ContentRules, caps: Caps, progress: Progress
) -> Reading:
    """What ``commit`` wants. Only blobs without kept facts are read."""
    selection = select(source.tree(commit), rules)
    objects, sidecars = _wanted(selection)
    known = reader.known_facts(sorted(objects | sidecars), FACTS_VERSION)
    fresh: dict[BlobId, Facts] = {}
    missing = (len(objects - known.keys()), len(sidecars - known.keys()))
    with progress.step("reading", sum(missing)) as advance:
        for blob, facts in _parse(source, objects - known.keys(), sidecars - known.keys(), caps):
            fresh[blob] = facts
            advance(1)
    return Reading(snapshot=load_snapshot(commit, selection, {**known, **fresh}, rules), fresh=fresh)


def _wanted(selection: Selection) -> tuple[set[BlobId], set[BlobId]]:
    objects = {entry.blob for entry in selection.objects}
    sidecars = {entry.blob for entry in (*selection.sidecars, *selection.defaults)}
    return objects, sidecars


def _parse(source: Source, objects: set[BlobId], sidecars: set[BlobId], caps: Caps) -> Iterator[tuple[BlobId, Facts]]:
    for blob, data in source.blobs(sorted(objects), caps.item):
        yield blob, _too_large(data, caps.item) if isinstance(data, TooLarge) else parse_object(data)
    for blob, data in source.blobs(sorted(sidecars), caps.sidecar):
        yield blob, _too_large(data, caps.sidecar) if isinstance(data, TooLarge) else parse_sidecar(data)


def _too_large(blob: TooLarge, cap: int) -> BrokenFacts:
    message = f"the file has {blob.size:,} bytes; at most {cap:,} are read"
    hint = "Is it really a QTI item? Move media out of the XML, or raise the limit in the configuration (content)."
    return BrokenFacts(problems=(Remark(code="too-large", message=message, hint=hint),))
