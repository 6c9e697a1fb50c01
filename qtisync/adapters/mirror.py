"""A mirror of a repository elsewhere: a bare repository of our own below the state directory, filled by ``git fetch``.

One per address, so a changed address never finds the branches of another repository: ``mirror-<hash>.git`` exists only
once a first fetch was complete; until then it is ``mirror-<hash>.making``. Beside it lie the lock of those who fetch
and an empty file whose time is that of the last complete fetch.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from qtisync.adapters.git_child import GitEndedError
from qtisync.adapters.git_faults import GitTimeoutError
from qtisync.adapters.git_process import Extras, GitRunner
from qtisync.adapters.mirror_faults import explain_fetch, scrubbed, took_too_long
from qtisync.adapters.mirror_lock import FetchLock, take_fetch_lock
from qtisync.adapters.mirror_repair import clear_leftovers
from qtisync.adapters.remote import Remote, basic, extras_for, refuse_unsafe, usable_key
from qtisync.errors import ConfigError, RepositoryError

MANY_PACKS = 50
"""Each fetch that brings something adds a pack; so many are made one when a fetch brings nothing, or twice as many."""
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_FETCH = (
    "fetch",
    "--quiet",
    "--prune",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--no-write-fetch-head",
    "--no-show-forced-updates",
    "--end-of-options",
)


class Note(Protocol):
    """Takes an event of the catalogue and its fields."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Take one event."""


def no_note(_event: str, /, **_fields: object) -> None:
    """Say nothing."""


def mirror_folder(state: Path, url: str) -> Path:
    """Where the mirror of an address lies, whether it is there or not."""
    return state / f"mirror-{hashlib.sha256(url.encode()).hexdigest()[:12]}.git"


def fetched_at(mirror: Path) -> float | None:
    """When the last complete fetch into a mirror ended, in seconds since the epoch; ``None``: there was none."""
    try:
        return mirror.with_suffix(".fetched").stat().st_mtime
    except OSError:
        return None


