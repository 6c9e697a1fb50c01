"""From a commit to a snapshot: list its tree, read the blobs that were never read before, pair and judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qtisync.content.facts import FACTS_VERSION, Facts
from qtisync.content.loader import load_snapshot
from qtisync.content.selection import ContentRules, Selection, select
from qtisync.engine.bulk import uncollected
from qtisync.engine.parsing import Reader, parsing
from qtisync.engine.ports import Progress, RecordReader, Source
from qtisync.model import BlobId, CommitId, Snapshot

VERSIONS = {reader: f"{FACTS_VERSION}+{reader.value}" for reader in Reader}
"""Under which the facts of each reader are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Largest files that are read, in bytes, and by how many processes."""

    item: int = 2_000_000
    sidecar: int = 65_536
    processes: int = 0
    """0: as many as there are cores."""

    def of(self, reader: Reader) -> int:
        """The largest file of a reader."""
        return self.item if reader is Reader.XML else self.sidecar


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A snapshot, and the facts that were parsed for it and not known before."""

    snapshot: Snapshot
    selection: Selection
    xml: Mapping[BlobId, Facts]
    """What each selected object says."""
    fresh: Mapping[str, Mapping[BlobId, Facts]]
    """By reader: the same bytes (an empty file, say) may be an item in one place and a sidecar in another."""


def read_snapshot(
    source: Source, record: RecordReader, commit: CommitId, rules: ContentRules, caps: Caps, progress: Progress
) -> Reading:
    """What ``commit`` wants. Only blobs without kept facts are read."""
    with uncollected():
        selection = select(source.tree(commit), rules)
        facts = read_facts(source, record, selection, caps, progress)
        snapshot = load_snapshot(commit, selection, facts.xml, rules, yaml_facts=facts.yaml)
    return Reading(snapshot=snapshot, selection=selection, xml=facts.xml, fresh=facts.fresh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the blobs of a selection say, and which of it was not known before."""

    xml: Mapping[BlobId, Facts]
    yaml: Mapping[BlobId, Facts]
    fresh: Mapping[str, Mapping[BlobId, Facts]]


def read_facts(source: Source, record: RecordReader, selection: Selection, caps: Caps, progress: Progress) -> Known:
    """The facts of everything that was selected: kept ones, and those of blobs that are read now."""
    wanted = {
        # In order of path, each once: git reads neighbours faster than blobs in any other order.
        Reader.XML: dict.fromkeys(entry.blob for entry in selection.objects),
        Reader.YAML: dict.fromkeys(entry.blob for entry in (*selection.sidecars, *selection.defaults)),
    }
    kept = {reader: record.known_facts(sorted(blobs), VERSIONS[reader]) for reader, blobs in wanted.items()}
    unread = {reader: [blob for blob in blobs if blob not in kept[reader]] for reader, blobs in wanted.items()}
    fresh: dict[Reader, dict[BlobId, Facts]] = {}
    count = sum(map(len, unread.values()))
    with progress.step("reading", count) as advance, parsing(count, caps.processes) as parser:
        for reader, blobs in unread.items():
            found = fresh[reader] = {}
            for blob, said in parser.facts(source.blobs(blobs, caps.of(reader)), reader, caps.of(reader)):
                found[blob] = said
                advance(1)
    said_by = {reader: {**kept[reader], **fresh[reader]} if kept[reader] else fresh[reader] for reader in wanted}
    return Known(
        xml=said_by[Reader.XML],
        yaml=said_by[Reader.YAML],
        fresh={VERSIONS[reader]: found for reader, found in fresh.items()},
    )
