"""What the YAML files around an object say together: folder defaults from the root down, then its own sidecar.

A target's owner stamp lies below all of them, and none may say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qtisync.content.facts import BrokenFacts, Facts, Remark, SidecarFacts
from qtisync.content.metadata import merge, metadata_digest
from qtisync.content.selection import Entry, Selection, folder_of
from qtisync.content.steering import override
from qtisync.model import BlobId, Digest, Metadata, Problem, RepoPath, Steering
from qtisync.ownership import Stamp

RENAMED_FROM = "renamed_from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Metadata and steering of an object. With ``problems`` they are incomplete and must not be used."""

    metadata: Metadata = field(default_factory=dict)
    digest: Digest
    steering: Steering = Steering()
    problems: tuple[Problem, ...] = ()


class Pairings:
    """Answers for every object of a selection; each distinct combination of files is merged once."""

    def __init__(self, selection: Selection, facts: Mapping[BlobId, Facts], stamp: Stamp | None = None) -> None:
        self._selection = selection
        self._facts = facts
        self._stamp = stamp
        metadata = {} if stamp is None else stamp.metadata
        self._bottom = Pairing(metadata=metadata, digest=metadata_digest(metadata))
        self._folders: dict[str, Pairing] = {}
        self._merged: dict[tuple[int, BlobId], Pairing] = {}

    def of(self, path: RepoPath) -> Pairing:
        """What holds for the object at ``path``."""
        inherited = self._folder(folder_of(path))
        sidecar = self._selection.pairs.get(path)
        return inherited if sidecar is None else self._on_top(inherited, sidecar)

    def _folder(self, folder: str) -> Pairing:
        """What a folder hands down: built from the nearest folder above that is known already, without recursion."""
        unknown: list[str] = []
        while folder not in self._folders and folder:
            unknown.append(folder)
            folder = folder_of(folder)
        pairing = self._folders.get(folder)
        if pairing is None:
            pairing = self._folders[folder] = self._layered(self._bottom, folder)
        for below in reversed(unknown):
            pairing = self._folders[below] = self._layered(pairing, below)
        return pairing

    def _layered(self, above: Pairing, folder: str) -> Pairing:
        layer = self._selection.layers.get(folder)
        if layer is None:
            return above
        facts = self._facts[layer.blob] if layer.path not in self._selection.faults else None
        if isinstance(facts, SidecarFacts) and RENAMED_FROM in facts.steered:
            return replace(above, problems=(*above.problems, _renamed_by_folder(layer.path)))
        return self._on_top(above, layer)

    def _on_top(self, below: Pairing, entry: Entry) -> Pairing:
        fault = self._selection.faults.get(entry.path)
        if fault is not None:
            return replace(below, problems=(*below.problems, fault))
        facts = self._facts[entry.blob]
        if not isinstance(facts, SidecarFacts):
            return replace(below, problems=(*below.problems, *_problems(entry.path, facts)))
        stamp = self._stamp
        if stamp is not None and stamp.key in facts.metadata and not stamp.is_on(facts.metadata):
            return replace(below, problems=(*below.problems, _other_owner(entry.path, stamp)))
        # Pairings of folders are kept for as long as this object lives, so their ids stay their own.
        known = self._merged.get((id(below), entry.blob))
        if known is None:
            known = self._merged[id(below), entry.blob] = _merged(below, facts)
        return known


def located(path: RepoPath, remark: Remark) -> Problem:
    """A remark on a blob as a problem of a file."""
    return Problem(path=path, code=remark.code, message=remark.message, line=remark.line, hint=remark.hint)


def _merged(below: Pairing, own: SidecarFacts) -> Pairing:
    metadata = merge(below.metadata, own.metadata)
    return Pairing(
        metadata=metadata,
        digest=metadata_digest(metadata),
        steering=override(below.steering, own),
        problems=below.problems,
    )


def _problems(path: RepoPath, facts: Facts) -> tuple[Problem, ...]:
    if isinstance(facts, BrokenFacts):
        return tuple(located(path, remark) for remark in facts.problems)
    message = "The file is XML, not YAML."
    return (Problem(path=path, code="not-a-sidecar", message=message, hint="Write lines such as `subject: Math`."),)


def _other_owner(path: RepoPath, stamp: Stamp) -> Problem:
    return Problem(
        path=path,
        code="other-owner",
        message=f"`{stamp.key}` is something else here than the owner stamp of this target, `{stamp}`.",
        hint="Remove the key: qtisync adds it to everything that it sends. Or change owner_stamp in the configuration.",
    )


def _renamed_by_folder(path: RepoPath) -> Problem:
    return Problem(
        path=path,
        code="renamed-from-in-defaults",
        message=f"`{RENAMED_FROM}` names one object and cannot stand in folder defaults.",
        hint="Move it to the sidecar of the object that was renamed.",
    )
