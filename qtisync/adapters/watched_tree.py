"""Which folders and files of a working tree are worth watching, and when to wait until git is done with it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from qtisync.adapters.droppings import is_dropping
from qtisync.adapters.watch_ports import Happening
from qtisync.adapters.watched_places import git_folders


class TreePlaces:
    """All folders of a working tree but those that git ignores and repositories inside; of ``.git`` only the index.

    While git holds the lock of its index it is checking files out: it rings when that is done. A git that was killed
    leaves the lock behind, so a poll ends the waiting, too.

    ``ignored`` names ignored folders by their paths in the tree. It need not be complete: what is watched for nothing
    costs little.
    """

    follows = False

    def __init__(self, repository: Path, ignored: Callable[[], Iterable[str]]) -> None:
        self._repository, self._find_ignored = repository, ignored
        self._top = self._git = ""
        self._ignored: frozenset[str] = frozenset()
        self._outdated = False
        self.busy = False

    def roots(self) -> Sequence[str]:
        """The tree, and the folder with its index."""
        top, git = self._repository.resolve(strict=True), git_folders(self._repository)[0]
        if top == git:
            raise OSError(errno.EINVAL, "it has no working tree", str(self._repository))
        self._top, self._git = str(top), str(git)
        return self._top, self._git

    def enters(self, folder: str, name: str) -> bool:
        """Neither ``.git`` nor what is ignored, nor what is a repository itself; of the git folder, ``info``."""
        if folder == self._git:
            return name == "info"
        path = os.path.join(folder, name)  # noqa: PTH118 - thousands of times during a checkout
        if folder.startswith(self._git + os.sep) or name == ".git" or path in self._ignored:
            return False
        return not os.path.lexists(os.path.join(path, ".git"))  # noqa: PTH118 - likewise

    def rings(self, folder: str, name: str, what: Happening, *, is_folder: bool) -> bool:
        """Every file but droppings; the index once it is written, and the rules of what is ignored."""
        if is_folder:
            self._outdated = True  # it may be one that git ignores
            return True
        if folder == self._git:
            if name == "index.lock":
                self.busy = what in {Happening.CREATED, Happening.MOVED_IN, Happening.WRITTEN}
                return not self.busy
            return name == "index"
        if folder.startswith(self._git + os.sep):
            self._outdated = self._outdated or name == "exclude"
            return name == "exclude"
        self._outdated = self._outdated or name in {".gitignore", ".git"}
        return not self.busy and not is_dropping(name)

    def prepare(self) -> None:
        """Ask git again what it ignores."""
        self._outdated = False
        self._ignored = frozenset(os.path.join(self._top, path) for path in self._find_ignored())  # noqa: PTH118 - see `enters`

    def at_poll(self) -> bool:
        """Wait for git no longer; look again if what is ignored may have changed."""
        self.busy = False
        return self._outdated
