"""A git that is missing, a damaged repository, an environment and a configuration that want something else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.errors import RepositoryError
from qtisync.model import BlobId, CommitId, RepoPath

A = RepoPath("a.xml")


@pytest.fixture
def repository(tmp_path: Path) -> RealRepository:
    return RealRepository(tmp_path / "content.git")


def fault(call: Callable[[], object]) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        call()
    assert caught.value.hint
    return caught.value


def fake_git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a git on PATH that does ``script`` and then, if that has not ended it, what the real one does."""
    folder.mkdir()
    real = next(Path(part) / "git" for part in os.environ["PATH"].split(":") if (Path(part) / "git").exists())
    (folder / "git").write_text(f'#!/bin/sh\n{script}\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.fixture
def story(repository: RealRepository) -> tuple[CommitId, CommitId, BlobId]:
    base = repository.commit({A: b"1"})
    commit = repository.commit({A: b"2"})
    return base, commit, BlobId(repository.git("rev-parse", f"{commit}:{A}"))


def test_the_variables_of_a_hook_do_not_lead_to_another_repository(repository, story, tmp_path, monkeypatch):
    other = RealRepository(tmp_path / "other.git")
    other.commit({"other.xml": b"other"})
    monkeypatch.setenv("GIT_DIR", str(other.path))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.path / "objects"))
    monkeypatch.setenv("GIT_COMMON_DIR", str(other.path))
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    monkeypatch.setenv("GIT_QUARANTINE_PATH", "/nowhere")
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "broken")
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ext")
    source = GitSource(repository.path)

    assert source.resolve("main") == story[1]
    assert source.changed(*story[:2]) == [A]
    assert [entry.path for entry in source.tree(story[1])] == [A]
    assert source.last_touched(*story[:2], [A])[A].commit == story[1]
    source.close()


def test_the_repositorys_own_configuration_starts_nothing_and_hides_nothing(tmp_path):
    repository = RealRepository(tmp_path / "checkout", "-q")
    base = repository.commit({A: b"1"})
    commit = repository.commit({A: b"2", "sub": ("160000", b"a" * 40)})
    marker, script = tmp_path / "was-run", tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {marker}\n')
    script.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "core.askPass", "gpg.program", "diff.external"):
        repository.git("config", key, str(script))
    for key, value in {
        "log.showSignature": "true",
        "log.showRoot": "false",
        "log.mailmap": "true",
        "diff.renames": "copies",
        "diff.relative": "true",
        "diff.ignoreSubmodules": "all",
        "diff.noprefix": "true",
        "core.quotePath": "true",
        "color.ui": "always",
        "protocol.ext.allow": "always",
        "remote.origin.url": f"ext::{script} %S",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
    }.items():
        repository.git("config", key, value)
    source = GitSource(repository.path)

    assert source.changed(base, commit) == [A, "sub"]
    assert [entry.mode for entry in source.tree(commit)] == ["100644", "160000"]
    assert source.last_touched(None, base, [A])[A].commit == base
    assert fault(lambda: source.blob(BlobId("3" * 40)))
    assert not marker.exists(), marker.read_text()
    source.close()


def test_replaced_objects_are_read_as_they_were(repository, story):
    repository.git("replace", story[2], repository.git("rev-parse", f"{story[0]}:{A}"))
    source = GitSource(repository.path)

    assert source.blob(story[2]) == b"2"
    source.close()


@pytest.mark.parametrize(
    "ref",
    ["--help", "-", "", "a b", "main\nmain", "a\x00b", "main:a.xml", "a..b", "@{-1}", "x" * 600, "\udce9", ":/m", "a*"],
)
def test_what_cannot_be_a_ref_is_refused_before_git_sees_it(repository, story, ref):
    source = GitSource(repository.path)

    assert fault(lambda: source.resolve(ref)).reference == "ref-invalid"
    assert fault(lambda: source.full_ref(ref)).reference == "ref-invalid"


def test_ids_that_are_none_are_no_commits(repository, story):
    source = GitSource(repository.path)
    for text in ("--all", "main", "", story[1][:10], story[1] + "\n", story[2], "0" * 40):
        bad = CommitId(text)
        assert fault(lambda bad=bad: source.tree(bad)).reference == "commit-missing"
        assert source.changed(bad, story[1]) is None
        assert source.is_ancestor(bad, story[1]) is False
    source.close()


