"""The working tree as a source: what of it counts, and that nothing is shown but what was really there."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from editors import EDITORS
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.adapters.worktree import REMEMBERED, WorktreeSource
from qtisync.adapters.worktree_files import Kept, TreeReader
from qtisync.adapters.worktree_listing import Listed
from qtisync.errors import BlobMissingError, RepositoryError
from qtisync.model import BlobId, CommitId, TooLarge, TreeEntry


@pytest.fixture
def tree(tmp_path: Path) -> RealRepository:
    return RealRepository(tmp_path / "content", ".")


@pytest.fixture
def source(tree: RealRepository) -> Iterator[WorktreeSource]:
    made = WorktreeSource(tree.path, wall_clock=time.time)
    yield made
    made.close()


def write(repository: RealRepository, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = repository.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def shown(source: WorktreeSource) -> dict[str, str]:
    """Paths and contents of everything that is desired now."""
    return {entry.path: source.blob(entry.blob).decode() for entry in source.tree(source.resolve("HEAD"))}


def blob_id(data: bytes) -> BlobId:
    return BlobId(hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest())


def test_files_count_whether_committed_staged_or_new(tree, source):
    write(tree, {"committed.xml": "1", "gone.xml": "1"})
    tree.git("add", "-A")
    tree.git("commit", "-q", "-m", "m")
    write(tree, {"committed.xml": "2", "staged.xml": "3", "a/new.xml": "4"})
    tree.git("add", "staged.xml")
    (tree.path / "gone.xml").unlink()

    assert shown(source) == {"a/new.xml": "4", "committed.xml": "2", "staged.xml": "3"}


def test_a_repository_without_a_commit_has_a_tree_too(tree, source):
    empty = source.resolve("main")
    write(tree, {"a.xml": "1"})

    assert (source.tree(empty), shown(source)) == ([], {"a.xml": "1"})


def test_ignored_files_and_droppings_do_not_count_unless_git_has_them(tree, source):
    write(tree, {".gitignore": "*.log\nbuild/\n", "a.xml": "1", "a.log": "x", "build/a.xml": "x", "build/b.xml": "2"})
    write(tree, {"a.xml~": "x", ".a.xml.swp": "x", "4913": "x", "#a.xml#": "x", ".goutputstream-A1B2C3": "x"})
    write(tree, {"c.xml~": "3"})
    tree.git("add", "-f", "build/b.xml", "c.xml~")
    (tree.path / ".git/info/exclude").write_text("private/\n")
    write(tree, {"private/a.xml": "x"})

    assert shown(source) == {".gitignore": "*.log\nbuild/\n", "a.xml": "1", "build/b.xml": "2", "c.xml~": "3"}


def test_the_id_is_that_of_the_files_and_of_nothing_else(tree, source):
    write(tree, {"a.xml": "1", "b.xml": "2"})
    first = source.resolve("main")
    os.utime(tree.path / "a.xml", (1, 1))
    touched = source.resolve("main")
    tree.git("add", "-A")
    tree.git("commit", "-q", "-m", "m")
    committed = source.resolve("main")
    (tree.path / "a.xml").rename(tree.path / "c.xml")
    moved = source.resolve("main")
    (tree.path / "c.xml").rename(tree.path / "a.xml")
    other = RealRepository(tree.path.parent / "other", ".")
    write(other, {"b.xml": "2", "a.xml": "1"})

    assert {touched, committed, source.resolve("main")} == {first}
    assert WorktreeSource(other.path, wall_clock=time.time).resolve("") == first
    assert moved != first
    assert len(first) == 40
    assert source.full_ref("main") == "worktree"


@pytest.mark.parametrize("save", EDITORS.values(), ids=EDITORS)
def test_what_an_editor_saved_is_what_is_seen(tree, source, save: Callable[[Path, str], None]):
    write(tree, {"q.xml": "old text\n", "other.xml": "1"})
    tree.git("add", "-A")
    before = source.resolve("main")
    for text in ("new text\n", "NEW text\n"):
        save(tree.path / "q.xml", text)
        assert shown(source) == {"q.xml": text, "other.xml": "1"}

    assert source.changed(before, source.resolve("main")) == ["q.xml"]


def test_edits_of_equal_size_in_quick_succession_are_all_seen(tree, source):
    path = tree.path / "q.xml"
    seen = []
    for number in range(100, 150):
        path.write_text(str(number))
        seen.append(shown(source)["q.xml"])

    assert seen == [str(number) for number in range(100, 150)]


def test_a_file_that_rests_is_not_read_again(tree):
    write(tree, {"a.xml": "1"})
    kept = Kept()
    reader = TreeReader(tree.path, lambda: time.time() + 60.0, kept)
    first = reader.look([Listed(b"a.xml", "", "")])
    kept.clear()

    assert reader.look([Listed(b"a.xml", "", "")]) == first
    assert kept.get(first[0][1].blob) is None
    write(tree, {"a.xml": "2"})
    assert reader.look([Listed(b"a.xml", "", "")])[0][1].blob == blob_id(b"2")
    assert kept.get(blob_id(b"2")) == b"2"


def test_what_was_pinned_is_sent_even_if_the_file_was_saved_again(tree, source):
    write(tree, {"a.xml": "pinned"})
    (entry,) = source.tree(source.resolve("main"))
    write(tree, {"a.xml": "newer"})

    assert source.blob(entry.blob) == b"pinned"
    assert list(source.blobs([entry.blob], 3)) == [(entry.blob, TooLarge(6))]


def test_bytes_that_are_not_the_pinned_ones_are_never_shown(tree, source):
    write(tree, {"a.xml": "pinned", "copy.xml": "pinned"})
    entry, _ = source.tree(source.resolve("main"))
    source.close()  # nothing is kept any more
    write(tree, {"a.xml": "newer"})
    assert source.blob(entry.blob) == b"pinned"  # the other file has it still
    write(tree, {"copy.xml": "newer"})

    with pytest.raises(BlobMissingError) as caught:
        source.blob(entry.blob)
    assert caught.value.hint == "It was saved over. The next pass looks at what is there now."
    write(tree, {"a.xml": "pinned"})
    assert source.blob(entry.blob) == b"pinned"


def test_a_queue_of_an_earlier_process_finds_its_contents(tree):
    write(tree, {"a.xml": "1"})
    fresh = WorktreeSource(tree.path, wall_clock=time.time)

    assert fresh.blob(blob_id(b"1")) == b"1"


def test_the_newest_snapshots_can_be_compared_and_older_ones_are_forgotten(tree, source):
    ids = []
    for number in range(REMEMBERED + 1):
        write(tree, {"a.xml": str(number), f"{number}.xml": ""})
        ids.append(source.resolve("main"))

    assert source.changed(ids[1], ids[-1]) == [f"{number}.xml" for number in range(2, REMEMBERED + 1)] + ["a.xml"]
    assert source.changed(ids[0], ids[-1]) is None
    assert source.changed(CommitId("1" * 40), ids[-1]) is None
    with pytest.raises(RepositoryError) as caught:
        source.tree(ids[0])
    assert caught.value.reference == "commit-missing"
    assert [source.is_ancestor(ids[at], ids[to]) for at, to in [(0, -1), (1, -1), (-1, -1), (-1, 1), (-1, 0)]] == [
        *(True, True, True),
        *(False, False),
    ]
    assert source.last_touched(ids[1], ids[-1], ["a.xml"]) == {}
    assert source.sole_author(ids[-2], ids[-1]) is None


def test_links_are_shown_and_never_followed(tree, source, tmp_path):
    write(tree, {"inside/a.xml": "1", "b.xml": "2"})
    tree.git("add", "-A")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.xml").write_text("secret")
    shutil.rmtree(tree.path / "inside")
    (tree.path / "inside").symlink_to(tmp_path / "outside")
    (tree.path / "b.xml").unlink()
    (tree.path / "b.xml").symlink_to(tmp_path / "outside/a.xml")

    assert list(source.tree(source.resolve("main"))) == [
        TreeEntry("b.xml", "120000", blob_id(os.fsencode(tmp_path / "outside/a.xml"))),
        TreeEntry("inside", "120000", blob_id(os.fsencode(tmp_path / "outside"))),
    ]
    with pytest.raises(BlobMissingError):
        source.blob(blob_id(b"secret"))


def test_submodules_are_shown_and_repositories_inside_are_not(tree, source):
    inner = RealRepository(tree.path / "inner", ".")
    write(inner, {"a.xml": "1"})
    inner.git("add", "-A")
    inner.git("commit", "-q", "-m", "m")
    assert list(source.tree(source.resolve("main"))) == []
    tree.git("-c", "advice.addEmbeddedRepo=false", "add", "inner")

    assert list(source.tree(source.resolve("main"))) == [
        TreeEntry("inner", "160000", BlobId(inner.git("rev-parse", "HEAD")))
    ]


def test_what_is_no_file_any_more_does_not_keep_anybody_waiting(tree, source):
    write(tree, {"pipe.xml": "1", "folder.xml": "2", "a.xml": "3"})
    tree.git("add", "-A")
    (tree.path / "pipe.xml").unlink()
    os.mkfifo(tree.path / "pipe.xml")
    (tree.path / "folder.xml").unlink()
    (tree.path / "folder.xml").mkdir()

    assert shown(source) == {"a.xml": "3"}


def test_a_file_that_may_not_be_read_is_there_all_the_same(tree, source):
    if os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    write(tree, {"a.xml": "1"})
    (tree.path / "a.xml").chmod(0)

    assert list(source.tree(source.resolve("main"))) == [TreeEntry("a.xml", "000000", BlobId("0" * 40))]


def test_a_file_that_grows_all_the_time_is_there_and_said_to_be_unreadable(tree):
    write(tree, {"a.log": "1"})
    calls = iter(range(1_000))

    def growing(descriptor: int, size: int) -> bytes:
        if next(calls) % 2 == 0:  # before the first of the two reads that a small file takes
            with (tree.path / "a.log").open("a") as file:
                file.write("more")
        return os.read(descriptor, size)

    reader = TreeReader(tree.path, time.time, Kept(), read=growing)

    assert reader.look([Listed(b"a.log", "", "")]) == [(b"a.log", TreeEntry("a.log", "000000", BlobId("0" * 40)))]


def test_a_file_that_changes_once_while_it_is_read_is_read_again(tree):
    write(tree, {"a.xml": "first half"})
    calls = iter(range(1_000))

    def growing(descriptor: int, size: int) -> bytes:
        if next(calls) == 0:
            write(tree, {"a.xml": "first half, second half"})
        return os.read(descriptor, size)

    reader = TreeReader(tree.path, time.time, Kept(), read=growing)

    assert reader.look([Listed(b"a.xml", "", "")])[0][1].blob == blob_id(b"first half, second half")


def test_large_files_are_named_by_their_size_and_not_kept(tree, source):
    data = os.urandom(5 << 20)
    (tree.path / "film.mp4").write_bytes(data)
    (entry,) = source.tree(source.resolve("main"))
    ((_, answer),) = source.blobs([entry.blob], 1000)

    assert (entry.blob, answer.size, source.blob(entry.blob)) == (blob_id(data), len(data), data)


def test_kept_contents_stay_within_their_budget():
    kept = Kept(budget=10)
    for name, size in (("a", 4), ("b", 4), ("c", 4), ("d", 11)):
        kept.put(BlobId(name), b"x" * size)

    assert [kept.get(BlobId(name)) for name in "abcd"] == [None, b"xxxx", b"xxxx", None]


def test_paths_that_are_not_text_are_shown_as_git_shows_them(tree, source):
    name = os.fsencode(tree.path) + b"/\xe9\xff.xml"
    Path(os.fsdecode(name)).write_bytes(b"1")
    write(tree, {"ä ö\n.xml": "2", "z.xml": "3"})
    tree.git("add", "-A")
    tree.git("commit", "-q", "-m", "m")
    commits = GitSource(tree.path)

    assert list(source.tree(source.resolve("main"))) == list(commits.tree(commits.resolve("HEAD")))
    assert source.blob(blob_id(b"1")) == b"1"
    commits.close()


def test_a_conflict_that_is_not_resolved_shows_each_file_once(tree, source):
    write(tree, {"a.xml": "base\n"})
    tree.git("add", "-A")
    tree.git("commit", "-q", "-m", "m")
    tree.git("checkout", "-q", "-b", "other")
    write(tree, {"a.xml": "other\n"})
    tree.git("commit", "-q", "-a", "-m", "m")
    tree.git("checkout", "-q", "main")
    write(tree, {"a.xml": "main\n"})
    tree.git("commit", "-q", "-a", "-m", "m")
    with pytest.raises(AssertionError):
        tree.git("merge", "-q", "other")

    (text,) = shown(source).values()
    assert text.startswith("<<<<<<< HEAD\nmain\n")


def test_a_repository_of_longer_ids_shows_its_own(tmp_path):
    long = RealRepository(tmp_path / "long", "--object-format=sha256", ".")
    write(long, {"a.xml": "1"})
    long.git("add", "-A")
    long.git("commit", "-q", "-m", "m")
    source, commits = WorktreeSource(long.path, wall_clock=time.time), GitSource(long.path)

    assert list(source.tree(source.resolve("main"))) == list(commits.tree(commits.resolve("HEAD")))
    commits.close()


def test_a_linked_worktree_is_a_working_tree_too(tree, tmp_path):
    write(tree, {"a.xml": "1"})
    tree.git("add", "-A")
    tree.git("commit", "-q", "-m", "m")
    tree.git("worktree", "add", "-q", "-b", "linked", str(tmp_path / "linked"))
    (tmp_path / "linked/b.xml").write_text("2")

    assert shown(WorktreeSource(tmp_path / "linked", wall_clock=time.time)) == {"a.xml": "1", "b.xml": "2"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), " is not a git repository."),
        (("--bare",), " has no working tree."),
    ],
)
def test_what_is_no_working_tree_says_so(tmp_path, options, words):
    place = tmp_path / "place"
    place.mkdir()
    if options:
        RealRepository(place, *options)
    with pytest.raises(RepositoryError) as caught:
        WorktreeSource(place, wall_clock=time.time).resolve("main")

    assert caught.value.message.endswith(words)
