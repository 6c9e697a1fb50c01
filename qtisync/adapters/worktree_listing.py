"""Which files of a working tree count, by git's own rules: what is in the index, and new files that are not ignored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from qtisync.adapters.droppings import is_dropping
from qtisync.adapters.git_process import GitRunner

SUBMODULE = "160000"


class Listed(NamedTuple):
    """A path, as bytes, and what the index says of it (empty for a new file)."""

    path: bytes
    mode: str
    blob: str


def list_files(runner: GitRunner) -> Iterator[Listed]:
    """Paths in the order of their bytes, each once. They need not be there any more."""
    _, output = runner.run("ls-files", "-z", "-t", "-s", "--cached", "--others", "--exclude-standard")
    found: dict[bytes, Listed] = {}
    for row in bytes(output).split(b"\0"):
        if row[:2] == b"? ":
            path = row[2:]
            # With a slash at its end it is a repository inside, which nobody added.
            if not path.endswith(b"/") and not is_dropping(os.fsdecode(path.rpartition(b"/")[2])):
                found.setdefault(path, Listed(path, "", ""))
        elif row:
            about, _, path = row.partition(b"\t")
            _, mode, blob, _ = about.decode("ascii").split(" ")
            found.setdefault(path, Listed(path, mode, blob))  # three times while a merge is not resolved
    yield from sorted(found.values())


def ignored_folders(runner: GitRunner) -> frozenset[str]:
    """Folders that git ignores as a whole, by their paths inside the tree. Some may be missing.

    Git lists the folder alone if a rule names it, and its files as well if it only holds nothing but ignored ones.
    """
    _, output = runner.run("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    rows = sorted(os.fsdecode(bytes(output)).split("\0"))
    return frozenset(
        row.removesuffix("/")
        for row, following in zip(rows, [*rows[1:], ""], strict=True)
        if row.endswith("/") and not following.startswith(row)
    )
