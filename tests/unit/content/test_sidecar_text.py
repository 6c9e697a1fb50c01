"""Metadata as a sidecar: what is read from it again is what was written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qtisync.content.facts import SidecarFacts
from qtisync.content.sidecar import parse_sidecar
from qtisync.content.sidecar_text import Sidecar, sidecar_of
from qtisync.model import same_json

words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["yes", "No", "ON", "null", "~", "1.10", "08", "1e3", "0x1F", "2024-01-01", "12:30", "a: b", "- x", "#c", "a #b", "'",
     "'q'", '"', "\\", "\n", "a\nb", " lead", "trail ", "\t", "\u2028", "\x7f", "\x85", "\ufeff", "😀", "é", "{a}", "[b]",
     "&a", "*a", "!t", "%x", "|", ">", "?", "true"]
)  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | words
    | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=12
)


def test_a_sidecar_is_written_as_people_would():
    assert sidecar_of(
        {
            "subject": "Math",
            "grade": "5",
            "difficulty": "easy",
            "learningObjectiveSet": [{"source": "CASE", "learningObjectiveIds": ["3.10", "b"]}],
            "note": 'He said: "no"\n',
            "tags": [],
            "humanApproved": False,
            "deep": {"a": {"b": [1, [2, 3]]}},
        }
    ).text == (
        "deep:\n  a:\n    b:\n      - 1\n      -\n        - 2\n        - 3\n"
        "difficulty: easy\n"
        'grade: "5"\n'
        "humanApproved: false\n"
        "learningObjectiveSet:\n"
        "  - source: CASE\n"
        "    learningObjectiveIds:\n"
        '      - "3.10"\n'
        "      - b\n"
        'note: "He said: \\"no\\"\\n"\n'
        "subject: Math\n"
        "tags: []\n"
    )


@given(st.dictionaries(words, values, max_size=6))
@example({"grade": "5", "x": {"": [{}, []]}})
@example({"a": [[[{"b": None}]]]})
def test_what_is_written_is_what_is_read(metadata):
    made = sidecar_of(metadata)
    found = parse_sidecar(made.text.encode())
    assert isinstance(found, SidecarFacts)
    assert found.metadata == made.metadata
    assert found.steered == ()
    assert made.metadata.keys() | set(made.left_out) == metadata.keys()
    assert all(same_json(value, metadata[name]) for name, value in made.metadata.items())
    assert sidecar_of(made.metadata).text == made.text


@given(st.dictionaries(st.from_regex(r"[a-z]{9,12}", fullmatch=True), scalars, max_size=6))
def test_nothing_is_left_out_of_plain_metadata(metadata):
    assert sidecar_of(metadata).left_out == ()


@pytest.mark.parametrize(
    ("metadata", "left_out"),
    [
        ({"difficulty": "Medium", "x": 1}, ("difficulty",)),
        ({"grade": 5}, ("grade",)),
        ({"grade": "05"}, ("grade",)),
        ({"qtisync": {"protect": True}}, ("qtisync",)),
        ({"QtiSync": 1}, ("QtiSync",)),
        ({"big": 2**60}, ("big",)),
        ({"lone": "\ud800"}, ("lone",)),
        ({"standard": 3.1}, ("standard",)),
    ],
)
def test_what_a_sidecar_cannot_say_as_it_is_is_left_out(metadata, left_out):
    assert sidecar_of(metadata).left_out == left_out


def test_metadata_that_are_too_much_for_one_file_are_left_out_whole():
    metadata = {f"k{n}": "x" * 900 for n in range(90)}
    assert sidecar_of(metadata) == Sidecar(text="", metadata={}, left_out=tuple(sorted(metadata)))


def test_no_metadata_need_no_sidecar():
    assert sidecar_of({}) == Sidecar(text="", metadata={}, left_out=())
