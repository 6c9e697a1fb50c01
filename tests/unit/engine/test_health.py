"""Whether the API gives usable answers, as all see it who ask it."""

from __future__ import annotations

import pytest
from builders import START
from fakes import MemoryStore, RecordedLog

from qtisync.delivery.outcome import Denied, Missing, Refused, Throttled, Unavailable
from qtisync.engine.health import DOWN_AFTER, Health, Trouble, remember, remembered

REFUSED = Unavailable(message="connection refused", in_doubt=False)


def failing(*statuses: int | None, apart: float = 0.0) -> Health:
    health = Health()
    for turn, status in enumerate(statuses):
        health.heard(Unavailable(message="no answer", status=status), START + turn * apart)
    return health


def test_one_lost_answer_is_no_trouble_and_two_within_a_second_are_none_either() -> None:
    assert failing(None).trouble is None
    assert failing(None, None, apart=0.9).trouble is None


def test_two_lost_answers_over_a_second_are() -> None:
    assert failing(None, 503, apart=1.0).trouble == Trouble(since=START, reason="no answer")


def test_500s_may_be_about_items_until_there_are_many_in_a_row() -> None:
    assert failing(500, 500, 500, 500, apart=60.0).trouble is None
    assert failing(500, 500, 500, 500, 500).trouble == Trouble(since=START, reason="no answer")


def test_call_that_hangs_for_long_is_trouble_unless_others_were_answered_meanwhile() -> None:
    health = Health()
    health.heard(REFUSED, START + 10.0, START)
    assert health.trouble == Trouble(since=START, reason="connection refused")

    health = Health()
    health.heard(None, START + 5.0)
    health.heard(REFUSED, START + 10.0, START)
    assert health.trouble is None


@pytest.mark.parametrize(
    "answer", [None, Missing(), Refused(status=422, message=""), Denied(message=""), Throttled(until=None)]
)
def test_any_answer_of_the_api_ends_it(answer: object) -> None:
    health = failing(None, None, apart=1.0)
    health.heard(answer, START + 2)

    assert (health.trouble, health.answered) == (None, True)


def test_it_is_down_after_a_while_and_keeps_the_newest_reason() -> None:
    health = failing(None, None, apart=1.0)
    assert health.down(START + DOWN_AFTER - 0.1) is None
    health.heard(REFUSED, START + 20)

    assert health.down(START + DOWN_AFTER) == Trouble(since=START, reason="connection refused")


def test_each_change_is_logged_once() -> None:
    log = RecordedLog()
    health = Health(log)
    for turn in range(4):
        health.heard(REFUSED, START + turn)
    for turn in range(4):
        health.heard(None, START + 10 + turn)

    assert log.names() == ["api_down", "api_up"]
    assert log.of("api_down")[0]["reason"] == "connection refused"
    assert log.of("api_up") == [{"seconds": 10.0}]


def test_what_a_run_gave_up_on_is_remembered_until_the_api_answers_again() -> None:
    store = MemoryStore()
    remember(store, Health(), "", START)
    assert remembered(store) is None
    remember(store, Health(), "connection refused", START)
    assert remembered(store) == Trouble(since=START, reason="connection refused")
    remember(store, Health(), "", START + 5)  # this run had no need to ask
    assert remembered(store) is not None

    health = Health()
    health.heard(None, START + 9)
    remember(store, health, "", START + 9)
    assert remembered(store) is None
    assert store.setting("api_trouble") is None


def test_run_that_ends_in_the_middle_of_a_first_failure_remembers_it() -> None:
    store, health = MemoryStore(), Health()
    health.heard(REFUSED, START)
    remember(store, health, "the deadline is over", START + 3)

    assert (health.trouble, health.failing) == (None, Trouble(since=START, reason="connection refused"))
    assert remembered(store) == health.failing


def test_words_say_since_when_and_why() -> None:
    words = "the API gives no usable answer since 1970-01-01T00:16:40.000Z: connection refused"
    assert Trouble(since=1000.0, reason="connection refused").words == words
