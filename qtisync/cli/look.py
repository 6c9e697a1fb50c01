"""status, queue, retry: look and steer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import click

from qtisync.app import Setup, SystemClock
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import OK, PARTIAL
from qtisync.cli.output import emit, painter, write
from qtisync.cli.through import Through
from qtisync.delivery.ledger import decided
from qtisync.engine.health import remembered
from qtisync.engine.overview import Sight, overview
from qtisync.engine.ports import RecordReader
from qtisync.errors import QtisyncError, RepositoryError, UsageError
from qtisync.model import Identifier, ItemStatus, Key, Recorded, Standing
from qtisync.report.cells import padded, told, visible
from qtisync.report.status import item_report, render_item, tombstone_report
from qtisync.report.tombstone import tombstones
from qtisync.report.value import Report

MOST_QUEUED = 1000  # objects that only wait, of which a terminal shows a few
CALLS = 20  # of one object that are shown
STATUS_SECONDS = 0.7  # that a daemon has to answer: the whole command shall take less than one


@click.command()
@common_options
@click.argument("identifier", required=False, metavar="[ID]")
def status(*, common: Common, identifier: str | None) -> int:
    """What is synced, what waits and why; with ID, one object and its calls."""
    setup = common.setup()
    with closing(setup.open_reader()) as reader:
        if identifier is not None:
            _one(common, setup, reader, identifier)
            return OK
        # A terminal shows a few of those that only wait, and to read 100,000 rows for that takes seconds.
        shown = MOST_QUEUED if common.format == "text" and not common.verbose else None
        report = look(setup, reader, shown)
    emit(report, common)
    return OK


def look(setup: Setup, reader: RecordReader, most_queued: int | None = None) -> Report:
    """The status report of a target; see ``engine.overview``."""
    degraded: list[str] = []
    ref, head, location = setup.settings.repository.ref, "", setup.location
    try:
        with closing(setup.open_source()) as source:
            location, ref = source.location(), source.full_ref(ref)
            head = source.resolve(ref)
    except RepositoryError as error:
        degraded.append(error.message)
    daemon, words = _ask_daemon(setup)
    trouble = remembered(reader) if daemon is None else None
    words += (trouble.words,) if trouble is not None else ()
    sight = Sight(
        repository=location,
        ref=ref,
        head=head,
        target=setup.name,
        base_url=setup.target.base_url,
        metadata_call=setup.target.metadata_updates == "endpoint",
        fetched=setup.fetched_at(),
        degraded=(*degraded, *words),
        daemon=daemon,
    )
    return overview(reader, sight, SystemClock().now(), most_queued)


def _ask_daemon(setup: Setup) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
    """What a running daemon says of itself, and why it works less well than it could."""
    try:
        document = Through(setup).get("/api/v1/status", STATUS_SECONDS)
    except QtisyncError as error:
        return None, (error.message,)
    if document is None:
        return None, ()
    return document["status"]["daemon"], tuple(document["status"]["degraded"])


def _one(common: Common, setup: Setup, reader: RecordReader, identifier: str) -> None:
    rows, history = reader.find(Identifier(identifier)), reader.history(Identifier(identifier), CALLS)
    graves = tombstones(history) if not rows else ()
    if not rows and not graves:
        raise _unknown(identifier)
    if common.format == "text":
        write(render_item(rows, history, graves, paint=painter(common)), common)
        return
    report = look(setup, reader)
    emit(tombstone_report(report, graves, history) if graves else item_report(report, rows, history), common)


def _known(reader: RecordReader, identifier: str) -> Sequence[Recorded]:
    rows = reader.find(Identifier(identifier))
    graves = () if rows else tombstones(reader.history(Identifier(identifier), CALLS))
    if graves:
        hint = f"qtisync audit {identifier} shows its calls. If a file asks for it again, it is created anew."
        raise UsageError(f"{graves[0].words}.", hint=hint)
    if not rows:
        raise _unknown(identifier)
    return rows


def _unknown(identifier: str) -> UsageError:
    hint = "Identifiers are case-sensitive; `qtisync state export` lists what it has."
    return UsageError(f"The record has no object {identifier!r}.", hint=hint)


@click.group()
def queue() -> None:
    """Look at the queue."""


@queue.command("ls")
@common_options
def queue_ls(*, common: Common) -> int:
    """What waits, in the order in which it will be sent, and what is parked and why."""
    setup = common.setup()
    now = SystemClock().now()
    with closing(setup.open_reader()) as reader:
        if common.format != "text":
            emit(look(setup, reader), common)
            return OK
        rows = [row for row in reader.unsettled() if row.standing is Standing.WANTED]
    waiting = [row for row in rows if row.status is not ItemStatus.SYNCED]
    order = list(ItemStatus)
    lines = []
    for row in sorted(waiting, key=lambda row: (order.index(row.status), row.not_before, row.key)):
        wait = f"in {row.not_before - now:.0f} s" if row.not_before > now else ""
        trouble = told(row.last_outcome, row.last_error) if row.last_error else ""
        words = visible(f"blocked by {row.blocker}" if row.blocker else trouble)
        name = f"{padded(visible(str(row.key)), 30)} {visible(row.path)}"
        lines.append(f"{row.status.value:<10} {row.lane.value:<7} {name}  {wait}  {words}".rstrip())
    write("".join(line + "\n" for line in lines) or "The queue is empty.\n", common)
    return OK


@click.command()
@common_options
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@click.option("--failed", is_flag=True, help="All parked objects.")
def retry(*, common: Common, identifiers: tuple[str, ...], failed: bool) -> int:
    """Queue parked objects again, with fresh attempts; the next sync sends them.

    A conflict that you retry is overwritten: you looked at it.
    """
    if bool(identifiers) == failed:
        raise UsageError("Say which: identifiers, or --failed for all.", hint="qtisync queue ls shows what is parked.")
    setup = common.setup()
    if identifiers:
        with closing(setup.open_reader()) as reader:
            for name in identifiers:
                _known(reader, name)
    by_daemon = Through(setup).post("/api/v1/retry", {"identifiers": list(identifiers) or None})
    if by_daemon is not None:
        return _retried(by_daemon["queued"], "The daemon sends them now.", failed=failed)
    with closing(setup.open_store("qtisync retry")) as store:
        keys = None
        if identifiers:
            keys = [row.key for name in identifiers for row in _known(store, name)]
        now, words = SystemClock().now(), "all parked objects" if keys is None else None
        chosen: Sequence[Key | None] = [None] if keys is None else keys
        store.note([decided("retry", setup.actor, now, key=key, words=words) for key in chosen])
        count = store.retry(keys)
    return _retried(count, "To send: qtisync sync", failed=failed)


def _retried(count: int, following: str, *, failed: bool) -> int:
    said = f"{count} object{'' if count == 1 else 's'} queued again. {following}"
    click.echo(said if count else "Nothing was queued again, because nothing of that is parked. See: qtisync queue ls")
    return OK if count or failed else PARTIAL
