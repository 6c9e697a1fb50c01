"""What is not the same at two targets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from qtisync.model import Digest, Key, Metadata, Presence, Recorded, RepoPath, Standing, same_json
from qtisync.ownership import Stamp
from qtisync.planning.comparison import Copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """An object as one target has it."""

    content: Digest | None
    """``None``: not known."""
    metadata: Metadata
    """Git's keys."""
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An object that two targets do not have alike."""

    key: Key
    path: RepoPath
    here: Side | None
    """``None``: it is not there."""
    there: Side | None
    content: bool = False
    names: tuple[str, ...] = ()
    unknown: bool = False
    """An answer was lost at one of them: nobody knows what it has."""


def recorded_sides(rows: Mapping[Key, Recorded]) -> Mapping[Key, Side]:
    """What a target acknowledged, by its record."""
    return {
        key: Side(
            content=row.acknowledged.content if row.acknowledged.metadata is not None else None,
            metadata=row.acknowledged_metadata,
            version=row.remote.version if row.remote is not None else None,
        )
        for key, row in rows.items()
        if row.presence is Presence.PRESENT and row.standing is not Standing.ORPHAN
    }


def shown_sides(rows: Mapping[Key, Recorded], copies: Mapping[Key, Copy]) -> Mapping[Key, Side]:
    """What a target has, by its API: of what is recorded, and of git's keys only."""
    return {
        key: Side(
            content=copies[key].content,
            metadata={name: copies[key].metadata[name] for name in _names(row) if name in copies[key].metadata},
            version=copies[key].version,
        )
        for key, row in rows.items()
        if key in copies and row.standing is not Standing.ORPHAN
    }


def _names(row: Recorded) -> set[str]:
    return {*row.acknowledged_metadata, *row.desired_metadata}


def unstamped(sides: Mapping[Key, Side], stamps: Iterable[Stamp | None]) -> Mapping[Key, Side]:
    """What a target has without owner stamps: each target has its own, and that is no difference."""
    names = {stamp.key for stamp in stamps if stamp is not None}
    if not names:
        return sides
    return {
        key: replace(side, metadata={name: value for name, value in side.metadata.items() if name not in names})
        for key, side in sides.items()
    }


def across(
    here: Mapping[Key, Side], there: Mapping[Key, Side], paths: Mapping[Key, RepoPath]
) -> tuple[tuple[Difference, ...], int]:
    """The objects that differ, sorted by key, and how many are the same."""
    found = [difference(key, here.get(key), there.get(key), paths) for key in sorted(here.keys() | there.keys())]
    differ = tuple(one for one in found if one is not None)
    return differ, len(found) - len(differ)


def difference(key: Key, here: Side | None, there: Side | None, paths: Mapping[Key, RepoPath]) -> Difference | None:
    """How two targets have one object otherwise; ``None``: they do not."""
    path = paths.get(key, RepoPath(""))
    if here is None or there is None:
        return Difference(key=key, path=path, here=here, there=there)
    names = tuple(
        name
        for name in sorted(here.metadata.keys() | there.metadata.keys())
        if name not in here.metadata
        or name not in there.metadata
        or not same_json(here.metadata[name], there.metadata[name])
    )
    unknown = here.content is None or there.content is None
    content = not unknown and here.content != there.content
    if not (names or content or unknown):
        return None
    return Difference(key=key, path=path, here=here, there=there, content=content, names=names, unknown=unknown)
