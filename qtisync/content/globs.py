"""Patterns of paths as people know them from pathlib: compiled once, asked for every file of a commit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_WILD = frozenset("*?[")
_ENDING = re.compile(r"\*\*/\*[^/*?\[]+")  # all files whose names end so
_RANGE = re.compile("(.)-(.)|(.)", re.DOTALL)


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A function that says whether a whole path matches one of the patterns; without patterns nothing matches.

    Case-sensitive, from the root of the repository. ``**`` as a whole part stands for any number of folders, none
    included; ``*`` and ``?`` never cross a ``/``; ``[abc]``, ``[a-z]`` and ``[!a]`` as in a shell. Names that begin
    with a dot are matched like others. ``drafts/`` means ``drafts/**``; a leading ``/`` or ``./`` says nothing.
    """
    patterns = tuple(patterns)
    if not patterns:
        return lambda _path: False
    if all(map(_ENDING.fullmatch, patterns)):
        endings = tuple(pattern.removeprefix("**/*") for pattern in patterns)
        return lambda path: path.endswith(endings)
    expressions = sorted({_expression(pattern) for pattern in patterns})
    found = re.compile("|".join(expressions), re.DOTALL).fullmatch
    return lambda path: found(path) is not None


def literal_folder(pattern: str) -> str:
    """The folder in which everything lies that a pattern can match, with a final ``/``; empty for the root."""
    parts = _parts(pattern)[:-1]
    wild = (number for number, part in enumerate(parts) if _WILD.intersection(part))
    return "".join(f"{part}/" for part in parts[: next(wild, len(parts))])


def _parts(pattern: str) -> list[str]:
    pattern = pattern.removeprefix("./").lstrip("/")
    return (f"{pattern}**" if pattern.endswith("/") else pattern).split("/")


def _expression(pattern: str) -> str:
    parts = _parts(pattern)
    # "**/**" says no more than "**", and repeated it would make matching slow.
    kept = [part for number, part in enumerate(parts) if part != "**" or parts[number + 1 : number + 2] != ["**"]]
    if kept == ["**"]:
        return ".*"
    text = ""
    for number, part in enumerate(kept):
        last = number == len(kept) - 1
        if part != "**":
            text += _part(part) + ("" if last or kept[number + 1 :] == ["**"] else "/")
        else:
            text += "(?:/.*)?" if last else "(?:.*/)?"
    return text


def _part(part: str) -> str:
    text, place = "", 0
    while place < len(part):
        end = part.find("]", place + 2 + (part[place + 1 : place + 2] == "!")) if part[place] == "[" else -1
        if end > 0:
            text += _one_of(part[place + 1 : end])
            place = end
        elif part[place] == "*":
            # One star is as good as many, and many would make matching slow.
            text += "" if text.endswith("[^/]*") else "[^/]*"
        else:
            text += "[^/]" if part[place] == "?" else re.escape(part[place])
        place += 1
    return text


def _one_of(characters: str) -> str:
    negated = characters.startswith("!")
    ranges = [
        f"{re.escape(low)}-{re.escape(high)}" if low else re.escape(single)
        for low, high, single in _RANGE.findall(characters[negated:])
        if low <= high
    ]
    if not ranges:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{''.join(ranges)}]"
