"""Walking through the journal, also while a writer adds to it and drops its beginning."""

from __future__ import annotations

from builders import START, a_journal_line, a_key
from fakes import MemoryStore

from qtisync.delivery.ledger import Chain, Place
from qtisync.engine import audit


def a_journal(count: int = 5) -> MemoryStore:
    store = MemoryStore()
    store.note([a_journal_line(a_key(f"q{n % 2}"), at=START + n) for n in range(count)])
    return store


def test_every_entry_is_met_once_in_portions(monkeypatch):
    monkeypatch.setattr(audit, "_PORTION", 2)
    store = a_journal()
    assert [entry.number for entry in audit.walk(store)] == [1, 2, 3, 4, 5]
    assert [entry.number for entry in audit.walk(store, a_key("q1").identifier)] == [2, 4]


def test_an_untouched_journal_is_intact_and_has_what_was_noted():
    store = a_journal()
    digest = store.entries(2, 1)[0].digest
    assert audit.verify(store, digest) == audit.Verified(faults=(), chain=store.chain(), noted=True)
    assert audit.verify(store, "f" * 64).noted is False
    assert audit.verify(MemoryStore()) == audit.Verified(faults=(), chain=Chain())


def test_a_writer_beside_is_no_thief(monkeypatch):
    monkeypatch.setattr(audit, "_PORTION", 2)
    store = a_journal()
    entries, turns = store.entries, iter(range(99))

    def busy(*asked):
        found = entries(*asked)
        turn = next(turns)
        if turn == 0:
            store.drop_journal(START + 4)
        if turn < 3:
            store.note([a_journal_line(at=START + 100)])
        return found

    monkeypatch.setattr(store, "entries", busy)
    found = audit.verify(store)
    assert (found.faults, found.chain) == ((), store.chain())
    assert store.chain().dropped == Place(number=4, digest=store.chain().dropped.digest)
