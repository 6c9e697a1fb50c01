"""state: look into the record and mend it, without touching the database by hand."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import click

from qtisync.app import SystemClock, ThreadBell
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import OK, PENDING, UNEXPECTED
from qtisync.cli.output import printable, write
from qtisync.cli.progress import Bars
from qtisync.delivery.ledger import decided
from qtisync.engine.audit import verify
from qtisync.engine.pins import pins_of, put_pins
from qtisync.errors import StoreError, UsageError
from qtisync.model import Identifier, ItemStatus
from qtisync.report.cells import visible
from qtisync.report.record import Finding, Look, findings, render_findings, row_as_json

if TYPE_CHECKING:  # heavy, and other commands do not need it
    from qtisync.engine.recognise import Rebuilt

SHOWN = 20  # objects that a terminal lists
SETTINGS = ("base_url", "synced_commit")


@click.group()
def state() -> None:
    """Look into the record and mend it."""


@state.command("check")
@common_options
def state_check(*, common: Common) -> int:
    """Is the record sound: the file, its rows, the journal, what is in flight? Leaves with 0 or 1; writes nothing."""
    setup = common.setup()
    damage = setup.damage()
    with closing(setup.open_reader()) as reader:
        try:
            rows = tuple(reader.recorded().values())
            verified = verify(reader)
            last, settings = reader.last_pass(), {name: reader.setting(name) for name in SETTINGS}
        except (StoreError, ValueError, KeyError) as error:
            damage, rows = damage or (str(error),), ()
            verified, last, settings = None, None, {}
    chain = verified.chain if verified is not None else None
    look = Look(
        damage=damage,
        faults=verified.faults if verified is not None else (),
        rows=rows,
        last=last,
        settings=settings,
        base_url=setup.target.base_url,
        now=SystemClock().now(),
    )
    found = findings(look)
    if common.format == "json":
        write(_as_json(found, len(rows)), common)
    else:
        write(render_findings(found, chain, len(rows)), common)
    return UNEXPECTED if any(one.bad for one in found) else OK


def _as_json(found: tuple[Finding, ...], rows: int) -> str:
    listed = [{"message": one.message, "hint": one.hint, "bad": one.bad} for one in found]
    document = {"format_version": "1.0", "kind": "state_check", "sound": not found, "objects": rows, "findings": listed}
    return printable(json.dumps(document, ensure_ascii=False, indent=2)) + "\n"


@state.command("export")
@common_options
def state_export(*, common: Common) -> int:
    """Every row of the record as a line of JSON. No bodies; values of metadata only with --show-content."""
    setup = common.setup()
    with closing(setup.open_reader()) as reader:
        rows = [row_as_json(row, show_content=common.show_content) for row in reader.recorded().values()]
    write("".join(printable(json.dumps(row, ensure_ascii=False)) + "\n" for row in rows), common)
    return OK


@state.command("forget")
@common_options
@click.argument("identifiers", nargs=-1, required=True, metavar="ID...")
def state_forget(*, common: Common, identifiers: tuple[str, ...]) -> int:
    """Drop what is recorded of objects, so that the next plan looks at them anew. Nothing is sent to the API.

    An object that is at the API already is read before it is written: nobody's edit is overwritten by this.
    """
    setup = common.setup()
    with closing(setup.open_store("qtisync state forget")) as store:
        rows = {name: store.find(Identifier(name)) for name in identifiers}
        unknown = [name for name, found in rows.items() if not found]
        if unknown:
            hint = "Identifiers are case-sensitive; `qtisync state export` lists what is recorded."
            raise UsageError(f"The record has no object {unknown[0]!r}.", hint=hint)
        flying = [row.key for found in rows.values() for row in found if row.status is ItemStatus.IN_FLIGHT]
        if flying:
            hint = "Its answer is not known yet. Run `qtisync sync` first: it reads the object and settles it."
            raise UsageError(f"{flying[0]} is in flight and cannot be forgotten.", hint=hint)
        keys = sorted({row.key for found in rows.values() for row in found})
        store.note([decided("forget", setup.actor, SystemClock().now(), key=key) for key in keys])
        count = store.forget(keys)
    click.echo(f"{count} object{'' if count == 1 else 's'} forgotten. To look anew: qtisync plan")
    return OK


@state.command("unpin")
@common_options
@click.argument("identifiers", nargs=-1, required=True, metavar="ID...")
def state_unpin(*, common: Common, identifiers: tuple[str, ...]) -> int:
    """Let objects go that `apply --ref REF --only ID` pinned: the next sync brings them to the version of git."""
    setup = common.setup()
    with closing(setup.open_store("qtisync state unpin")) as store:
        pins = pins_of(store)
        chosen = [key for key in pins if key.identifier in identifiers]
        unknown = set(identifiers) - {key.identifier for key in chosen}
        if unknown:
            raise UsageError(f"{min(unknown)!r} is not pinned.", hint="`qtisync status` shows what is.")
        store.note([decided("unpin", setup.actor, SystemClock().now(), key=key) for key in chosen])
        put_pins(store, {key: pin for key, pin in pins.items() if key not in chosen})
    count = len(chosen)
    click.echo(f"{count} object{'' if count == 1 else 's'} unpinned. To bring back git's version: qtisync sync")
    return OK


@state.command("rebuild")
@common_options
@click.option("--ref", metavar="REF", help="Branch, tag or commit [default: repository.ref].")
def state_rebuild(*, common: Common, ref: str | None) -> int:
    """After a lost record: fill it with what git and the API have in common. Nothing is sent to the API.

    What differs is left to on_conflict, what is not ours is left alone. Leaves with 0 if nothing differs, 2 otherwise.
    """
    from qtisync.engine.recognise import Ask, rebuild  # noqa: PLC0415 - heavy, and other commands do not need it

    setup, bars, bell = common.setup(), Bars(common), ThreadBell()
    with ExitStack() as stack:
        store = stack.enter_context(closing(setup.open_store("qtisync state rebuild")))
        source = stack.enter_context(closing(setup.open_source()))
        eyes = stack.enter_context(setup.eyes(store, bell=bell, log=common.log(), progress=bars))
        ask = Ask(actor=setup.actor, ownership=setup.ownership, progress=bars)
        done = rebuild(eyes, store, source, setup.aim(ref), ask)
    write(_rebuilt(common, done), common)
    return OK if done.in_sync else PENDING


def _rebuilt(common: Common, done: Rebuilt) -> str:
    found = done.found
    differ = [row.key for row in found.rows if row.key not in found.same]
    if common.format == "json":
        document = {
            "format_version": "1.0",
            "kind": "state_rebuild",
            "recorded": done.planted,
            "as_in_git": len(found.same),
            "differ": [str(key) for key in differ],
            "not_ours": [str(key) for key in found.foreign],
            "not_at_the_api": found.absent,
            "in_sync": done.in_sync,
            "complete": found.survey.complete,
            "reasons": list(found.survey.reasons),
            "calls": found.survey.calls,
        }
        return printable(json.dumps(document, ensure_ascii=False, indent=2)) + "\n"
    has = f"Recorded {done.planted:,} object{'' if done.planted == 1 else 's'} that the API has"
    lines = [f"{has}: {len(found.same):,} as in git, {len(differ):,} differ."]
    lines += [f"  differs   {visible(str(key))}" for key in differ[:SHOWN]]
    foreign = [f"  not ours  {visible(f'{key}: {not_ours.why}')}" for key, not_ours in found.foreign.items()]
    lines += foreign[:SHOWN]
    left_out = len(differ[SHOWN:]) + len(foreign[SHOWN:])
    lines += [f"  … and {left_out:,} more"] if left_out else []
    lines += [f"{found.absent:,} objects of git are not there; the next sync creates them."] if found.absent else []
    if not found.survey.complete:
        lines.append(f"The API could not be read completely ({'; '.join(found.survey.reasons)}).")
    lines.append("Everything is in sync." if done.in_sync else "Nothing was sent. Look at what is left: qtisync plan")
    return "\n".join(lines) + "\n"
