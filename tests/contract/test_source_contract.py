"""What every ``Source`` does: git itself, its twin in memory and, as far as it has no history, the working tree.

The working tree has one ref, whatever it is asked for, and no authors; it knows its newest snapshots only. What follows from that is tested in ``test_worktree``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_source import FakeSource
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.adapters.worktree import WorktreeSource
from qtisync.engine.ports import Source
from qtisync.errors import BlobMissingError, RepositoryError
from qtisync.model import BlobId, CommitId, CommitInfo, RepoPath, TooLarge, TreeEntry

A, B, C = RepoPath("a.xml"), RepoPath("b/b.xml"), RepoPath("b.xml")
NOWHERE = CommitId("1" * 40)


@dataclass(frozen=True)
class Bench:
    """A source and the verbs that change what it shows."""

    source: Source
    commit: Callable[..., CommitId]
    move_ref: Callable[[str, CommitId | None], None]
    forget: Callable[[CommitId], None]


class Tree:
    """A working tree with the verbs of a repository: a commit is what was written."""

    def __init__(self, path: Path) -> None:
        self.path = RealRepository(path, ".").path
        self.source = WorktreeSource(path, wall_clock=time.time)

    def commit(self, contents: Mapping[str, bytes | tuple[str, bytes] | None]) -> CommitId:
        for name, content in contents.items():
            path = self.path / name
            path.unlink(missing_ok=True)
            if content is None:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            mode, data = content if isinstance(content, tuple) else ("100644", content)
            if mode == "120000":
                path.symlink_to(data.decode())
                continue
            path.write_bytes(data)
            path.chmod(0o755 if mode == "100755" else 0o644)
        return self.source.resolve("HEAD")


@pytest.fixture(params=["memory", "git"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    yield from _bench(request.param, tmp_path)


@pytest.fixture(params=["memory", "git", "worktree"])
def snapshots(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Of those, too, that have no history."""
    yield from _bench(request.param, tmp_path)


def _bench(kind: str, tmp_path: Path) -> Iterator[Bench]:
    if kind == "worktree":
        tree = Tree(tmp_path / "content")
        yield Bench(tree.source, tree.commit, no_history, no_history)
        tree.source.close()
        return
    if kind == "memory":
        fake = FakeSource()
        yield Bench(fake, fake.commit, fake.move_ref, fake.forget)
        return
    real = RealRepository(tmp_path / "content.git")
    source = GitSource(real.path)
    yield Bench(source, real.commit, real.move_ref, real.forget)
    source.close()


def no_history(*_: object) -> None:
    raise AssertionError("a working tree has no history")


def blob_id(data: bytes) -> BlobId:
    return BlobId(hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest())


def fault(call: Callable[[], object]) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        call()
    return caught.value


def test_a_branch_is_followed_as_it_moves(bench):
    first = bench.commit({A: b"1"})
    seen = [bench.source.resolve("main")]
    second = bench.commit({A: b"2"})
    seen.append(bench.source.resolve("main"))
    bench.move_ref("main", first)
    seen.append(bench.source.resolve("main"))

    assert seen == [first, second, first]


def test_every_name_of_a_commit_is_understood(bench):
    commit = bench.commit({A: b"1"})
    bench.move_ref("refs/tags/v1", commit)
    names = ["main", "refs/heads/main", "heads/main", "HEAD", "v1", "refs/tags/v1", commit, commit[:10]]

    assert [bench.source.resolve(name) for name in names] == [commit] * len(names)
    assert [bench.source.full_ref(name) for name in names] == [
        *["refs/heads/main"] * 4,
        *["refs/tags/v1"] * 2,
        commit,
        commit[:10],
    ]


def test_a_tag_never_takes_the_place_of_a_branch_with_its_name(bench):
    old = bench.commit({A: b"1"})
    bench.move_ref("refs/tags/main", old)
    new = bench.commit({A: b"2"})

    assert (bench.source.resolve("main"), bench.source.full_ref("main")) == (new, "refs/heads/main")
    assert bench.source.resolve("refs/tags/main") == old


