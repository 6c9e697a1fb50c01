"""Where git keeps what it knows of a repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_repository import RealRepository

from qtisync.adapters.watch_ports import Happening
from qtisync.adapters.watched_places import RefPlaces, git_folders
from qtisync.adapters.watched_tree import TreePlaces


def test_every_kind_of_repository_has_its_git_folders(tmp_path: Path) -> None:
    bare = RealRepository(tmp_path / "bare.git")
    ordinary = RealRepository(tmp_path / "ordinary", ".")
    ordinary.commit({"a": b"1"})
    ordinary.git("worktree", "add", "-q", "-b", "linked", str(tmp_path / "linked"))
    git = ordinary.path / ".git"

    assert [git_folders(path) for path in (bare.path, ordinary.path, git, tmp_path / "linked")] == [
        (bare.path,),
        (git,),
        (git,),
        (git / "worktrees/linked", git),
    ]


def test_a_pointer_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    for name, pointer in (("gone", "gitdir: ../nowhere\n"), ("senseless", "hello\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".git").write_text(pointer)

    with pytest.raises(FileNotFoundError):
        git_folders(tmp_path / "gone")
    with pytest.raises(OSError, match="does not say where the repository is"):
        git_folders(tmp_path / "senseless")


def test_only_what_can_move_a_ref_rings(tmp_path: Path) -> None:
    top = str(RealRepository(tmp_path / "bare.git").path)
    places = RefPlaces(tmp_path / "bare.git")
    places.roots()
    names = {
        top: ["HEAD", "HEAD.lock", "packed-refs", "packed-refs.lock", "config", "index", "FETCH_HEAD"],
        f"{top}/refs/heads": ["main", "main.lock", "team"],
        f"{top}/reftable": ["tables.list", "tables.list.lock", "0x1.ref"],
    }

    assert {
        (folder.removeprefix(top), name)
        for folder, found in names.items()
        for name in found
        if places.rings(folder, name, Happening.MOVED_IN, is_folder=False)
    } == {
        *(("", "HEAD"), ("", "packed-refs"), ("/refs/heads", "main"), ("/refs/heads", "team")),
        ("/reftable", "tables.list"),
    }
    assert [name for name in ("refs", "reftable", "objects", "worktrees", "logs") if places.enters(top, name)] == [
        "refs",
        "reftable",
    ]


def test_of_a_working_tree_all_is_entered_but_git_and_what_is_ignored(tmp_path: Path) -> None:
    tree = RealRepository(tmp_path / "tree", ".")
    RealRepository(tree.path / "inner", ".")
    places = TreePlaces(tree.path, lambda: ["build", "src/out"])
    top, git = places.roots()
    places.prepare()
    asked = [(top, "src"), (f"{top}/src", "build"), (git, "info"), (top, "build"), (f"{top}/src", "out")]
    asked += [(top, ".git"), (top, "inner"), (git, "objects"), (f"{git}/info", "sub")]

    assert [place for place in asked if places.enters(*place)] == [
        (top, "src"),
        (f"{top}/src", "build"),
        (git, "info"),
    ]
