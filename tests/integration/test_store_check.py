"""Damage that a start does not look for is found by a check, and the record stays as it is."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from builders import START, a_journal_line, a_pass, an_item, intents_for

from qtisync.adapters.store import open_store
from qtisync.adapters.store_check import damage
from qtisync.delivery.pace import Pace


@pytest.fixture
def folder(tmp_path):
    with contextlib.closing(open_store(tmp_path, "t", holder="x")) as store:
        store.record_pass(intents_for(*(an_item(f"q{n}") for n in range(9))))
        store.put_setting("base_url", "x")
        store.update_pace(lambda _: Pace(rate=1.0, ceiling=1.0))
        store.note([a_journal_line(at=START)])
    return tmp_path


def spoil(folder, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "t.sqlite3", isolation_level=None)) as file:
        file.execute("PRAGMA ignore_check_constraints = on")
        file.execute("PRAGMA writable_schema = on")
        file.execute(statement)


def test_a_sound_record_has_no_damage_and_is_not_touched(folder):
    before = (folder / "t.sqlite3").read_bytes()
    assert damage(folder, "t") == ()
    assert (folder / "t.sqlite3").read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE item SET status = 'done' WHERE identifier = 'q3'", ("the file: CHECK", "the row of item 'q3'")),
        ("UPDATE item SET desired_keys = '{' WHERE identifier = 'q3'", "the row of item 'q3' cannot be read"),
        ("DELETE FROM sqlite_master WHERE name = 'ix_item_queue'", "the file: "),
        ("INSERT INTO dependency VALUES ('item', 'zz', 'stimulus', 's')", "item 'zz' has no row"),
        ("UPDATE setting SET value = '{'", "the setting 'base_url' cannot be read"),
        ("UPDATE pass SET broken = '[{}]'", "the pass 1 cannot be read"),
        ("UPDATE pace SET memory = 'x'", "the pace 1 cannot be read"),
    ],
)
def test_damage_is_named(folder, statement, words):
    spoil(folder, statement)
    found = damage(folder, "t")
    assert found, statement
    assert found[0].startswith(words)


def test_a_pass_without_faults_is_no_damage(folder):
    with contextlib.closing(open_store(folder, "t", holder="x")) as store:
        store.record_pass(intents_for(record=a_pass()))
    assert damage(folder, "t") == ()
