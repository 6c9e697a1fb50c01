"""What no bytes can do to the reader of sidecars."""

from __future__ import annotations

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from qtisync.content.facts import BrokenFacts, SidecarFacts, dump_facts, load_facts
from qtisync.content.metadata import canonical_json
from qtisync.content.sidecar import parse_sidecar

WORDS = [
    "a", "b:", "c: ", "grade: ", "difficulty: ", "learningObjectiveSet: ", "learningObjectiveIds: ", "qtisync: ", "lane: ",
    "- ", "? ", ": ", "[", "]", "{", "}", ", ", "\n", "\n  ", "\t", "# ", "'", '"', "|\n", ">\n", "&x ", "*x", "!t ", "<<: ",
    "---\n", "...\n", "%YAML 1.1\n", "5", "3.10", ".nan", "1e999", "true", "null", "yes", "2024-01-01", "\x00", "\x85", "\u2028",
    "\ufeff", "\U0001f600", "medium", "hotfix", "CASE",
]  # fmt: skip
YAMLISH = st.lists(st.sampled_from(WORDS), max_size=25).map("".join)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=15)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(YAMLISH.map(str.encode) | st.binary(max_size=60))
def test_any_bytes_are_either_json_safe_metadata_or_problems_with_hints(data):
    facts = parse_sidecar(data)

    assert load_facts(dump_facts(facts)) == facts
    if isinstance(facts, SidecarFacts):
        assert json.loads(canonical_json(facts.metadata)) == facts.metadata
    else:
        assert isinstance(facts, BrokenFacts)
        assert facts.problems
        assert all(problem.line and problem.message and problem.hint for problem in facts.problems)


@given(st.dictionaries(TEXT.map("x{}".format), JSON, max_size=4))
def test_metadata_written_as_json_are_read_as_they_are(metadata):
    """JSON is YAML, but for pairs of surrogate escapes, which YAML does not have."""
    facts = parse_sidecar(json.dumps(metadata, ensure_ascii=False).encode())

    assert isinstance(facts, SidecarFacts), facts
    assert facts.metadata == metadata


@given(st.dictionaries(TEXT.map("x{}".format), TEXT, max_size=4))
def test_text_that_pyyaml_quoted_is_read_as_text(metadata):
    """Without quotes it writes texts such as ``1E0`` that are numbers since YAML 1.2."""
    facts = parse_sidecar(yaml.safe_dump(metadata, allow_unicode=True, default_style='"').encode())

    assert facts == SidecarFacts(metadata=metadata)
