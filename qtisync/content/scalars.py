"""What an unquoted YAML word means: the core schema of YAML 1.2, and only what JSON can carry without loss.

``true``, ``false``, ``null`` and decimal numbers; everything else is text: ``yes``, ``NO``, ``2024-01-01``, ``12:30``,
``0x1F``, ``1_000`` and, since a leading zero belongs to codes and not to numbers, ``08``.

A number must come back from the API as it was written, because metadata are compared by digest. The API is a JavaScript
program, whose numbers are doubles: beyond 2**53 - 1 neighbouring whole numbers fall together, and digits that a
double cannot hold are dropped. Such numbers are refused, not rounded; so are infinity and "not a number", which JSON
does not have.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

LARGEST = 2**53 - 1
"""The largest whole number that survives JavaScript (``Number.MAX_SAFE_INTEGER``)."""

_LONGEST = 32
"""Characters of the longest number that a double can hold with its sign, point and exponent, with room to spare."""
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_NUMERIC = frozenset("0123456789+-.")


class UnfaithfulNumberError(ValueError):
    """A number that would arrive as another one; the message says why."""


def read_plain(text: str) -> str | bool | int | float | None:
    """The value of an unquoted scalar; raises ``UnfaithfulNumberError``."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NOT_FINITE.fullmatch(text):
        raise UnfaithfulNumberError("JSON has no such number.")
    return text


def _integer(text: str) -> int:
    # Python refuses to convert very long digit strings: ask for the length first.
    if len(text) > _LONGEST or abs(number := int(text)) > LARGEST:
        raise UnfaithfulNumberError(f"Whole numbers beyond {LARGEST:,} lose digits on their way.")
    return number


def _float(text: str) -> float:
    number = float(text)
    if abs(number) > LARGEST:
        raise UnfaithfulNumberError(f"Numbers beyond {LARGEST:,} lose digits on their way.")
    if len(text) > _LONGEST or not _same(text, number):
        raise UnfaithfulNumberError("It has more digits than a number can carry.")
    return number


def _same(text: str, number: float) -> bool:
    try:
        return Decimal(text) == Decimal(repr(number))
    except InvalidOperation:
        return False
