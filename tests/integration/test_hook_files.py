"""Hooks of a real repository: what is there is kept, every change is one step, nothing is left behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from real_repository import RealRepository

from qtisync.adapters import hook_files
from qtisync.adapters.hook_files import hook_file, hook_state, hooks_folder, install_hook, uninstall_hook
from qtisync.adapters.hook_script import hook_script, previous_name
from qtisync.errors import RepositoryError

KIND = "post-receive"
OLD = b"#!/bin/sh\n# \xff an old hook without a line break at its end\necho old"


@pytest.fixture
def repository(tmp_path: Path) -> RealRepository:
    return RealRepository(tmp_path / "with space" / "content.git")


@pytest.fixture
def folder(repository: RealRepository) -> Path:
    return hooks_folder(repository.path)


def a_script(program: str = "/bin/true", wait: str = "5") -> str:
    return hook_script(KIND, (program,), ["--config", "/c.yaml", "--wait", wait])


def refusal(call: Callable[[], object]) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        call()
    assert caught.value.hint
    return caught.value


def tree(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Every file with its mode, and every link with its target."""
    return {
        path.relative_to(folder).as_posix(): (
            path.lstat().st_mode,
            str(path.readlink()) if path.is_symlink() else path.read_bytes(),
        )
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    }


def run_hook(file: Path, data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(file), *arguments], input=data, capture_output=True, check=False)


