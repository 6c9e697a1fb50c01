"""Changed metadata in words. What belongs to the teacher's side or is a text of its own is only named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from qtisync.model import BlobId, Json, Scope
from qtisync.planning.plan import Change, KeyDifference, Plan

LONGEST = 40  # characters of a value that is shown: a label, not a text
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TEACHERS = frozenset(
    {"answer", "answers", "body", "content", "correct", "explanation", "explanations", "feedback", "hint", "hints"}
    | {"html", "passage", "prompt", "rationale", "rubric", "rubrics", "sample", "scoring", "solution", "solutions"}
    | {"stem", "text", "xml"}
)
"""Words in names of keys that hold answers or item bodies: ``modelAnswer``, ``scoring_rubric``."""
_NO_TEXTS: Mapping[BlobId, str] = {}


def metadata_details(
    before: Mapping[str, Json], after: Mapping[str, Json], *, show_content: bool = False
) -> tuple[str, ...]:
    """Differences of two metadata objects, by key. Values that may hold content only with ``show_content``."""
    names = sorted(before.keys() | after.keys())
    return tuple(
        _difference(name, before, after, show_content=show_content)
        for name in names
        if name not in before or name not in after or before[name] != after[name]
    )


def key_differences(
    before: Mapping[str, Json], after: Mapping[str, Json], *, show_content: bool = False
) -> tuple[KeyDifference, ...]:
    """The same differences as values of both sides; those that may hold content have none without ``show_content``."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        sides = {side: of[name] for side, of in (("recorded", before), ("git", after)) if name in of}
        if len(sides) > 1 and before[name] == after[name]:
            continue
        hidden = not show_content and may_hold_content(name, sides.values())
        found.append(KeyDifference(name=name, sides={} if hidden else sides, hidden=hidden))
    return tuple(found)


def may_hold_content(name: str, values: Iterable[Json]) -> bool:
    """Whether a key may hold an answer or a body: by its name, or because a value is longer than a label."""
    return holds_content(name) or any(_is_long(value) for value in values)


def _is_long(value: Json) -> bool:
    match value:
        case dict():
            return any(may_hold_content(name, [inner]) for name, inner in value.items())
        case list():
            return any(map(_is_long, value))
        case _:
            return len(_shown(value, show_content=True)) > LONGEST


def with_content(plan: Plan, texts: Mapping[BlobId, str] = _NO_TEXTS) -> Plan:
    """The plan with all values of changed metadata, and with the XML before and after each update.

    The only door by which content gets into a report. ``texts``: the XML by blob.
    """
    return replace(plan, changes=tuple(_with_content(change, texts) for change in plan.changes))


def _with_content(change: Change, texts: Mapping[BlobId, str]) -> Change:
    row = change.recorded
    if row is None:
        return change
    if Scope.METADATA in change.scope:
        before, after = row.acknowledged_metadata, change.item.metadata
        change = replace(
            change,
            details=metadata_details(before, after, show_content=True),
            keys=key_differences(before, after, show_content=True),
        )
    if Scope.CONTENT in change.scope:
        blobs = {"recorded": row.acknowledged_blob, "git": change.item.blob}
        bodies = {side: texts[blob] for side, blob in blobs.items() if blob is not None and blob in texts}
        change = replace(change, bodies=bodies)
    return change


def _difference(name: str, before: Mapping[str, Json], after: Mapping[str, Json], *, show_content: bool) -> str:
    sides = [_shown(side[name], show_content=show_content) if name in side else "(none)" for side in (before, after)]
    if not show_content and (holds_content(name) or any(len(side) > LONGEST for side in sides)):
        return f"{name}: ({'added' if name not in before else 'removed' if name not in after else 'changed'})"
    return f"{name}: {sides[0]} → {sides[1]}"


def holds_content(name: str) -> bool:
    """Whether a key of this name may hold an answer, or a body: its value is not shown unasked."""
    return not _TEACHERS.isdisjoint(word.lower() for word in _WORDS.findall(name))


def _shown(value: Json, *, show_content: bool) -> str:
    if isinstance(value, dict | list) and not show_content:
        return "{…}" if isinstance(value, dict) else "[…]"
    text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else " " for sign in text)
