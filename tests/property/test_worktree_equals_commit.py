"""Whatever is committed and checked out, the working tree shows the same as the commit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from histories import histories
from hypothesis import given
from hypothesis import strategies as st
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.adapters.worktree import WorktreeSource

NAMES = st.sampled_from(
    ["a", "b.xml", "b.yaml", "ä ö", ".x.swp", "c~", "4913", "#d#", "new\nline", 'q"\\t', "LINK", "ẞ", "ß"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.one_of(
    st.binary(max_size=40).map(lambda data: ("100644", data)),
    st.binary(max_size=4).map(lambda data: ("100755", data)),
    st.sampled_from([("120000", b"a"), ("120000", b"../out"), ("120000", b"nowhere")]),
)
TREES = st.dictionaries(PATHS, CONTENTS, max_size=8)


def without_clashes(files: Mapping[str, tuple[str, bytes]]) -> dict[str, tuple[str, bytes]]:
    """A path cannot be a file and a folder at once."""
    folders = {path[:at] for path in files for at, sign in enumerate(path) if sign == "/"}
    return {path: content for path, content in files.items() if path not in folders}


@histories(25)
@given(st.lists(TREES, min_size=1, max_size=3))
def test_a_tree_that_is_checked_out_is_shown_as_its_commit_is(trees):
    with tempfile.TemporaryDirectory() as folder:
        repository = RealRepository(Path(folder) / "content", ".")
        here, commits = WorktreeSource(repository.path, wall_clock=time.time), GitSource(repository.path)
        seen, last = {}, {}
        for files in map(without_clashes, trees):
            commit = repository.commit({**dict.fromkeys(last.keys() - files.keys()), **files})
            repository.git("reset", "-q", "--hard")
            last = files
            snapshot = here.resolve("main")
            seen[snapshot] = commit

            assert list(here.tree(snapshot)) == list(commits.tree(commit))
            assert {entry.blob: here.blob(entry.blob) for entry in here.tree(snapshot)} == {
                entry.blob: commits.blob(entry.blob) for entry in commits.tree(commit)
            }
        (one, one_commit), *_, (other, other_commit) = (*seen.items(), *seen.items())
        assert list(here.changed(one, other)) == sorted(commits.changed(one_commit, other_commit))
        here.close()
        commits.close()