def recorder(file: Path, code: int = 0) -> Path:
    """A program that writes down its input and its arguments."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'#!/bin/sh\necho "$@" > "$0.arguments"\ncat > "$0.input"\nexit {code}\n')
    file.chmod(0o755)
    return file


def test_install_and_uninstall_leave_an_empty_folder_as_it_was(repository, folder):
    before = tree(repository.path)

    assert install_hook(folder, KIND, a_script())
    assert hook_state(folder, KIND).ours
    assert (folder / KIND).stat().st_mode & 0o777 == 0o755
    assert uninstall_hook(folder, KIND)
    assert tree(repository.path) == before


@pytest.mark.parametrize("shape", ["executable", "not executable", "relative link", "dangling link"])
def test_hook_that_was_there_comes_back_byte_for_byte(folder, shape):
    folder.mkdir(exist_ok=True)
    if shape.endswith("link"):
        (folder / "real").write_bytes(OLD)
        (folder / "real").chmod(0o755)
        (folder / KIND).symlink_to("real" if shape == "relative link" else "nowhere")
    else:
        (folder / KIND).write_bytes(OLD)
        (folder / KIND).chmod(0o741 if shape == "executable" else 0o640)
    before = tree(folder)
    install_hook(folder, KIND, a_script())
    assert hook_state(folder, KIND).previous == folder / previous_name(KIND)
    uninstall_hook(folder, KIND)

    assert tree(folder) == before


def test_second_installation_changes_nothing_and_other_options_replace_it(folder):
    folder.mkdir(exist_ok=True)
    (folder / KIND).write_bytes(OLD)
    (folder / KIND).chmod(0o755)
    original = tree(folder)
    install_hook(folder, KIND, a_script())
    before = tree(folder)

    assert install_hook(folder, KIND, a_script()) is False
    assert tree(folder) == before
    assert install_hook(folder, KIND, a_script(wait="9")) is True
    assert hook_state(folder, KIND).command[-1] == "9"
    uninstall_hook(folder, KIND)
    assert tree(folder) == original


def test_previous_hook_runs_first_with_the_same_input_and_arguments_and_its_code_counts(folder, tmp_path):
    ours = recorder(tmp_path / "it's ours")
    recorder(folder / KIND, code=3)
    install_hook(folder, KIND, a_script(str(ours)))
    lines = b"0 1 refs/heads/main\n1 2 refs/heads/\xff $(touch x) `y`\n"
    done = run_hook(folder / KIND, lines, "an argument", "two")

    previous = folder / previous_name(KIND)
    assert done.returncode == 3
    assert previous.with_name(f"{previous.name}.input").read_bytes() == lines
    assert previous.with_name(f"{previous.name}.arguments").read_bytes() == b"an argument two\n"
    assert Path(f"{ours}.input").read_bytes() == lines
    assert Path(f"{ours}.arguments").read_text() == f"hook {KIND} --config /c.yaml --wait 5\n"


@pytest.mark.parametrize(("code", "passes"), [(0, True), (9, False), (1, True), (70, True), (127, True)])
def test_only_a_verdict_refuses_a_push_not_a_check_that_did_not_run(folder, tmp_path, code, passes):
    script = hook_script("pre-receive", (str(recorder(tmp_path / "ours", code)),), [])
    install_hook(folder, "pre-receive", script)
    done = run_hook(folder / "pre-receive", b"0 1 refs/heads/main\n")

    assert (done.returncode == 0) is passes
    assert (b"passes unchecked" in done.stdout) is (code not in {0, 9})


def test_refusal_of_the_previous_hook_stands_and_ours_is_not_asked(folder, tmp_path):
    recorder(folder / "pre-receive", code=4)
    ours = recorder(tmp_path / "ours")
    install_hook(folder, "pre-receive", hook_script("pre-receive", (str(ours),), []))

    assert run_hook(folder / "pre-receive", b"0 1 r\n").returncode == 4
    assert not Path(f"{ours}.input").exists()


@pytest.mark.parametrize("kind", ["post-receive", "pre-receive"])
def test_qtisync_that_is_gone_fails_no_push(folder, kind):
    install_hook(folder, kind, hook_script(kind, ("/nowhere/qtisync",), []))
    done = run_hook(folder / kind, b"0 1 r\n")

    assert done.returncode == 0
    assert b"qtisync: /nowhere/qtisync is gone" in done.stdout


def test_hook_of_a_forge_that_runs_a_folder_is_left_alone(folder):
    folder.mkdir(exist_ok=True)
    (folder / f"{KIND}.d").mkdir()
    dispatcher = b'#!/bin/sh\nfor hook in "$GIT_DIR/hooks/post-receive.d/"*; do "$hook"; done\n'
    (folder / KIND).write_bytes(dispatcher)
    before = tree(folder)
    install_hook(folder, KIND, a_script())

    assert (folder / KIND).read_bytes() == dispatcher
    assert hook_file(folder, KIND) == folder / f"{KIND}.d" / "qtisync"
    assert hook_state(folder, KIND).ours
    uninstall_hook(folder, KIND)
    assert tree(folder) == before


def test_our_hook_that_somebody_replaced_is_not_taken_for_ours(folder):
    folder.mkdir(exist_ok=True)
    (folder / KIND).write_bytes(OLD)
    install_hook(folder, KIND, a_script())
    (folder / KIND).unlink()
    (folder / KIND).write_bytes(b"#!/bin/sh\necho foreign\n")

    assert uninstall_hook(folder, KIND) is False
    assert refusal(lambda: install_hook(folder, KIND, a_script())).reference == "hook-foreign"
    assert (folder / KIND).read_bytes() == b"#!/bin/sh\necho foreign\n"
    assert (folder / previous_name(KIND)).read_bytes() == OLD


def test_installation_that_is_killed_half_way_is_taken_up_or_undone(folder, monkeypatch):
    folder.mkdir(exist_ok=True)
    (folder / KIND).write_bytes(OLD)
    before = tree(folder)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for finish in (lambda: install_hook(folder, KIND, a_script()), lambda: False):
        with monkeypatch.context() as patched:
            patched.setattr(hook_files, "_put", killed)
            with pytest.raises(KeyboardInterrupt):
                install_hook(folder, KIND, a_script())
        assert (folder / KIND).read_bytes() == OLD
        finish()
        uninstall_hook(folder, KIND)
        assert tree(folder) == before


def test_hooks_path_of_the_repository_is_respected(repository):
    repository.git("config", "core.hooksPath", "my hooks")
    assert hooks_folder(repository.path) == repository.path / "my hooks"
    repository.git("config", "core.hooksPath", "/srv/hooks")
    assert hooks_folder(repository.path) == Path("/srv/hooks")


def test_hooks_path_of_the_user_is_reported_and_not_written_to(repository, tmp_path, monkeypatch):
    (tmp_path / ".gitconfig").write_text("[core]\nhooksPath = /srv/all\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    error = refusal(lambda: hooks_folder(repository.path))

    assert (error.reference, "/srv/all" in error.message) == ("hooks-path", True)
    repository.git("config", "core.hooksPath", "hooks")
    assert hooks_folder(repository.path) == repository.path / "hooks"


def test_checkout_and_linked_worktree_have_the_hooks_of_their_git_folder(tmp_path):
    checkout = RealRepository(tmp_path / "checkout", "-q")
    checkout.commit({"a.xml": b"1"})
    checkout.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "main")

    assert hooks_folder(tmp_path / "checkout") == tmp_path / "checkout/.git/hooks"
    assert hooks_folder(tmp_path / "linked") == tmp_path / "checkout/.git/hooks"


def test_folder_that_is_no_repository_has_words(tmp_path):
    assert "is not a git repository" in refusal(lambda: hooks_folder(tmp_path)).message


def test_folder_that_cannot_be_written_has_words(repository, tmp_path):
    (tmp_path / "file").write_text("")

    assert refusal(lambda: install_hook(tmp_path / "file", KIND, a_script())).reference == "hooks-not-writable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_folder_of_somebody_else_has_words_and_stays_as_it_is(folder):
    folder.mkdir(exist_ok=True)
    folder.chmod(0o555)
    try:
        assert refusal(lambda: install_hook(folder, KIND, a_script())).reference == "hooks-not-writable"
        assert tree(folder) == {}
    finally:
        folder.chmod(0o755)
