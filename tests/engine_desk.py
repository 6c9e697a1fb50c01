"""What authors do, as values: the pages of a small repository and the edits that a history is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from world import item_xml, stimulus_xml

from qtisync.model import Identifier, Key, Kind

Form: TypeAlias = Literal["good", "broken", "twice"]
Metadata: TypeAlias = tuple[tuple[str, str], ...]
ANCHOR = "z"
"""An item that nobody touches: no commit is empty, and the canary has a bystander."""
READER = "d"
"""An item that refers to the stimulus."""
STIMULUS = "s1"
FOREIGN = "x-1"
"""An identifier that is not ours: a stranger may have it at the API already."""
NAMES = ("a", "b", READER, STIMULUS, FOREIGN)


@dataclass(frozen=True)
class Page:
    """One object as its author wants it. ``twice``: two files claim it. ``spacing`` changes the file, not the content."""

    words: str = "v1"
    metadata: Metadata = ()
    folder: str = ""
    form: Form = "good"
    spacing: int = 0


@dataclass(frozen=True)
class Wanted:
    """What the API must hold of one object."""

    words: str
    metadata: Mapping[str, str]


Pages: TypeAlias = Mapping[str, Page]


def kind_of(name: str) -> Kind:
    return Kind.STIMULUS if name == STIMULUS else Kind.ITEM


def key_of(name: str) -> Key:
    return Key(kind_of(name), Identifier(name))


def wanted(pages: Pages) -> dict[str, Wanted]:
    """What a commit of these pages asks for: broken and doubly claimed files ask for nothing."""
    return {
        name: Wanted(page.words, dict(page.metadata)) for name, page in sorted(pages.items()) if page.form == "good"
    }


def files(pages: Pages) -> dict[str, bytes]:
    """The tree of a commit."""
    found: dict[str, bytes] = {}
    for name, page in pages.items():
        stem = f"{page.folder}{name}"
        found[f"{stem}.xml"] = b"<broken" if page.form == "broken" else _xml(name, page).encode()
        if page.form == "twice":
            found[f"copy/{name}.xml"] = _xml(name, page).encode()
        if page.metadata:
            found[f"{stem}.yaml"] = "".join(f"{key}: '{value}'\n" for key, value in page.metadata).encode()
    return found


def _xml(name: str, page: Page) -> str:
    text = stimulus_xml(name, page.words) if name == STIMULUS else _item(name, page)
    return text + "\n" * page.spacing


def _item(name: str, page: Page) -> str:
    return item_xml(name, page.words, references=STIMULUS if name == READER else "")


@dataclass(frozen=True)
class Edit:
    """One page becomes this; ``None``: it is removed."""

    name: str
    field: Literal["words", "metadata", "folder", "form", "spacing", "all"] = "all"
    value: object = None

    def on(self, pages: Pages) -> dict[str, Page]:
        rest = {name: page for name, page in pages.items() if name != self.name}
        if self.field == "all":
            return rest
        return {**rest, self.name: replace(pages.get(self.name, Page()), **{self.field: self.value})}  # type: ignore[arg-type]
