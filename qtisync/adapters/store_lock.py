"""One writer per target: an exclusive lock on a file beside the record.

The kernel owns the lock and drops it when the process dies, however it dies; the file only says who holds it and stays
where it is (removing it would let two processes lock two different files of the same name).
"""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from qtisync.errors import RecordLockedError, StoreError


class RecordLock:
    """A lock that is held until ``close``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Let the next one in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def take_lock(file: Path, target: str, holder: str) -> RecordLock:
    """Lock a target, or raise ``RecordLockedError`` naming who holds it; ``holder`` is the command, for people.

    The descriptor is closed in programs that we start (PEP 446), so a git process cannot keep the lock alive.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as exc:
        hint = "Make the state directory writable for this user, or choose another one."
        raise StoreError(f"Cannot write the lock file {file}: {exc.strerror}.", hint=hint) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write_holder(descriptor, holder)
    except BlockingIOError as exc:
        who = _read_holder(descriptor)
        os.close(descriptor)
        raise RecordLockedError(
            f"The record of target “{target}” is in use by {who}.",
            hint="Only one process may write it. Wait for the other one to end, or stop it. Commands that only read "
            "(plan, status) work meanwhile.",
        ) from exc
    except BaseException:
        os.close(descriptor)
        raise
    return RecordLock(descriptor)


def _write_holder(descriptor: int, holder: str) -> None:
    # The file's own time says since when: adapters have no clock.
    os.utime(descriptor)
    since = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    said = {"pid": os.getpid(), "command": holder, "since": since.isoformat(timespec="seconds")}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, (json.dumps(said) + "\n").encode(), 0)


def _read_holder(descriptor: int) -> str:
    try:
        said = json.loads(os.pread(descriptor, 4096, 0))
        return f"“{said['command']}” (process {said['pid']}, since {said['since']})"
    except (ValueError, KeyError, TypeError):
        # The other process has the lock and has not written its name yet.
        return "another process"
