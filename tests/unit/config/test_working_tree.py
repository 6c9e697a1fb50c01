from __future__ import annotations

from pathlib import Path

import pytest

from qtisync.config.file import load_settings
from qtisync.config.settings import choose_target
from qtisync.config.working_tree import authoring_problems, need_working_tree, refuse_commit
from qtisync.errors import ConfigError, ConfigProblem, UsageError

CONFIG = """\
repository: {path: content, source: worktree}
commit_status: {forge: github, api_url: https://api.github.com, repository: a/b, token: env/T}
targets:
  test:
    base_url: http://127.0.0.1:1/api
    token_url: http://127.0.0.1:1/token
    client_id: env/I
    client_secret: env/S
    production: true
    removal: delete
"""


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


def problems(tmp_path: Path, text: str) -> tuple[ConfigProblem, ...]:
    (tmp_path / "qtisync.yaml").write_text(text)
    settings = load_settings(tmp_path / "qtisync.yaml", {}).settings
    return authoring_problems(settings, *choose_target(settings, None))


def test_what_is_at_odds_with_a_working_tree_is_told_at_once(tmp_path):
    assert [(problem.where, problem.message) for problem in problems(tmp_path, CONFIG)] == [
        ("repository.source", "is worktree, for authoring only"),
        ("targets.test.removal", "is delete, and repository.source is worktree"),
        ("commit_status.forge", "is set, and repository.source is worktree"),
    ]
    assert problems(tmp_path, CONFIG.replace("source: worktree", "source: commit")) == ()


def test_a_commit_cannot_be_asked_for(tmp_path):
    (tmp_path / "qtisync.yaml").write_text(CONFIG)
    settings = load_settings(tmp_path / "qtisync.yaml", {}).settings
    refuse_commit(settings, "--ref", None)
    refuse_commit(settings, "--commit", "worktree")
    hints = []
    for option in ("--ref", "--commit"):
        with pytest.raises(UsageError) as caught:
            refuse_commit(settings, option, "main")
        hints.append(caught.value.hint)

    assert hints == [
        "Leave out --ref, or set source: commit.",
        "Write --commit worktree, or set source: commit.",
    ]
