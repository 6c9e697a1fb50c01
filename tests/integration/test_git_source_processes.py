"""A git that hangs or dies: every wait ends, and no process and no descriptor is left."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.errors import RepositoryError
from qtisync.model import BlobId, CommitId, RepoPath

A = RepoPath("a.xml")
REFUSED = {"ls-tree": "tree", "diff-tree": "changed", "merge-base": "is_ancestor"}
"""What cannot be answered without this command. Authors can: whose work it is, is never worth a failed pass."""
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts what /proc shows")


@pytest.fixture
def repository(tmp_path: Path) -> RealRepository:
    return RealRepository(tmp_path / "content.git")


def fault(call: Callable[[], object]) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        call()
    assert caught.value.hint
    return caught.value


def children() -> set[int]:
    """Every process that we started, zombies included."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def alive(pid: int) -> bool:
    """Whether a process runs: it exists and is no zombie (in a container, perhaps nobody collects them)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def fake_git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a git on PATH that does ``script`` and then, if that has not ended it, what the real one does."""
    folder.mkdir()
    real = next(Path(part) / "git" for part in os.environ["PATH"].split(":") if (Path(part) / "git").exists())
    (folder / "git").write_text(f'#!/bin/sh\n{script}\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def everything(source: GitSource, base: CommitId, commit: CommitId, blob: BlobId) -> dict[str, Callable[[], object]]:
    return {
        "resolve": lambda: source.resolve("main"),
        "full_ref": lambda: source.full_ref("HEAD"),
        "tree": lambda: source.tree(commit),
        "changed": lambda: source.changed(base, commit),
        "is_ancestor": lambda: source.is_ancestor(base, commit),
        "blob": lambda: source.blob(blob),
        "few": lambda: list(source.blobs([blob], 9)),
        "many": lambda: list(source.blobs([blob] * 50, 9)),
        "last_touched": lambda: source.last_touched(base, commit, [A]),
    }


@pytest.fixture
def story(repository: RealRepository) -> tuple[CommitId, CommitId, BlobId]:
    base = repository.commit({A: b"1"})
    commit = repository.commit({A: b"2"})
    return base, commit, BlobId(repository.git("rev-parse", f"{commit}:{A}"))


@needs_proc
@pytest.mark.parametrize("hanging", ["version", "cat-file", "ls-tree", "diff-tree", "merge-base", "log"])
def test_a_git_that_hangs_is_ended_in_time_with_all_it_started(repository, story, tmp_path, monkeypatch, hanging):
    pids = tmp_path / "pids"
    fake_git(tmp_path / "bin", monkeypatch, f'[ "$1" = {hanging} ] && {{ sleep 61 & echo $! >> {pids}; wait; exit; }}')
    gc.collect()
    gc.collect()  # what an earlier test left to the collector is not ours
    before = children(), descriptors()

    def ask(name: str) -> tuple[str, str]:
        source = GitSource(repository.path, timeout=1.0)
        start = time.monotonic()
        try:
            everything(source, *story)[name]()
        except RepositoryError as exc:
            return (name, exc.message.partition(" in ")[0]) if time.monotonic() - start < 10 else (name, "late")
        finally:
            source.close()
        return name, "answered"

    names = everything(GitSource(repository.path), *story)
    with ThreadPoolExecutor(len(names)) as pool:
        answers = dict(pool.map(ask, names))
    gc.collect()

    assert children() == before[0]
    assert descriptors() <= before[1]  # what the collector closed meanwhile is no leak
    assert not [pid for pid in pids.read_text().split() if alive(int(pid))]
    refused = set(names) if hanging in {"version", "cat-file"} else {REFUSED.get(hanging)} - {None}
    assert answers == {
        name: f"git {hanging} did not answer within 1 s" if name in refused else "answered" for name in names
    }


@needs_proc
def test_after_a_timeout_the_next_question_starts_a_new_git(repository, story, tmp_path, monkeypatch):
    mark = tmp_path / "hang"
    mark.touch()
    fake_git(tmp_path / "bin", monkeypatch, f'[ "$1" = cat-file ] && [ -e {mark} ] && {{ sleep 61; exit; }}')
    source = GitSource(repository.path, timeout=0.5)
    assert fault(lambda: source.resolve("main")).reference == "git-timeout"
    mark.unlink()

    assert source.resolve("main") == story[1]
    source.close()


@needs_proc
def test_a_git_that_was_killed_meanwhile_is_started_again(repository, story):
    source = GitSource(repository.path)
    before = children()
    for _ in range(3):
        assert source.changed(*story[:2]) == [A]
        for child in children() - before:
            os.kill(child, signal.SIGKILL)

    assert source.blob(story[2]) == b"2"
    source.close()
    assert children() == before


@needs_proc
@pytest.mark.slow
def test_two_hundred_cycles_leave_no_process_and_no_descriptor(repository, story):
    GitSource(repository.path).resolve("main")
    gc.collect()
    gc.collect()  # what an earlier test left to the collector is not ours
    before = children(), descriptors()
    for number in range(200):
        source = GitSource(repository.path)
        assert source.resolve("main") == story[1]
        assert source.changed(*story[:2]) == [A]
        started = source.blobs([story[2]] * 50, 9)
        next(started)
        if number % 2:
            source.close()
        del source, started
    gc.collect()

    assert children() == before[0]
    assert descriptors() <= before[1]  # what the collector closed meanwhile is no leak


@needs_proc
def test_a_stream_of_blobs_that_is_left_early_ends_its_git(repository, story):
    source = GitSource(repository.path)
    before = children()
    stream = source.blobs([story[2]] * 5000, 9)
    next(stream)
    during = len(children() - before)
    stream.close()  # type: ignore[attr-defined]

    assert (during, children()) == (1, before)


def test_closing_ends_a_wait_of_another_thread(repository, story, tmp_path, monkeypatch):
    fake_git(tmp_path / "bin", monkeypatch, '[ "$1" = ls-tree ] && { sleep 61; exit; }')
    source = GitSource(repository.path)
    errors: list[RepositoryError] = []
    waiting = threading.Thread(target=lambda: errors.append(fault(lambda: source.tree(story[1]))))
    waiting.start()
    start = time.monotonic()
    while waiting.is_alive() and time.monotonic() - start < 20:
        time.sleep(0.1)
        source.close()
    waiting.join(0)

    assert "was ended by signal 9" in errors[0].message
