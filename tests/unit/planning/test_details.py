"""What a plan tells of changed metadata: labels, and of answers and texts only that they changed."""

from __future__ import annotations

import pytest
from builders import a_recorded, a_snapshot, an_item, facets

from qtisync.planning.details import key_differences, metadata_details, with_content
from qtisync.planning.diff import diff
from qtisync.planning.plan import Destination, KeyDifference


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"a": "x"}, {"a": "x"}, ()),
        ({"a": "x"}, {}, ("a: x → (none)",)),
        ({}, {"a": None, "b": True}, ("a: (none) → null", "b: (none) → true")),
        ({"a": {"b": 1}}, {"a": ["b"]}, ("a: {…} → […]",)),
        ({}, {"a": "line\nline\x1b[31m"}, ("a: (none) → line line [31m",)),
        ({}, {"a": "y" * 40}, ("a: (none) → " + "y" * 40,)),
        ({}, {"a": "y" * 41}, ("a: (added)",)),
        ({"a": "short"}, {"a": "y" * 41}, ("a: (changed)",)),
        ({"a": "y" * 41}, {}, ("a: (removed)",)),
        ({"modelAnswer": "4"}, {"modelAnswer": "5"}, ("modelAnswer: (changed)",)),
        ({}, {"scoring_rubric": ["a"], "explanation": "x"}, ("explanation: (added)", "scoring_rubric: (added)")),
        ({"context": "a"}, {"context": "b"}, ("context: a → b",)),
    ],
)
def test_differences_of_metadata_are_told_on_one_short_line(before: dict, after: dict, words: tuple[str, ...]):
    assert metadata_details(before, after) == words


def test_content_is_shown_to_whoever_asks_for_it():
    before, after = {"modelAnswer": "4", "tags": ["a"]}, {"modelAnswer": "y" * 50, "tags": ["ä"]}
    assert metadata_details(before, after, show_content=True) == (
        "modelAnswer: 4 → " + "y" * 50,
        'tags: ["a"] → ["ä"]',
    )


def test_plan_with_content_is_the_same_plan_with_longer_words():
    item = an_item(metadata={"modelAnswer": "5"})
    row = a_recorded(acknowledged=facets(metadata={"modelAnswer": "4"}), acknowledged_metadata={"modelAnswer": "4"})
    there = Destination(target="staging", base_url="http://127.0.0.1:8765/api")
    plan = diff(a_snapshot(item), {row.key: row}, there)
    whole = with_content(plan)

    assert [change.details for change in plan.changes] == [("modelAnswer: (changed)",)]
    assert [change.details for change in whole.changes] == [("modelAnswer: 4 → 5",)]
    assert [change.keys for change in plan.changes] == [(KeyDifference(name="modelAnswer", hidden=True),)]
    assert [change.keys for change in whole.changes] == [
        (KeyDifference(name="modelAnswer", sides={"recorded": "4", "git": "5"}),)
    ]
    assert whole.checksum == plan.checksum


@pytest.mark.parametrize(
    ("before", "after", "keys"),
    [
        ({"a": "x"}, {"a": "x"}, ()),
        ({"a": "x"}, {"b": None}, (("a", {"recorded": "x"}, False), ("b", {"git": None}, False))),
        ({"a": ["x"]}, {"a": ["y"]}, (("a", {"recorded": ["x"], "git": ["y"]}, False),)),
        ({"a": "x"}, {"a": "y" * 41}, (("a", {}, True),)),
        ({"a": ["x"]}, {"a": ["y" * 41]}, (("a", {}, True),)),
        ({"a": {"b": 1}}, {"a": {"b": {"rubric": 1}}}, (("a", {}, True),)),
        ({"modelAnswer": 4}, {}, (("modelAnswer", {}, True),)),
    ],
)
def test_sides_of_a_key_are_left_out_if_one_may_hold_content(before: dict, after: dict, keys: tuple):
    assert key_differences(before, after) == tuple(
        KeyDifference(name=name, sides=sides, hidden=hidden) for name, sides, hidden in keys
    )


def test_plan_with_content_has_the_xml_of_both_sides_of_an_update():
    row = a_recorded()
    item, new = an_item(content="c2"), an_item("q2")
    there = Destination(target="staging", base_url="http://127.0.0.1:8765/api")
    plan = diff(a_snapshot(item, new), {row.key: row}, there)
    texts = {row.acknowledged_blob: "<old/>", item.blob: "<new/>", new.blob: "<created/>"}

    assert [change.bodies for change in plan.changes] == [{}, {}]
    assert [change.bodies for change in with_content(plan, texts).changes] == [
        {"recorded": "<old/>", "git": "<new/>"},
        {},
    ]
    assert [change.bodies for change in with_content(plan, {item.blob: "<new/>"}).changes] == [{"git": "<new/>"}, {}]
