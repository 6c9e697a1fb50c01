"""Whose an object at the API is, told by its identifier and its metadata: the one place where that is decided. Pure.

Identifiers are one namespace, shared with strangers. Two things say what is ours, each where it is configured: the
beginning of the identifier (``owned_prefixes``), and a stamp (``owner_stamp``), a metadata key that is added to all
that we send. Without both, everything that git has is ours.

What the record knows was ours when we wrote it last, and stays so until another owner's stamp is on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from qtisync.model import Json, Key, Metadata, Presence, Remote, same_json

LONGEST = 40
"""Characters of another owner's name that are shown: a label, not a text."""
_FOREIGN = "it exists at the API and is not ours"
_TAKEN = "it is not ours any more"
_ADOPT = "`qtisync adopt ID --foreign` takes it over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A metadata key that says whose an object is."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"

    def is_on(self, metadata: Metadata) -> bool:
        """Whether an object with this metadata carries it."""
        return self.key in metadata and same_json(metadata[self.key], self.value)

    @property
    def metadata(self) -> Metadata:
        """What it adds to an object."""
        return {self.key: self.value}


def keys_of(presence: Presence, remote: Remote | None, acknowledged: Metadata) -> Metadata | None:
    """What the record knows of an object that was ours when we wrote it last: git's keys; ``None``: it knows none."""
    return acknowledged if presence is Presence.PRESENT and remote is not None else None


def restamped(metadata: Metadata, before: Stamp | None, after: Stamp | None) -> Metadata:
    """The same metadata under another stamp."""
    bare = {name: value for name, value in metadata.items() if before is None or name != before.key}
    return bare if after is None else {**bare, **after.metadata}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOurs:
    """Why an object at the API is not ours to write or delete."""

    why: str
    remedy: str
    """What a person can do, as whole sentences."""
    taken: bool = False
    """It was ours, as the record says."""

    @property
    def message(self) -> str:
        """The complaint in words, without the remedy."""
        return f"{_TAKEN if self.taken else _FOREIGN}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What says that an object is ours."""

    prefixes: tuple[str, ...] = ()
    """Beginnings of our identifiers; empty: any."""
    stamp: Stamp | None = None

    def refuses(self, key: Key, metadata: Metadata, recorded: Metadata | None = None) -> NotOurs | None:
        """Why an object that is at the API with this metadata is not ours; ``None``: it is.

        ``recorded``: what the record knows of it (see ``keys_of``), if it does.
        """
        return self._refuses(key, metadata) if recorded is None else self._lost(recorded, metadata)

    def _refuses(self, key: Key, metadata: Metadata) -> NotOurs | None:
        if not self._fits(key):
            return NotOurs(
                why="its identifier has none of the owned prefixes",
                remedy="Give the item another identifier, or add its prefix to owned_prefixes and run `qtisync retry` "
                "for it.",
            )
        if self.stamp is None or self.stamp.is_on(metadata):
            return None
        owner = self.owner(metadata)
        why = f"its {self.stamp.key} is {owner}" if owner else f"it does not carry the owner stamp {self.stamp}"
        return NotOurs(why=why, remedy=f"Give the item another identifier; or, if it is meant, {_ADOPT}.")

    def _lost(self, recorded: Metadata, metadata: Metadata) -> NotOurs | None:
        """Another owner's stamp, unless it was taken over on purpose. One that is only gone is an edit like others."""
        stamp = self.stamp
        if stamp is None or stamp.key not in metadata or stamp.is_on(metadata):
            return None
        if stamp.key in recorded and same_json(recorded[stamp.key], metadata[stamp.key]):
            return None
        why = f"its {stamp.key} is now {self.owner(metadata)}"
        return NotOurs(why=why, remedy=f"Agree with them whose it is; if it is yours, {_ADOPT}.", taken=True)

    def marks(self, key: Key, metadata: Metadata) -> bool:
        """Whether something says that an object is ours which neither git nor the record knows."""
        if self.stamp is not None and self.stamp.key in metadata:
            return self.stamp.is_on(metadata)
        return bool(self.prefixes) and self._fits(key)

    def owner(self, metadata: Metadata) -> str:
        """Who else owns an object with this metadata, in words; empty: nobody says so."""
        stamp = self.stamp
        if stamp is None or stamp.key not in metadata or stamp.is_on(metadata):
            return ""
        return _named(metadata[stamp.key])

    def on(self, metadata: Metadata) -> Metadata:
        """The part of an object's metadata that says whose it is."""
        stamp = self.stamp
        return {} if stamp is None or stamp.key not in metadata else {stamp.key: metadata[stamp.key]}

    def _fits(self, key: Key) -> bool:
        return not self.prefixes or key.identifier.startswith(self.prefixes)


def _named(value: Json) -> str:
    if not isinstance(value, str):
        return "no text"
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())
    return f'"{line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"}"'
