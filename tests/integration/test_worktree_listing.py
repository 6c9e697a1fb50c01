"""What git lists of a working tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_repository import RealRepository

from qtisync.adapters.git_process import GitRunner
from qtisync.adapters.worktree_listing import Listed, ignored_folders, list_files


@pytest.fixture
def tree(tmp_path: Path) -> RealRepository:
    return RealRepository(tmp_path / "content", ".")


@pytest.fixture
def runner(tree: RealRepository) -> Iterator[GitRunner]:
    made = GitRunner(tree.path, 60.0)
    yield made
    made.stop_all()


def write(tree: RealRepository, *names: str) -> None:
    for name in names:
        path = tree.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")


def test_files_are_listed_in_the_order_of_their_bytes_with_what_the_index_says(tree, runner):
    write(tree, "b.xml", "a/z.xml", "a.xml", "ä.xml")
    tree.git("add", "a.xml", "b.xml")
    blob = tree.git("hash-object", "a.xml")

    assert list(list_files(runner)) == [
        Listed(b"a.xml", "100644", blob),
        Listed(b"a/z.xml", "", ""),
        Listed(b"b.xml", "100644", blob),
        Listed("ä.xml".encode(), "", ""),
    ]


def test_only_folders_that_a_rule_names_are_ignored_as_a_whole(tree, runner):
    write(tree, "build/deep/a", "src/build/b", "logs/only/1.log", "mixed/1.log", "mixed/a.xml", "forced/a.xml")
    write(tree, "ü ignored/a")
    (tree.path / ".gitignore").write_text("build/\n*.log\nforced/\nü ignored\n")
    (tree.path / "empty").mkdir()
    tree.git("add", "-f", "forced/a.xml")

    assert ignored_folders(runner) == {"build", "src/build", "ü ignored"}


def test_a_file_that_is_ignored_beside_a_forced_one_does_not_hide_its_folder(tree, runner):
    write(tree, "forced/a.xml", "forced/b.xml")
    (tree.path / ".gitignore").write_text("forced/\n")
    tree.git("add", "-f", "forced/a.xml")

    assert ignored_folders(runner) == set()


def test_without_rules_nothing_is_ignored(tree, runner):
    write(tree, "a.xml")

    assert ignored_folders(runner) == set()
