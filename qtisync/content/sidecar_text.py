"""Metadata written as a sidecar that says exactly the same when it is read again.

Text is quoted unless it is beyond doubt, so no reader of any YAML takes ``no`` or ``1.10`` for something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qtisync.content.facts import SidecarFacts
from qtisync.content.scalars import read_plain
from qtisync.content.sidecar import parse_sidecar
from qtisync.content.steering import RESERVED
from qtisync.model import Json, Metadata, same_json

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_OLD_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What some reader of YAML takes for something else than text, in any capitals."""
_LONGEST_BARE = 100
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_INDENT = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """Metadata as a file."""

    text: str
    """Empty if nothing is to be said."""
    metadata: Metadata
    """What is read from it again."""
    left_out: tuple[str, ...]
    """Keys that a sidecar cannot say as they are: a difficulty that nobody knows, the reserved key, a number that loses
    digits."""


def sidecar_of(metadata: Metadata) -> Sidecar:
    """The sidecar that says this."""
    kept = {name: metadata[name] for name in sorted(metadata) if name != RESERVED}
    read = _read_again(kept)
    if read is None:
        kept = {name: value for name, value in kept.items() if _read_again({name: value}) is not None}
        read = _read_again(kept)
    if read is None:  # too much for one file
        kept = read = {}
    left_out = tuple(sorted(metadata.keys() - kept.keys()))
    return Sidecar(text=_text(kept) if kept else "", metadata=read, left_out=left_out)


def _read_again(metadata: Metadata) -> Metadata | None:
    """What our reader makes of it; ``None`` if that is something else."""
    try:
        found = parse_sidecar(_text(metadata).encode())
    except (UnicodeEncodeError, RecursionError):
        return None
    if not isinstance(found, SidecarFacts) or found.steered or found.metadata.keys() != metadata.keys():
        return None
    return found.metadata if all(same_json(found.metadata[name], value) for name, value in metadata.items()) else None


def _text(metadata: Metadata) -> str:
    return "".join(line + "\n" for line in _mapping(metadata, ""))


def _mapping(values: Mapping[str, Json], indent: str) -> Iterator[str]:
    for name, value in values.items():
        yield from _value(f"{indent}{_string(name)}:", value, indent)


def _value(start: str, value: Json, indent: str) -> Iterator[str]:
    """``start`` followed by a value: on the same line, or as a block below it."""
    if isinstance(value, dict) and value:
        yield start
        yield from _mapping(value, indent + _INDENT)
    elif isinstance(value, list) and value:
        yield start
        for entry in value:
            yield from _entry(entry, indent + _INDENT)
    else:
        yield f"{start} {_scalar(value)}"


def _entry(value: Json, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        first, *rest = _mapping(value, indent + _INDENT)
        yield f"{indent}- {first.lstrip(' ')}"
        yield from rest
    elif isinstance(value, list) and value:
        yield f"{indent}-"
        for inner in value:
            yield from _entry(inner, indent + _INDENT)
    else:
        yield f"{indent}- {_scalar(value)}"


def _scalar(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case dict():
            return "{}"
        case list():
            return "[]"
        case float() if value.is_integer():
            return repr(int(value))  # JSON has one sort of number
        case _:
            return repr(value)


def _string(text: str) -> str:
    bare = len(text) <= _LONGEST_BARE and _BARE.fullmatch(text) and text.casefold() not in _OLD_WORDS
    if bare and read_plain(text) == text:
        return text
    return '"' + "".join(_ESCAPES.get(sign) or _sign(sign) for sign in text) + '"'


def _sign(sign: str) -> str:
    return sign if sign.isprintable() else f"\\U{ord(sign):08x}"