def test_a_beginning_of_several_ids_is_ambiguous(repository):
    """Among 1,500 ids, some begin with the same four digits (these always do: nothing in them depends on the day)."""
    lines = [f"commit refs/heads/b{n}\ncommitter A <a> {1_700_000_000 + n} +0000\ndata 0\n" for n in range(1500)]
    repository.git("fast-import", "--quiet", data="".join(lines).encode())
    starts = [line[:4] for line in repository.git("for-each-ref", "--format=%(objectname)").split()]
    twice = next(start for start in starts if starts.count(start) > 1)
    source = GitSource(repository.path)

    assert f"{twice} is the beginning of several ids" in fault(lambda: source.resolve(twice)).message
    source.close()


def test_places_that_are_no_repository_are_named(tmp_path):
    RealRepository(tmp_path / "parent", "-q").commit({A: b"1"})
    (tmp_path / "parent" / "sub").mkdir()
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()

    def said(name: str) -> str:
        error = fault(lambda: GitSource(tmp_path / name).resolve("main"))
        return error.message.replace(str(tmp_path), "")

    assert [said("nothing"), said("empty"), said("file"), said("parent/sub")] == [
        "There is no folder /nothing.",
        "/empty is not a git repository.",
        "/file is not a git repository.",
        "/parent/sub is not a git repository itself, but a folder inside the repository /parent.",
    ]


def test_a_missing_and_an_old_git_are_told_apart(repository, story, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert fault(lambda: GitSource(repository.path).resolve("main")).reference == "git-missing"
    monkeypatch.undo()
    fake_git(tmp_path / "bin", monkeypatch, "echo git version 2.17.1; exit 0")
    error = fault(lambda: GitSource(repository.path).resolve("main"))

    assert (error.reference, error.message) == ("git-too-old", "This git is too old: git version 2.17.1.")
    assert "2.32" in error.hint


def test_a_git_that_disappears_later_is_missing_too(repository, story, tmp_path, monkeypatch):
    source = GitSource(repository.path)
    source.resolve("main")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))

    assert fault(lambda: source.tree(story[1])).reference == "git-missing"
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # then `env` starts git
    assert fault(lambda: source.tree(story[1])).reference == "git-missing"
    source.close()


def loose(repository: RealRepository, name: str) -> Path:
    path = repository.path / "objects" / name[:2] / name[2:]
    if not path.exists():
        packs = [pack.rename(repository.path / pack.name) for pack in (repository.path / "objects/pack").glob("*.pack")]
        for pack in packs:
            repository.git("unpack-objects", "-q", data=pack.read_bytes())
    path.chmod(0o644)
    return path


def test_damaged_objects_are_a_fault_and_not_a_vanished_file(repository, story):
    _, commit, blob = story
    tree = repository.git("rev-parse", f"{commit}^{{tree}}")
    for name, call in {
        blob: lambda source: source.blob(blob),
        tree: lambda source: source.tree(commit),
        commit: lambda source: source.tree(commit),
    }.items():
        loose(repository, name).write_bytes(b"this is not zlib")
        source = GitSource(repository.path)
        error = fault(lambda call=call, source=source: call(source))
        source.close()

        assert (error.reference, "is damaged: " in error.message, "fsck" in error.hint) == (
            "repository-unreadable",
            True,
            True,
        )


@pytest.mark.parametrize("damage", ["gone", "not zlib", "broken ref"])
def test_a_tag_does_not_stand_in_for_a_branch_that_cannot_be_read(repository, story, damage):
    repository.move_ref("refs/tags/main", story[0])
    path = loose(repository, story[1])
    if damage == "gone":
        path.unlink()
    elif damage == "not zlib":
        path.write_bytes(b"this is not zlib")
    else:
        (repository.path / "refs/heads/main").write_text("0123\n")
    source = GitSource(repository.path)
    errors = [fault(lambda: source.resolve("main")), fault(lambda: source.full_ref("refs/heads/main"))]
    source.close()

    assert all("is damaged: " in error.message for error in errors), [error.message for error in errors]


def test_a_base_of_which_only_parts_are_left_leads_to_a_full_comparison(repository, story):
    base, commit, _ = story
    loose(repository, repository.git("rev-parse", f"{base}^{{tree}}")).unlink()
    source = GitSource(repository.path)

    assert source.changed(base, commit) is None
    assert len(source.tree(commit)) == 1
    source.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(repository, story):
    repository.path.chmod(0)
    error = fault(lambda: GitSource(repository.path).resolve("main"))
    repository.path.chmod(0o700)

    assert str(repository.path) in error.message


def test_gitpython_is_not_imported_before_it_is_needed():
    """It costs 80 to 145 ms; `--help` must not pay them."""
    import subprocess

    code = "import sys; from qtisync.adapters.git_source import GitSource; GitSource('x'); print('git' in sys.modules)"
    root = Path(__file__).resolve().parents[2]

    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == "False"
