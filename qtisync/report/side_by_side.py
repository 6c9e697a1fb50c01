"""Two sides of one object beside each other: the values of metadata keys, and the lines of XML that differ."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qtisync.model import Json
from qtisync.report.cells import visible
from qtisync.report.divergence import KeyChange

CONTEXT = 3  # equal lines around a difference
LABELS = {"recorded": "before", "git": "git", "remote": "API"}
"""Sides of a change, and what they are called; the names of targets stand for themselves."""
_BETWEEN = re.compile(r">\s*<")
_OPENS = re.compile(r"<[^/!?][^>]*[^/>]>$|<[^/!?>]>$")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One metadata key: its value on each side, ``None`` where a side has no such key."""

    name: str
    cells: tuple[str | None, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """One line of two texts; a number is ``None`` on a side that has no such line. ``gap``: equal lines left out."""

    left: str = ""
    right: str = ""
    left_no: int | None = None
    right_no: int | None = None
    changed: bool = False
    gap: bool = False


def key_lines(keys: Sequence[KeyChange], sides: Sequence[str]) -> tuple[KeyLine, ...]:
    """The keys as rows of a table with a column for each side."""
    return tuple(
        KeyLine(name=visible(key.name), hidden=True)
        if key.hidden
        else KeyLine(
            name=visible(key.name),
            cells=tuple(_value(key.sides[side]) if side in key.sides else None for side in sides),
        )
        for key in keys
    )


def key_sides(keys: Sequence[KeyChange], usual: Sequence[str]) -> tuple[str, ...]:
    """The sides that the keys speak of: the usual ones, those between only if they say something else."""
    named = {side for key in keys if not key.hidden for side in key.sides}
    others = sorted(named - LABELS.keys())
    if others:
        return tuple(others)
    middle = any(key.sides["recorded"] != key.sides.get("git") for key in keys if "recorded" in key.sides)
    return tuple(side for side in usual if side != "recorded" or "remote" not in usual or middle)


def labels(sides: Sequence[str]) -> tuple[str, ...]:
    """What the sides are called in the head of a table."""
    return tuple(LABELS.get(side, visible(side)) for side in sides)


def _value(value: Json) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def diff_lines(before: str, after: str) -> tuple[DiffLine, ...]:
    """What differs between two XML texts, each element on a line of its own, with a few equal lines around."""
    left, right = xml_lines(before), xml_lines(after)
    found: list[DiffLine] = []
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        found += [DiffLine(gap=True)] if group[0][1] or group[0][3] else []
        for tag, left_from, left_to, right_from, right_to in group:
            pairs = _pairs(range(left_from, left_to), range(right_from, right_to))
            found += [_line(left, right, a, b, changed=tag != "equal") for a, b in pairs]
    return tuple(found)


def _pairs(left: range, right: range) -> Iterator[tuple[int | None, int | None]]:
    for place in range(max(len(left), len(right))):
        yield (left[place] if place < len(left) else None, right[place] if place < len(right) else None)


def _line(
    left: Sequence[str], right: Sequence[str], left_at: int | None, right_at: int | None, *, changed: bool
) -> DiffLine:
    return DiffLine(
        left="" if left_at is None else left[left_at],
        right="" if right_at is None else right[right_at],
        left_no=None if left_at is None else left_at + 1,
        right_no=None if right_at is None else right_at + 1,
        changed=changed,
    )


def xml_lines(text: str) -> list[str]:
    """Lines to look at, not to parse: a break between tags, indented by depth, white space within lines kept."""
    lines, depth = [], 0
    for piece in _BETWEEN.sub(">\n<", text.strip()).splitlines():
        line = piece.strip()
        if line.startswith("</"):
            depth = max(0, depth - 1)
        if line:
            lines.append("  " * min(depth, 20) + visible(line.expandtabs(2)))
        if _OPENS.search(line) and not line.startswith("</") and "</" not in line:
            depth += 1
    return lines


def difference_words(lines: Sequence[DiffLine]) -> str:
    """How much differs: ``2 lines removed, 3 added``."""
    removed = sum(line.changed and line.left_no is not None for line in lines)
    added = sum(line.changed and line.right_no is not None for line in lines)
    return f"{removed:,} line{'' if removed == 1 else 's'} removed, {added:,} added" if removed + added else "the same"


def two_bodies(bodies: Mapping[str, str], sides: Sequence[str]) -> tuple[str, str] | None:
    """The sides that both have a text, if there are two."""
    known = [side for side in sides if side in bodies]
    others = sorted(bodies.keys() - set(sides))
    found = [*known, *others]
    return (found[0], found[-1]) if len(found) > 1 else None
