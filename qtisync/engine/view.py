"""What a plan is made from, as a value: looking at everything and looking at what changed both come to this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qtisync.model import BlobId, Key, Recorded, RepoPath, Snapshot

if TYPE_CHECKING:
    from qtisync.content.facts import Facts
    from qtisync.engine.warm import Warm


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a plan is made from: everything, or the part of it that can differ from what the last pass left."""

    snapshot: Snapshot
    recorded: Mapping[Key, Recorded]
    items: int
    """Objects that the commit wants, those outside of this view included."""
    present: int
    """Recorded objects that the API acknowledged, likewise."""
    fresh: Mapping[str, Mapping[BlobId, Facts]] = field(default_factory=dict)
    changed: frozenset[RepoPath] | None = None
    """Paths that differ from the last pass; ``None``: nobody asked."""
    warm: Warm | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is outside of it."""
        return self.changed is None
