"""The record as a file: locked, upgraded, damaged, read by others, killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from builders import START, a_key, a_stimulus, an_item, facets, intents_for

from qtisync.adapters import store_files
from qtisync.adapters.migrations import configuration
from qtisync.adapters.store import open_store
from qtisync.adapters.store_reader import EmptyReader, open_reader
from qtisync.adapters.store_tables import REVISIONS, metadata
from qtisync.delivery.settlement import Claim, Settlement
from qtisync.engine.ports import RecordReader, Store
from qtisync.errors import StoreError
from qtisync.model import ItemStatus, Kind, Presence, Remote


def a_file(folder: Path, count: int = 3) -> Path:
    """A record at rest with a few queued rows."""
    store = open_store(folder, "t", holder="pytest")
    store.record_pass(intents_for(*(an_item(f"q{n}") for n in range(count))))
    store.close()
    return folder / "t.sqlite3"


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def accepted(claim: Claim) -> Settlement:
    return Settlement(
        status=ItemStatus.SYNCED,
        attempts=0,
        presence=Presence.PRESENT,
        acknowledged=claim.row.desired,
        outcome="Accepted",
    )


def test_implementations_fit_the_protocols(tmp_path):
    store: Store = open_store(tmp_path, "t", holder="pytest")
    reader: RecordReader | None = open_reader(tmp_path, "t")
    assert reader is not None
    reader.close()
    store.close()
    store.close()


def test_a_reader_leaves_the_file_as_it_is(tmp_path):
    file = a_file(tmp_path)
    before = digest(file)
    reader = open_reader(tmp_path, "t")
    assert reader is not None
    reader.last_pass(), reader.unsettled(), reader.counts(), reader.recorded()
    reader.close()
    reader.close()

    assert digest(file) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.lock", "t.sqlite3"]


def test_a_reader_cannot_write(tmp_path):
    a_file(tmp_path)
    connection = store_files.connect_reader(tmp_path / "t.sqlite3")
    with pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.exec_driver_sql("DELETE FROM item")
    connection.close()


def test_a_reader_beside_a_writer_changes_nothing_and_sees_what_is_committed(tmp_path):
    a_file(tmp_path)
    store = open_store(tmp_path, "t", holder="daemon")
    reader = open_reader(tmp_path, "t")
    assert reader is not None
    before = digest(tmp_path / "t.sqlite3")
    for _ in range(3):
        claim = store.claim("w", START, 60.0)
        assert claim is not None
        assert reader.in_flight() == 1
        store.settle(claim, accepted(claim))
    assert (reader.counts(), digest(tmp_path / "t.sqlite3")) == ({"synced": 3}, before)
    store.close()
    assert reader.counts() == {"synced": 3}, "also after the writer's log is gone"
    reader.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_record_in_a_read_only_directory_can_be_read(tmp_path):
    a_file(tmp_path)
    tmp_path.chmod(0o555)
    reader = open_reader(tmp_path, "t")
    assert reader is not None
    assert reader.counts() == {"queued": 3}
    reader.close()
    tmp_path.chmod(0o755)


def test_there_is_no_reader_of_what_is_not_there(tmp_path):
    assert open_reader(tmp_path / "nowhere", "t") is None
    (tmp_path / "t.sqlite3").touch()
    assert open_reader(tmp_path, "t") is None


def test_an_empty_reader_answers_as_an_empty_record(tmp_path):
    empty: RecordReader = EmptyReader()
    store = open_store(tmp_path, "t", holder="pytest")
    for one in (empty, store):
        assert (one.last_pass(), dict(one.recorded()), list(one.unsettled()), one.counts()) == (None, {}, [], {})
        assert (list(one.find(a_key().identifier)), one.known_facts([], "v"), one.setting("x")) == ([], {}, None)
        assert (one.pace(), list(one.history(None, 1)), one.next_ready(START)) == (None, [], None)
        assert (one.in_flight(), one.bystander(a_key())) == (0, None)
        one.close()


def test_a_newer_schema_is_refused_in_clear_words(tmp_path):
    file = a_file(tmp_path)
    with contextlib.closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '0099'")
    for opener in (lambda: open_store(tmp_path, "t", holder="x"), lambda: open_reader(tmp_path, "t")):
        with pytest.raises(StoreError, match="newer qtisync") as caught:
            opener()
        assert caught.value.reference == "record-too-new"


def test_an_older_schema_is_not_read_but_asks_for_a_sync(tmp_path, monkeypatch):
    a_file(tmp_path)
    monkeypatch.setattr(store_files, "REVISIONS", (*REVISIONS, "0099"))
    with pytest.raises(StoreError, match="older qtisync") as caught:
        open_reader(tmp_path, "t")

    assert (caught.value.reference, "qtisync sync" in caught.value.hint) == ("record-too-old", True)


@pytest.mark.parametrize("damage", ["garbage", "torn page"])
def test_a_damaged_record_says_how_to_rebuild_it(tmp_path, damage):
    file = a_file(tmp_path, 200)
    content = bytearray(file.read_bytes())
    if damage == "garbage":
        content = bytearray(b"not a database" * 1000)
    else:
        for page in range(4096 * 2, len(content), 4096):
            content[page + 8 : page + 64] = b"\xff" * 56
    file.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        open_store(tmp_path, "t", holder="x")

    assert (caught.value.reference, f"mv '{file}'" in caught.value.hint) == ("record-corrupt", True)
    file.rename(file.with_suffix(".damaged"))
    open_store(tmp_path, "t", holder="y").close()


def test_a_large_record_is_checked_where_it_matters(tmp_path, monkeypatch):
    a_file(tmp_path)
    monkeypatch.setattr(store_files, "CHECKED_WHOLE", 0)
    open_store(tmp_path, "t", holder="x").close()


def test_a_directory_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Cannot create the state directory"):
        open_store(tmp_path / "file" / "state", "t", holder="x")


def test_a_record_that_cannot_be_opened_lets_go_of_the_lock(tmp_path):
    (tmp_path / "t.sqlite3").mkdir()
    for _ in range(2):
        with pytest.raises(StoreError, match="cannot be opened") as caught:
            open_store(tmp_path, "t", holder="x")
        assert caught.value.reference == "record-unusable"


def test_the_migrated_schema_is_the_one_in_the_tables(tmp_path):
    a_file(tmp_path)
    fresh = sa.create_engine("sqlite://")
    with fresh.connect() as made, contextlib.closing(sqlite3.connect(tmp_path / "t.sqlite3")) as migrated:
        metadata.create_all(made)
        expected = _schema(made.exec_driver_sql(_DDL).all())
        actual = _schema(migrated.execute(_DDL).fetchall())
    fresh.dispose()
    actual.pop("alembic_version")

    assert actual == expected


_DDL = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"


def _schema(rows) -> dict[str, list[str]]:
    return {name: sorted(line.strip().rstrip(",") for line in sql.splitlines()) for name, sql in rows}


def test_alembic_finds_nothing_to_change(tmp_path):
    a_file(tmp_path)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/t.sqlite3")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        script = ScriptDirectory.from_config(configuration(connection))
        assert tuple(reversed([step.revision for step in script.walk_revisions()])) == REVISIONS
    engine.dispose()


def test_the_writer_keeps_a_write_ahead_log_and_puts_it_back(tmp_path):
    store = open_store(tmp_path, "t", holder="x")
    with contextlib.closing(sqlite3.connect(tmp_path / "t.sqlite3")) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "t.sqlite3")) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_reading_and_reopening_import_no_migrations(tmp_path):
    a_file(tmp_path)
    code = (
        "import sys, pathlib; from qtisync.adapters.store import open_store; "
        "from qtisync.adapters.store_reader import open_reader; folder = pathlib.Path(sys.argv[1]); "
        "open_reader(folder, 't').close(); open_store(folder, 't', holder='x').close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False).returncode == 0


def test_threads_never_share_a_claim(tmp_path):
    store = open_store(tmp_path, "t", holder="x")
    store.record_pass(intents_for(*(an_item(f"q{n}") for n in range(120)), a_stimulus()))
    seen: list[str] = []

    def work(name: str) -> None:
        while (claim := store.claim(name, START, 60.0)) is not None:
            seen.append(str(claim.row.key))
            store.reserve(START)
            assert store.settle(claim, accepted(claim))

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(seen), len(set(seen)), store.counts()) == (121, 121, {"synced": 121})
    store.close()


def test_odd_words_of_a_server_can_be_recorded(tmp_path):
    """A lone surrogate is legal in JSON and illegal in UTF-8: it must not crash the worker that settles."""
    store = open_store(tmp_path, "t", holder="x")
    store.record_pass(intents_for(an_item()))
    claim = store.claim("w", START, 60.0)
    assert claim is not None
    remote = Remote(foreign={"k\ud800": "v\udfff"}, updated_at="\ud800")
    end = Settlement(
        status=ItemStatus.PARKED, attempts=1, presence=Presence.PRESENT, acknowledged=facets(None, None),
        remote=remote, outcome="Refused", message="bad \ud800 value",
    )  # fmt: skip
    store.settle(claim, end)
    row = store.recorded()[a_key()]

    assert (row.last_error, row.remote) == (
        "bad \\ud800 value",
        Remote(foreign={"k\ud800": "v\udfff"}, updated_at="\\ud800"),
    )
    store.close()


def test_the_database_refuses_a_row_that_cannot_be(tmp_path):
    file = a_file(tmp_path)
    wrong = ("status = 'done'", "status = 'in_flight'", "lane = ''", "generation = 0", "blocker_kind = 'item'")
    with contextlib.closing(sqlite3.connect(file)) as raw:
        for change in wrong:
            with pytest.raises(sqlite3.IntegrityError):
                raw.execute(f"UPDATE item SET {change}")


def test_old_passes_are_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr("qtisync.adapters.store_pass.KEPT_PASSES", 2)
    store = open_store(tmp_path, "t", holder="x")
    for _ in range(4):
        store.record_pass(intents_for())
    store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "t.sqlite3")) as raw:
        assert raw.execute("SELECT count(*) FROM pass").fetchone() == (2,)


@pytest.mark.parametrize("statement", ["claim", "unsettled"])
def test_the_queue_and_the_unsettled_rows_are_read_from_their_indexes(tmp_path, statement):
    from qtisync.adapters import store_queue, store_reader

    chosen = {"claim": store_queue.NEXT, "unsettled": store_reader._UNSETTLED}[statement]
    index = {"claim": "ix_item_queue", "unsettled": "ix_item_unsettled"}[statement]
    compiled = chosen.compile(dialect=sa.dialects.sqlite.dialect(paramstyle="named"))
    values = {name: 1 if value is None else value for name, value in compiled.params.items()}
    file = a_file(tmp_path)
    with contextlib.closing(sqlite3.connect(file)) as raw:
        plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]
    assert plan[0] == f"SCAN item USING INDEX {index}"
    assert not any("TEMP B-TREE" in step for step in plan)


def test_a_kind_of_its_own_is_sent_first(tmp_path):
    store = open_store(tmp_path, "t", holder="x")
    store.record_pass(intents_for(an_item("a"), a_stimulus("z"), an_item("t", kind=Kind.TEST)))
    order = [claim.row.key.kind for _ in range(3) if (claim := store.claim("w", START, 60.0)) is not None]
    assert order == list(Kind)
    store.close()
