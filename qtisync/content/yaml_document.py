"""A YAML file after its guards: plain values, and the line of every key and entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qtisync.content.steering import Line
from qtisync.model import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The mapping that a file holds. ``lines`` belong to containers by identity, so the values must not be copied."""

    root: dict[str, Json]
    lines: Mapping[tuple[int, str | int], int]
    """Counted from 1, by ``id`` of the container and key or position in it."""
    has_floats: bool = False

    def line(self, container: dict[str, Json] | list[Json], place: str | int) -> int | None:
        """Where a key or an entry stands."""
        return self.lines.get((id(container), place))

    def line_of(self, container: dict[str, Json]) -> Line:
        """The same for the keys of one mapping."""
        return lambda key: self.line(container, key)
