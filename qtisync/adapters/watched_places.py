"""Which folders and files of a repository are worth watching."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from qtisync.adapters.watch_ports import Happening

_REF_FOLDERS = frozenset(("refs", "reftable"))
_REF_FILES = frozenset(("HEAD", "packed-refs"))
_POINTER_LIMIT = 4096


def git_folders(repository: Path) -> tuple[Path, ...]:
    """Where git keeps what it knows of a repository, given by its top folder, its ``.git`` or, bare, itself.

    A linked worktree has two: its own, with its HEAD, and the common one. Raises ``OSError`` if they are not there.
    """
    top = repository.resolve(strict=True)
    folder = top / ".git"
    if folder.is_file():
        folder = _led_to(folder, "gitdir: ")
    elif not folder.exists():
        folder = top
    folder = folder.resolve(strict=True)
    shared = folder / "commondir"
    return (folder, _led_to(shared, "").resolve(strict=True)) if shared.is_file() else (folder,)


def _led_to(pointer: Path, prefix: str) -> Path:
    """The folder that a file of git names, relative to the file's own."""
    with pointer.open("rb") as file:
        text = os.fsdecode(file.read(_POINTER_LIMIT)).rstrip("\n")
    if not text.startswith(prefix):
        raise OSError(errno.EINVAL, "it does not say where the repository is", str(pointer))
    return pointer.parent / text.removeprefix(prefix)


class RefPlaces:
    """What can move a ref: HEAD, packed-refs, everything below refs, and the tables of a reftable repository.

    Of the git folders only their own files, never ``objects`` and never the working tree.
    """

    follows = True
    busy = False

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._tops: tuple[str, ...] = ()

    def roots(self) -> Sequence[str]:
        """The git folders."""
        self._tops = tuple(map(str, git_folders(self._repository)))
        return self._tops

    def enters(self, folder: str, name: str) -> bool:
        """Directly in a git folder only what holds refs; below that everything."""
        return folder not in self._tops or name in _REF_FOLDERS

    def rings(self, folder: str, name: str, what: Happening, *, is_folder: bool) -> bool:
        """A ref is written as ``<name>.lock`` first, and it is its new name that counts."""
        del what
        if is_folder:
            return True
        if name.endswith(".lock"):
            return False
        if folder in self._tops:
            return name in _REF_FILES
        return os.path.basename(folder) != "reftable" or name == "tables.list"  # noqa: PTH119 - once for each event

    def prepare(self) -> None:
        """Nothing is kept."""

    def at_poll(self) -> bool:
        """Nothing is waited for."""
        return False
