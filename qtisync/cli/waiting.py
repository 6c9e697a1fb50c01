"""wait: until a commit is synced, for CI after a push. The record and the repository say so, whoever syncs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import click

from qtisync.app import Setup, SystemClock, ThreadBell
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.durations import TIMEOUT, said
from qtisync.cli.exit_codes import HELD, LOCKED, OK, PARTIAL, UNAVAILABLE
from qtisync.cli.through import Through
from qtisync.config.working_tree import refuse_commit
from qtisync.engine import pause as pauses
from qtisync.engine.ports import RecordReader, Source
from qtisync.errors import QtisyncError, RepositoryError
from qtisync.model import CommitId, ItemStatus, Standing
from qtisync.report.value import moment

LOOK = 0.2  # seconds between looks at the record
_READ = frozenset({"pushing", "done", "held", "paused"})
"""States of a job whose pass has fetched and read the commit."""


@click.command("wait")
@common_options
@click.option("--commit", required=True, metavar="SHA", help="The commit, or a ref.")
@click.option("--timeout", type=TIMEOUT, default=300.0, show_default="5m", metavar="TIME", help="90s, 5m, 1h.")
def wait(*, common: Common, commit: str, timeout: float) -> int:
    """Wait until a commit, or a later one, is synced: for CI after a push.

    Leaves with 0 when it is, with 3 if something of it was refused, 4 if a safety rule holds it, 6 while paused, 8 if
    it did not come about in time, and at once with 1 if the repository has no such commit.
    """
    setup, clock, bell = common.setup(), SystemClock(), ThreadBell()
    refuse_commit(setup.settings, "--commit", commit)
    through = Through(setup)
    job = through.post("/api/v1/sync", {"origin": "command"})
    until, told = clock.now() + timeout, ""
    alone = "" if job is not None else f"No daemon of {setup.name} runs here: waiting for whoever runs `qtisync sync`."
    with closing(setup.open_source(expected=False)) as source:
        watch = Watch(source, commit, setup.settings.repository.ref, _elsewhere(setup, through, job))
        while True:
            with closing(setup.open_reader()) as reader:
                seen = watch.look(reader, clock.now())
            if seen.words and seen.words != told:
                click.echo(seen.words, err=seen.code not in {OK, PARTIAL})
                told = seen.words
            if seen.code is not None:
                return seen.code
            if alone:
                click.echo(alone, err=True)
                alone = ""
            if clock.now() >= until:
                click.echo(f"{commit} is not synced after {said(timeout)}. What goes on: qtisync status", err=True)
                return UNAVAILABLE
            bell.wait(LOOK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What is known of a repository that is fetched from elsewhere."""

    name: str
    fetched: Callable[[], float | None]
    """When it was last fetched."""
    asked: Callable[[], bool]
    """Whether it was surely fetched since we asked for it, and all of it."""


def _elsewhere(setup: Setup, through: Through, job: Mapping[str, Any] | None) -> Elsewhere | None:
    if setup.settings.repository.url is None:
        return None

    def asked() -> bool:
        try:
            found = None if job is None else through.job(str(job["id"]), 0.0)
        except QtisyncError:
            return False
        return found is not None and found["state"] in _READ

    return Elsewhere(name=setup.location, fetched=setup.fetched_at, asked=asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look came to."""

    code: int | None = None
    """The exit code, if it is decided."""
    words: str = ""
    """What there is to say; it is said once."""


class Watch:
    """Looks at how far a commit is."""

    def __init__(self, source: Source, commit: str, ref: str, elsewhere: Elsewhere | None = None) -> None:
        self._source, self._commit, self._ref, self._elsewhere = source, commit, ref, elsewhere
        self._lines: dict[tuple[CommitId, CommitId], bool] = {}

    def look(self, reader: RecordReader, now: float) -> Seen:
        """How far it is now; raises ``RepositoryError`` for a commit that is in no history that there is."""
        try:
            wanted = self._source.resolve(self._commit)
        except RepositoryError as error:
            return self._unknown(error)
        synced, held = reader.setting("synced_commit"), reader.setting("held")
        if isinstance(synced, str) and self._leads_to(wanted, CommitId(synced)):
            return _synced(reader, synced)
        if isinstance(held, dict) and self._leads_to(wanted, CommitId(str(held.get("commit")))):
            words = f"A safety rule holds {str(held.get('commit'))[:7]}. If this is meant: {held.get('command')}"
            return Seen(code=HELD, words=words)
        if pauses.paused(reader, now) is not None:
            return Seen(code=LOCKED, words="Paused: nothing is sent. To go on: qtisync resume")
        return Seen(words=self._beside(wanted))

    def _unknown(self, error: RepositoryError) -> Seen:
        """What can be said of a commit that is not in the repository as it is on this machine."""
        elsewhere = self._elsewhere
        if elsewhere is None or not re.fullmatch("[0-9a-f]{4,64}", self._commit):
            raise error
        fetched = elsewhere.fetched()
        at = "" if fetched is None else f" (last fetched {moment(fetched)})"
        if not elsewhere.asked():
            return Seen(
                words=f"{self._commit} is not known here yet{at}: waiting for the next fetch of {elsewhere.name}."
            )
        hint = "Was it pushed there, to a branch or a tag? What is synced: qtisync status"
        words = f"{elsewhere.name} was fetched just now, and has no commit {self._commit}."
        raise RepositoryError(words, hint=hint) from error

    def _beside(self, wanted: CommitId) -> str:
        """What to say of a commit that the ref does not come from: without a merge nobody will ever sync it."""
        try:
            head = self._source.resolve(self._ref)
        except RepositoryError:  # it may be about to be made
            return ""
        if self._leads_to(wanted, head):
            return ""
        return f"{wanted[:7]} is not in the history of {self._ref} (now {head[:7]}): waiting until it is."

    def _leads_to(self, wanted: CommitId, later: CommitId) -> bool:
        """Whether a commit is this one or comes after it; one that was forced away is not."""
        if later == wanted:
            return True
        pair = (wanted, later)
        if pair not in self._lines:
            try:
                self._lines[pair] = self._source.is_ancestor(wanted, later)
            except RepositoryError:
                return False  # a new pass is about to look
        return self._lines[pair]


def _synced(reader: RecordReader, synced: str) -> Seen:
    waiting = {ItemStatus.PARKED, ItemStatus.BLOCKED}
    unwell = sum(row.standing is Standing.WANTED and row.status in waiting for row in reader.unsettled())
    last, orphans = reader.last_pass(), reader.counts().get("orphan", 0)
    refused = unwell + (len(last.broken) if last is not None else 0)
    words = [f"{refused:,} refused"] if refused else []
    words += [f"{orphans:,} orphan{'' if orphans == 1 else 's'} left at the API"] if orphans else []
    more = f"; {', '.join(words)}, see: qtisync status" if words else "."
    return Seen(code=PARTIAL if refused else OK, words=f"{synced[:7]} is synced{more}")
