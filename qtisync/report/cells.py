"""What a text does on a terminal: it takes up columns, and it must not steer anything.

Names and messages come from repositories and servers. Git allows a newline or an escape sequence in a file name, and
either would forge lines of a report or colour the terminal; marks of writing direction would turn a line around.
"""

from __future__ import annotations

import re
import unicodedata

_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})


def visible(text: str) -> str:
    r"""The text with every character that steers a terminal written out, such as ``\x1b`` or ``\n``."""
    return _STEERING.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def columns(text: str) -> int:
    """How many columns of a terminal the text takes up: 季語 takes four, an accent of its own none."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(sign: str) -> int:
    if unicodedata.category(sign) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def padded(text: str, width: int) -> str:
    """The text with spaces up to ``width`` columns."""
    return text + " " * (width - columns(text))


def told(outcome: str | None, words: str) -> str:
    """An outcome with the words for it: a server's begin with a status and read on, ours are a sentence."""
    if not outcome:
        return words
    return f"{outcome} {words}" if words[:1].isdigit() else f"{outcome}: {words}"
