"""A folder into which files are imported: written whole or not at all, and never outside of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from qtisync.adapters.whole_file import write_whole
from qtisync.errors import QtisyncError


class ImportFolder:
    """``engine.importing.Shelf``: a folder on this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self, ending: str) -> Iterator[tuple[str, bytes]]:
        """Every file below the folder whose name ends so, with what is in it; links are not followed."""
        for folder, folders, files in os.walk(self._root):
            folders[:] = sorted(name for name in folders if name != ".git")
            for name in sorted(files):
                path = Path(folder, name)
                if name.endswith(ending) and not path.is_symlink() and path.is_file():
                    yield path.relative_to(self._root).as_posix(), path.read_bytes()

    def state(self, name: str, data: bytes) -> Literal["new", "same", "differs"]:
        """See ``engine.importing``."""
        path = self._path(name)
        try:
            return "same" if path.read_bytes() == data else "differs"
        except FileNotFoundError:
            return "new"
        except OSError as exc:
            raise _unwritable(path, exc) from exc

    def write(self, name: str, data: bytes) -> None:
        """Write one file: whoever looks sees the old one or the new one, also after a crash."""
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._path(name)  # again: the folder may be a link that was made meanwhile
            write_whole(path, data, mode=0o644)
        except OSError as exc:
            raise _unwritable(path, exc) from exc

    def _path(self, name: str) -> Path:
        """Where a file lies; raises for anything that is not below the folder, links included."""
        parts = PurePosixPath(name).parts
        root = self._root.resolve()
        path = root.joinpath(*parts)
        inside = parts and not PurePosixPath(name).is_absolute() and ".." not in parts and ".git" not in parts
        if not inside or "\0" in name or not path.parent.resolve().is_relative_to(root) or path.is_symlink():
            raise QtisyncError(
                f"{name!r} would not lie in {self._root}.",
                hint="Remove the link, or import into another folder.",
                reference="outside-folder",
            )
        return path


def base_in_repository(folder: Path) -> str | None:
    """The path of a folder in the repository whose working tree it lies in; ``None`` if it lies in none."""
    whole = folder.resolve()
    root = next((parent for parent in (whole, *whole.parents) if (parent / ".git").exists()), None)
    if root is None:
        return None
    inside = whole.relative_to(root).as_posix()
    return "" if inside == "." else f"{inside}/"


def _unwritable(path: Path, exc: OSError) -> QtisyncError:
    return QtisyncError(
        f"Cannot write {path}: {exc.strerror}.",
        hint="Make room or permissions for it, and run the command again: it goes on where it stopped.",
        reference="import-unwritable",
    )
