"""Changed metadata in words. What belongs to the teacher's side or is a text of its own is only named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from qtisync.model import Json, Scope
from qtisync.planning.plan import Change, Plan

LONGEST = 40  # characters of a value that is shown: a label, not a text
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TEACHERS = frozenset(
    {"answer", "answers", "body", "content", "correct", "explanation", "explanations", "feedback", "hint", "hints"}
    | {"html", "passage", "prompt", "rationale", "rubric", "rubrics", "sample", "scoring", "solution", "solutions"}
    | {"stem", "text", "xml"}
)
"""Words in names of keys that hold answers or item bodies: ``modelAnswer``, ``scoring_rubric``."""


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


def with_content(plan: Plan) -> Plan:
    """The plan with all values of changed metadata in its details."""
    return replace(plan, changes=tuple(map(_with_content, plan.changes)))


def _with_content(change: Change) -> Change:
    if change.recorded is None or Scope.METADATA not in change.scope:
        return change
    before, after = change.recorded.acknowledged_metadata, change.item.metadata
    return replace(change, details=metadata_details(before, after, show_content=True))


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
