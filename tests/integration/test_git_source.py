"""What only a real git can show; what every source does is in ``contract/test_source_contract.py``."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_repository import RealRepository

from qtisync.adapters import git_history
from qtisync.adapters.git_child import GitChild
from qtisync.adapters.git_source import GitSource
from qtisync.errors import RepositoryError
from qtisync.model import BlobId, CommitId, CommitInfo, RepoPath, TooLarge, TreeEntry

Open = Callable[[Path], GitSource]


@pytest.fixture
def opened() -> Iterator[Open]:
    sources: list[GitSource] = []

    def open_(path: Path) -> GitSource:
        sources.append(GitSource(path))
        return sources[-1]

    yield open_
    for source in sources:
        source.close()


@pytest.fixture
def repository(tmp_path: Path) -> RealRepository:
    return RealRepository(tmp_path / "content.git")


def fault(call: Callable[[], object]) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        call()
    return caught.value


def test_every_shape_of_a_local_repository_can_be_read(tmp_path, opened):
    checkout = RealRepository(tmp_path / "checkout", "-q")
    commit = checkout.commit({"a.xml": b"1"})
    checkout.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    checkout.git("clone", "-q", "--mirror", ".", str(tmp_path / "mirror.git"))
    checkout.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"), commit)
    (tmp_path / "separate").mkdir()
    (tmp_path / "separate" / ".git").write_text(f"gitdir: {tmp_path / 'bare.git'}\n")
    (tmp_path / "link").symlink_to(tmp_path / "checkout")
    shapes = ["checkout", "checkout/.git", "bare.git", "mirror.git", "linked", "linked/.git", "separate", "link"]

    assert [opened(tmp_path / shape).resolve("main") for shape in shapes] == [commit] * len(shapes)
    assert opened(tmp_path / "linked").full_ref("HEAD") == "refs/heads/side"
    assert opened(tmp_path / "link").location() == str(tmp_path / "link")


def test_a_relative_path_is_understood(tmp_path, opened, monkeypatch):
    commit = RealRepository(tmp_path / "content", "-q").commit({"a.xml": b"1"})
    monkeypatch.chdir(tmp_path / "content")

    assert opened(Path()).resolve("HEAD") == commit


def test_ids_of_sha256_repositories_have_64_digits(tmp_path, opened):
    repository = RealRepository(tmp_path / "long.git", "--bare", "--object-format=sha256")
    base = repository.commit({"a.xml": b"1"})
    repository.commit({"sub": ("160000", b"e" * 64)})
    commit = repository.commit({f"{n:03}.xml": str(n).encode() for n in range(200)}, author="Ann")
    source = opened(repository.path)
    entries = source.tree(commit)
    files = [entry for entry in entries if entry.mode == "100644"]

    assert (len(base), source.resolve("main"), source.resolve(commit[:40])) == (64, commit, commit)
    assert {len(entry.blob) for entry in entries} == {64}
    assert entries[-1] == TreeEntry(RepoPath("sub"), "160000", BlobId("e" * 64))
    assert [data for _, data in source.blobs([entry.blob for entry in files], 9)] == [
        *(str(n).encode() for n in range(200)),
        b"1",
    ]
    assert source.changed(base, commit) == [*(f"{n:03}.xml" for n in range(200)), "sub"]
    assert source.last_touched(base, commit, [RepoPath("000.xml")]) == {
        RepoPath("000.xml"): CommitInfo(commit=commit, author="Ann")
    }


def test_an_annotated_tag_is_peeled_and_a_tag_of_a_file_is_no_commit(repository, opened):
    commit = repository.commit({"a.xml": b"1"})
    repository.git("tag", "-a", "-m", "first", "v1", commit)
    repository.git("tag", "-a", "-m", "again", "v1.1", "v1")
    repository.git("tag", "file", f"{commit}:a.xml")
    source = opened(repository.path)

    assert [source.resolve(name) for name in ("v1", "v1.1", "refs/tags/v1", "main~0")] == [commit] * 4
    assert source.full_ref("v1.1") == "refs/tags/v1.1"
    assert "is not a commit" in fault(lambda: source.resolve("file")).message


def test_relative_names_are_resolved_but_are_not_refs(repository, opened):
    first = repository.commit({"a.xml": b"1"})
    repository.commit({"a.xml": b"2"})
    source = opened(repository.path)

    assert [source.resolve(name) for name in ("main~1", "HEAD^", "@~1")] == [first] * 3
    assert source.full_ref("main~1") == "main~1"


def test_of_many_branches_those_are_shown_that_look_like_what_was_asked_for(repository, opened):
    commit = repository.commit({"a.xml": b"1"}, branch="review")
    for number in range(9):
        repository.move_ref(f"a{number}", commit)

    assert fault(lambda: opened(repository.path).resolve("reveiw")).hint == (
        "Its branches are: review, a0, a1, a2, a3 and more."
    )


def test_a_detached_head_is_its_own_full_name(tmp_path, opened):
    repository = RealRepository(tmp_path / "checkout", "-q")
    commit = repository.commit({"a.xml": b"1"})
    repository.git("checkout", "-q", "--detach", commit)

    assert opened(repository.path).full_ref("HEAD") == "HEAD"


def test_remote_branches_of_a_clone_are_found_after_its_own(repository, opened, tmp_path):
    main = repository.commit({"a.xml": b"1"})
    draft = repository.commit({"a.xml": b"2"}, branch="draft")
    repository.git("clone", "-q", "-b", "main", ".", str(tmp_path / "clone"))
    source = opened(tmp_path / "clone")

    assert [source.resolve("main"), source.resolve("origin/draft")] == [main, draft]
    assert source.full_ref("origin/draft") == "refs/remotes/origin/draft"


def test_refs_and_objects_that_come_later_are_seen_even_after_packing(repository, opened):
    first = repository.commit({"a.xml": b"1"})
    source = opened(repository.path)
    assert source.resolve("main") == first
    for number in range(3):
        commit = repository.commit({"a.xml": f"text {number}".encode()})
        repository.git("gc", "-q", "--prune=now")
        base = CommitId(repository.git("rev-parse", "main~1"))

        assert source.resolve("main") == commit
        assert source.changed(base, commit) == ["a.xml"]
        assert source.blob(source.tree(commit)[0].blob) == f"text {number}".encode()


def test_symlinks_and_submodules_are_listed_with_their_modes(repository, opened):
    commit = repository.commit(
        {"l": ("120000", b"/etc/passwd"), "s": ("160000", b"a" * 40), "x.xml": ("100755", b"1"), "y.xml": b"2"}
    )

    assert [(entry.path, entry.mode) for entry in opened(repository.path).tree(commit)] == [
        ("l", "120000"),
        ("s", "160000"),
        ("x.xml", "100755"),
        ("y.xml", "100644"),
    ]


def test_odd_paths_are_the_same_in_trees_differences_and_histories(repository, opened):
    base = repository.commit({"plain": b"0"})
    names = [b"\ntwo\nlines", b"a\tb", b'quo"te', b"ctrl\x01", "naïve é".encode(), b"latin-\xe9.xml", b"-rf", b"x -> y"]
    commit = repository.commit(dict.fromkeys(names, b"1"), author="Ann")
    source = opened(repository.path)
    shown = [r"latin-\xe9.xml" if name == b"latin-\xe9.xml" else name.decode() for name in sorted(names)]

    assert [entry.path for entry in source.tree(commit) if entry.path != "plain"] == shown
    assert source.changed(base, commit) == shown
    assert list(source.last_touched(base, commit, map(RepoPath, shown)).values()) == [
        CommitInfo(commit=commit, author="Ann")
    ] * len(shown)


def test_the_author_of_the_change_is_named_not_who_merged_it(repository, opened):
    base = repository.commit({"a.xml": b"1", "both.xml": b"1"}, author="Ann")
    repository.move_ref("side", base)
    written = repository.commit({"a.xml": b"2", "both.xml": b"side"}, author="Bob", branch="side")
    repository.commit({"both.xml": b"main"}, author="Cem")
    newest = repository.commit({"empty.xml": b""}, author="Cem")
    merge = repository.commit({"a.xml": b"2", "both.xml": b"both", "m.xml": b"3"}, author="Merger", merge=written)
    wanted = [RepoPath(path) for path in ("a.xml", "both.xml", "empty.xml", "m.xml")]

    found = {path: info.author for path, info in opened(repository.path).last_touched(base, merge, wanted).items()}

    assert found == {"a.xml": "Bob", "both.xml": "Cem", "empty.xml": "Cem", "m.xml": "Merger"}
    assert opened(repository.path).last_touched(newest, merge, wanted)[wanted[0]].commit == written


def test_mailmaps_are_not_used_and_names_cannot_steer_a_terminal(tmp_path, opened):
    repository = RealRepository(tmp_path / "checkout", "-q")
    mapped = b"Another Name <a@example.org>\n"
    (repository.path / ".mailmap").write_bytes(mapped)
    commit = repository.commit({".mailmap": mapped, "a.xml": b"1"}, author="An\x1b[31mn \u202eB")
    path = RepoPath("a.xml")

    assert opened(repository.path).last_touched(None, commit, [path]) == {
        path: CommitInfo(commit=commit, author="An[31mn B")
    }


def test_empty_commits_and_merges_do_not_confuse_the_history(repository, opened):
    base = repository.commit({"a.xml": b"1"}, author="Ann")
    repository.move_ref("side", base)
    side = repository.commit({}, author="Nobody", branch="side")
    repository.commit({}, author="Nobody")
    merge = repository.commit({}, author="Merger", merge=side)
    last = repository.commit({"b.xml": b"1"}, author="")
    paths = [RepoPath("a.xml"), RepoPath("b.xml")]

    found = opened(repository.path).last_touched(None, last, paths)

    assert {path: info.author for path, info in found.items()} == {"a.xml": "Ann", "b.xml": ""}
    assert opened(repository.path).last_touched(base, merge, paths) == {}


def test_the_history_is_not_read_further_than_needed(repository, opened, monkeypatch):
    commit = CommitId("")
    for number in range(40):
        commit = repository.commit({"a.xml": str(number).encode()})
    asked = 0
    parts = git_history._parts

    def counted(child):
        nonlocal asked
        for part in parts(child):
            asked += 1
            yield part

    monkeypatch.setattr(git_history, "_parts", counted)

    assert opened(repository.path).last_touched(None, commit, [RepoPath("a.xml")])["a.xml"].commit == commit
    assert asked == 4


def test_a_blob_over_the_limit_is_never_held_in_memory(repository, opened):
    large = b"x" * 30_000_000
    commit = repository.commit({"a.bin": large, "b.xml": b"1", **{f"c{n}": b"%d" % n for n in range(40)}})
    source = opened(repository.path)
    wanted = [entry.blob for entry in source.tree(commit)]
    tracemalloc.start()
    try:
        found = [dict(source.blobs(wanted[:2], 100)), dict(source.blobs(wanted, 100))]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [answer[wanted[0]] for answer in found] == [TooLarge(len(large))] * 2
    assert peak < 3_000_000
    assert source.blob(wanted[0]) == large


def test_blobs_that_are_no_blobs_are_missing(repository, opened):
    commit = repository.commit({"a/b.xml": b"1"})
    source = opened(repository.path)
    tree = BlobId(repository.git("rev-parse", f"{commit}^{{tree}}"))
    bad = [tree, BlobId(commit), BlobId("HEAD"), BlobId(""), BlobId("a\nb"), BlobId("-s"), BlobId("0" * 40)]

    assert {fault(lambda name=name: source.blob(name)).reference for name in bad} == {"blob-missing"}
    assert {fault(lambda name=name: list(source.blobs([name], 9))).reference for name in bad} == {"blob-missing"}


def test_many_blobs_are_asked_for_ahead_of_the_reader(repository, opened, monkeypatch):
    """One by one, 5,000 blobs cost 5,000 turns of two processes; asked for in groups, git never waits for a question."""
    commit = repository.commit({f"{n:04}.xml": b"%d" % n * 50 for n in range(5000)})
    source = opened(repository.path)
    wanted = [entry.blob for entry in source.tree(commit)]
    groups: list[int] = []
    write = GitChild.write

    def counted(child: GitChild, data: bytes) -> None:
        groups.append(len(data))
        write(child, data)

    monkeypatch.setattr(GitChild, "write", counted)

    assert [data for _, data in source.blobs(wanted, 10_000)] == [b"%d" % n * 50 for n in range(5000)]
    assert len(groups) < 150
    assert max(groups) <= 4096
