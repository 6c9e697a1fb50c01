"""Objects that stay at an older version on purpose: ``apply --ref REF --only ID`` pins them.

A pin holds on every pass until the file is edited in git, or until ``qtisync state unpin``. It is kept in a setting: a
record that was lost has no pins, and git's version is sent again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtisync.content.metadata import metadata_digest
from qtisync.engine.quick import item_of
from qtisync.model import CommitId, Digest, Facets, Identifier, Item, Json, Key, Kind, Metadata, Recorded, RepoPath
from qtisync.ownership import Stamp, restamped
from qtisync.planning.plan import Pinned

if TYPE_CHECKING:
    from qtisync.engine.ports import RecordReader, Store
    from qtisync.engine.view import View

SETTING = "pins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One pinned object."""

    commit: CommitId
    """Whose version it keeps."""
    since: float
    kept: Facets
    """That version."""
    instead_of: Facets
    """What git wanted when it was pinned: as soon as git wants something else, the pin is over."""
    stamp: Stamp | None = None
    """The owner stamp in both."""


Pins = Mapping[Key, Pin]


def pins_of(reader: RecordReader) -> Pins:
    """All pins, sorted by key."""
    setting = reader.setting(SETTING)
    found = [_read(one) for one in setting] if isinstance(setting, list) else []
    return dict(sorted(pair for pair in found if pair is not None))


def put_pins(store: Store, pins: Pins) -> None:
    """Replace all pins."""
    store.put_setting(SETTING, [_written(key, pin) for key, pin in sorted(pins.items())] or None)


def fingerprint(base: str, pins: Pins) -> str:
    """Digest of what decides what is desired, pins included: a pass after a change of theirs looks at everything."""
    if not pins:
        return base
    kept = json.dumps([_written(key, pin) for key, pin in sorted(pins.items())], sort_keys=True)
    return hashlib.sha256(f"{base} {kept}".encode()).hexdigest()


def held_back(view: View, pins: Pins, stamp: Stamp | None = None) -> tuple[View, Pins]:
    """The view in which pinned objects keep their version, and the pins that still hold.

    ``stamp``: the owner stamp of today. Another one than when an object was pinned is no edit of its file.
    """
    if not pins:
        return view, pins
    left = dict(pins)
    items = dict(view.snapshot.items)
    for key, pin in pins.items():
        item, row = items.get(key), view.recorded.get(key)
        if item is None:
            continue  # gone, broken, or unchanged since the last pass
        same = pin.instead_of in (item.facets, _as_if(item.facets, item.metadata, stamp, pin.stamp))
        if not same or row is None or not _is_kept(row, pin, stamp):
            del left[key]  # edited, or the version is not recorded any more
        else:
            items[key] = _kept(item, row, pin, stamp)
    return replace(view, snapshot=replace(view.snapshot, items=items)), left


def _as_if(facets: Facets, metadata: Metadata, before: Stamp | None, after: Stamp | None) -> Facets:
    """The same object under another stamp."""
    return facets if before == after else replace(facets, metadata=_digest_of(metadata, before, after))


def _digest_of(metadata: Metadata, before: Stamp | None, after: Stamp | None) -> Digest:
    return metadata_digest(restamped(metadata, before, after))


def _is_kept(row: Recorded, pin: Pin, stamp: Stamp | None) -> bool:
    return pin.kept in (row.desired, _as_if(row.desired, row.desired_metadata, stamp, pin.stamp))


def _kept(item: Item, row: Recorded, pin: Pin, stamp: Stamp | None) -> Item:
    """The version that is recorded, at the place where its file lies now, with the stamp of today."""
    kept = replace(item_of(row), path=item.path, sidecar=item.sidecar, steering=item.steering)
    if pin.stamp == stamp:
        return kept
    metadata = restamped(row.desired_metadata, pin.stamp, stamp)
    return replace(kept, metadata=metadata, facets=replace(kept.facets, metadata=metadata_digest(metadata)))


def chosen_pins(
    chosen: Mapping[Key, Item],
    wanted: Mapping[Key, Item],
    before: Pins,
    *,
    commit: CommitId,
    now: float,
    stamp: Stamp | None = None,
) -> Pins:
    """The pins after objects were brought to the version of ``commit``; ``wanted``: what the configured ref asks for.

    What is the same there needs no pin, and what it does not have at all cannot be held back from anything.
    """
    pins = dict(before)
    for key, item in chosen.items():
        pins.pop(key, None)
        usual = wanted.get(key)
        if usual is not None and usual.facets != item.facets:
            pins[key] = Pin(commit=commit, since=now, kept=item.facets, instead_of=usual.facets, stamp=stamp)
    return pins


def shown_pins(pins: Pins, paths: Mapping[Key, RepoPath]) -> tuple[Pinned, ...]:
    """Pins as a plan shows them."""
    return tuple(
        Pinned(key=key, path=paths.get(key, RepoPath("")), commit=pin.commit, since=pin.since)
        for key, pin in sorted(pins.items())
    )


def _written(key: Key, pin: Pin) -> Json:
    stamp: dict[str, Json] = {} if pin.stamp is None else {"stamp": [pin.stamp.key, pin.stamp.value]}
    return {
        **stamp,
        "kind": key.kind.value,
        "identifier": key.identifier,
        "commit": pin.commit,
        "since": pin.since,
        "kept": [pin.kept.content, pin.kept.metadata],
        "instead_of": [pin.instead_of.content, pin.instead_of.metadata],
    }


def _read(one: Json) -> tuple[Key, Pin] | None:
    if not isinstance(one, dict):
        return None
    since = one.get("since")
    return Key(Kind(str(one.get("kind"))), Identifier(str(one.get("identifier")))), Pin(
        commit=CommitId(str(one.get("commit"))),
        since=float(since) if isinstance(since, int | float) else 0.0,
        kept=_facets(one.get("kept")),
        instead_of=_facets(one.get("instead_of")),
        stamp=_stamp(one.get("stamp")),
    )


def _stamp(pair: Json) -> Stamp | None:
    if not isinstance(pair, list) or len(pair) != len(Stamp.__dataclass_fields__):
        return None
    return Stamp(key=str(pair[0]), value=str(pair[1]))


def _facets(pair: Json) -> Facets:
    content, metadata = (
        pair if isinstance(pair, list) and len(pair) == len(Facets.__dataclass_fields__) else (None, None)
    )
    return Facets(content=_digest(content), metadata=_digest(metadata))


def _digest(value: Json) -> Digest | None:
    return Digest(value) if isinstance(value, str) else None
