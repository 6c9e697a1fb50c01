"""The journal in its file: chained when it is upgraded, guarded against mistakes, dropped from its beginning only."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from builders import START, a_journal_line, a_key
from histories import histories
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from qtisync.adapters.migrations import configuration
from qtisync.adapters.store import open_store
from qtisync.adapters.store_files import connect_writer
from qtisync.adapters.store_reader import open_reader
from qtisync.delivery.ledger import FIELDS, Chain, Fault, Place, faults
from qtisync.errors import StoreError

DAY = 86_400.0


def raw(folder: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(folder / "t.sqlite3", isolation_level=None))


def verify(folder: Path) -> list[Fault]:
    reader = open_reader(folder, "t")
    assert reader is not None
    with contextlib.closing(reader):
        chain = reader.chain()
        begin = Place() if chain is None else chain.dropped
        return list(faults(reader.entries(-99, 9999), begin, reader.chain))


def written(folder: Path, count: int = 5) -> None:
    with contextlib.closing(open_store(folder, "t", holder="x")) as store:
        store.note([a_journal_line(a_key(f"q{n}"), at=START + n) for n in range(count)])


def test_the_calls_of_an_older_record_are_chained_when_it_is_upgraded(tmp_path):
    with contextlib.closing(connect_writer(tmp_path / "t.sqlite3")) as connection, connection.begin():
        command.upgrade(configuration(connection), "0001")
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO journal "
            "(id, at, kind, identifier, method, path, purpose, outcome, http_status, remote_version) "
            "SELECT 3 * i, 1.8e9 + i / 3.0, 'item', 'q' || i, 'PUT', '/x', 'update', 'shown', 200, i FROM n"
        )
    written(tmp_path, 1)

    assert verify(tmp_path) == []
    reader = open_reader(tmp_path, "t")
    assert reader is not None
    chain, last = reader.chain(), reader.entries(2499, 9)
    assert chain is not None
    assert (chain.newest.number, [e.number for e in last], last[0].line.remote_version) == (2501, [2500, 2501], 2500)
    assert [line.at for line in reader.history(a_key("q2").identifier, 9)] == [1.8e9 + 2 / 3]
    reader.close()


def test_the_database_refuses_to_change_or_to_remove_an_entry(tmp_path):
    written(tmp_path)
    with raw(tmp_path) as file:
        for change in ("UPDATE journal SET message = 'x' WHERE id = 2", "DELETE FROM journal WHERE id = 5"):
            with pytest.raises(sqlite3.IntegrityError, match="entries of the journal are"):
                file.execute(change)
    assert verify(tmp_path) == []


TAMPERINGS = (
    "UPDATE journal SET {column} = 'spoiled' WHERE id = {n}",
    "UPDATE journal SET at = at + 0.001 WHERE id = {n}",
    "UPDATE journal SET http_status = 500 WHERE id = {n}",
    "UPDATE journal SET digest = 'f' WHERE id = {n}",
    "DELETE FROM journal WHERE id = {n}",
    "DELETE FROM journal WHERE id >= {n}",
    f"INSERT INTO journal SELECT id + 100, {', '.join(FIELDS)}, digest FROM journal WHERE id = {{n}}",
    "UPDATE journal SET id = -id WHERE id = {n}",
    "UPDATE chain SET newest = newest + {n}",
    "UPDATE chain SET newest_digest = 'f'",
    "UPDATE chain SET dropped_digest = 'f'",
    "DELETE FROM chain",
)
columns = ("identifier", "method", "path", "purpose", "outcome", "commit_id", "author", "actor", "content", "message")


@histories(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(how=st.sampled_from(TAMPERINGS), n=st.integers(1, 5), column=st.sampled_from(columns))
def test_any_single_tampering_with_the_file_is_found(tmp_path_factory, how, n, column):
    folder = tmp_path_factory.mktemp("tampered")
    written(folder)
    with raw(folder) as file:
        file.execute("DROP TRIGGER journal_never_changes")
        file.execute("DROP TRIGGER journal_keeps")
        file.execute(how.format(n=n, column=column))
    assert verify(folder) != []


def test_a_record_whose_chain_was_removed_takes_no_further_entries_and_says_so(tmp_path):
    written(tmp_path)
    with raw(tmp_path) as file:
        file.execute("DELETE FROM chain")
    with contextlib.closing(open_store(tmp_path, "t", holder="x")) as store:
        with pytest.raises(StoreError, match="ends of the journal") as caught:
            store.note([a_journal_line()])
        assert caught.value.reference == "journal-damaged"


def test_entries_written_in_a_transaction_that_fails_leave_no_gap(tmp_path):
    with contextlib.closing(open_store(tmp_path, "t", holder="x")) as store:
        store.note([a_journal_line()])
        with pytest.raises(sqlite3.IntegrityError):
            store.note([a_journal_line(), a_journal_line(http_status=None, method=None)])
        store.note([a_journal_line()])
        assert [entry.number for entry in store.entries(0, 9)] == [1, 2]
    assert verify(tmp_path) == []


def test_dropping_does_not_come_too_early_and_not_in_vain(tmp_path):
    """What is still the newest word of an object is carried on, so dropping waits until half of the old can go."""
    with contextlib.closing(open_store(tmp_path, "t", holder="x")) as store:
        store.note([a_journal_line(a_key(f"q{n}"), at=START, content="canon/1:1") for n in range(4)])
        store.note([a_journal_line(a_key("q0"), at=START + DAY)])
        assert (store.drop_journal(START), store.drop_journal(START + 2 * DAY)) == (0, 0)
        store.note([a_journal_line(a_key("q0"), at=START + DAY, content="canon/1:2") for _ in range(3)])
        assert store.drop_journal(START + 2 * DAY) == 4
        assert [entry.number for entry in store.entries(0, 99)] == [9, 10, 11, 12]
        assert store.chain().dropped_until == START + DAY
        assert store.drop_journal(START + 9 * DAY) == 0, "everything that is left is the newest of its kind"
        assert store.chain() != Chain()
    assert verify(tmp_path) == []
