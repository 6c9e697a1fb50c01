"""A slot of the pace and a claim in one step: neither is ever taken for nothing."""

from __future__ import annotations

from builders import START, a_key, a_stimulus, an_item, intents_for

from qtisync.delivery.pace import SLACK, Pace
from qtisync.delivery.settlement import Claim, Turn
from qtisync.engine.ports import Store
from qtisync.model import ItemStatus, Kind


def paced(store: Store, **others: float) -> None:
    store.update_pace(lambda _old: Pace(**{"rate": 2.0, "ceiling": 10.0, **others}))


def test_a_ready_row_and_a_slot_that_begins_at_once_are_taken_together(store):
    paced(store)
    store.record_pass(intents_for(an_item()))
    before = store.recorded()[a_key()]

    turn = store.take("w1", START, 60.0)
    assert turn == Turn(claim=Claim(row=before, worker="w1", lease_until=START + 60), ready=START)
    assert (store.in_flight(), store.pace().tat) == (1, START - SLACK + 0.5)


def test_for_a_later_slot_nothing_is_claimed_yet(store):
    paced(store, tat=START + 3)
    store.record_pass(intents_for(an_item()))

    assert store.take("w1", START, 60.0) == Turn(begins=START + 3, ready=START)
    assert (store.in_flight(), store.pace().tat) == (0, START + 3.5)
    assert store.claim("w1", START + 3, 60.0) is not None


def test_nothing_leaves_before_the_end_of_a_pause(store):
    paced(store, paused_until=START + 9)
    store.record_pass(intents_for(an_item()))

    assert store.take("w1", START, 60.0) == Turn(begins=START + 9, ready=START)


def test_without_a_ready_row_no_slot_is_taken(store):
    paced(store)
    assert store.take("w1", START, 60.0) == Turn()
    store.record_pass(intents_for(a_stimulus(), an_item(references=(a_key("s1", Kind.STIMULUS),))))
    store.take("w1", START, 60.0)

    assert store.take("w1", START + 1, 60.0) == Turn(ready=START + 60), "by then the lease is over"
    assert store.pace().tat == START - SLACK + 0.5


def test_before_there_is_a_pace_every_slot_begins_at_once(store):
    store.record_pass(intents_for(an_item("a"), an_item("b")))
    claims = [store.take("w1", START, 60.0).claim for _ in range(2)]

    assert [claim.row.key.identifier for claim in claims] == ["a", "b"]
    assert {row.status for row in store.recorded().values()} == {ItemStatus.IN_FLIGHT}
