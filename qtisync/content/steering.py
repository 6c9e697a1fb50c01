"""The reserved key ``qtisync:`` of a sidecar: reading it, and handing it down from folder to item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from qtisync.content.facts import Remark, SidecarFacts
from qtisync.model import Identifier, Json, Lane, Steering

RESERVED = "qtisync"
CODE = "sidecar-steering"
_KEYS = ("ignore", "lane", "protect", "renamed_from", "targets")

Line = Callable[[str], int | None]
"""The line on which a key of the mapping at hand stands."""


def read_steering(value: Json, line: int | None, line_of: Line) -> tuple[SidecarFacts, tuple[Remark, ...]]:
    """What ``qtisync:`` sets (no metadata in it), and everything that is wrong with it. ``null`` sets nothing."""
    if value is None:
        return SidecarFacts(), ()
    if not isinstance(value, dict):
        message = f"`{RESERVED}:` must hold keys of its own."
        return SidecarFacts(), (_remark(message, line, f"Write, for example, `{RESERVED}: {{protect: true}}`."),)
    fields: dict[str, object] = {}
    problems = []
    for key, inner in value.items():
        try:
            fields[key] = _READERS.get(key, _unknown)(key, inner)
        except _WrongError as exc:
            problems.append(_remark(exc.message, line_of(key), exc.hint))
    if problems:
        return SidecarFacts(), tuple(problems)
    return SidecarFacts(steering=_with(Steering(), fields), steered=tuple(sorted(fields))), ()


def override(inherited: Steering, own: SidecarFacts) -> Steering:
    """What a folder hands down, with the keys that the nearer file sets."""
    return _with(inherited, {name: getattr(own.steering, name) for name in own.steered}) if own.steered else inherited


def suggestion(word: str, known: tuple[str, ...]) -> str:
    """A hint that offers the known word that was probably meant, or else all of them."""
    near = get_close_matches(word.casefold().replace("-", "_"), known, n=1)
    return f"Did you mean `{near[0]}`?" if near else f"It may be {', '.join(f'`{name}`' for name in known)}."


class _WrongError(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _with(steering: Steering, fields: Mapping[str, object]) -> Steering:
    return replace(steering, **fields)  # type: ignore[arg-type]  # the readers below give each field its type


def _remark(message: str, line: int | None, hint: str) -> Remark:
    return Remark(code=CODE, message=message, line=line, hint=hint)


def _unknown(key: str, _value: Json) -> object:
    raise _WrongError(f"`{RESERVED}:` has no key `{key}`.", suggestion(key, _KEYS))


def _switch(key: str, value: Json) -> bool:
    if not isinstance(value, bool):
        raise _WrongError(f"`{key}` must be true or false.", f"Write `{key}: true`, or remove the line.")
    return value


def _lane(key: str, value: Json) -> Lane | None:
    names = tuple(lane.value for lane in Lane)
    if value is not None and value not in names:
        raise _WrongError(f"`{key}` must be one of {', '.join(names)}.", suggestion(str(value), names))
    return None if value is None else Lane(value)


def _identifier(key: str, value: Json) -> Identifier | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _WrongError(f"`{key}` must be an identifier.", f'Write the former identifier, as in `{key}: "alg-0102"`.')
    return Identifier(value)


def _targets(key: str, value: Json) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(name for name in value if isinstance(name, str) and name.strip()) if isinstance(value, list) else ()
    if not isinstance(value, list) or not value or len(names) != len(value):
        hint = f"Write, for example, `{key}: [staging]`; to leave the item out everywhere, write `ignore: true`."
        raise _WrongError(f"`{key}` must be a list of names of targets.", hint)
    return tuple(dict.fromkeys(names))


_READERS: Mapping[str, Callable[[str, Json], object]] = {
    "ignore": _switch,
    "lane": _lane,
    "protect": _switch,
    "renamed_from": _identifier,
    "targets": _targets,
}
