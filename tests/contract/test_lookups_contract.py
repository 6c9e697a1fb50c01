"""Lookups by key and by path: what a pass asks that does not look at everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import a_key, a_stimulus, an_item, intents_for
from fake_source import FakeSource
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.engine.ports import Source
from qtisync.errors import RepositoryError
from qtisync.model import CommitId, CommitInfo, Kind, RepoPath

FILES = {
    "a.xml": b"1",
    "b/a.xml": b"2",
    "b/c/d e.xml": b"3",
    "b/link.xml": ("120000", b"a.xml"),
    "b/run.xml": ("100755", b"4"),
    "ü/ü.xml": b"5",
}


@pytest.fixture(params=["memory", "git"])
def source_and_commit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Source, CommitId]]:
    if request.param == "memory":
        fake = FakeSource()
        yield fake, fake.commit(FILES)
        return
    real = RealRepository(tmp_path / "content.git")
    source = GitSource(real.path)
    yield source, real.commit(FILES)
    source.close()


@pytest.fixture(params=["memory", "git"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Source, CommitId, CommitId, CommitId]]:
    made: FakeSource | RealRepository
    made = FakeSource() if request.param == "memory" else RealRepository(tmp_path / "content.git")
    source = made if isinstance(made, FakeSource) else GitSource(made.path)
    authors = ("Ada", "Zoë Author", "Ben")
    first, second, third = (made.commit({"a.xml": name.encode()}, author=name) for name in authors)
    yield source, first, second, third
    source.close()


def test_entries_at_paths_are_those_of_the_whole_tree(source_and_commit):
    source, commit = source_and_commit
    tree = {entry.path: entry for entry in source.tree(commit)}
    asked = [
        RepoPath(path) for path in (*sorted(FILES, reverse=True), "b", "b/c", "none.xml", "no/folder/x", "a.xml/x")
    ]

    assert source.entries(commit, asked) == [tree[path] for path in sorted(tree)]
    assert source.entries(commit, [RepoPath("none.xml")]) == []
    assert source.entries(commit, []) == []


def test_entries_of_a_commit_that_is_gone_are_an_error(source_and_commit):
    source, _ = source_and_commit

    with pytest.raises(RepositoryError) as caught:
        source.entries(CommitId("1" * 40), [RepoPath("a.xml")])
    assert caught.value.reference == "commit-missing"


def test_rows_are_found_by_their_keys(store):
    items = (an_item("q1"), an_item("q2"), an_item("s1"), a_stimulus("s1"))
    store.record_pass(intents_for(*items))
    everything = store.recorded()
    asked = [a_key("s1", Kind.STIMULUS), a_key("q2"), a_key("unheard-of"), a_key("q2")]

    assert list(store.recorded_some(asked).items()) == [
        (key, everything[key]) for key in (a_key("q2"), a_key("s1", Kind.STIMULUS))
    ]
    assert store.recorded_some([]) == {}


def test_the_author_of_a_single_commit_is_known_without_a_search(history):
    source, first, second, third = history

    assert source.sole_author(first, second) == CommitInfo(commit=second, author="Zoë Author")
    assert source.sole_author(second, third) == CommitInfo(commit=third, author="Ben")
    assert source.sole_author(first, third) is None
    assert source.sole_author(third, second) is None
    assert source.sole_author(CommitId("1" * 40), second) is None
