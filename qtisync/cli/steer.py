"""pause, resume and wait: steering in every state, through the daemon when it runs and through the record else."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

import click

from qtisync.app import Setup, SystemClock, ThreadBell
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import HELD, LOCKED, OK, PARTIAL, UNAVAILABLE
from qtisync.cli.through import Through
from qtisync.config.working_tree import refuse_commit
from qtisync.delivery.ledger import decided
from qtisync.engine import pause as pauses
from qtisync.engine.ports import RecordReader, Source, Store
from qtisync.errors import RecordLockedError, RepositoryError, UsageError
from qtisync.model import CommitId, ItemStatus, Standing
from qtisync.report.points_in_time import later
from qtisync.report.value import moment

LOOK = 0.2  # seconds between looks at the record
SETTLING = 1.0  # seconds that a command which just holds the record may take to end


@click.command()
@common_options
@click.option("--reason", default="", metavar="TEXT", help="Why, for everybody who looks.")
@click.option("--until", metavar="TIME", help="It ends by itself: 2h, 30m, 2026-12-01, 2026-12-01T08:00+01:00.")
def pause(*, common: Common, reason: str, until: str | None) -> int:
    """Send nothing until `qtisync resume`, or until a time. Passes go on; what is in flight is finished."""
    setup, now = common.setup(), SystemClock().now()
    try:
        end = None if until is None else later(until, now)
    except ValueError as error:
        raise UsageError(f"--until: {error}.") from None
    if Through(setup).post("/api/v1/pause", {"reason": reason, "until": end}) is None:
        said = pauses.Pause(reason=reason, since=now, until=end)

        def write(store: Store) -> None:
            store.note([decided("pause", setup.actor, now, words=reason or None)])
            pauses.begin(store, said)

        _in_the_record(setup, "qtisync pause", write)
    click.echo(
        f"{setup.name} is paused" + (f" until {moment(end)}." if end is not None else "; to go on: qtisync resume")
    )
    return OK


@click.command()
@common_options
def resume(*, common: Common) -> int:
    """End a pause; a daemon whose queue halted (credentials, a wrong address) tries again at once."""
    setup, now = common.setup(), SystemClock().now()
    with closing(setup.open_reader()) as reader:
        before = pauses.paused(reader, now)
    if Through(setup).post("/api/v1/resume", {}) is None:

        def write(store: Store) -> None:
            store.note([decided("resume", setup.actor, now)])
            pauses.end(store)

        if before is not None:
            _in_the_record(setup, "qtisync resume", write)
    said = f"{setup.name} goes on" if before is not None else f"{setup.name} was not paused"
    click.echo(f"{said}.")
    return OK


def _in_the_record(setup: Setup, holder: str, write: Callable[[Store], None]) -> None:
    """Change the record without a daemon; a command that just holds it may end first."""
    clock, bell = SystemClock(), ThreadBell()
    until = clock.now() + SETTLING
    while True:
        try:
            with closing(setup.open_store(holder)) as store:
                write(store)
                return
        except RecordLockedError:
            if clock.now() >= until:
                raise
            bell.wait(LOOK)


@click.command("wait")
@common_options
@click.option("--commit", required=True, metavar="SHA", help="The commit, or a ref.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=300.0, show_default=True, metavar="SECONDS")
def wait(*, common: Common, commit: str, timeout: float) -> int:
    """Wait until a commit, or a later one, is synced: for CI after a push.

    Leaves with 0 when it is, with 3 if something of it was refused, 4 if a safety rule holds it, 6 while paused, and
    with 8 if it did not come about in time.
    """
    setup, clock, bell = common.setup(), SystemClock(), ThreadBell()
    refuse_commit(setup.settings, "--commit", commit)
    Through(setup).post("/api/v1/sync", {"origin": "command"})
    until = clock.now() + timeout
    with closing(setup.open_source(expected=False)) as source:
        while True:
            with closing(setup.open_reader()) as reader:
                code = _state_of(source, reader, commit, clock.now())
            if code is not None:
                return code
            if clock.now() >= until:
                click.echo(f"{commit} is not synced after {timeout:g} s. What goes on: qtisync status", err=True)
                return UNAVAILABLE
            bell.wait(LOOK)


def _state_of(source: Source, reader: RecordReader, commit: str, now: float) -> int | None:
    """The exit code, if it is decided."""
    try:
        wanted = source.resolve(commit)
    except RepositoryError:
        if not re.fullmatch("[0-9a-f]{7,64}", commit):
            raise
        return None  # pushed to a repository elsewhere, and not fetched yet
    synced, held = reader.setting("synced_commit"), reader.setting("held")
    if isinstance(synced, str) and (synced == wanted or source.is_ancestor(wanted, CommitId(synced))):
        unwell = [
            row
            for row in reader.unsettled()
            if row.standing is Standing.WANTED and row.status in {ItemStatus.PARKED, ItemStatus.BLOCKED}
        ]
        last = reader.last_pass()
        broken = len(last.broken) if last is not None else 0
        click.echo(
            f"{synced[:7]} is synced"
            + (f"; {len(unwell) + broken} refused, see: qtisync status" if unwell or broken else ".")
        )
        return PARTIAL if unwell or broken else OK
    if isinstance(held, dict) and _holds(source, str(held.get("commit")), wanted):
        click.echo(
            f"A safety rule holds {str(held.get('commit'))[:7]}. If this is meant: {held.get('command')}", err=True
        )
        return HELD
    if pauses.paused(reader, now) is not None:
        click.echo("Paused: nothing is sent. To go on: qtisync resume", err=True)
        return LOCKED
    return None


def _holds(source: Source, held: str, wanted: CommitId) -> bool:
    """Whether what is held is this commit, or a later one that it would come with."""
    try:
        return held == wanted or source.is_ancestor(wanted, CommitId(held))
    except RepositoryError:  # it was forced away, and a new pass is about to look
        return False
