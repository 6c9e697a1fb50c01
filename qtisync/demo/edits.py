"""The demo's story as pure edits of its content: which file, from what, to what."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

EDITED_ITEM = "items/algebra/alg-0102.xml"
"""Its question and answer key change: ``edit_answer_key``."""
EDITED_SIDECAR = "items/geometry/geo-0033.yaml"
"""Its difficulty changes: ``edit_sidecar``."""
BROKEN_ITEM = "items/geometry/geo-0040.xml"
"""Somebody saves it half-edited: ``break_file``."""
MEND = "s|kite$|a kite</qti-simple-choice>|"
"""What mends it again, for ``sed``."""
MOVES = (
    ("items/biology/food-chain.xml", "items/biology/ecology/food-chain.xml"),
    ("items/biology/food-chain.yaml", "items/biology/ecology/food-chain.yaml"),
)
"""(from, to): moving a file sends nothing."""
MOVED_IDENTIFIER = "bio-0009"


def content_files() -> dict[str, bytes]:
    """The content repository's files by path, sorted."""
    return dict(sorted(_below(files("qtisync.demo") / "content", "")))


def edit_answer_key(text: str) -> str:
    """Another equation with another solution: the question and its key change together."""
    text = _replace(text, "+ 5 = 20.", "+ 5 = 26.")
    return _replace(text, "<qti-value>B</qti-value>", "<qti-value>C</qti-value>")


def edit_sidecar(text: str) -> str:
    """Learners found it harder than its author thought."""
    return _replace(text, "difficulty: medium", "difficulty: hard")


def break_file(text: str) -> str:
    """An end tag is lost, so that the file is not well-formed any more."""
    return _replace(text, "kite</qti-simple-choice>", "kite")


def _replace(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"the demo's edit does not fit: {old!r} is there {text.count(old)} times instead of once")
    return text.replace(old, new)


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
