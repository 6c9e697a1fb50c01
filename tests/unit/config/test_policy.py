"""What to do about drift: one word, or patterns of paths; the first that matches decides."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from qtisync.config.policy import Policy, drift_policy, dump_policy, parse_policy
from qtisync.model import RepoPath
from qtisync.planning.comparison import OnDrift

EXAMS = {"items/exams/**": "block", "items/**": "overwrite"}


@pytest.mark.parametrize("value", ["report", "overwrite", "block", EXAMS])
def test_policy_is_written_as_it_was_read(value: object):
    assert dump_policy(parse_policy(value)) == value
    assert parse_policy(parse_policy(value)) == parse_policy(value)


def test_policy_reads_as_its_rules():
    assert str(parse_policy(EXAMS)) == "items/exams/**: block, items/**: overwrite"


@pytest.mark.parametrize("value", ["ignore", 5, None, {}, [], {"items/**": "ignore"}, {"../x": "block"}, {"": "block"}])
def test_anything_else_is_refused(value: object):
    with pytest.raises((PydanticCustomError, ValueError)):
        parse_policy(value)


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("items/exams/2026/q1.xml", OnDrift.BLOCK),
        ("items/q1.xml", OnDrift.OVERWRITE),
        ("stimuli/s1.xml", OnDrift.REPORT),
    ],
)
def test_first_pattern_that_matches_decides_and_report_where_none_does(path: str, verdict: OnDrift):
    assert drift_policy(parse_policy(EXAMS))(RepoPath(path)) is verdict


def test_order_of_the_patterns_is_theirs():
    policy = Policy((("**", "report"), ("items/**", "block")))

    assert drift_policy(policy)(RepoPath("items/q1.xml")) is OnDrift.REPORT
