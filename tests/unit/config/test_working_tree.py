from __future__ import annotations

from pathlib import Path

import pytest

from qtisync.config.working_tree import need_working_tree
from qtisync.errors import ConfigError, ConfigProblem


def repository(folder: Path) -> Path:
    for name in ("HEAD", "objects", "refs"):
        (folder / name).mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", ["content.git", "content/.git"])
def test_a_repository_without_files_to_edit_is_refused(tmp_path, name):
    place = repository(tmp_path / name)
    with pytest.raises(ConfigError) as caught:
        need_working_tree(place, Path("qtisync.yaml"))

    assert caught.value.problems == (
        ConfigProblem(
            where="repository.path",
            message=f"is {place}, which has no working tree, and source is worktree",
            hint="Name the top folder of a checkout, or use source: commit.",
        ),
    )


def test_a_checkout_a_linked_one_and_what_git_will_complain_about_are_let_pass(tmp_path):
    repository(tmp_path / "ordinary/.git")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.git").write_text("gitdir: ../ordinary/.git/worktrees/linked\n")
    for name in ("ordinary", "linked", "nowhere"):
        need_working_tree(tmp_path / name, Path("qtisync.yaml"))
