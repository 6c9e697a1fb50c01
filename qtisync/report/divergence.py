"""One object that is not the same everywhere: in git, in the record and at the API. A value, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qtisync.model import Json

DIVERGENCES = ("drift", "conflict", "unmanaged", "foreign", "altered", "difference")
"""What an object can be, apart from what the lists of items, orphans and broken files say.

drift: changed at the API since our last write. conflict: that, and git changed as well. unmanaged: ours by its prefix
or stamp, at the API, and neither in git nor recorded. foreign: somebody else's. altered: the API stored something else
than what we sent. difference: not the same at two targets.
"""
WHATS = ("content", "metadata", "vanished")
VERDICTS = ("report", "overwrite", "block")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One metadata key that is not the same everywhere."""

    name: str
    sides: Mapping[str, Json] = field(default_factory=dict)
    """The value of each side that has the key: ``git``, ``recorded`` (what the API acknowledged to us), ``remote``; for
    a difference of two targets, their names."""
    hidden: bool = False
    """It may hold an answer or a body: its values are left out unless ``--show-content`` is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """One object that is not the same everywhere."""

    divergence: str
    """One of ``DIVERGENCES``."""
    identifier: str
    kind: str
    path: str | None = None
    """Its file in git; ``None``: there is none."""
    title: str | None = None
    """For what is not in git: what the API calls it, if that may be shown."""
    what: tuple[str, ...] = ()
    """What differs: ``content``, ``metadata``, ``vanished``."""
    keys: tuple[KeyChange, ...] = ()
    recorded_version: int | None = None
    remote_version: int | None = None
    updated_at: str | None = None
    """When the API's copy was last changed, as the API says."""
    by: str | None = None
    """Who changed it there, if its metadata says so."""
    verdict: str | None = None
    """What the policy does about it: ``report`` (leave it), ``overwrite`` (git wins) or ``block`` (hold the pass)."""
    message: str = ""
    """What happened, in words."""
    hint: str = ""
    """What to do about it."""
    commit: str | None = None
    """The commit whose version the API acknowledged to us, or shall get."""
    author: str | None = None
    """Who made it."""
    bodies: Mapping[str, str] = field(default_factory=dict)
    """The XML by side (``git``, ``remote``); only with ``--show-content``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """How the API was read for a report."""

    at: float
    """When the reading began."""
    objects: int = 0
    """Objects that were seen there, whoever's they are."""
    foreign: int = 0
    """Those of them that are not ours."""
    complete: bool = True
    reasons: tuple[str, ...] = ()
    """Why it is not complete, in words."""
    deep: bool = False
    """Each object was read by itself, instead of trusting lists and versions."""


def divergence_json(found: Divergence) -> dict[str, Any]:
    """A divergence as published."""
    return {
        "divergence": found.divergence,
        "identifier": found.identifier,
        "kind": found.kind,
        "path": found.path,
        "title": found.title,
        "what": list(found.what),
        "keys": [
            {"name": key.name, "sides": {} if key.hidden else dict(key.sides), "hidden": key.hidden}
            for key in found.keys
        ],
        "recorded_version": found.recorded_version,
        "remote_version": found.remote_version,
        "updated_at": found.updated_at,
        "by": found.by,
        "verdict": found.verdict,
        "message": found.message,
        "hint": found.hint,
        "commit": found.commit,
        "author": found.author,
        "bodies": dict(found.bodies),
    }