def test_a_branch_with_slashes_is_one_name(bench):
    bench.commit({A: b"1"})
    commit = bench.commit({A: b"2"}, branch="team/maths")

    assert (bench.source.resolve("team/maths"), bench.source.full_ref("team/maths")) == (
        commit,
        "refs/heads/team/maths",
    )


def test_an_unknown_ref_is_answered_with_the_branches_that_exist(bench):
    bench.commit({A: b"1"})
    bench.commit({A: b"2"}, branch="release")
    error = fault(lambda: bench.source.resolve("mian"))

    assert error.reference == "ref-unknown"
    assert error.message.startswith("There is no branch, tag or commit mian in ")
    assert "main" in error.hint
    assert "release" in error.hint


def test_a_repository_without_commits_says_so(bench):
    assert "has no commits yet" in fault(lambda: bench.source.resolve("main")).hint
    assert "has no commits yet" in fault(lambda: bench.source.full_ref("HEAD")).hint


def test_a_tree_lists_every_entry_by_path_with_mode_and_blob(snapshots):
    snapshots.commit({C: b"gone", A: b"1"})
    commit = snapshots.commit(
        {B: b"2", "b-b.xml": b"3", "ä ö.xml": ("100755", b"4"), "link": ("120000", b"a.xml"), C: None}
    )

    assert list(snapshots.source.tree(commit)) == [
        TreeEntry(A, "100644", blob_id(b"1")),
        TreeEntry(RepoPath("b-b.xml"), "100644", blob_id(b"3")),
        TreeEntry(B, "100644", blob_id(b"2")),
        TreeEntry(RepoPath("link"), "120000", blob_id(b"a.xml")),
        TreeEntry(RepoPath("ä ö.xml"), "100755", blob_id(b"4")),
    ]


def test_changed_paths_are_those_added_edited_removed_or_with_another_mode(snapshots):
    base = snapshots.commit({A: b"1", B: b"2", C: b"3", "same.xml": b"4", "x.xml": b"5"})
    snapshots.commit({A: b"between"})
    commit = snapshots.commit({A: b"new", B: None, C: ("100755", b"3"), "new.xml": b"6"})

    assert list(snapshots.source.changed(base, commit) or ()) == ["a.xml", "b.xml", "b/b.xml", "new.xml"]
    assert list(snapshots.source.changed(commit, base) or ()) == ["a.xml", "b.xml", "b/b.xml", "new.xml"]
    assert list(snapshots.source.changed(commit, commit) or ()) == []


def test_commits_with_the_same_tree_differ_in_nothing(snapshots):
    base = snapshots.commit({A: b"1"})
    snapshots.commit({A: b"2"})
    commit = snapshots.commit({A: b"1"})

    answer = snapshots.source.changed(base, commit)

    assert answer is not None
    assert list(answer) == []


def test_a_base_that_was_collected_has_no_difference_and_is_no_ancestor(bench):
    base = bench.commit({A: b"1"})
    lost = bench.commit({A: b"2"})
    assert list(bench.source.changed(base, lost) or ()) == [A]
    bench.move_ref("main", base)
    commit = bench.commit({A: b"3"})
    bench.forget(lost)

    assert bench.source.changed(lost, commit) is None
    assert bench.source.is_ancestor(lost, commit) is False
    assert bench.source.last_touched(lost, commit, [A]) == {A: CommitInfo(commit=commit, author="An Author")}
    with pytest.raises(BlobMissingError):
        bench.source.blob(blob_id(b"2"))


def test_a_commit_that_is_not_there_is_a_fault(snapshots):
    base = snapshots.commit({A: b"1"})
    source = snapshots.source
    calls = [
        lambda: source.tree(NOWHERE),
        lambda: source.changed(base, NOWHERE),
        lambda: source.entries(NOWHERE, [A]),
    ]

    assert {fault(call).reference for call in calls} == {"commit-missing"}


def test_the_history_of_a_commit_that_is_not_there_is_a_fault(bench):
    base = bench.commit({A: b"1"})

    calls = [
        lambda: bench.source.is_ancestor(base, NOWHERE),
        lambda: bench.source.last_touched(base, NOWHERE, [A]),
    ]

    assert {fault(call).reference for call in calls} == {"commit-missing"}


