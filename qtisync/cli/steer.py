"""pause and resume: steering in every state, through the daemon when it runs and through the record else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import click

from qtisync.app import Setup, SystemClock, ThreadBell
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import OK
from qtisync.cli.through import Through
from qtisync.delivery.ledger import decided
from qtisync.engine import pause as pauses
from qtisync.engine.ports import Store
from qtisync.errors import RecordLockedError, UsageError
from qtisync.report.cells import visible
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
    answer = Through(setup).post("/api/v1/resume", {})
    halted = None if answer is None else answer.get("halted")
    if answer is None and before is not None:

        def write(store: Store) -> None:
            store.note([decided("resume", setup.actor, now)])
            pauses.end(store)

        _in_the_record(setup, "qtisync resume", write)
    click.echo(visible(_resumed(setup.name, halted, paused=before is not None)))
    return OK


def _resumed(target: str, halted: str | None, *, paused: bool) -> str:
    """What resuming came to; ``halted``: why a daemon's queue had halted that is tried again."""
    if halted is not None:
        return f"{target} goes on: its queue had halted ({halted}) and is tried again now. How it went: qtisync status"
    return f"{target} goes on." if paused else f"{target} was not paused, and its queue had not halted."


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
