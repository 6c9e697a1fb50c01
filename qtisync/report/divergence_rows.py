"""What is not the same everywhere, as rows of a report's table: sign, word, identifier, path, remarks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from qtisync.model import Json
from qtisync.report.divergence import Divergence, KeyChange

Row: TypeAlias = tuple[str, str, str, str, str, str]
"""Style, symbol, verb, identifier, path, remarks."""

SHOWN_KEYS = 3  # metadata keys that one line spells out
LONGEST = 40  # characters of a value on a line
_LOOKS: Mapping[str, tuple[str, str]] = {
    "drift": ("warn", "≠"),
    "conflict": ("bad", "!"),
    "unmanaged": ("warn", "?"),
    "foreign": ("dim", "·"),
    "altered": ("warn", "≈"),
    "difference": ("change", "≠"),
}
_VERDICTS = {"report": "report only", "overwrite": "git's version is sent again", "block": "holds the pass"}


def divergence_rows(found: Iterable[Divergence]) -> list[Row]:
    """One row each, in the order given."""
    return [_row(one) for one in found]


def _row(found: Divergence) -> Row:
    style, symbol = _LOOKS[found.divergence]
    name = found.identifier if found.kind == "item" else f"{found.kind} {found.identifier}"
    return (style, symbol, found.divergence, name, found.path or "-", remarks(found))


def remarks(found: Divergence) -> str:
    """What differs and what happens about it, on one line."""
    words = [", ".join(found.what)]
    shown = [key_words(key) for key in found.keys[:SHOWN_KEYS]]
    words.append("; ".join(shown) + (" …" if len(found.keys) > SHOWN_KEYS else ""))
    if found.divergence in {"unmanaged", "foreign"} and found.title:
        words.append(f'"{found.title}"')
    if (not found.what and not found.keys) or found.divergence == "difference":
        words.append(found.message)
    words.append(_who(found))
    words.append(_VERDICTS.get(found.verdict or "", ""))
    return "  ".join(word for word in words if word)


def key_words(key: KeyChange) -> str:
    """One metadata key: ``difficulty: hard at the API, medium in git``."""
    if key.hidden:
        return f"{key.name}: (changed)"
    sides = dict(key.sides)
    if "recorded" in sides and sides.get("git", sides["recorded"]) == sides["recorded"]:
        sides.pop("recorded")  # as in git: said once
        sides.setdefault("git", key.sides["recorded"])
    if not {"git", "remote", "recorded"} & sides.keys():
        return f"{key.name}: " + ", ".join(f"{side} {_shown(value)}" for side, value in sorted(sides.items()))
    order = ("git", "recorded", "remote")
    said = {side: _shown(sides[side]) if side in sides else "(none)" for side in order}
    middle = f" (was {said['recorded']})" if "recorded" in sides else ""
    return f"{key.name}: git {said['git']}{middle}, API {said['remote']}"


def _shown(value: Json) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _who(found: Divergence) -> str:
    words = []
    if found.remote_version is not None and found.divergence in {"drift", "conflict"}:
        words.append(f"version {found.remote_version}")
    if found.updated_at and found.divergence in {"drift", "conflict"}:
        words.append(found.updated_at)
    if found.by:
        words.append(f"by {found.by}")
    return ", ".join(words)
