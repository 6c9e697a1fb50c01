"""Whose an object at the API is."""

from __future__ import annotations

import pytest
from builders import GRADE_5, Q1

from qtisync.model import Metadata, Presence, Remote
from qtisync.ownership import NotOurs, Ownership, Stamp, keys_of, restamped

US = Stamp(key="managedBy", value="alg-content")
STAMPED = Ownership(stamp=US)
PREFIXED = Ownership(prefixes=("alg-", "q"))
BOTH = Ownership(prefixes=("alg-", "q"), stamp=US)
OURS: Metadata = {**GRADE_5, "managedBy": "alg-content"}
THEIRS: Metadata = {**GRADE_5, "managedBy": "geo-team"}
BARE: Metadata = GRADE_5


def why(ownership: Ownership, metadata: Metadata, recorded: Metadata | None = None) -> str | None:
    not_ours = ownership.refuses(Q1, metadata, recorded)
    return None if not_ours is None else not_ours.message


def test_without_a_rule_everything_in_git_is_ours():
    assert [why(Ownership(), metadata) for metadata in (OURS, THEIRS, BARE)] == [None] * 3
    assert not Ownership().marks(Q1, OURS), "and nothing says that what git does not have is ours"


def test_prefix_decides_by_the_identifier_alone():
    assert why(PREFIXED, THEIRS) is None
    assert (
        why(Ownership(prefixes=("geo-",)), OURS)
        == "it exists at the API and is not ours: its identifier has none of the owned prefixes"
    )


def test_without_our_stamp_what_the_record_does_not_know_is_not_ours():
    assert why(STAMPED, OURS) is None
    assert (
        why(STAMPED, BARE)
        == "it exists at the API and is not ours: it does not carry the owner stamp managedBy: alg-content"
    )
    assert why(STAMPED, THEIRS) == 'it exists at the API and is not ours: its managedBy is "geo-team"'


def test_with_both_rules_both_must_say_that_it_is_ours():
    assert why(BOTH, OURS) is None
    assert why(BOTH, BARE) is not None
    assert why(Ownership(prefixes=("geo-",), stamp=US), OURS) is not None


def test_what_is_recorded_stays_ours_until_another_stamp_is_on_it():
    assert [why(STAMPED, metadata, OURS) for metadata in (OURS, BARE)] == [None, None]
    assert why(STAMPED, THEIRS, OURS) == 'it is not ours any more: its managedBy is now "geo-team"'
    assert why(STAMPED, THEIRS, BARE) is not None, "it came before we had a stamp"
    assert why(PREFIXED, THEIRS, OURS) is None
    assert why(Ownership(prefixes=("geo-",)), BARE, BARE) is None, "what we adopted may have any identifier"


def test_stamp_that_was_taken_over_on_purpose_may_be_replaced():
    assert why(STAMPED, THEIRS, THEIRS) is None
    assert why(STAMPED, {"managedBy": "sci-team"}, THEIRS) is not None, "by now it is somebody else's again"


def test_stamp_of_ours_from_before_a_change_of_configuration_is_ours():
    before = {**GRADE_5, "managedBy": "old-name"}
    assert why(STAMPED, before, before) is None
    assert why(STAMPED, {"owner": "us"}, {"owner": "us"}) is None


def test_remedy_says_what_a_person_can_do():
    assert PREFIXED.refuses(Q1, BARE) is None
    other = Ownership(prefixes=("geo-",)).refuses(Q1, BARE)
    theirs = STAMPED.refuses(Q1, THEIRS)
    taken = STAMPED.refuses(Q1, THEIRS, OURS)
    assert other is not None
    assert "owned_prefixes" in other.remedy
    assert theirs is not None
    assert "`qtisync adopt ID --foreign`" in theirs.remedy
    assert taken == NotOurs(
        why='its managedBy is now "geo-team"',
        remedy="Agree with them whose it is; if it is yours, `qtisync adopt ID --foreign` takes it over.",
        taken=True,
    )


@pytest.mark.parametrize(
    ("ownership", "metadata", "ours"),
    [
        (STAMPED, OURS, True),
        (STAMPED, BARE, False),
        (STAMPED, THEIRS, False),
        (PREFIXED, THEIRS, True),
        (BOTH, BARE, True),
        (BOTH, THEIRS, False),
        (Ownership(prefixes=("geo-",), stamp=US), OURS, True),
        (Ownership(prefixes=("geo-",), stamp=US), BARE, False),
    ],
)
def test_what_nobody_knows_is_ours_by_prefix_or_stamp_unless_another_stamp_is_on_it(
    ownership: Ownership, metadata: Metadata, ours: bool
):
    assert ownership.marks(Q1, metadata) is ours


def test_another_value_is_another_owner_whatever_its_type():
    for value in (None, True, 1, ["alg-content"], {"name": "alg-content"}, ""):
        assert not US.is_on({"managedBy": value})
        assert STAMPED.refuses(Q1, {"managedBy": value}) is not None


def test_name_of_another_owner_is_one_short_line():
    assert STAMPED.owner({"managedBy": "a\nb\x1b[31m" + "x" * 99}) == '"a b [31m' + "x" * 31 + '…"'
    assert STAMPED.owner({"managedBy": ["secret"]}) == "no text"
    assert [STAMPED.owner(metadata) for metadata in (OURS, BARE)] == ["", ""]


def test_stamps_are_told_from_the_rest_of_the_metadata():
    assert [STAMPED.on(metadata) for metadata in (OURS, THEIRS, BARE)] == [
        {"managedBy": "alg-content"},
        {"managedBy": "geo-team"},
        {},
    ]
    assert Ownership().on(OURS) == {}


def test_metadata_under_another_stamp_keeps_everything_else():
    other = Stamp(key="owner", value="us")
    assert restamped(OURS, US, other) == {**GRADE_5, "owner": "us"}
    assert restamped(OURS, US, None) == GRADE_5
    assert restamped(GRADE_5, None, US) == OURS
    assert restamped(THEIRS, US, US) == OURS


def test_record_knows_git_s_keys_only_of_what_it_saw():
    seen = Remote(version=1)
    assert keys_of(Presence.PRESENT, seen, OURS) == OURS
    assert keys_of(Presence.PRESENT, None, OURS) is None
    assert keys_of(Presence.DOUBTFUL, seen, OURS) is None
