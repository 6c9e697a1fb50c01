import re
import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtisync.content.globs import literal_folder, matcher


@pytest.mark.parametrize(
    ("pattern", "path", "answer"),
    [
        ("**/*.xml", "q.xml", True),
        ("**/*.xml", "a/b/.q.xml", True),
        ("**/*.xml", "a/q.XML", False),
        ("**/*.xml", "a/q.xml/b", False),
        ("*.xml", "a/q.xml", False),
        ("./items/*.xml", "items/q.xml", True),
        ("/items/*.xml", "items/q.xml", True),
        ("items/**/*.xml", "items/q.xml", True),
        ("items/**/*.xml", "items/a/b/q.xml", True),
        ("items/**/*.xml", "itemsx/q.xml", False),
        ("items/**/**/q?.xml", "items/a/q1.xml", True),
        ("a/**/b/**/c", "a/x/y/b/c", True),
        ("a/**/b/**/c", "a/x/y/c", False),
        ("drafts/**", "drafts/a/q.xml", True),
        ("drafts/**", "drafts", True),
        ("drafts/**", "draftsman", False),
        ("drafts/", "drafts/q.xml", True),
        ("**", "any/thing", True),
        ("a**b.xml", "axxb.xml", True),
        ("a**b.xml", "ax/xb.xml", False),
        ("q[0-9].xml", "q7.xml", True),
        ("q[!0-9].xml", "q7.xml", False),
        ("q[!0-9].xml", "qa.xml", True),
        ("q[!a].xml", "q/.xml", False),
        ("q[]x].xml", "q].xml", True),
        ("q[!]x].xml", "qa.xml", True),
        ("q[a-].xml", "q-.xml", True),
        ("q[z-a].xml", "qm.xml", False),
        ("q[1.xml", "q[1.xml", True),
        ("a+b(c).xml", "a+b(c).xml", True),
        ("a.xml", "abxml", False),
        ("a?c.xml", "a/c.xml", False),
        ("季*.xml", "季語.xml", True),
        ("a*.xml", "a\n.xml", True),
    ],
)
def test_patterns_match_as_in_pathlib(pattern, path, answer):
    assert matcher([pattern])(path) is answer


def test_several_patterns_match_what_one_of_them_matches():
    matches = matcher(["a/*.xml", "b/*.qti"])

    assert [matches(path) for path in ("a/x.xml", "b/x.qti", "a/x.qti")] == [True, True, False]


def test_without_patterns_nothing_matches():
    assert not matcher([])("q.xml")


@given(st.text("ab*?[]!-.^\\", max_size=8), st.text("ab.-]^\\", max_size=6))
def test_one_part_matches_as_in_the_shell(pattern, name):
    if re.search(r"\[!?\]?[^\]]*[^\]]-", pattern) or pattern.startswith("."):
        return  # fnmatch has its own reading of odd ranges; "./" says nothing

    assert matcher([pattern])(name) is fnmatchcase(name, pattern) or pattern == "**"


def test_many_stars_do_not_make_matching_slow():
    matches = matcher(["**/**/**/**/**/**/*a****************b.xml"])
    started = time.perf_counter()
    matches("a/" * 200 + "a" * 200)

    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [("**/*.xml", ""), ("items/**/*.xml", "items/"), ("a/b/*.xml", "a/b/"), ("a/b*/c.xml", "a/"), ("a/b/", "a/b/")],
)
def test_literal_folder_is_the_part_before_the_first_wildcard(pattern, folder):
    assert literal_folder(pattern) == folder