def test_single_files_of_a_commit_are_looked_up_by_their_paths(snapshots):
    commit = snapshots.commit({A: b"1", B: b"2", C: b"3"})

    assert list(snapshots.source.entries(commit, [C, B, RepoPath("b/none.xml"), RepoPath("b")])) == [
        TreeEntry(C, "100644", blob_id(b"3")),
        TreeEntry(B, "100644", blob_id(b"2")),
    ]


def test_ancestry_follows_history_and_ends_with_a_rewrite(bench):
    first = bench.commit({A: b"1"})
    second = bench.commit({A: b"2"})
    bench.move_ref("main", first)
    other = bench.commit({A: b"3"})
    ask = bench.source.is_ancestor

    assert [ask(first, second), ask(first, first), ask(second, first), ask(second, other), ask(NOWHERE, other)] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("count", [3, 500])
def test_blobs_come_in_the_order_asked_for_and_large_ones_by_size_only(snapshots, count):
    small = [bytes([n % 251]) * (n * 7 % 900) for n in range(count)]
    large = b"x" * 1_000_001
    snapshots.commit({f"{n}.xml": data for n, data in enumerate([*small, large])})
    expected = [(blob_id(data), data) for data in reversed(small)]
    expected.insert(1, (blob_id(large), TooLarge(len(large))))

    assert list(snapshots.source.blobs((name for name, _ in expected), 899)) == expected
    assert list(snapshots.source.blobs([], 10)) == []


@pytest.mark.parametrize("count", [1, 40])
def test_a_blob_that_is_not_there_is_missing_wherever_it_is_asked_for(snapshots, count):
    snapshots.commit({f"{n}": str(n).encode() for n in range(count)})
    wanted = [*(blob_id(str(n).encode()) for n in range(count)), BlobId("2" * 40)]
    found = snapshots.source.blobs(wanted, 100)

    assert [next(found)[1] for _ in range(count)] == [str(n).encode() for n in range(count)]
    with pytest.raises(BlobMissingError):
        next(found)
    with pytest.raises(BlobMissingError):
        snapshots.source.blob(BlobId("2" * 40))
    assert snapshots.source.blob(wanted[0]) == b"0"


def test_whoever_touched_a_path_last_in_the_range_is_named(bench):
    base = bench.commit({A: b"1", B: b"1", C: b"1"}, author="Ann")
    bench.commit({A: b"2"}, author="Bob")
    removed = bench.commit({C: None}, author="Çelik Dürr")
    newest = bench.commit({A: b"3"}, author="Dora")

    assert bench.source.last_touched(base, newest, [A, B, C]) == {
        A: CommitInfo(commit=newest, author="Dora"),
        C: CommitInfo(commit=removed, author="Çelik Dürr"),
    }
    assert bench.source.last_touched(None, newest, [A, B, RepoPath("never.xml")]) == {
        A: CommitInfo(commit=newest, author="Dora"),
        B: CommitInfo(commit=base, author="Ann"),
    }
    assert bench.source.last_touched(base, newest, []) == {}


def test_it_can_be_used_after_it_was_closed(snapshots):
    commit = snapshots.commit({A: b"1"})
    snapshots.source.close()
    before = snapshots.source.resolve("main")
    snapshots.source.close()
    snapshots.source.close()

    assert (before, snapshots.source.blob(blob_id(b"1"))) == (commit, b"1")


def test_threads_may_share_it(snapshots):
    contents = {f"{n}.xml": f"content {n}".encode() * n for n in range(60)}
    commit = snapshots.commit(contents)
    wanted = {blob_id(data): data for data in contents.values()}

    def work(number: int) -> bool:
        one = list(wanted)[number % len(wanted)]
        return (
            snapshots.source.blob(one) == wanted[one]
            and snapshots.source.resolve("main") == commit
            and dict(snapshots.source.blobs(wanted, 10_000)) == wanted
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))
