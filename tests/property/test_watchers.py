"""Whatever is done to a repository, its watcher alone leads to what is there in the end, without a poll."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from editors import EDITORS
from real_repository import RealRepository
from watching import Follower

from qtisync.adapters.watcher import RefWatcher, WorktreeWatcher
from qtisync.adapters.worktree import WorktreeSource

ROUNDS = 40
NAMES = "abc"


@contextmanager
def followed(path: Path, kind: type[RefWatcher | WorktreeWatcher], look: Callable[[], object]) -> Iterator[Follower]:
    follower = Follower(look)
    watcher = kind(path, follower.ring)
    watcher.start()
    try:
        yield follower
        assert watcher.degraded == ()
    finally:
        watcher.close()
        follower.close()


def in_the_tree(top: Path, dice: random.Random) -> None:
    """One thing that may happen to files; it may fail."""

    def place(depth: int = 3) -> Path:
        return top.joinpath(*(dice.choice(NAMES) for _ in range(dice.randint(1, depth))))

    def save() -> None:
        files = list(top.rglob("x.xml"))
        if files:
            dice.choice(list(EDITORS.values()))(dice.choice(files), f"{dice.random()}\n")

    def write() -> None:
        path = place() / "x.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{dice.random()}")

    dice.choice(
        [
            *(save, save, write, write),
            lambda: place(4).mkdir(parents=True),
            lambda: place().rename(place()),
            lambda: (place() / "x.xml").rename(place() / "x.xml"),
            lambda: (place() / "x.xml").hardlink_to(place() / "x.xml"),
            lambda: shutil.rmtree(place()),
            (place() / "x.xml").unlink,
        ]
    )()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_to_files_is_seen_in_the_end(tmp_path, seed):
    dice, tree = random.Random(seed), RealRepository(tmp_path / "content", ".")
    source, other = (WorktreeSource(tree.path, wall_clock=time.time) for _ in range(2))
    with followed(tree.path, WorktreeWatcher, lambda: source.resolve("")) as follower:
        for number in range(ROUNDS):
            for _ in range(dice.randint(1, 6)):
                with contextlib.suppress(OSError, subprocess.CalledProcessError):
                    in_the_tree(tree.path, dice)
            assert follower.settles_at(other.resolve("")), number


def in_the_refs(repository: RealRepository, commits: list[str], dice: random.Random) -> None:
    """One thing that may happen to refs; it may fail."""

    def name() -> str:
        return "/".join(dice.choice(NAMES) for _ in range(dice.randint(1, 3)))

    def replace() -> None:
        refs, copy = repository.path / "refs", repository.path / "copy"
        shutil.copytree(refs, copy)
        refs.rename(repository.path / "old")
        copy.rename(refs)
        shutil.rmtree(repository.path / "old")

    dice.choice(
        [
            lambda: repository.git("update-ref", f"refs/heads/{name()}", dice.choice(commits)),
            lambda: repository.git("update-ref", f"refs/heads/{name()}", dice.choice(commits)),
            lambda: repository.git("update-ref", "-d", f"refs/heads/{name()}"),
            lambda: repository.git("branch", "-q", "-m", name(), name()),
            lambda: repository.git("symbolic-ref", "HEAD", f"refs/heads/{name()}"),
            lambda: repository.git("pack-refs", "--all", "--prune"),
            replace,
        ]
    )()


def refs_of(repository: RealRepository) -> list[str]:
    """HEAD and all refs; while ``refs`` is being replaced there may be none, and a ring follows."""
    with contextlib.suppress(AssertionError):
        return [repository.git("symbolic-ref", "HEAD"), repository.git("for-each-ref")]
    return []


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_to_refs_is_seen_in_the_end(tmp_path, seed):
    dice, bare = random.Random(seed), RealRepository(tmp_path / "content.git")
    commits = [bare.commit({"x.xml": os.urandom(4)}) for _ in range(3)]
    with followed(bare.path, RefWatcher, lambda: refs_of(bare)) as follower:
        for number in range(ROUNDS):
            with contextlib.suppress(OSError, AssertionError):
                in_the_refs(bare, commits, dice)
            assert follower.settles_at(refs_of(bare)), number
