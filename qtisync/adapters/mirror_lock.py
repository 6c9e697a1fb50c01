"""One fetch at a time into a mirror, whoever asks: an exclusive lock on a file beside it.

The kernel owns the lock. Every git that we start inherits it, so a git that outlived a killed qtisync still holds it:
nobody touches the mirror beside it. The file says who is at work; one that was not emptied tells of a killed one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

from qtisync.errors import RepositoryError

_LOOK_EVERY = 0.05  # seconds
Holder = dict[str, list[int]]


class FetchLock:
    """Held until ``close``."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.after_a_kill = bool(_read(descriptor))
        """Whether the last one at work was killed: it may have left things behind."""
        self._holder: Holder = {"qtisync": _life(os.getpid())}
        self._write()

    def started(self, git: int) -> None:
        """Note the git that is at work now."""
        self._holder["git"] = _life(git)
        self._write()

    def close(self, *, tidy: bool = True) -> None:
        """Let the next one in; unless all is ``tidy``, that one looks for what is left."""
        if tidy:
            os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)

    def _write(self) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(self._holder).encode(), 0)


def take_fetch_lock(file: Path, pause: Callable[[float], bool], seconds: float) -> FetchLock:
    """The lock, within so many seconds. ``pause`` waits so long and is true if the waiting shall end."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        hint = "Make the state directory writable for the user that qtisync runs as."
        words = f"The mirror's lock {file} cannot be written: {exc.strerror}."
        raise RepositoryError(words, hint=hint, reference="mirror-unusable") from exc
    try:
        for _ in range(max(1, round(seconds / _LOOK_EVERY))):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return FetchLock(descriptor)
            _end_orphan(descriptor)
            if pause(_LOOK_EVERY):
                break
        raise _busy(file, seconds)  # noqa: TRY301 - the descriptor is closed for this one, too
    except BaseException:
        os.close(descriptor)
        raise


def _busy(file: Path, seconds: float) -> RepositoryError:
    return RepositoryError(
        f"Another fetch into {file.with_suffix('.git')} did not end within {seconds:g} s, or the wait was ended.",
        hint="Another qtisync of this configuration is fetching. Wait for it, or look at what it does.",
        reference="fetch-busy",
    )


def _end_orphan(descriptor: int) -> None:
    """End a git whose qtisync was killed: nobody looks at its time limit any more.

    Process ids come again; that is why the time of birth must fit, too. Where /proc is missing nothing is ended.
    """
    holder = _read(descriptor)
    git = holder.get("git")
    if git and len(git) > 1 and _life(git[0]) == git and _life(holder["qtisync"][0]) != holder["qtisync"]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(git[0], signal.SIGKILL)


def _read(descriptor: int) -> Holder:
    try:
        said = json.loads(os.pread(descriptor, 4096, 0) or b"{}")
    except ValueError:
        return {"qtisync": [0]}  # half written: somebody was killed
    fits = isinstance(said, dict) and all(isinstance(value, list) and value for value in said.values())
    return said if fits and (not said or "qtisync" in said) else {"qtisync": [0]}


def _life(pid: int) -> list[int]:
    """A process id with its time of birth, in ticks since the machine started; without /proc only the id."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return [pid] if fields[0] == b"Z" else [pid, int(fields[19])]
    except (OSError, IndexError, ValueError):
        return [pid]
