"""What the journal keeps of an object whose row is gone: that it was deleted, when, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qtisync.model import CommitId, JournalLine, Key
from qtisync.report.audit import GONE
from qtisync.report.cells import visible
from qtisync.report.value import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The end of one object."""

    key: Key
    at: float
    commit: CommitId | None
    """The commit that has no file of it any more."""
    why: str

    @property
    def json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "kind": self.key.kind.value,
            "identifier": self.key.identifier,
            "at": moment(self.at),
            "commit": self.commit,
            "message": self.why,
        }

    @property
    def words(self) -> str:
        """For people."""
        return visible(
            f"{self.key.kind} {self.key.identifier}: no longer at the API since {moment(self.at)}: {self.why}"
        )


def tombstones(history: Iterable[JournalLine]) -> tuple[Tombstone, ...]:
    """What is over, of the objects of one identifier that have no row. ``history``: its calls, newest first.

    Decisions of people (a ``retry`` that came too late) say nothing of the API.
    """
    newest: dict[Key, JournalLine] = {}
    for line in history:
        if line.key is not None and line.method:
            newest.setdefault(line.key, line)
    return tuple(
        Tombstone(key=key, at=line.at, commit=line.commit, why=line.message or "the API does not have it")
        for key, line in sorted(newest.items())
        if line.outcome in GONE
    )
