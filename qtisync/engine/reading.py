"""From a commit to a snapshot: list its tree, read the blobs that were never read before, pair and judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qtisync.content.facts import FACTS_VERSION, BrokenFacts, Facts, Remark
from qtisync.content.loader import load_snapshot
from qtisync.content.qti import parse_object
from qtisync.content.selection import ContentRules, select
from qtisync.content.sidecar import parse_sidecar
from qtisync.engine.ports import Progress, RecordReader, Source
from qtisync.model import BlobId, CommitId, Snapshot, TooLarge

XML, YAML = f"{FACTS_VERSION}+xml", f"{FACTS_VERSION}+yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Largest files that are read, in bytes."""

    item: int = 2_000_000
    sidecar: int = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A snapshot, and the facts that were parsed for it and not known before."""

    snapshot: Snapshot
    fresh: Mapping[str, Mapping[BlobId, Facts]]
    """By reader: the same bytes (an empty file, say) may be an item in one place and a sidecar in another."""


def read_snapshot(
    source: Source, reader: RecordReader, commit: CommitId, rules: ContentRules, caps: Caps, progress: Progress
) -> Reading:
    """What ``commit`` wants. Only blobs without kept facts are read."""
    selection = select(source.tree(commit), rules)
    objects = {entry.blob for entry in selection.objects}
    sidecars = {entry.blob for entry in (*selection.sidecars, *selection.defaults)}
    xml = dict(reader.known_facts(sorted(objects), XML))
    yaml = dict(reader.known_facts(sorted(sidecars), YAML))
    new_xml: dict[BlobId, Facts] = {}
    new_yaml: dict[BlobId, Facts] = {}
    missing = (sorted(objects - xml.keys()), sorted(sidecars - yaml.keys()))
    with progress.step("reading", len(missing[0]) + len(missing[1])) as advance:
        for blob, data in source.blobs(missing[0], caps.item):
            new_xml[blob] = _read_xml(data, caps.item)
            advance(1)
        for blob, data in source.blobs(missing[1], caps.sidecar):
            new_yaml[blob] = _read_yaml(data, caps.sidecar)
            advance(1)
    snapshot = load_snapshot(commit, selection, {**xml, **new_xml}, rules, yaml_facts={**yaml, **new_yaml})
    return Reading(snapshot=snapshot, fresh={XML: new_xml, YAML: new_yaml})


def _read_xml(data: bytes | TooLarge, cap: int) -> Facts:
    return _too_large(data, cap) if isinstance(data, TooLarge) else parse_object(data, max_bytes=cap)


def _read_yaml(data: bytes | TooLarge, cap: int) -> Facts:
    return _too_large(data, cap) if isinstance(data, TooLarge) else parse_sidecar(data, max_bytes=cap)


def _too_large(blob: TooLarge, cap: int) -> BrokenFacts:
    message = f"the file has {blob.size:,} bytes; at most {cap:,} are read"
    hint = "Is it really a QTI item? Move media out of the XML, or raise the limit in the configuration (content)."
    return BrokenFacts(problems=(Remark(code="too-large", message=message, hint=hint),))
