"""What a log keeps of a server's words."""

from __future__ import annotations

from typing import Any

import pytest

from qtisync.delivery.log_words import HIDDEN, LONGEST, for_log


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('400: "CANARY" is not a valid grade', f"400: {HIDDEN} is not a valid grade"),
        ("400: Path `topic` has 'CANARY'", f"400: Path {HIDDEN} has {HIDDEN}"),
        ("422: “CANARY” and «CANARY» and \u2018CANARY\u2019", f"422: {HIDDEN} and {HIDDEN} and {HIDDEN}"),
        ('500: cut off in "CANAR…', f"500: cut off in {HIDDEN}"),
        ("500: cut off in 'CANAR…", f"500: cut off in {HIDDEN}"),
        ("500: 'it's CANARY' was refused", f"500: {HIDDEN} was refused"),
        ("400: the server's cat isn't here", "400: the server's cat isn't here"),
        ("503 with an empty body", "503 with an empty body"),
    ],
)
def test_quotations_are_left_out(said: str, kept: str):
    assert for_log(said) == kept


@pytest.mark.parametrize(
    "value", ["the CANARY", ["a", "the CANARY"], {"deep": {"er": ["the CANARY"]}}, "the  CANARY", "the\nCANARY"]
)
def test_values_that_were_sent_are_left_out_without_quotation_too(value: Any):
    said = "500: cast to number failed for the CANARY at path topic (event 17)"

    assert for_log(said, [value, 5, None, True]) == f"500: cast to number failed for {HIDDEN} at path topic (event 17)"


def test_value_too_short_to_tell_anything_does_not_spoil_the_sentence():
    assert for_log("500: boom", ["5", "0", " "]) == "500: boom"


def test_longest_value_goes_first():
    assert for_log("400: red apples", ["red", "red apples"]) == f"400: {HIDDEN}"


def test_value_in_which_the_message_was_cut_off_is_left_out():
    assert for_log("400: this is this CANARY wor…", ["this CANARY words"]) == f"400: this is {HIDDEN}"


def test_nothing_stays_nothing_and_long_words_are_cut():
    assert for_log(None) is None
    assert len(for_log("x" * 1000) or "") == LONGEST
