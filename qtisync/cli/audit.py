"""audit: what happened, what was live when, and whether the journal is what was written."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import click

from qtisync import __version__
from qtisync.app import SystemClock
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import OK, UNEXPECTED
from qtisync.cli.output import printable, write
from qtisync.engine.audit import verify, walk
from qtisync.engine.ports import RecordReader
from qtisync.errors import UsageError
from qtisync.model import Identifier
from qtisync.report.audit import (
    entry_as_json,
    live_as_json,
    live_at,
    render_entry,
    render_live,
    render_verdict,
    verdict_as_json,
)
from qtisync.report.points_in_time import point_in_time
from qtisync.report.value import moment

SHOWN = 50  # entries that a terminal shows without -v


@click.command()
@common_options
@click.argument("identifier", required=False, metavar="[ID]")
@click.option("--at", "when", metavar="TIME", help="What was live then: 2026-11-28, 2026-11-28T14:30Z, “2h ago”.")
@click.option("--verify", "verifying", is_flag=True, help="Look for tampering; leave with 1 if there is any.")
@click.option("--noted", metavar="DIGEST", help="With --verify: a digest that you noted earlier must be in the chain.")
def audit(*, common: Common, identifier: str | None, when: str | None, verifying: bool, noted: str | None) -> int:
    """What happened to all objects, or to ID; with --at what was live then, since when and from which commit.

    `--format ndjson` exports: one JSON object a line.
    """
    if verifying and (when is not None or identifier is not None):
        raise UsageError("--verify looks at the whole journal.", hint="Leave out ID and --at.")
    if noted is not None and not verifying:
        raise UsageError("--noted belongs to --verify.", hint="Add --verify.")
    setup = common.setup()
    with closing(setup.open_reader()) as reader:
        if verifying:
            return _verify(common, reader, noted)
        name = None if identifier is None else Identifier(identifier)
        if when is not None:
            return _live(common, reader, name, when)
        return _history(common, reader, name)


def _verify(common: Common, reader: RecordReader, noted: str | None) -> int:
    found = verify(reader, noted)
    missing = found.noted is False
    if common.format == "text":
        words = f"The digest {noted} is not in the journal: what you noted it for was replaced, or dropped.\n"
        write(render_verdict(found.faults, found.chain) + (words if missing else ""), common)
    else:
        verdict = {**verdict_as_json(found.faults, found.chain), "noted_found": found.noted}
        _machine(common, "audit_verify", [verdict])
    return UNEXPECTED if found.faults or missing else OK


def _live(common: Common, reader: RecordReader, name: Identifier | None, when: str) -> int:
    now = SystemClock().now()
    try:
        at = point_in_time(when, now)
    except ValueError as exc:
        raise UsageError(f"--at: {exc}.", hint="Without a zone it is UTC.") from exc
    found = live_at((entry.line for entry in walk(reader, name)), at)
    chain = reader.chain()
    dropped = chain is not None and chain.dropped_until is not None and at < chain.dropped_until
    first = next(walk(reader), None)
    early = dropped or first is None or at < first.line.at
    if common.format != "text":
        _machine(common, "audit_live", map(live_as_json, found), at=moment(at), complete=not early)
    else:
        lines = [f"Live at {moment(at)}: {len(found):,} object{'' if len(found) == 1 else 's'}"]
        lines += [f"  {render_live(live)}" for live in found]
        if dropped:
            lines.append("Entries of that time were dropped by retention (keep_journal): this is not all of it.")
        elif early:
            begins = "has no entry yet" if first is None else f"begins at {moment(first.line.at)}"
            lines.append(f"The journal {begins}: what was live before is not known here.")
        write("\n".join(lines) + "\n", common)
    return OK


def _history(common: Common, reader: RecordReader, name: Identifier | None) -> int:
    entries = walk(reader, name)
    if common.format != "text":
        _machine(common, "audit", map(entry_as_json, entries))
        return OK
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        for count, entry in enumerate(entries, 1):  # noqa: B007 - the last count is what is wanted
            yield render_entry(entry.line)

    shown = list(lines()) if common.verbose else deque(lines(), maxlen=SHOWN)
    text = "".join(line + "\n" for line in shown)
    left = f"… and {count - len(shown):,} earlier; -v shows them\n" if count > len(shown) else ""
    write(left + text or "The journal has nothing of it.\n", common)
    return OK


def _machine(common: Common, kind: str, rows: Iterable[dict[str, Any]], **others: object) -> None:
    if common.format == "ndjson":
        write("".join(printable(json.dumps(row, ensure_ascii=False)) + "\n" for row in rows), common)
        return
    if common.format != "json":
        raise UsageError(f"There is no audit as {common.format}.", hint="Choose text, json or ndjson.")
    found = list(rows)
    document = {"format_version": "1.0", "kind": kind, "tool": f"qtisync/{__version__}", **others}
    document |= found[0] if kind == "audit_verify" else {"entries": found}
    write(printable(json.dumps(document, ensure_ascii=False, indent=2)) + "\n", common)
