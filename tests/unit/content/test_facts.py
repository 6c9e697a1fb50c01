import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtisync.content.facts import BrokenFacts, ObjectFacts, OtherFacts, Remark, SidecarFacts, dump_facts, load_facts
from qtisync.model import Kind, Lane, Steering

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
REMARK = st.builds(Remark, code=TEXT, message=TEXT, line=st.none() | st.integers(1, 10**6), hint=TEXT)
REMARKS = st.lists(REMARK, max_size=3).map(tuple)
KIND = st.sampled_from(Kind)
STEERING = st.builds(
    Steering,
    protect=st.booleans(),
    ignore=st.booleans(),
    lane=st.none() | st.sampled_from(Lane),
    renamed_from=st.none() | TEXT,
    targets=st.none() | st.lists(TEXT, max_size=3).map(tuple),
)
FACTS = st.one_of(
    st.builds(
        ObjectFacts,
        kind=KIND,
        identifier=TEXT,
        content=TEXT,
        answers=st.none() | TEXT,
        references=st.lists(TEXT, max_size=3).map(tuple),
        findings=REMARKS,
    ),
    st.builds(OtherFacts, root=TEXT),
    st.builds(BrokenFacts, problems=REMARKS, identifier=st.none() | TEXT, kind=st.none() | KIND),
    st.builds(
        SidecarFacts,
        metadata=st.dictionaries(TEXT, JSON, max_size=4),
        steering=STEERING,
        steered=st.lists(TEXT, max_size=3).map(tuple),
    ),
)


@given(FACTS)
def test_facts_come_back_from_the_record_as_they_were(facts):
    back = load_facts(dump_facts(facts))

    assert (back, type(back)) == (facts, type(facts))


def test_enumerations_and_tuples_come_back_as_such():
    facts = SidecarFacts(steering=Steering(lane=Lane.HOTFIX, targets=("staging",)), steered=("lane", "targets"))
    back = load_facts(dump_facts(facts))

    assert isinstance(back, SidecarFacts)
    assert (type(back.steering.lane), type(back.steering.targets), type(back.steered)) == (Lane, tuple, tuple)


@pytest.mark.parametrize("text", ["", "[]", "{}", '["unknown", {}]', '["other", {}]', '["other", {"roots": 1}]'])
def test_a_text_that_holds_no_facts_is_refused(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        load_facts(text)
