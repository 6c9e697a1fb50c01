"""What a plan tells of changed metadata: labels, and of answers and texts only that they changed."""

from __future__ import annotations

import pytest
from builders import a_recorded, a_snapshot, an_item, facets

from qtisync.planning.details import metadata_details, with_content
from qtisync.planning.diff import diff
from qtisync.planning.plan import Destination


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
    assert whole.checksum == plan.checksum