class Mirror:
    """The mirror of one repository. Threads and processes may share it; ``close`` ends a fetch of another thread.

    ``timeout``: seconds for one fetch. ``refs``: full names outside of branches and tags that are wanted, too.
    """

    def __init__(
        self, state: Path, remote: Remote, *, timeout: float = 300.0, refs: tuple[str, ...] = (), note: Note = no_note
    ) -> None:
        self.path = mirror_folder(state, remote.url)
        self._remote = remote
        self._timeout = timeout
        self._refspecs = (*_REFSPECS, *(f"+{ref}:{ref}" for ref in refs))
        self._note = note
        self._seen: bytes | None = None
        self._closing = threading.Event()
        self._runners: set[GitRunner] = set()

    @property
    def url(self) -> str:
        """The address, without anything secret."""
        return self._remote.shown

    def fetch(self) -> bool:
        """Make the mirror what the repository is; whether any ref differs from what this mirror had seen before.

        Raises ``RepositoryError`` that says why it could not; the mirror then is as it was.
        """
        refuse_unsafe(self._remote)
        with self._locked() as lock, self._key() as key, self._disk():
            if lock.after_a_kill:
                self._clear()
            made = not self.path.is_dir()
            home = self._half_made(lock) if made else self.path
            before = self._seen if self._seen is not None else self._refs(home)
            self._bring(home, lock, key)
            self._seen = self._refs(home)
            moved = made or self._seen != before
            self._tidy(home, lock, moved=moved, made=made)
            self.path.with_suffix(".fetched").touch()
            if made:
                home.rename(self.path)
                self._note("mirror_made", repository=self.url, folder=str(self.path))
        return moved

    def fetched_at(self) -> float | None:
        """When the last complete fetch ended, in seconds since the epoch; ``None``: there was none."""
        return fetched_at(self.path)

    def close(self) -> None:
        """End a fetch of another thread, and every process of it; the mirror cannot be used any more."""
        self._closing.set()
        for runner in tuple(self._runners):
            runner.stop_all()

    @contextmanager
    def _locked(self) -> Iterator[FetchLock]:
        """The lock of the mirror. What a fetch that failed has left is removed before it is given back."""
        lock = take_fetch_lock(self.path.with_suffix(".lock"), self._closing.wait, self._timeout)
        tidy = False
        try:
            try:
                yield lock
            except RepositoryError:
                self._clear()
                tidy = True
                raise
            tidy = True
        finally:
            lock.close(tidy=tidy)

    @contextmanager
    def _key(self) -> Iterator[Path | None]:
        """The ssh key in a file that ssh accepts."""
        copy = self.path.with_suffix(".key")
        try:
            yield usable_key(self._remote.ssh_key, copy) if self._remote.ssh_key is not None else None
        finally:
            copy.unlink(missing_ok=True)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            hint = "Look at the disk and at the permissions of the state directory; the next fetch tries again."
            words = f"The mirror {self.path} cannot be written: {exc.strerror}."
            raise RepositoryError(words, hint=hint, reference="mirror-unusable") from exc

    def _folders(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.path, self.path.with_suffix(".making")) if path.is_dir())

    def _clear(self) -> None:
        cleared = [name for folder in self._folders() for name in clear_leftovers(folder)]
        if cleared:
            self._note("mirror_repaired", repository=self.url, removed=cleared)

    def _half_made(self, lock: FetchLock) -> Path:
        """The folder of a first fetch. One that was killed goes on with what is there, if git can use it."""
        folder = self.path.with_suffix(".making")
        if folder.exists():
            try:
                self._refs(folder)
            except RepositoryError:
                shutil.rmtree(folder)
        if not folder.exists():
            folder.mkdir()
            self._run(folder, lock, "init", "--bare", "--quiet", "--template=", "--initial-branch=main")
        return folder

    def _bring(self, home: Path, lock: FetchLock, key: Path | None) -> None:
        """The fetch itself."""
        token = self._token()
        secrets = (basic(self._remote, token), token) if token else ()
        extras = extras_for(self._remote, token, key, home, (lock.descriptor,))
        runner = GitRunner(home, self._timeout, extras)
        try:
            self._follow(runner, lock, *_FETCH, self._remote.url, *self._refspecs)
        except GitTimeoutError as exc:
            raise took_too_long(self._remote, self._timeout) from exc
        except GitEndedError as exc:
            if self._closing.is_set():
                raise RepositoryError("The fetch was ended.", hint="It goes on with the next one.") from exc
            known = explain_fetch(self._remote, self.path, exc.said, secrets)
            words, hint = scrubbed(exc.message, secrets), scrubbed(exc.hint, secrets)
            raise known or RepositoryError(words, hint=hint, reference="fetch-failed") from exc

    def _token(self) -> str:
        try:
            return self._remote.token() if self._remote.token is not None else ""
        except ConfigError as exc:  # it was there when we started: it is being changed, and the next fetch finds it
            words = "; ".join(f"{problem.where}: {problem.message}" for problem in exc.problems)
            hint = "Check repository.token; it is read anew at each fetch."
            raise RepositoryError(
                f"{self.url} cannot be fetched: {words}.", hint=hint, reference="fetch-denied"
            ) from exc

    def _tidy(self, home: Path, lock: FetchLock, *, moved: bool, made: bool) -> None:
        """Now and then make one pack of many. A gc that takes too long or fails is no reason to fail a fetch."""
        packs = sum(name.endswith(".pack") for name in os.listdir(home / "objects/pack"))  # noqa: PTH208 - names only
        if not made and packs < (MANY_PACKS * 2 if moved else MANY_PACKS):
            return
        try:
            self._run(home, lock, "gc", "--quiet", "--no-auto")
        except RepositoryError as error:
            self._clear()
            self._note("mirror_untidy", repository=self.url, reason=error.message)

    def _refs(self, home: Path) -> bytes:
        _, output = GitRunner(home, min(60.0, self._timeout)).run("for-each-ref", "--format=%(objectname) %(refname)")
        return hashlib.sha256(output).digest()

    def _run(self, home: Path, lock: FetchLock, *arguments: str) -> None:
        self._follow(GitRunner(home, self._timeout, Extras(keeps_open=(lock.descriptor,))), lock, *arguments)

    def _follow(self, runner: GitRunner, lock: FetchLock, *arguments: str) -> None:
        """Run one git that writes to its end; the lock's file knows of it, and ``close`` can end it."""
        self._runners.add(runner)
        try:
            child = runner.start(*arguments)
            try:
                lock.started(child.pid)
                if self._closing.is_set():
                    child.stop()
                child.finish()
            finally:
                runner.release(child)
        finally:
            self._runners.discard(runner)
