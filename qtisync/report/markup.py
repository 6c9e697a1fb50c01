"""Words of files and servers inside Markdown: they never become markup, HTML, a mention or a link to an issue."""

from __future__ import annotations

import re

from qtisync.report.cells import visible

LONGEST = 300  # characters of one text in a table: a cell, not a document
_MARKUP = re.compile(r"[\\`*_{}\[\]|~$]")
_MENTION = re.compile(r"([@#!])(?=\w)|(?<=\bGH)(-)(?=\d)")
_FENCE = re.compile(r"`+")
_NO_SPACE = "&#8203;"  # has no width, and keeps a sign apart from the name behind it


def escaped(text: str, longest: int = LONGEST) -> str:
    """Text that a forge shows as it is, on one line."""
    text = clipped(text, longest).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub(rf"\g<0>{_NO_SPACE}", _MARKUP.sub(r"\\\g<0>", text))


def code(text: str, longest: int = LONGEST) -> str:
    """A code span: nothing in it is markup, except what ends it or a table's cell."""
    return "`" + (clipped(text, longest).replace("`", "'").replace("|", "\\|") or " ") + "`"


def block(text: str) -> list[str]:
    """A code block: its fence is longer than any in the text."""
    fence = "`" * max(3, 1 + max((len(run) for run in _FENCE.findall(text)), default=0))
    return [f"{fence}sh", *map(visible, text.splitlines()), fence]


def clipped(text: str, longest: int) -> str:
    """One line that steers nothing, cut with an ellipsis."""
    text = visible(" ".join(text.split()))
    return text if len(text) <= longest else text[: longest - 1] + "…"
