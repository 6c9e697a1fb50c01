"""The record of one target on SQLite: the one writer's side.

Reads go over a connection of their own, so that a long one never holds up the workers; every write is one short
transaction on the writer's connection, one at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from qtisync.adapters import store_journal, store_queue
from qtisync.adapters.store_files import (
    check_integrity,
    close_writer,
    connect_reader,
    connect_writer,
    lock_file,
    record_file,
    refuse_newer,
    schema_revision,
    store_errors,
)
from qtisync.adapters.store_lock import RecordLock, take_lock
from qtisync.adapters.store_pass import bury, forget, plant, write_pass
from qtisync.adapters.store_reader import SqlReader
from qtisync.adapters.store_rows import pace_of, pace_values, to_json
from qtisync.adapters.store_statement import transaction
from qtisync.adapters.store_tables import REVISIONS, blob, pace, setting
from qtisync.content.facts import Facts, dump_facts
from qtisync.delivery.pace import Pace
from qtisync.delivery.settlement import Claim, Settlement, Turn
from qtisync.errors import StoreError
from qtisync.model import BlobId, JournalLine, Json, Key, Recorded
from qtisync.planning.intent import Intents, Reassertion

_KEEP_FACTS = insert(blob)
_KEEP_FACTS = _KEEP_FACTS.on_conflict_do_update(
    index_elements=[blob.c.blob, blob.c.version],
    set_={"facts": _KEEP_FACTS.excluded.facts},
)
_PUT_SETTING = insert(setting)
_PUT_SETTING = _PUT_SETTING.on_conflict_do_update(
    index_elements=[setting.c.name], set_={"value": _PUT_SETTING.excluded.value}
)
_UNSET = setting.delete().where(setting.c.name == sa.bindparam("named"))


class SqlStore(SqlReader):
    """``engine.ports.Store``. Threads may share it."""

    def __init__(self, *, writing: sa.Connection, reading: sa.Connection, file: Path, lock: RecordLock) -> None:
        super().__init__(reading, file)
        self._writing = writing
        self._write_lock = threading.Lock()
        self._lock = lock

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._write_lock, store_errors(self._file), self._writing.begin():
            yield self._writing

    @contextmanager
    def _turn(self) -> Iterator[sa.Connection]:
        """A transaction of the queue: as ``_write``, but past SQLAlchemy, because there are three for each call."""
        with self._write_lock, store_errors(self._file), transaction(self._writing):
            yield self._writing

    def remember_facts(self, facts: Mapping[BlobId, Facts], version: str) -> None:
        """See ``engine.ports``."""
        kept = [{"blob": name, "version": version, "facts": dump_facts(said)} for name, said in sorted(facts.items())]
        if kept:
            with self._write() as connection:
                connection.execute(_KEEP_FACTS, kept)

    def record_pass(self, intents: Intents) -> None:
        """See ``engine.ports``."""
        with self._write() as connection:
            write_pass(connection, intents)

    def claim(self, worker: str, now: float, lease: float) -> Claim | None:
        """See ``engine.ports``."""
        with self._turn() as connection:
            return store_queue.claim(connection, worker, now, lease)

    def take(self, worker: str, now: float, lease: float) -> Turn:
        """See ``engine.ports``."""
        with self._turn() as connection:
            turn = store_queue.take(connection, worker, now, lease)
        return turn or Turn(ready=self.next_ready(now))

    def upcoming(self, now: float, limit: int) -> Sequence[Recorded]:
        """See ``engine.ports``."""
        with self._read_lock, store_errors(self._file):
            return store_queue.upcoming(self._reading, now, limit)

    def settle(self, claim: Claim, settlement: Settlement) -> bool:
        """See ``engine.ports``."""
        with self._turn() as connection:
            return store_queue.settle(connection, claim, settlement)

    def release(self, claim: Claim) -> None:
        """See ``engine.ports``."""
        with self._turn() as connection:
            store_queue.release(connection, claim)

    def recover(self, now: float, owner: str | None = None) -> int:
        """See ``engine.ports``."""
        with self._turn() as connection:
            return store_queue.recover(connection, now, owner)

    def doubt(self, key: Key) -> None:
        """See ``engine.ports``."""
        with self._turn() as connection:
            store_queue.doubt(connection, key)

    def reassert(self, drifted: Sequence[Reassertion]) -> int:
        """See ``engine.ports``."""
        with self._turn() as connection:
            return store_queue.reassert(connection, drifted)

    def retry(self, keys: Iterable[Key] | None) -> int:
        """See ``engine.ports``."""
        with self._turn() as connection:
            return store_queue.retry(connection, keys)

    def plant(self, rows: Sequence[Recorded]) -> int:
        """See ``engine.ports``."""
        with self._write() as connection:
            return plant(connection, rows)

    def forget(self, keys: Iterable[Key]) -> int:
        """See ``engine.ports``."""
        with self._write() as connection:
            return forget(connection, keys)

    def bury(self, key: Key, generation: int, lines: Sequence[JournalLine]) -> bool:
        """See ``engine.ports``."""
        with self._write() as connection:
            store_journal.append(connection, lines)
            return bury(connection, key, generation)

    def note(self, lines: Sequence[JournalLine]) -> None:
        """See ``engine.ports``."""
        with self._turn() as connection:
            store_journal.append(connection, lines)

    def drop_journal(self, before: float) -> int:
        """See ``engine.ports``."""
        with self._write() as connection:
            return store_journal.drop(connection, before)

    def put_setting(self, name: str, value: Json) -> None:
        """See ``engine.ports``."""
        with self._write() as connection:
            if value is None:
                connection.execute(_UNSET, {"named": name})
            else:
                connection.execute(_PUT_SETTING, {"name": name, "value": to_json(value)})

    def reserve(self, now: float) -> float:
        """See ``engine.ports``; ``now`` if there is no pace yet."""
        with self._turn() as connection:
            return store_queue.reserve(connection, now)

    def update_pace(self, change: Callable[[Pace | None], Pace]) -> Pace:
        """See ``engine.ports``."""
        with self._write() as connection:
            row = connection.execute(sa.select(pace)).first()
            changed = change(None if row is None else pace_of(row))
            values = pace_values(changed)
            if row is None:
                connection.execute(pace.insert().values(id=1, slot=0.0, **values))
            else:
                connection.execute(pace.update().values(values))
        return changed

    def close(self) -> None:
        """Let go of the files and of the lock. May be called again."""
        super().close()
        with self._write_lock:
            if not self._writing.closed:
                close_writer(self._writing)
        self._lock.close()


def open_store(directory: Path, target: str, *, holder: str) -> SqlStore:
    """The record of a target for its one writer; made or upgraded where needed.

    ``holder`` says to others who we are, such as ``qtisync run``. Raises ``RecordLockedError`` if another process has
    it, ``StoreError`` if the file cannot be used: ``record-corrupt``, ``record-too-new``, ``record-unusable``.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        hint = "Make the state directory writable for this user, or choose another one."
        raise StoreError(f"Cannot create the state directory {directory}: {exc.strerror}.", hint=hint) from exc
    file = record_file(directory, target)
    with ExitStack() as undo:
        lock = take_lock(lock_file(directory, target), target, holder)
        undo.callback(lock.close)
        with store_errors(file):
            writing = connect_writer(file)
            undo.callback(writing.close)
            with writing.begin():
                _prepare(writing, file)
            reading = connect_reader(file)
        undo.pop_all()
    return SqlStore(writing=writing, reading=reading, file=file, lock=lock)


def _prepare(connection: sa.Connection, file: Path) -> None:
    revision = schema_revision(connection)
    refuse_newer(revision, file)
    if revision is not None:
        check_integrity(connection, file)
    if revision != REVISIONS[-1]:
        # Imported only here: Alembic takes a third of a second, and nearly every start finds nothing to do.
        from qtisync.adapters.migrations import upgrade  # noqa: PLC0415 - see above

        upgrade(connection)
