"""Refs of real repositories, watched by the real kernel."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_repository import RealRepository
from watching import Bell, Health, Narrow

from qtisync.adapters.watch_words import OVERFLOWED
from qtisync.adapters.watcher import RefWatcher


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def watch(bell: Bell) -> Iterator[Callable[..., RefWatcher]]:
    started: list[RefWatcher] = []

    def start(path: Path, *arguments: object, **options: object) -> RefWatcher:
        watcher = RefWatcher(path, bell.ring, *arguments, **options)
        watcher.start()
        started.append(watcher)
        return watcher

    yield start
    for watcher in started:
        watcher.close()
    assert not [thread for thread in threading.enumerate() if type(thread).__name__ == "InotifyFD"]


@pytest.fixture
def bare(tmp_path: Path) -> RealRepository:
    repository = RealRepository(tmp_path / "content.git")
    repository.commit({"a.xml": b"1"})
    return repository


@pytest.fixture
def checkout(tmp_path: Path, bare: RealRepository) -> RealRepository:
    bare.git("clone", "-q", str(bare.path), str(tmp_path / "checkout"))
    return RealRepository(tmp_path / "checkout", ".")


def commit(repository: RealRepository, text: str) -> None:
    (repository.path / "a.xml").write_text(text)
    repository.git("commit", "-q", "-a", "-m", text)


def test_a_push_into_a_bare_repository_rings(bare, checkout, bell, watch):
    watcher = watch(bare.path)
    commit(checkout, "2")

    assert bell.rings_for(lambda: checkout.git("push", "-q"))
    assert watcher.degraded == ()


def test_a_commit_in_an_ordinary_repository_rings(checkout, bell, watch):
    watch(checkout.path)

    assert bell.rings_for(lambda: commit(checkout, "2"))


def test_an_edit_that_is_not_committed_rings_nothing(checkout, bell, watch):
    watch(checkout.path)

    assert bell.is_silent_for(lambda: (checkout.path / "a.xml").write_text("2"))
    assert bell.is_silent_for(lambda: checkout.git("add", "a.xml"))


@pytest.mark.parametrize("place", [".git", "."])
def test_the_git_folder_may_be_named_itself(checkout, bell, watch, place):
    watch(checkout.path / place)

    assert bell.rings_for(lambda: commit(checkout, "2"))


def test_a_linked_worktree_rings_for_its_head_and_for_every_branch(tmp_path, checkout, bell, watch):
    checkout.git("worktree", "add", "-q", "-b", "linked", str(tmp_path / "linked"))
    linked = RealRepository(tmp_path / "linked", ".")
    watch(linked.path)

    assert bell.rings_for(lambda: commit(linked, "2"))
    assert bell.rings_for(lambda: commit(checkout, "3"))
    assert bell.rings_for(lambda: linked.git("checkout", "-q", "-b", "other"))


def test_a_submodule_rings_for_its_own_refs(tmp_path, bare, checkout, bell, watch):
    checkout.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(bare.path), "inner")
    inner = RealRepository(checkout.path / "inner", ".")
    watch(inner.path)

    assert bell.rings_for(lambda: commit(inner, "2"))


def test_refs_that_are_packed_and_pushed_again_ring(bare, checkout, bell, watch):
    watch(bare.path)

    assert bell.rings_for(lambda: bare.git("pack-refs", "--all", "--prune"))
    commit(checkout, "2")
    assert bell.rings_for(lambda: checkout.git("push", "-q"))
    assert bell.rings_for(lambda: bare.git("update-ref", "-d", "refs/heads/main"))


def test_branches_in_new_folders_ring_when_they_come_move_and_go(bare, bell, watch):
    first = bare.git("rev-parse", "main")
    second = bare.commit({"a.xml": b"2"})
    watch(bare.path)

    assert bell.rings_for(lambda: bare.move_ref("team/maths/algebra", first))
    assert bell.rings_for(lambda: bare.move_ref("team/maths/algebra", second))
    assert bell.rings_for(lambda: bare.move_ref("team/maths/algebra", None))
    assert bell.rings_for(lambda: bare.move_ref("team/maths/algebra", first))


def test_head_that_points_to_another_branch_rings(bare, bell, watch):
    watch(bare.path)

    assert bell.rings_for(lambda: bare.git("symbolic-ref", "HEAD", "refs/heads/other"))


def test_refs_replaced_by_a_rename_are_watched_as_before(tmp_path, bare, bell, watch):
    watcher = watch(bare.path)
    refs = bare.path / "refs"
    shutil.copytree(refs, tmp_path / "new")

    def replace() -> None:
        refs.rename(tmp_path / "old")
        (tmp_path / "new").rename(refs)

    assert bell.rings_for(replace)
    assert bell.rings_for(lambda: bare.commit({"a.xml": b"2"}))
    assert bell.is_silent_for(lambda: (tmp_path / "old/heads/main").write_text("1"))
    assert watcher.degraded == ()


def test_a_namespace_that_is_moved_is_watched_under_its_new_name(bare, bell, watch):
    bare.move_ref("team/a", bare.git("rev-parse", "main"))
    watch(bare.path)
    heads = bare.path / "refs/heads"

    assert bell.rings_for(lambda: (heads / "team").rename(heads / "group"))
    assert bell.rings_for(lambda: bare.move_ref("group/b", bare.git("rev-parse", "main")))


def test_a_repository_that_is_deleted_and_made_again_is_found_by_the_next_poll(bare, bell, watch):
    health = Health()
    watcher = watch(bare.path, health)

    assert bell.rings_for(lambda: shutil.rmtree(bare.path))
    lost = (f"{bare.path} is not there: changes are noticed by polling only, until it is back.",)
    assert health.becomes(1) == [lost]
    watcher.revive()
    assert watcher.degraded == lost
    again = RealRepository(bare.path)
    assert bell.rings_for(watcher.revive)
    assert bell.rings_for(lambda: again.commit({"a.xml": b"1"}))
    assert health.becomes(2) == [lost, ()]


def test_a_repository_that_is_replaced_above_is_found_by_the_next_poll(tmp_path, bare, bell, watch):
    (tmp_path / "current").symlink_to(bare.path)
    watcher = watch(tmp_path / "current")
    other = RealRepository(tmp_path / "other.git")
    (tmp_path / "link").symlink_to(other.path)
    (tmp_path / "link").replace(tmp_path / "current")

    assert bell.rings_for(watcher.revive)
    assert bell.rings_for(lambda: other.commit({"a.xml": b"1"}))
    assert bell.is_silent_for(watcher.revive)


def test_a_repository_that_is_not_there_yet_is_awaited(tmp_path, bell, watch):
    watcher = watch(tmp_path / "late.git")
    assert [words.split(" is not")[0] for words in watcher.degraded] == [str(tmp_path / "late.git")]
    late = RealRepository(tmp_path / "late.git")

    assert bell.rings_for(watcher.revive)
    assert bell.rings_for(lambda: late.commit({"a.xml": b"1"}))
    assert watcher.degraded == ()


def test_tables_of_a_reftable_repository_ring_and_their_drafts_do_not(bare, bell, watch):
    tables = bare.path / "reftable"
    tables.mkdir()
    watch(bare.path)

    assert bell.is_silent_for(lambda: (tables / "0x01-0x02.ref").write_text("table"))
    assert bell.is_silent_for(lambda: (tables / "tables.list.lock").write_text("0x01-0x02.ref"))
    assert bell.rings_for(lambda: (tables / "tables.list.lock").rename(tables / "tables.list"))


def test_objects_are_not_watched(bare, bell, watch):
    watch(bare.path)

    assert bell.is_silent_for(lambda: bare.git("hash-object", "-w", "--stdin", data=b"content"))
    assert bell.is_silent_for(lambda: (bare.path / "FETCH_HEAD").write_text("x"))


def test_without_a_watcher_of_the_kernel_it_polls_until_there_is_one(bare, bell, watch):
    health = Health()
    kernel = Narrow(opens=False)
    watcher = watch(bare.path, health, open_kernel=kernel.open)
    degraded = watcher.degraded

    assert "sysctl fs.inotify.max_user_instances=1024" in degraded[0]
    assert bell.is_silent_for(lambda: bare.commit({"a.xml": b"2"}))
    watcher.revive()
    assert watcher.degraded == degraded
    kernel.opens = True
    assert bell.rings_for(watcher.revive)
    assert bell.rings_for(lambda: bare.commit({"a.xml": b"3"}))
    assert health.told == [degraded, ()]


def test_at_the_limit_of_watches_it_says_so_and_watches_what_it_can(bare, bell, watch):
    kernel = Narrow(limit=1)
    watcher = watch(bare.path, open_kernel=kernel.open)

    assert "sysctl fs.inotify.max_user_watches=524288" in watcher.degraded[0]
    assert bell.rings_for(lambda: bare.git("pack-refs", "--all"))
    kernel.limit = None
    assert bell.rings_for(watcher.revive)
    assert (watcher.degraded, bell.rings_for(lambda: bare.move_ref("x", bare.git("rev-parse", "main")))) == ((), True)


def test_the_limit_that_is_reached_by_a_new_folder_is_told_too(bare, bell, watch):
    health = Health()
    kernel = Narrow()
    watch(bare.path, health, open_kernel=kernel.open)
    kernel.limit = len(kernel.opened[0].watches)

    assert bell.rings_for(lambda: bare.move_ref("team/a", bare.git("rev-parse", "main")))
    assert "sysctl fs.inotify.max_user_watches=524288" in health.becomes(1)[0][0]


def test_a_lost_event_is_told_for_a_while_and_folders_that_came_meanwhile_are_found(bare, bell, watch):
    health = Health()
    kernel = Narrow()
    watcher = watch(bare.path, health, open_kernel=kernel.open)
    assert kernel.listener is not None

    assert bell.rings_for(kernel.listener.overflowed)
    assert watcher.degraded == (OVERFLOWED,)
    watcher.revive()
    assert watcher.degraded == (OVERFLOWED,)
    watcher.revive()
    assert health.told == [(OVERFLOWED,), ()]


def test_events_that_the_kernel_drops_because_nobody_reads_them_are_noticed(bare):
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 50_000:
        pytest.skip(f"{limit} events would have to be made")
    health, first, on = Health(), threading.Event(), threading.Event()

    def ring() -> None:
        first.set()
        on.wait(60)

    watcher = RefWatcher(bare.path, ring, health)
    watcher.start()
    here, there = bare.path / "refs/heads/main", bare.path / "refs/heads/niam"
    for _ in range(limit // 2 + 1_000):  # each is two events
        here.rename(there)
        here, there = there, here
        assert first.wait(20)
    on.set()

    assert health.becomes(1) == [(OVERFLOWED,)]
    watcher.close()


def test_a_reader_of_events_that_died_is_replaced(bare, bell, watch):
    kernel = Narrow()
    watcher = watch(bare.path, open_kernel=kernel.open)
    kernel.opened[0].inner.close()

    assert bell.rings_for(watcher.revive)
    assert bell.rings_for(lambda: bare.commit({"a.xml": b"2"}))
    assert (len(kernel.opened), watcher.degraded) == (2, ())


def test_a_folder_that_may_not_be_read_is_told(bare, bell, watch):
    if os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    closed = bare.path / "refs/heads"
    closed.chmod(0)
    try:
        watcher = watch(bare.path)
        assert watcher.degraded[0].startswith(f"{closed} may not be watched")
    finally:
        closed.chmod(0o755)
    assert bell.rings_for(watcher.revive)
    assert watcher.degraded == ()


def test_it_can_be_closed_twice_and_rings_no_more(bare, bell, watch):
    watcher = watch(bare.path)
    watcher.close()
    watcher.close()

    assert bell.is_silent_for(lambda: bare.commit({"a.xml": b"2"}))
    watcher.revive()
    watcher.start()
    assert bell.is_silent_for(lambda: bare.commit({"a.xml": b"3"}))


def test_it_leaves_no_descriptor_behind(bare, watch):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        watch(bare.path).close()

    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_ring_may_close_it(bare):
    closed = threading.Event()

    def ring() -> None:
        watcher.close()
        closed.set()

    watcher = RefWatcher(bare.path, ring)
    watcher.start()
    bare.commit({"a.xml": b"2"})

    assert closed.wait(20)
