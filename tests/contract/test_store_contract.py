"""What a pass writes and what readers see: every implementation of ``engine.ports.Store`` agrees."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    START,
    a_blob,
    a_commit,
    a_content_digest,
    a_journal_line,
    a_key,
    a_pass,
    a_recorded,
    a_stimulus,
    an_item,
    facets,
    intents_for,
)

from qtisync.content.facts import BrokenFacts, ObjectFacts, Remark, SidecarFacts
from qtisync.delivery.ledger import Chain, Place
from qtisync.delivery.pace import SLACK, Pace
from qtisync.delivery.settlement import Settlement
from qtisync.engine.ports import Store
from qtisync.model import (
    Broken,
    Facets,
    Identifier,
    Item,
    ItemStatus,
    Kind,
    Lane,
    Presence,
    Problem,
    Recorded,
    Remote,
    RepoPath,
    Standing,
    Steering,
)


def push(store: Store, *, now: float = START, **others) -> Recorded:
    """Claim the next row and settle it, as accepted unless told otherwise; the row as it is then."""
    claim = store.claim("w1", now, 60.0)
    assert claim is not None
    accepted = {
        "status": ItemStatus.SYNCED,
        "attempts": 0,
        "presence": Presence.PRESENT,
        "acknowledged": claim.row.desired,
        "acknowledged_metadata": claim.row.desired_metadata,
        "outcome": "Accepted",
        "http_status": 200,
    }
    assert store.settle(claim, Settlement(**{**accepted, **others}))
    return store.recorded()[claim.row.key]


def park(store: Store) -> Recorded:
    return push(
        store, status=ItemStatus.PARKED, attempts=1, presence=Presence.ABSENT, acknowledged=Facets(), outcome="Refused",
        acknowledged_metadata=None, message="bad", http_status=400,
    )  # fmt: skip


def synced(store: Store, *items: Item) -> None:
    store.record_pass(intents_for(*items))
    for _ in items:
        push(store)


def test_a_new_record_is_empty(store):
    assert (store.last_pass(), store.recorded(), list(store.unsettled()), store.counts()) == (None, {}, [], {})
    assert (store.pace(), store.setting("x"), list(store.history(None, 9))) == (None, None, [])
    assert (store.next_ready(START), store.in_flight(), store.bystander(a_key())) == (None, 0, None)
    assert store.claim("w1", START, 60.0) is None


def test_a_new_target_is_a_queued_row_with_everything_the_file_says(store):
    item = an_item(metadata={"grade": "5", "Größe": [1, 2.5, None]}, steering=Steering(protect=True))
    store.record_pass(intents_for(item, lane=Lane.HOTFIX, commit=a_commit("2"), author="Zoë"))

    assert store.recorded() == {
        item.key: Recorded(
            key=item.key,
            path=item.path,
            desired=item.facets,
            desired_metadata=item.metadata,
            blob=item.blob,
            answers=item.answers,
            lane=Lane.HOTFIX,
            protect=True,
            commit=a_commit("2"),
            author="Zoë",
        )
    }


def test_a_new_target_replaces_the_old_one_and_starts_with_fresh_attempts(store):
    synced(store, an_item())
    before = push_refused_edit(store)
    newer = an_item(content="c3", path="moved/q1.xml")
    store.record_pass(intents_for(newer, commit=a_commit("3"), lane=Lane.BULK, author="Bob"))

    assert store.recorded()[newer.key] == replace(
        before,
        path=newer.path,
        desired=newer.facets,
        blob=newer.blob,
        answers=newer.answers,
        status=ItemStatus.QUEUED,
        generation=3,
        attempts=0,
        last_error=None,
        lane=Lane.BULK,
        commit=a_commit("3"),
        author="Bob",
    )


def push_refused_edit(store: Store) -> Recorded:
    store.record_pass(intents_for(an_item(content="c2")))
    return push(
        store, status=ItemStatus.PARKED, attempts=1, acknowledged=facets("c1"), acknowledged_metadata=None,
        remote=Remote(version=3), outcome="Refused", message="no", http_status=422,
    )  # fmt: skip


def test_a_new_target_leaves_an_object_in_flight_in_flight(store):
    store.record_pass(intents_for(an_item()))
    claim = store.claim("w1", START, 60.0)
    store.record_pass(intents_for(an_item(content="c2")))
    row = store.recorded()[a_key()]

    assert (row.status, row.generation, row.lease_owner, row.presence) == (
        ItemStatus.IN_FLIGHT, 2, "w1", Presence.DOUBTFUL,
    )  # fmt: skip
    assert claim is not None
    assert store.claim("w2", START, 60.0) is None


def test_a_new_target_makes_a_held_object_wanted_again(store):
    synced(store, an_item())
    store.record_pass(intents_for(standings={a_key(): Standing.HELD}))
    store.record_pass(intents_for(an_item(content="c2")))

    assert store.recorded()[a_key()].standing is Standing.WANTED


def test_a_revert_to_what_the_api_has_is_synced_at_once(store):
    synced(store, an_item())
    before = push_refused_edit(store)
    store.record_pass(intents_for(settled=(an_item(),), commit=a_commit("3")))
    item = an_item()

    assert store.recorded()[item.key] == replace(
        before,
        desired=item.facets,
        blob=item.blob,
        answers=item.answers,
        status=ItemStatus.SYNCED,
        generation=3,
        attempts=0,
        last_error=None,
        commit=a_commit("3"),
        author=None,
    )


def test_a_revert_during_the_call_stays_in_flight(store):
    synced(store, an_item())
    store.record_pass(intents_for(an_item(content="c2")))
    store.claim("w1", START, 60.0)
    store.record_pass(intents_for(settled=(an_item(),)))
    row = store.recorded()[a_key()]

    assert (row.status, row.generation, row.desired) == (ItemStatus.IN_FLIGHT, 3, facets("c1"))


def test_a_revert_that_comes_after_the_edit_was_pushed_is_queued(store):
    """The pass compares before the worker settles and writes afterwards: believed, the server would keep the edit."""
    synced(store, an_item())
    store.record_pass(intents_for(an_item(content="c2")))
    push(store)
    store.record_pass(intents_for(settled=(an_item(),)))

    assert store.recorded()[a_key()].status is ItemStatus.QUEUED


def test_a_touched_row_keeps_its_target_and_its_place(store):
    synced(store, an_item())
    before = push_refused_edit(store)
    touched = an_item(content="c2", path="new/q1.xml", blob=a_blob("x"), steering=Steering(protect=True), answers=None)
    store.record_pass(intents_for(touched=(touched,)))

    assert store.recorded()[touched.key] == replace(
        before, path=touched.path, blob=touched.blob, protect=True, answers=None
    )


def test_a_standing_changes_nothing_else(store):
    synced(store, an_item())
    before = store.recorded()[a_key()]
    store.record_pass(intents_for(standings={a_key(): Standing.ORPHAN}))

    assert store.recorded() == {a_key(): replace(before, standing=Standing.ORPHAN)}


def test_only_what_was_never_sent_is_forgotten(store):
    absent, sent, flying = an_item("absent"), an_item("b"), an_item("a")
    store.record_pass(intents_for(flying))
    store.claim("w1", START, 60.0)
    store.record_pass(intents_for(sent))
    push(store)
    store.record_pass(intents_for(absent))
    store.record_pass(intents_for(forgotten=(absent.key, sent.key, flying.key)))

    assert list(store.recorded()) == [flying.key, sent.key]


def test_rows_are_sorted_by_key(store):
    store.record_pass(intents_for(an_item("q2"), an_item("Q1"), a_stimulus("a"), an_item("q10"), an_item("é")))

    assert [str(key) for key in store.recorded()] == ["Q1", "q10", "q2", "é", "stimulus a"]


def test_the_last_pass_comes_back_as_it_was(store):
    problem = Problem(path=RepoPath("a.xml"), code="xml", message="«odd»", line=3, hint="close it")
    record = a_pass(
        base=a_commit("0"),
        broken=(Broken(path=RepoPath("a.xml"), key=a_key("s1", Kind.STIMULUS), problems=(problem,)),
                Broken(path=RepoPath("caf\udce9.xml"))),
        warnings=(problem,),
        summary={"others": 4},
    )  # fmt: skip
    store.record_pass(intents_for(record=a_pass(a_commit("9"))))
    store.record_pass(intents_for(record=record))

    assert store.last_pass() == record


def test_unsettled_rows_are_all_that_are_not_simply_fine(store):
    names = ("altered", "held", "fine", "parked", "queued")
    store.record_pass(intents_for(*(an_item(n) for n in names if n != "queued")))
    push(store, altered="the server rewrote it")
    push(store)
    push(store)
    park(store)
    store.record_pass(intents_for(an_item("queued"), standings={a_key("held"): Standing.HELD}))

    assert [row.key.identifier for row in store.unsettled()] == ["altered", "held", "parked", "queued"]
    assert [row.key.identifier for row in store.unsettled(1)] == ["altered", "held", "parked", "queued"]
    assert [row.key.identifier for row in store.unsettled(0)] == ["altered", "held", "parked"]
    assert store.counts() == {"synced": 2, "held": 1, "parked": 1, "queued": 1}
    assert store.lanes() == {"normal": 1}


def test_an_identifier_is_found_in_every_kind(store):
    store.record_pass(intents_for(an_item("x"), a_stimulus("x"), an_item("X")))

    assert [row.key for row in store.find(Identifier("x"))] == [a_key("x"), a_key("x", Kind.STIMULUS)]
    assert list(store.find(Identifier("y"))) == []


def test_facts_are_known_only_to_the_version_that_wrote_them(store):
    facts = {
        a_blob("1"): ObjectFacts(kind=Kind.ITEM, identifier=Identifier("q1"), content=a_content_digest("c1")),
        a_blob("2"): SidecarFacts(metadata={"grade": "5"}, steering=Steering(lane=Lane.BULK), steered=("lane",)),
        a_blob("3"): BrokenFacts(problems=(Remark(code="xml", message="broken", line=1),)),
    }
    store.remember_facts(facts, "facts/1")
    store.remember_facts({a_blob("3"): facts[a_blob("2")]}, "facts/2")

    assert store.known_facts([*facts, a_blob("4")], "facts/1") == facts
    assert store.known_facts(list(facts), "facts/2") == {a_blob("3"): facts[a_blob("2")]}


def test_facts_of_more_blobs_than_a_statement_takes_are_found(store):
    facts = {a_blob(str(n)): SidecarFacts(metadata={"n": n}) for n in range(5_001)}
    store.remember_facts(facts, "facts/1")

    assert store.known_facts(iter(facts), "facts/1") == facts


def test_a_setting_is_any_json_and_none_removes_it(store):
    store.put_setting("a", {"fit": True, "why": ["ü", 1.5]})
    store.put_setting("b", False)
    store.put_setting("b", None)
    store.put_setting("never", None)

    assert [store.setting(name) for name in ("a", "b", "never")] == [{"fit": True, "why": ["ü", 1.5]}, None, None]


def test_history_is_newest_first_and_of_one_object_or_all(store):
    lines = [a_journal_line(a_key(i), at=START + n, message=f"{n}") for n, i in enumerate(("q1", "q2", "q1", "q1"))]
    store.record_pass(intents_for(an_item()))
    push(store, journal=tuple(lines))

    assert list(store.history(None, 3)) == lines[:0:-1]
    assert list(store.history(Identifier("q1"), 9)) == [lines[3], lines[2], lines[0]]


def test_slots_of_the_pace_follow_one_another(store):
    pace = Pace(rate=4.0, ceiling=10.0, memory={"low": 1.5}, pause_reason="429")
    assert store.reserve(START) == START
    assert store.update_pace(lambda old: pace if old is None else old) == pace

    assert [store.reserve(START), store.reserve(START), store.reserve(START + 9)] == [START, START + 0.2, START + 9]
    assert store.pace() == replace(pace, tat=START + 9 - SLACK + 0.25)


def test_what_a_late_thread_missed_is_made_up_for_and_no_more(store):
    """Asked for 0.03 s late each time, the rate is still what it is; after a long silence there is no burst."""
    store.update_pace(lambda _: Pace(rate=10.0, ceiling=100.0))
    times, now = [], START
    for _ in range(20):
        now = max(now, store.reserve(now)) + 0.03
        times.append(now)

    assert times[-1] - times[0] == pytest.approx(1.9, abs=0.06)
    late = START + 1000.0
    assert [store.reserve(late) - late for _ in range(3)] == pytest.approx([0.0, 0.05, 0.15])


def test_no_two_slots_are_closer_than_the_ceiling_allows(store):
    store.update_pace(lambda _: Pace(rate=50.0, ceiling=50.0))
    store.reserve(START)

    assert [store.reserve(START + 0.04), store.reserve(START + 0.04)] == pytest.approx([START + 0.04, START + 0.06])


def test_no_slot_begins_during_a_pause(store):
    store.update_pace(lambda _: Pace(rate=10.0, ceiling=10.0, paused_until=START + 30))

    assert (store.reserve(START), store.reserve(START)) == (START + 30, START + 30.1)


def test_the_pace_is_changed_from_what_it_is(store):
    store.update_pace(lambda _: Pace(rate=8.0, ceiling=10.0))
    store.reserve(START)

    assert store.update_pace(lambda old: replace(old, rate=old.rate / 2)) == store.pace()
    assert store.pace() == Pace(rate=4.0, ceiling=10.0, tat=START - SLACK + 0.125)


def test_notes_are_entries_of_the_chain_in_their_order(store):
    decision = a_journal_line(None, method="", path="", purpose="pause", outcome="decided", actor="ada@desk")
    store.note([decision, a_journal_line(a_key("q2"))])
    store.note([])
    store.note([a_journal_line(a_key("q1"))])

    entries = store.entries(0, 99)
    assert [(e.number, e.line) for e in entries] == [
        (1, decision),
        (2, a_journal_line(a_key("q2"))),
        (3, a_journal_line(a_key("q1"))),
    ]
    assert (store.entries(1, 1), store.entries(0, 9, Identifier("q1"))) == ([entries[1]], [entries[2]])
    assert store.chain() == Chain(newest=Place(number=3, digest=entries[2].digest))
    assert list(store.history(None, 1)) == [entries[2].line]


def test_what_grew_old_is_dropped_from_the_beginning_and_the_newest_word_of_each_object_stays(store):
    old = [
        a_journal_line(a_key(name), content=a_content_digest(f"{name}{n}"), at=START) for n, name in enumerate("abab")
    ]
    store.note([*old, a_journal_line(a_key("b"), outcome="Missing", at=START)])
    store.note([a_journal_line(a_key("c"), at=START + 100)])

    assert store.drop_journal(START) == 0
    fifth = store.entries(4, 1)[0]
    assert store.drop_journal(START + 50) == 4
    assert [(e.number, e.line) for e in store.entries(0, 99)] == [
        (6, a_journal_line(a_key("c"), at=START + 100)),
        (7, replace(old[2], purpose="carried", message="was entry 3")),
    ]
    chain = store.chain()
    assert chain is not None
    assert (chain.dropped, chain.dropped_until) == (Place(number=5, digest=fifth.digest), START)
    assert (chain.newest.number, store.drop_journal(START + 50)) == (7, 0)


def test_whole_rows_can_be_planted_but_not_over_what_is_in_flight(store):
    store.record_pass(intents_for(an_item("q1"), an_item("q2")))
    assert store.claim("w1", START, 60.0) is not None
    flying = store.recorded()[a_key("q1")]
    rows = [a_recorded(name, protect=True, author="Zoë") for name in ("q1", "q2", "q3")]

    assert store.plant(rows) == 2
    assert store.recorded() == {
        a_key("q1"): flying,
        a_key("q2"): replace(rows[1], generation=2),
        a_key("q3"): rows[2],
    }
    last = store.last_pass()
    assert last is not None
    assert last.fingerprint == "", "the next pass looks at everything"
    assert store.plant([]) == 0


def test_what_is_forgotten_is_gone_with_what_it_waits_for_and_what_is_in_flight_stays(store):
    store.record_pass(intents_for(a_stimulus(), an_item(references=(a_key("s1", Kind.STIMULUS),)), an_item("q2")))
    assert store.claim("w1", START, 60.0) is not None
    assert store.forget([a_key("s1", Kind.STIMULUS), a_key("q1"), a_key("nobody")]) == 1
    assert [key.identifier for key in store.recorded()] == ["q2", "s1"]
    last = store.last_pass()
    assert last is not None
    assert last.fingerprint == ""
    assert store.forget([a_key("nobody")]) == 0


def test_what_is_no_text_has_no_row_and_is_no_error(store):
    store.record_pass(intents_for(an_item("q1")))
    assert list(store.recorded_some([a_key("q1"), a_key("x\ud800")])) == [a_key("q1")]
    assert list(store.find(Identifier("x\ud800"))) == []


def test_an_orphan_that_is_gone_leaves_a_line_and_no_row(store):
    line = a_journal_line(a_key("q1"), method="DELETE", outcome="Missing")
    store.plant([a_recorded("q1", standing=Standing.ORPHAN, generation=3), a_recorded("q2"), a_recorded("q3")])
    store.record_pass(intents_for(standings={a_key("q2"): Standing.WANTED}))
    before = store.last_pass()
    assert store.bury(a_key("q1"), 3, [line]) is True
    assert [key.identifier for key in store.recorded()] == ["q2", "q3"]
    assert store.history(a_key("q1").identifier, 9) == [line]
    assert store.last_pass() == before  # the next pass need not look at everything


def test_what_is_no_orphan_of_this_generation_is_not_buried_and_the_call_is_still_told(store):
    line = a_journal_line(a_key("q1"), method="DELETE", outcome="Missing")
    store.record_pass(intents_for(an_item("q0")))
    store.plant([a_recorded("q1", standing=Standing.ORPHAN, generation=3), a_recorded("q2")])
    assert store.bury(a_key("q1"), 2, [line]) is False
    assert store.bury(a_key("q2"), 1, []) is False
    assert store.bury(a_key("nobody"), 1, []) is False
    store.claim("w1", START, 60.0)
    store.record_pass(intents_for(standings={a_key("q0"): Standing.ORPHAN}))
    assert store.bury(a_key("q0"), 1, []) is False
    assert [key.identifier for key in store.recorded()] == ["q0", "q1", "q2"]
    assert len(store.history(None, 9)) == 1


def test_what_waited_for_a_buried_stimulus_is_free(store):
    store.record_pass(intents_for(a_stimulus(), an_item(references=(a_key("s1", Kind.STIMULUS),))))
    store.record_pass(intents_for(standings={a_key("s1", Kind.STIMULUS): Standing.ORPHAN}))
    assert store.recorded()[a_key("q1")].status is ItemStatus.BLOCKED
    assert store.bury(a_key("s1", Kind.STIMULUS), 1, []) is True
    assert store.recorded()[a_key("q1")].status is ItemStatus.QUEUED
