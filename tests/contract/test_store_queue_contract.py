"""The queue is a column: claim, settle, give back, block. Every implementation of ``engine.ports.Store`` agrees."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import START, a_journal_line, a_key, a_stimulus, an_item, facets, intents_for
from test_store_contract import park, push, push_refused_edit, synced

from qtisync.delivery.settlement import Claim, Settlement
from qtisync.engine.ports import Store
from qtisync.model import Facets, ItemStatus, Key, Kind, Lane, Presence, Recorded, Remote, Standing
from qtisync.planning.intent import Reassertion

Q1 = a_key()
S1 = a_key("s1", Kind.STIMULUS)


def claimed(store: Store, worker: str = "w1", now: float = START) -> Claim:
    claim = store.claim(worker, now, 60.0)
    assert claim is not None
    return claim


def an_end(**others) -> Settlement:
    values = {"status": ItemStatus.SYNCED, "attempts": 0, "presence": Presence.PRESENT, "outcome": "Accepted"}
    return Settlement(**{**values, "acknowledged": facets("c1"), **others})


def statuses(store: Store) -> dict[str, str]:
    return {row.key.identifier: str(row.status) for row in store.recorded().values()}


def the(store: Store, key: Key = Q1) -> Recorded:
    return store.recorded()[key]


def test_a_claim_shows_the_row_as_it_was_and_puts_what_is_sent_in_doubt(store):
    synced(store, an_item())
    store.record_pass(intents_for(an_item(content="c2")))
    before = the(store)

    assert store.claim("w1", START, 60.0) == Claim(row=before, worker="w1", lease_until=START + 60)
    assert the(store) == replace(
        before,
        status=ItemStatus.IN_FLIGHT,
        acknowledged=Facets(content=None, metadata=before.acknowledged.metadata),
        lease_owner="w1",
        lease_until=START + 60,
    )


def test_the_first_claim_of_a_new_object_makes_its_existence_doubtful(store):
    store.record_pass(intents_for(an_item()))

    assert claimed(store).row.presence is Presence.ABSENT
    assert (the(store).presence, the(store).acknowledged) == (Presence.DOUBTFUL, Facets())


def test_only_one_call_per_object_is_in_flight(store):
    store.record_pass(intents_for(an_item("a"), an_item("b")))

    assert [claimed(store, "w1").row.key, claimed(store, "w2").row.key] == [a_key("a"), a_key("b")]
    assert (store.claim("w3", START, 60.0), store.in_flight()) == (None, 2)


def test_the_order_is_lane_then_kind_then_age_then_identifier(store):
    lanes = {"b": Lane.BULK, "n2": Lane.NORMAL, "n1": Lane.NORMAL, "h": Lane.HOTFIX}
    for name, lane in lanes.items():
        store.record_pass(intents_for(an_item(name), lane=lane))
    store.record_pass(intents_for(a_stimulus("s"), an_item("t", kind=Kind.TEST), lane=Lane.BULK))
    store.record_pass(intents_for(an_item("a-retried"), lane=Lane.HOTFIX))
    order = [claimed(store).row.key.identifier for _ in range(2)]
    retried = store.recorded()[a_key("a-retried")]
    store.settle(Claim(row=retried, worker="w1", lease_until=START + 60),
                 an_end(status=ItemStatus.QUEUED, not_before=START, attempts=1, acknowledged=Facets()))  # fmt: skip
    order += [claimed(store).row.key.identifier for _ in range(6 - 1)]

    assert order == ["a-retried", "h", "a-retried", "n1", "n2", "s", "b"]
    assert claimed(store).row.key.identifier == "t"


def test_what_comes_next_can_be_seen_without_taking_it(store):
    store.record_pass(intents_for(*map(an_item, "abcde"), a_stimulus("s")))
    store.record_pass(intents_for(an_item("f", references=(a_key("s", Kind.STIMULUS),))))
    assert claimed(store).row.key.identifier == "s"
    before = store.recorded()

    assert [row.key.identifier for row in store.upcoming(START, 3)] == ["a", "b", "c"]
    assert list(store.upcoming(START, 9)) == [before[a_key(name)] for name in "abcde"]  # f waits for s
    assert (store.recorded(), claimed(store).row.key, list(store.upcoming(START, 0))) == (before, a_key("a"), [])


def test_a_row_is_not_claimed_before_its_time(store):
    store.record_pass(intents_for(an_item()))
    push(
        store, status=ItemStatus.QUEUED, attempts=1, not_before=START + 10, acknowledged=Facets(), outcome="Unavailable"
    )

    assert store.claim("w1", START + 9.9, 60.0) is None
    assert [store.next_ready(START), store.next_ready(START + 20)] == [START + 10, START + 20]
    assert claimed(store, now=START + 10).row.attempts == 1


@pytest.mark.parametrize("standing", [Standing.HELD, Standing.ORPHAN, Standing.IGNORED])
def test_what_is_not_wanted_is_not_claimed(store, standing):
    store.record_pass(intents_for(an_item(), standings={a_key(): standing}))

    assert (store.claim("w1", START, 60.0), store.next_ready(START)) == (None, None)


def test_an_object_waits_for_what_it_refers_to(store):
    store.record_pass(intents_for(a_stimulus(), an_item(references=(S1,))))
    stimulus = claimed(store)

    assert (stimulus.row.key, store.claim("w2", START, 60.0)) == (S1, None)
    assert store.next_ready(START) == START + 60, "by then the lease is over"
    store.settle(stimulus, an_end())
    assert store.next_ready(START) == START
    assert claimed(store).row.key == a_key()


def test_an_object_does_not_wait_for_what_is_not_in_the_record(store):
    store.record_pass(intents_for(an_item(references=(S1,))))

    assert claimed(store).row.key == a_key()


def test_a_settled_row_shows_what_the_api_has(store):
    store.record_pass(intents_for(an_item()))
    claim = claimed(store)
    remote = Remote(content=None, version=7, updated_at="2027", foreign={"run": {"n": 1}})
    line = a_journal_line(http_status=201, remote_version=7, commit=claim.row.commit)
    end = an_end(
        acknowledged_metadata={"grade": "5"}, remote=remote, altered="rewritten", http_status=201, journal=(line,)
    )

    assert store.settle(claim, end) is True
    assert the(store) == replace(
        claim.row,
        status=ItemStatus.SYNCED,
        presence=Presence.PRESENT,
        acknowledged=facets("c1"),
        acknowledged_metadata={"grade": "5"},
        acknowledged_blob=claim.row.blob,
        remote=remote,
        last_outcome="Accepted",
        http_status=201,
        altered="rewritten",
    )
    assert list(store.history(None, 9)) == [line]


def test_a_refusal_leaves_what_the_api_had(store):
    synced(store, an_item())
    before = the(store)
    after = push_refused_edit(store)

    assert after == replace(
        before,
        status=ItemStatus.PARKED,
        desired=facets("c2"),
        blob=an_item(content="c2").blob,
        answers=an_item(content="c2").answers,
        remote=Remote(version=3),
        generation=2,
        attempts=1,
        last_outcome="Refused",
        last_error="no",
        http_status=422,
    )


def test_a_moved_target_keeps_its_fresh_attempts_and_is_queued(store):
    store.record_pass(intents_for(an_item()))
    claim = claimed(store)
    store.record_pass(intents_for(an_item(content="c2")))
    between = the(store)
    late = an_end(attempts=3, not_before=START + 99, message="late", altered="x", remote=Remote(version=1))

    assert store.settle(claim, late) is True
    assert the(store) == replace(
        between,
        status=ItemStatus.QUEUED,
        presence=Presence.PRESENT,
        acknowledged=facets("c1"),
        acknowledged_blob=claim.row.blob,
        remote=Remote(version=1),
        lease_owner=None,
        lease_until=None,
    )


def test_a_revert_during_the_call_is_synced_if_the_call_changed_nothing(store):
    synced(store, an_item())
    store.record_pass(intents_for(an_item(content="c2")))
    claim = claimed(store)
    store.record_pass(intents_for(settled=(an_item(),)))
    store.settle(claim, an_end(status=ItemStatus.PARKED, acknowledged=claim.row.acknowledged, outcome="Refused"))

    assert (the(store).status, the(store).desired) == (ItemStatus.SYNCED, facets("c1"))


@pytest.mark.parametrize("known", [facets("c2"), facets(None)])
def test_a_revert_after_lost_answer_is_pushed_again(store, known):
    synced(store, an_item())
    store.record_pass(intents_for(an_item(content="c2")))
    claim = claimed(store)
    store.record_pass(intents_for(settled=(an_item(),)))
    store.settle(claim, an_end(acknowledged=known))

    assert (the(store).status, the(store).acknowledged) == (ItemStatus.QUEUED, known)


def test_a_lost_lease_writes_only_the_journal(store):
    store.record_pass(intents_for(an_item()))
    old = claimed(store, "w1")
    store.recover(START + 60)
    new = claimed(store, "w2", START + 60)
    before = the(store)

    assert store.settle(old, an_end(journal=(a_journal_line(),))) is False
    assert (the(store), len(store.history(None, 9))) == (before, 1)
    assert store.settle(new, an_end()) is True
    assert store.settle(new, an_end()) is False, "a claim is settled once"


def test_a_released_row_is_again_what_it_was(store):
    synced(store, an_item())
    store.record_pass(intents_for(an_item(content="c2"), an_item("q2")))
    before = store.recorded()
    claims = claimed(store), claimed(store)
    for claim in claims:
        store.release(claim)
    store.release(claims[0])

    assert store.recorded() == before


def test_a_claim_released_after_its_target_moved_keeps_the_new_target(store):
    synced(store, an_item())
    store.record_pass(intents_for(an_item(content="c2")))
    claim = claimed(store)
    store.record_pass(intents_for(settled=(an_item(),)))
    store.release(claim)

    assert (the(store).status, the(store).acknowledged, the(store).desired) == (
        ItemStatus.SYNCED, facets("c1"), facets("c1"),
    )  # fmt: skip


def test_expired_leases_are_recovered_and_stay_in_doubt(store):
    store.record_pass(intents_for(an_item()))
    claimed(store)

    assert [store.recover(START + 59), store.recover(START + 60), store.recover(START + 61)] == [0, 1, 0]
    row = the(store)
    assert (row.status, row.presence, row.lease_owner, row.lease_until) == (
        ItemStatus.QUEUED, Presence.DOUBTFUL, None, None,
    )  # fmt: skip


def test_leases_of_others_are_recovered_by_their_owner(store):
    store.record_pass(intents_for(an_item("a"), an_item("b")))
    claimed(store, "dead")
    claimed(store, "me")

    assert store.recover(START, owner="me") == 1
    assert statuses(store) == {"a": "queued", "b": "in_flight"}


def test_doubt_queues_a_synced_object_again(store):
    synced(store, an_item())
    before = the(store)
    store.doubt(a_key())
    store.doubt(a_key("unknown"))

    doubted = Facets(content=before.acknowledged.content)
    assert the(store) == replace(before, status=ItemStatus.QUEUED, acknowledged=doubted)


def test_doubt_leaves_an_object_alone_that_is_on_its_way(store):
    synced(store, an_item())
    before = push_refused_edit(store)
    store.doubt(a_key())

    assert the(store) == before


@pytest.mark.parametrize(("content", "metadata"), [(True, False), (False, True), (True, True)])
def test_object_that_drifted_is_asserted_again(store, content, metadata):
    synced(store, an_item())
    before = the(store)
    again = Reassertion(key=Q1, generation=before.generation, content=content, metadata=metadata, message="it changed")

    assert store.reassert([again, replace(again, key=a_key("unknown"))]) == 1
    assert the(store) == replace(
        before,
        status=ItemStatus.QUEUED,
        acknowledged=Facets(
            content=None if content else before.acknowledged.content,
            metadata=None if metadata else before.acknowledged.metadata,
        ),
        last_outcome="Drift",
        last_error="it changed",
    )
    assert store.reassert([again]) == 0  # it is on its way already


def test_object_with_a_newer_target_is_not_asserted_again(store):
    synced(store, an_item())
    again = Reassertion(key=Q1, generation=the(store).generation, content=True, metadata=False, message="")
    before = push_refused_edit(store)

    assert store.reassert([again]) == 0
    assert the(store) == before


def test_object_that_git_does_not_want_any_more_is_not_asserted_again(store):
    synced(store, an_item())
    store.record_pass(intents_for(standings={Q1: Standing.ORPHAN}))
    again = Reassertion(key=Q1, generation=the(store).generation, content=True, metadata=False, message="")

    assert store.reassert([again]) == 0


def test_retry_revives_parked_rows_with_fresh_attempts(store):
    store.record_pass(intents_for(an_item("a"), an_item("b"), an_item("c")))
    park(store)
    parked = park(store)

    assert store.retry([a_key("b"), a_key("c"), a_key("d")]) == 1
    assert the(store, a_key("b")) == replace(parked, status=ItemStatus.QUEUED, attempts=0, force=True)
    assert (store.retry(None), store.retry(None)) == (1, 0)
    assert statuses(store) == {"a": "queued", "b": "queued", "c": "queued"}


def test_what_a_person_forced_is_forced_until_it_is_done(store):
    store.record_pass(intents_for(an_item()))
    park(store)
    store.retry(None)

    assert park(store).force is True
    store.retry(None)
    assert push(store).force is False


def test_the_bystander_is_a_quiet_item_and_always_the_same(store):
    synced(store, a_stimulus(), an_item("a"), an_item("b"), an_item("c"))
    store.record_pass(intents_for(an_item("a", content="c2"), standings={a_key("d"): Standing.WANTED}))

    assert store.bystander(a_key("x")) == the(store, a_key("b"))
    assert store.bystander(a_key("b")) == the(store, a_key("c"))
    assert store.bystander(a_key("b", Kind.STIMULUS)) == the(store, a_key("b"))


def test_values_that_were_read_are_copies(store):
    store.record_pass(intents_for(an_item(metadata={"topics": ["a"]})))
    the(store).desired_metadata["topics"].append("b")

    assert the(store).desired_metadata == {"topics": ["a"]}


def test_keys_that_were_only_meant_stay_known_as_ours_until_an_answer_is_clear(store):
    """Add a key → the answer is lost → revert the key: it must still be known as git's, or it stays at the API."""
    store.record_pass(intents_for(an_item("q1", metadata={"grade": "5", "added": "x"})))
    claim = claimed(store)
    assert claim.row.acknowledged_metadata == {}
    assert store.recorded()[a_key("q1")].acknowledged_metadata == {"grade": "5", "added": "x"}

    store.release(claim)
    assert store.recorded()[a_key("q1")].acknowledged_metadata == {}

    claim = claimed(store)
    store.settle(claim, an_end(status=ItemStatus.QUEUED, attempts=1, acknowledged=Facets()))
    store.record_pass(intents_for(an_item("q1", metadata={"grade": "5"})))
    assert store.recorded()[a_key("q1")].acknowledged_metadata == {"grade": "5", "added": "x"}
