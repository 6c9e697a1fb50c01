"""What watching folders is made of: a kernel that tells, places that are worth it. ``watched_folders`` joins them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol


class Happening(enum.Enum):
    """What happened in a watched folder."""

    CREATED = enum.auto()
    WRITTEN = enum.auto()
    MOVED_IN = enum.auto()
    MOVED_OUT = enum.auto()
    DELETED = enum.auto()
    ITSELF = enum.auto()
    """The folder itself was moved or deleted."""


class Notice(NamedTuple):
    """One event: in which watched folder, what, to which name, and whether that is a folder."""

    watch: int
    what: Happening
    name: str
    folder: bool


class Listener(Protocol):
    """Who is told what the kernel saw, in a thread of the kernel's door."""

    def noticed(self, notice: Notice) -> None:
        """Something happened in a watched folder."""

    def overflowed(self) -> None:
        """Events were lost."""

    def ended(self, watch: int) -> None:
        """A watch is no more: its folder was deleted."""


class Kernel(Protocol):
    """Watches folders, each without those below it."""

    @property
    def alive(self) -> bool:
        """Whether events still arrive."""

    def add(self, folder: str) -> int:
        """Watch a folder; raises ``OSError``."""

    def drop(self, watch: int) -> None:
        """Watch it no longer."""

    def close(self) -> None:
        """End it all, within seconds."""


class Places(Protocol):
    """What is to be watched. Used by one thread at a time."""

    @property
    def follows(self) -> bool:
        """Whether a link to a folder is as good as a folder."""

    def roots(self) -> Sequence[str]:
        """Where to begin; raises ``OSError`` if that is not there."""

    def enters(self, folder: str, name: str) -> bool:
        """Whether the folder ``name`` in a watched ``folder`` is watched, too."""

    def rings(self, folder: str, name: str, what: Happening, *, is_folder: bool) -> bool:
        """Whether what happened to ``name`` in a watched ``folder`` is worth a ring; folders that are entered are."""

    @property
    def busy(self) -> bool:
        """Whether somebody is at work whose end will be seen: until then nothing rings."""

    def prepare(self) -> None:
        """Everything is about to be looked at."""

    def at_poll(self) -> bool:
        """A poll has come: wait for nobody any longer. Whether everything should be looked at again."""


OpenKernel = Callable[[Listener], Kernel]
