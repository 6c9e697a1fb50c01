"""Names of files for whatever identifiers there are: inside their folder, and never two the same."""

from __future__ import annotations

import re

import pytest
from builders import a_key
from hypothesis import given
from hypothesis import strategies as st

from qtisync.content.file_names import file_names
from qtisync.content.naming import folded
from qtisync.model import Kind


def name_of(identifier: str, *others: str) -> str:
    return file_names([a_key(identifier), *map(a_key, others)])[a_key(identifier)]


@pytest.mark.parametrize("identifier", ["alg-0102", "ALG_7.b", "季語", "Größe-1", "a"])
def test_a_harmless_identifier_is_the_name(identifier):
    assert name_of(identifier) == f"items/{identifier}.xml"


def test_each_kind_has_its_folder():
    key = a_key("s1", Kind.STIMULUS)
    assert file_names([key]) == {key: "stimuli/s1.xml"}


@pytest.mark.parametrize(
    "identifier",
    ["../../etc/passwd", "/abs", "a/b", "a\\b", "..", ".", ".git", "", "con", "NUL.x", "a.", " a", "a\x00b", "_defaults",
     "-rf", "x" * 300, "é" * 200, "a:b", "a*", "\u202eabc", "\ud800", "~x"],
)  # fmt: skip
def test_anything_else_keeps_what_is_harmless_and_is_marked(identifier):
    name = name_of(identifier)
    assert re.fullmatch(r"items/[^/\\:*\x00]*~[0-9a-f]{10}\.xml", name)
    assert not name.removeprefix("items/").startswith((".", "_", "-", "~"))
    assert len(name.encode()) < 200


def test_names_that_a_file_system_may_confuse_are_told_apart():
    names = file_names(map(a_key, ["Q1", "q1", "é", "e\u0301"]))
    assert len({folded(name) for name in names.values()}) == 4
    assert name_of("Q1") == "items/Q1.xml", "alone it needs no mark"


def test_a_name_that_is_taken_is_not_given_again():
    assert re.fullmatch(r"items/q1~[0-9a-f]{10}\.xml", file_names([a_key("q1")], ["items/Q1.xml"])[a_key("q1")])


@given(st.sets(st.text(max_size=8), max_size=12))
def test_no_two_objects_share_a_file_and_none_leaves_the_folder(identifiers):
    names = file_names(map(a_key, identifiers)).values()
    assert len({folded(name) for name in names}) == len(identifiers)
    for name in names:
        folder, _, rest = name.partition("/")
        assert (folder, "/" in rest, "\x00" in rest, rest.startswith(".")) == ("items", False, False, False)
