"""A server's words as a log may hold them. The record and the reports keep them whole; logs travel to more readers.

A server that explains a refusal likes to quote what it refused, and that may be the value of a metadata key or a part
of an answer. So a log line keeps the status and the sentence, without quotations and without the values that were sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qtisync.model import Json

LONGEST = 160  # characters
HIDDEN = "[…]"
_TELLING = 3  # characters; a shorter value occurs in any sentence
# A quotation without an end was cut off. A single quote inside a word is an apostrophe.
_QUOTED = re.compile(
    r"""(?s)"[^"]*(?:"|$)|`[^`]*(?:`|$)|(?<!\w)'.*?(?:'(?!\w)|$)|[“„«].*?(?:[”“»]|$)|\u2018.*?(?:\u2019(?!\w)|$)"""
)


def for_log(message: str | None, values: Iterable[Json] = ()) -> str | None:
    """``message`` without quotations and without any text of ``values``, and not long."""
    if message is None:
        return None
    for text in sorted(set(_texts(values)), key=len, reverse=True):
        message = _without_the_cut(message.replace(text, HIDDEN), text)
    message = _QUOTED.sub(HIDDEN, message)
    return message if len(message) <= LONGEST else message[: LONGEST - 1] + "…"


def _without_the_cut(message: str, text: str) -> str:
    """A message that was cut off in the middle of ``text`` ends before it."""
    kept = message.removesuffix("…")
    at = kept.find(text[:_TELLING]) if kept != message else -1
    while at >= 0:
        if text.startswith(kept[at:]):
            return kept[:at] + HIDDEN
        at = kept.find(text[:_TELLING], at + 1)
    return message


def _texts(values: Iterable[Json]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and len(value.strip()) >= _TELLING:
            yield value
            yield " ".join(value.split())  # as a message on one line shows it
        elif isinstance(value, dict):
            yield from _texts(value.values())
        elif isinstance(value, list):
            yield from _texts(value)
