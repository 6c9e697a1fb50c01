"""A working tree, watched by the real kernel while editors and git work in it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from editors import EDITORS
from real_repository import RealRepository
from watching import Bell, Follower, Health, Narrow

from qtisync.adapters.watch_words import OVERFLOWED
from qtisync.adapters.watcher import WorktreeWatcher
from qtisync.adapters.worktree import WorktreeSource

IGNORED = "*.log\nbuild/\n"


@pytest.fixture
def tree(tmp_path: Path) -> RealRepository:
    repository = RealRepository(tmp_path / "content", ".")
    for name, text in {".gitignore": IGNORED, "a.xml": "old\n", "items/q.xml": "old\n"}.items():
        (repository.path / name).parent.mkdir(exist_ok=True)
        (repository.path / name).write_text(text)
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "m")
    (repository.path / "build/deep").mkdir(parents=True)
    (repository.path / "build/deep/x.xml").write_text("x")
    return repository


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def watch(tree: RealRepository, bell: Bell) -> Iterator[Callable[..., WorktreeWatcher]]:
    started: list[WorktreeWatcher] = []

    def start(*arguments: object, **options: object) -> WorktreeWatcher:
        watcher = WorktreeWatcher(tree.path, bell.ring, *arguments, **options)
        watcher.start()
        assert watcher.degraded == () or options
        started.append(watcher)
        return watcher

    yield start
    for watcher in started:
        watcher.close()


@pytest.fixture
def follower(tree: RealRepository) -> Iterator[Follower]:
    source = WorktreeSource(tree.path, wall_clock=time.time)
    made = Follower(lambda: source.resolve(""))
    yield made
    made.close()
    source.close()


@pytest.mark.parametrize("save", EDITORS.values(), ids=EDITORS)
def test_every_way_to_save_ends_as_one_desired_state(tree, follower, save):
    watcher = WorktreeWatcher(tree.path, follower.ring)
    watcher.start()
    save(tree.path / "items/q.xml", "new text\n")
    expected = WorktreeSource(tree.path, wall_clock=time.time)

    assert follower.settles_at(expected.resolve(""))
    assert expected.blob(expected.entries(follower.seen, ["items/q.xml"])[0].blob) == b"new text\n"
    watcher.close()


def test_new_files_and_folders_deletions_and_moves_ring(tree, bell, watch):
    watch()
    (tree.path / "items/deep").mkdir()

    assert bell.rings_for(lambda: (tree.path / "items/deep/new.xml").write_text("1"))
    assert bell.rings_for(lambda: (tree.path / "items").rename(tree.path / "moved"))
    assert bell.rings_for(lambda: (tree.path / "moved/deep/new.xml").write_text("2"))
    assert bell.rings_for((tree.path / "a.xml").unlink)
    assert bell.rings_for(lambda: shutil.rmtree(tree.path / "moved"))


def test_files_that_need_no_writing_ring_too(tree, bell, watch, tmp_path):
    watch()
    (tmp_path / "elsewhere").write_text("1")

    assert bell.rings_for(lambda: (tree.path / "hard.xml").hardlink_to(tmp_path / "elsewhere"))
    assert bell.rings_for(lambda: (tree.path / "soft.xml").symlink_to("a.xml"))


def test_ignored_folders_droppings_and_git_itself_ring_nothing(tree, bell, watch):
    watch()

    assert bell.is_silent_for(lambda: (tree.path / "build/deep/x.xml").write_text("2"))
    assert bell.is_silent_for(lambda: (tree.path / ".a.xml.swp").write_text("2"))
    assert bell.is_silent_for((tree.path / "4913").touch)
    assert bell.is_silent_for(lambda: tree.git("hash-object", "-w", "--stdin", data=b"x"))
    assert bell.is_silent_for(lambda: tree.git("update-ref", "refs/heads/x", "HEAD"))


def test_what_git_is_told_to_list_rings(tree, bell, watch):
    watch()

    assert bell.rings_for(lambda: tree.git("add", "-f", "build/deep/x.xml"))
    assert bell.rings_for(lambda: (tree.path / ".git/info/exclude").write_text("items/\n"))


def test_rules_of_what_is_ignored_are_read_again_at_a_poll(tree, bell, watch):
    watcher = watch()

    assert bell.rings_for(lambda: (tree.path / ".gitignore").write_text("items/\n"))
    assert bell.rings_for(watcher.revive)
    assert bell.rings_for(lambda: (tree.path / "build/deep/x.xml").write_text("2"))


def test_an_ignored_folder_that_is_new_is_let_go_of_at_a_poll(tree, bell, watch):
    shutil.rmtree(tree.path / "build")
    kernel = Narrow()
    watcher = watch(open_kernel=kernel.open)
    before = len(kernel.opened[0].watches)
    assert bell.rings_for(lambda: (tree.path / "build/a/b").mkdir(parents=True))
    assert bell.rings_for(watcher.revive)

    assert len(kernel.opened[0].watches) == before
    assert bell.is_silent_for(watcher.revive)


def test_repositories_inside_are_not_watched(tree, bell, watch):
    inner = RealRepository(tree.path / "inner", ".")
    watch()

    assert bell.is_silent_for(lambda: (inner.path / "a.xml").write_text("1"))


def test_a_checkout_rings_when_it_is_done(tree, bell, watch):
    lock = tree.path / ".git/index.lock"
    watch()

    assert bell.is_silent_for(lock.touch)
    assert bell.is_silent_for(lambda: (tree.path / "a.xml").write_text("checked out"))
    assert bell.is_silent_for((tree.path / "new").mkdir)
    assert bell.rings_for(lambda: lock.rename(tree.path / ".git/index"))
    assert bell.rings_for(lambda: (tree.path / "new/b.xml").write_text("edited"))


def test_a_git_that_was_killed_is_waited_for_until_the_next_poll(tree, bell, watch):
    watcher = watch()
    (tree.path / ".git/index.lock").touch()
    assert bell.is_silent_for(lambda: (tree.path / "a.xml").write_text("2"))
    watcher.revive()

    assert bell.rings_for(lambda: (tree.path / "a.xml").write_text("3"))


def test_a_git_that_gives_up_rings(tree, bell, watch):
    watch()
    lock = tree.path / ".git/index.lock"
    lock.touch()

    assert bell.rings_for(lock.unlink)


@pytest.mark.slow
def test_thousands_of_files_checked_out_at_once_are_all_seen_in_a_few_looks(tree, follower):
    for number in range(2_500):
        path = tree.path / f"f{number // 40}/{number}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{number}")
    tree.git("add", "-A")
    tree.git("commit", "-q", "-m", "all")
    tree.git("checkout", "-q", "HEAD~")
    watcher = WorktreeWatcher(tree.path, follower.ring)
    watcher.start()
    before = follower.looks
    tree.git("checkout", "-q", "main")
    expected = WorktreeSource(tree.path, wall_clock=time.time)

    assert follower.settles_at(expected.resolve(""))
    assert len(expected.tree(follower.seen)) == 2_503
    assert follower.looks - before <= 3  # this one waits for no quiet moment
    assert watcher.degraded in ((), (OVERFLOWED,))
    watcher.close()


def test_what_a_lost_event_told_is_found(tree, bell, watch):
    kernel = Narrow()
    health = Health()
    watch(health, open_kernel=kernel.open)

    assert bell.rings_for(kernel.listener.overflowed)
    assert health.told == [(OVERFLOWED,)]
    assert bell.rings_for(lambda: (tree.path / "items/q.xml").write_text("2"))


def test_the_limit_of_watches_is_told(tree, watch):
    kernel = Narrow(limit=2)
    watcher = watch(open_kernel=kernel.open)

    assert "sysctl fs.inotify.max_user_watches=524288" in watcher.degraded[0]


def test_a_bare_repository_has_nothing_to_watch(tmp_path, bell):
    watcher = WorktreeWatcher(RealRepository(tmp_path / "bare.git").path, bell.ring)
    watcher.start()

    assert watcher.degraded == (
        f"{tmp_path / 'bare.git'} cannot be watched (it has no working tree): changes are noticed by polling only.",
    )
    watcher.close()


def test_a_linked_worktree_is_watched_with_its_own_index(tree, tmp_path, bell):
    tree.git("worktree", "add", "-q", "-b", "linked", str(tmp_path / "linked"))
    linked = RealRepository(tmp_path / "linked", ".")
    watcher = WorktreeWatcher(linked.path, bell.ring)
    watcher.start()

    assert bell.rings_for(lambda: (linked.path / "a.xml").write_text("2"))
    assert bell.rings_for(lambda: linked.git("add", "a.xml"))
    watcher.close()
