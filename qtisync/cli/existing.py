"""adopt, import: take over what is at the API already."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qtisync.app import Setup, ThreadBell
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import OK, PARTIAL
from qtisync.cli.output import printable, write
from qtisync.cli.progress import Bars
from qtisync.errors import HeldPlanError, UsageError
from qtisync.model import Key
from qtisync.report.cells import padded, visible

if TYPE_CHECKING:  # heavy, and the help does not need it
    from qtisync.adapters.store import SqlStore
    from qtisync.engine.adopt import Candidates
    from qtisync.engine.importing import Import, Imported
    from qtisync.engine.ports import Source
    from qtisync.engine.recognise import Ask
    from qtisync.engine.survey import Eyes

SHOWN = 40  # objects of one sort that a terminal lists without -v
_FOREIGN = click.option("--foreign", is_flag=True, help="Also what is not ours by owned_prefixes or owner_stamp.")


@click.command()
@common_options
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@click.option("--prefix", metavar="P", help="All whose identifier begins so.")
@click.option("--file", "file", type=click.Path(path_type=Path), metavar="FILE", help="Identifiers, one on each line.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@_FOREIGN
def adopt(
    *, common: Common, identifiers: tuple[str, ...], prefix: str | None, file: Path | None, yes: bool, foreign: bool
) -> int:
    """Take over objects that are at the API already: from now on they are ours, as the API has them.

    Nothing is sent. What git wants otherwise is pending in the next plan.
    """
    from qtisync.engine.adopt import OURS_ALREADY, Order, candidates  # noqa: PLC0415 - heavy, and a usage error does not need it

    names = (*identifiers, *(_lines(file) if file is not None else ()))
    if not names and prefix is None:
        raise UsageError("Say what to adopt: identifiers, --prefix or --file.", hint="qtisync adopt ID…")
    if prefix == "":
        raise UsageError("An empty --prefix would take everything.", hint="Name a prefix, or list the identifiers.")
    setup = common.setup()
    with _opened(common, setup, "adopt") as (store, source, eyes, ask):
        found = candidates(
            eyes, store, source, setup.aim(), Order(identifiers=names, prefix=prefix, foreign=foreign), ask
        )
        if common.format == "text":
            write(_candidates_in_words(found, common), common)
        if found.rows:
            _consent(yes=yes, what=f"Adopt {len(found.rows):,} objects of {setup.name} ({setup.target.base_url})?")
        _take(store, found, ask, eyes)
    if common.format == "json":
        write(_candidates_as_json(found), common)
    elif found.rows:
        click.echo(f"Adopted {len(found.rows):,}. What git wants otherwise: qtisync plan")
    refused = [why for why in found.skipped.values() if why != OURS_ALREADY]
    return PARTIAL if found.missing or refused else OK


def _take(store: SqlStore, found: Candidates, ask: Ask, eyes: Eyes) -> None:
    from qtisync.engine.recognise import takeover_lines  # noqa: PLC0415 - as above

    store.note(takeover_lines("adopt", found.rows, found.seen, ask.actor, eyes.clock.now()))
    store.plant(found.rows)


def _lines(file: Path) -> tuple[str, ...]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"Cannot read {file}: {exc}.", hint="One identifier on each line, in UTF-8.") from exc
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _consent(*, yes: bool, what: str) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise HeldPlanError("Nobody was there to agree.", hint="Nothing was recorded. If this is meant, add --yes.")
    if not click.confirm(what, err=True):
        raise HeldPlanError("You did not agree.", hint="Nothing was recorded.")


@contextmanager
def _opened(common: Common, setup: Setup, name: str) -> Iterator[tuple[SqlStore, Source, Eyes, Ask]]:
    """The record, git and the API, for a command that takes over."""
    from qtisync.engine.recognise import Ask  # noqa: PLC0415 - as above

    bars = Bars(common)
    with ExitStack() as stack:
        store = stack.enter_context(closing(setup.open_store(f"qtisync {name}")))
        source = stack.enter_context(closing(setup.open_source()))
        eyes = stack.enter_context(setup.eyes(store, bell=ThreadBell(), log=common.log(), progress=bars))
        yield store, source, eyes, Ask(actor=setup.actor, ownership=setup.ownership, progress=bars)


def _candidates_in_words(found: Candidates, common: Common) -> str:
    lines = []
    for row in found.rows:
        words = "git wants it otherwise: pending"
        if row.key in found.without_file:
            words = "not in git: protected until it is"
        elif row.key in found.as_in_git:
            words = "as in git"
        lines.append(f"  {padded(visible(str(row.key)), 30)} {words}")
    lines = _some(lines, common)
    lines += _some([f"  {padded(visible(str(key)), 30)} skipped: {why}" for key, why in found.skipped.items()], common)
    lines += _some([f"  {padded(visible(name), 30)} is not at the API" for name in found.missing], common)
    return "".join(line + "\n" for line in lines) or "Nothing to adopt.\n"


def _some(lines: Sequence[str], common: Common) -> list[str]:
    if common.verbose or len(lines) <= SHOWN:
        return list(lines)
    return [*lines[:SHOWN], f"  … and {len(lines) - SHOWN:,} more; -v lists them"]


def _candidates_as_json(found: Candidates) -> str:
    def standing(key: Key) -> str:
        return "not_in_git" if key in found.without_file else "as_in_git" if key in found.as_in_git else "git_differs"

    document = {
        "format_version": "1.0",
        "kind": "adopt",
        "adopted": [
            {"identifier": row.key.identifier, "kind": row.key.kind.value, "standing": standing(row.key)}
            for row in found.rows
        ],
        "skipped": [
            {"identifier": key.identifier, "kind": key.kind.value, "reason": why} for key, why in found.skipped.items()
        ],
        "missing": list(found.missing),
    }
    return printable(json.dumps(document, ensure_ascii=False, indent=2)) + "\n"


@click.command("import")
@common_options
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--prefix", metavar="P", default="", help="Only those whose identifier begins so.")
@click.option("--overwrite", is_flag=True, help="Replace files in DIR that differ.")
@_FOREIGN
def import_(*, common: Common, folder: Path, prefix: str, overwrite: bool, foreign: bool) -> int:
    """Write what is at the API as files with sidecars into DIR of your repository, and take it over.

    Nothing is sent. Commit the files: the plan then has nothing to do. A second import changes nothing.
    """
    from qtisync.adapters.import_folder import ImportFolder, base_in_repository  # noqa: PLC0415 - as above
    from qtisync.engine.importing import Order, import_objects  # noqa: PLC0415 - likewise

    setup = common.setup()
    order = Order(
        prefix=prefix,
        overwrite=overwrite,
        foreign=foreign,
        base=base_in_repository(folder),
        sidecar=setup.settings.content.sidecar,
    )
    with _opened(common, setup, "import") as (store, source, eyes, ask):
        done = import_objects(eyes, store, source, ImportFolder(folder), setup.aim(), order, ask)
    write(_import_as_json(done) if common.format == "json" else _import_in_words(done, common), common)
    incomplete = any(one.outcome in {"kept", "unreadable"} for one in done.objects) or not done.survey.complete
    return PARTIAL if incomplete else OK


def _import_in_words(done: Import, common: Common) -> str:
    counts = Counter[str](one.outcome for one in done.objects)
    told = {
        "new": "written",
        "replaced": "replaced",
        "same": "there already, the same",
        "in_git": "in git already, at another place",
        "kept": "left alone, because files differ (--overwrite replaces them)",
        "unreadable": "not readable as QTI 3",
        "not_ours": "not ours (--foreign imports them too)",
    }
    lines = [f"{counts[name]:,} {words}" for name, words in told.items() if counts[name]]
    lines += _some([f"  {_words(one)}" for one in done.objects if _words(one)], common)
    if not done.survey.complete:
        lines.append(f"The API could not be read completely: {'; '.join(done.survey.reasons)}.")
    if counts["new"] or counts["replaced"]:
        lines.append("Next: git add and commit them; qtisync plan then has nothing to do for them.")
    return "\n".join(lines or ["There is nothing to import."]) + "\n"


def _words(one: Imported) -> str:
    name = padded(visible(str(one.key)), 30)
    if one.outcome in {"kept", "unreadable"}:
        return visible(f"{name} {one.reason}")
    if one.left_out:
        return visible(f"{name} metadata that stays at the API only: {', '.join(one.left_out)}")
    return ""


def _import_as_json(done: Import) -> str:
    document = {
        "format_version": "1.0",
        "kind": "import",
        "complete": done.survey.complete,
        "reasons": list(done.survey.reasons),
        "calls": done.survey.calls,
        "objects": [
            {
                "identifier": one.key.identifier,
                "kind": one.key.kind.value,
                "outcome": one.outcome,
                "path": one.path or None,
                "reason": one.reason or None,
                "left_out": list(one.left_out),
                "adopted": one.adopted,
            }
            for one in done.objects
        ],
    }
    return printable(json.dumps(document, ensure_ascii=False, indent=2)) + "\n"
