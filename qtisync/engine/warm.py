"""What a process that stays remembers of a pass, so that the next one need only look at what changed since.

It is little: the record and git hold the rest, and both are asked by key or by path. It is used only while the newest
pass in the record is the one that it was kept from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from qtisync.content.facts import BrokenFacts, Facts, ObjectFacts
from qtisync.content.naming import folded
from qtisync.content.selection import folder_of
from qtisync.engine.reading import Reading
from qtisync.model import CommitId, Key, PassRecord, RepoPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Warm:
    """What a pass cannot find out again without looking at everything."""

    commit: CommitId
    fingerprint: str
    at: float
    items: int
    """Objects that the commit wants."""
    ignored: Mapping[Key, RepoPath]
    shared: frozenset[Key]
    """Identities that several files claim, each for other targets or in conflict."""
    stray_folders: frozenset[str]
    """Folders with files that look like sidecars and belong to nothing."""
    folds: set[int]
    """Hashes of all identities as people confuse them. It may hold too many: then more is looked at than needed."""

    def is_of(self, record: PassRecord, fingerprint: str) -> bool:
        """Whether it was kept from the pass that this record describes, under the same rules."""
        same = (self.commit, self.fingerprint, self.at) == (record.commit, record.fingerprint, record.at)
        return same and self.fingerprint == fingerprint


class Memory:
    """Keeps what the newest passes left; a plan that is held or refused is not written down, so it keeps two."""

    def __init__(self) -> None:
        self._kept: tuple[Warm, ...] = ()

    def of(self, record: PassRecord, fingerprint: str) -> Warm | None:
        """What is known of the pass that the record says was the last."""
        return next((warm for warm in self._kept if warm.is_of(record, fingerprint)), None)

    def keep(self, warm: Warm) -> None:
        """Remember a pass that may be written down."""
        self._kept = (warm, *self._kept)[:2]


def claimed(facts: Facts | None) -> Key | None:
    """The identity that a file claims, readable or not."""
    if isinstance(facts, ObjectFacts):
        return Key(facts.kind, facts.identifier)
    if isinstance(facts, BrokenFacts) and facts.kind is not None and facts.identifier is not None:
        return Key(facts.kind, facts.identifier)
    return None


def fold_of(key: Key) -> int:
    """The same number for identities that people take for the same; seldom for others, too."""
    return hash((key.kind, folded(key.identifier)))


def warm_of(commit: CommitId, fingerprint: str, at: float, reading: Reading) -> Warm:
    """What to remember of a pass that looked at everything."""
    facts, selection, snapshot = reading.xml, reading.selection, reading.snapshot
    claims = Counter(filter(None, (claimed(facts[entry.blob]) for entry in selection.objects)))
    return Warm(
        commit=commit,
        fingerprint=fingerprint,
        at=at,
        items=len(snapshot.items),
        ignored=snapshot.ignored,
        shared=frozenset(key for key, count in claims.items() if count > 1),
        stray_folders=frozenset(map(folder_of, selection.strays)),
        folds=set(map(fold_of, claims)),
    )
