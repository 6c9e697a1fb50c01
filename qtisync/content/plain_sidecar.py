"""The short way for sidecars that need no YAML parser: lines of ``key: value`` and simple lists, as nearly all are.

Whatever is not beyond doubt, and everything that may be wrong, is left to ``sidecar``: nothing is refused here. A
property test compares the two on every sort of line that is read here.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple, TypeAlias

from qtisync.content.scalars import UnfaithfulNumberError, read_plain
from qtisync.model import Json

Scalar: TypeAlias = str | bool | int | None

_LONGEST = 4_000
"""Bytes: whatever stands in them has fewer values than a sidecar may have."""
_SIGN = r"[ !#-&(-\[\]-~\xa1-\u024e]"  # stands for itself between quotes of either sort
_BARE = r"[A-Za-z0-9](?:[A-Za-z0-9_./ -]*[A-Za-z0-9_.])?"
_VALUE = rf"(?:{_BARE}|'{_SIGN}*'|\"{_SIGN}*\")"
_LINE = re.compile(
    rf"(?P<indent> *)(?P<dash>- )?"
    rf"(?:(?P<key>[A-Za-z][A-Za-z0-9_]{{0,60}}):(?: (?P<value>{_VALUE})| \[(?P<list>(?:{_VALUE}(?:, {_VALUE})*)?)\])?"
    rf"|(?P<bare>{_VALUE}))"
)
_SKIPPED = re.compile(r"(?:#[ -~\xa1-\u024e]*)?")
_VALUES = re.compile(_VALUE)


class _Line(NamedTuple):
    """One line, taken apart."""

    indent: int
    dash: bool
    key: str | None
    value: Scalar | tuple[Scalar, ...]
    opens: bool
    """It ends after its key: a list must follow."""


_NOTHING = _Line(0, dash=False, key=None, value=None, opens=False)
"""An empty line or a comment."""


def plain_mapping(data: bytes) -> dict[str, Json] | None:
    """The mapping that a file holds; ``None``: read it with the parser."""
    if len(data) > _LONGEST:
        return None
    try:
        lines = [_line(text) for text in data.decode().split("\n")]
    except (UnicodeDecodeError, UnfaithfulNumberError):
        return None
    reader = _Reader()
    if all(line is not None and (line is _NOTHING or reader.take(line)) for line in lines) and not reader.is_waiting():
        return reader.root or None
    return None


class _Reader:
    """Puts lines together: keys of the file, and below one of them the entries of a list."""

    def __init__(self) -> None:
        self.root: dict[str, Json] = {}
        self._entries: list[Json] | None = None
        self._entry: dict[str, Json] | None = None
        self._column = 0

    def is_waiting(self) -> bool:
        """Whether a key has no value yet."""
        return self._entries is not None and not self._entries

    def take(self, line: _Line) -> bool:
        """Take the next line; false if it needs the parser."""
        if line.dash:
            return self._begin_entry(line)
        if not line.indent:
            return self._begin_key(line)
        if self._entry is None or line.indent != self._column + 2 or line.opens:
            return False
        return _put(self._entry, line)

    def _begin_key(self, line: _Line) -> bool:
        if self.is_waiting():
            return False
        self._entries = [] if line.opens else None
        self._entry = None
        return _put(self.root, line, self._entries)

    def _begin_entry(self, line: _Line) -> bool:
        if self._entries is None or line.opens or (self._entries and line.indent != self._column):
            return False
        self._column = line.indent
        self._entry = None if line.key is None else {}
        self._entries.append(line.value if self._entry is None and not isinstance(line.value, tuple) else self._entry)
        return self._entry is None or _put(self._entry, line)


def _put(into: dict[str, Json], line: _Line, entries: list[Json] | None = None) -> bool:
    if line.key is None or line.key in into:
        return False
    if entries is not None:
        into[line.key] = entries
    else:
        into[line.key] = list(line.value) if isinstance(line.value, tuple) else line.value
    return True


@functools.lru_cache(maxsize=4096)
def _line(text: str) -> _Line | None:
    """A line, ``None`` if it is none of those; kept, because sidecars resemble each other."""
    if _SKIPPED.fullmatch(text):
        return _NOTHING
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    indent, dash, key, value, listed, bare = found.groups()
    if key is not None and not isinstance(read_plain(key), str):
        return None
    content: Scalar | tuple[Scalar, ...] = None
    if listed is not None:
        content = tuple([_scalar(one) for one in _VALUES.findall(listed)])
    elif value is not None or bare is not None:
        content = _scalar(value if value is not None else bare)
    return _Line(
        len(indent), dash is not None, key, content, opens=key is not None and value is None and listed is None
    )


def _scalar(text: str) -> Scalar:
    if text[0] in "'\"":
        return text[1:-1]
    value = read_plain(text)
    if isinstance(value, float):
        raise UnfaithfulNumberError("left to the parser")
    return value
