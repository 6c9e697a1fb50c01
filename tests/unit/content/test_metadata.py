import hashlib

import pytest

from qtisync.content.metadata import canonical_json, merge, metadata_digest, whole_numbers


def test_canonical_json_sorts_keys_keeps_lists_and_does_not_escape():
    metadata = {"subject": "季語 é", "alignment": [{"b": 2, "a": [3, 1]}], "grade": "5"}

    assert canonical_json(metadata) == '{"alignment":[{"a":[3,1],"b":2}],"grade":"5","subject":"季語 é"}'


def test_digest_is_sha256_of_the_canonical_json_with_its_algorithm():
    expected = hashlib.sha256('{"a":"é","b":[1,2.5,null,true]}'.encode()).hexdigest()

    assert metadata_digest({"b": [1, 2.5, None, True], "a": "é"}) == f"meta/1:{expected}"


def test_order_of_keys_does_not_change_the_digest_but_order_of_lists_does():
    assert metadata_digest({"a": 1, "b": 2}) == metadata_digest({"b": 2, "a": 1})
    assert metadata_digest({"a": [1, 2]}) != metadata_digest({"a": [2, 1]})


def test_text_and_number_are_different_metadata():
    assert metadata_digest({"a": "1"}) != metadata_digest({"a": 1})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_does_not_have_is_refused(number):
    with pytest.raises(ValueError):
        canonical_json({"a": number})


def test_a_nearer_key_replaces_the_whole_value():
    defaults = {"subject": "Math", "alignment": {"curriculum": "A", "grade": 4}}

    assert merge(defaults, {"alignment": {"curriculum": "B"}}) == {"subject": "Math", "alignment": {"curriculum": "B"}}


def test_null_is_a_value_that_overrides():
    assert merge({"topic": "x"}, {"topic": None}) == {"topic": None}


def test_merging_changes_neither_side():
    defaults, own = {"a": 1}, {"a": 2}
    merge(defaults, own)

    assert (defaults, own) == ({"a": 1}, {"a": 2})


def test_whole_floats_become_integers_at_any_depth_and_nothing_else_changes():
    value = {"a": [5.0, 0.5, -0.0, True, "5.0", None], "b": {"c": 1000.0}}

    assert canonical_json(whole_numbers(value)) == '{"a":[5,0.5,0,true,"5.0",null],"b":{"c":1000}}'
