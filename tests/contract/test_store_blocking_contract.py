"""What waits for a refused or unreadable object is blocked, with the blocker named, and freed again."""

from __future__ import annotations

from builders import START, a_key, a_stimulus, an_item, intents_for
from test_store_contract import park, synced
from test_store_queue_contract import S1, an_end, claimed, statuses, the

from qtisync.model import Facets, ItemStatus, Kind, Standing


def test_a_parked_stimulus_blocks_what_refers_to_it_and_names_itself(store):
    store.record_pass(
        intents_for(a_stimulus(), an_item(references=(S1,)), an_item("t", kind=Kind.TEST, references=(a_key(),)))
    )
    park(store)

    assert [(r.status, r.blocker) for r in store.recorded().values()] == [
        (ItemStatus.BLOCKED, S1), (ItemStatus.PARKED, None), (ItemStatus.BLOCKED, a_key()),
    ]  # fmt: skip
    assert store.next_ready(START) is None
    store.retry([S1])
    assert statuses(store) == {"q1": "queued", "s1": "queued", "t": "queued"}
    assert the(store).blocker is None


def test_a_pass_blocks_what_refers_to_a_parked_object_and_frees_it_after_the_edit(store):
    store.record_pass(intents_for(a_stimulus()))
    park(store)
    store.record_pass(intents_for(an_item(references=(S1,))))
    assert statuses(store) == {"q1": "blocked", "s1": "parked"}

    store.record_pass(intents_for(a_stimulus(content="c2")))
    assert statuses(store) == {"q1": "queued", "s1": "queued"}


def test_an_unreadable_object_blocks_only_if_the_api_never_had_it(store):
    s2 = a_key("s2", Kind.STIMULUS)
    synced(store, a_stimulus("s2"))
    held = {S1: Standing.HELD, s2: Standing.HELD}
    new = (a_stimulus(), an_item(references=(S1,)), an_item("q2", references=(s2,)))
    store.record_pass(intents_for(*new, standings=held))

    assert statuses(store) == {"q1": "blocked", "q2": "queued", "s1": "queued", "s2": "synced"}
    assert claimed(store).row.key == a_key("q2")
    store.record_pass(intents_for(standings={S1: Standing.WANTED}))
    assert the(store).status is ItemStatus.QUEUED


def test_dependencies_are_replaced_not_added(store):
    store.record_pass(intents_for(a_stimulus()))
    park(store)
    store.record_pass(intents_for(an_item(references=(S1,))))
    store.record_pass(intents_for(touched=(an_item(),), dependencies={a_key(): ()}))

    assert the(store).status is ItemStatus.QUEUED


def test_an_object_that_comes_back_from_its_flight_is_blocked_if_it_must_be(store):
    store.record_pass(intents_for(an_item()))
    claim = claimed(store)
    store.record_pass(intents_for(a_stimulus(), dependencies={S1: (), a_key(): (S1,)}))
    park(store)
    store.settle(claim, an_end(status=ItemStatus.QUEUED, acknowledged=Facets(), outcome="Unavailable"))

    assert (the(store).status, the(store).blocker) == (ItemStatus.BLOCKED, S1)
