"""What is synced, what waits and why: the status report from the record, and its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qtisync.delivery.pace import Pace
from qtisync.model import ItemStatus, JournalLine, PassRecord, Recorded, Standing
from qtisync.report.build import parked_item, problems, reported_warnings
from qtisync.report.cells import told, visible
from qtisync.report.text import Paint, first_problems, headline, plain
from qtisync.report.tombstone import Tombstone
from qtisync.report.value import Place, Report, ReportOrphan, moment

MAX_ROWS = 50
MAX_ORPHANS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What status looks at."""

    last: PassRecord | None
    synced: str | None
    counts: Mapping[str, int]
    unsettled: Sequence[Recorded]
    pace: Pace | None
    capability: Mapping[str, str]
    """The metadata call: ``fitness`` and ``reason``."""
    lists: Mapping[str, str]
    """Reading many items by one list: ``fitness`` and ``reason``."""
    degraded: Sequence[str]
    now: float
    synced_at: float | None = None
    paused: Mapping[str, Any] | None = None
    """A person's pause: ``reason``, ``since``, ``until``."""
    held: Mapping[str, Any] | None = None
    """What holds the newest pass: ``commit``, ``rules``, ``command``."""
    daemon: Mapping[str, Any] | None = None
    """What the daemon says of itself; ``None``: none runs."""
    fetched: float | None = None
    """When a repository elsewhere was last fetched; ``None``: it is on this machine, or never."""


def status_report(seen: Observed, place: Place) -> Report:
    """The status as a report."""
    waiting = [row for row in seen.unsettled if row.standing is Standing.WANTED and row.status is not ItemStatus.SYNCED]
    broken = problems(seen.last.broken) if seen.last is not None else ()
    counts = seen.counts
    return Report(
        kind="status",
        at=seen.now,
        place=place,
        applyable=True,
        complete=not waiting,
        summary={
            "noop": counts.get("synced", 0),
            "pending": counts.get("queued", 0) + counts.get("in_flight", 0),
            "parked": counts.get("parked", 0),
            "failed": counts.get("parked", 0),
            "blocked": counts.get("blocked", 0),
            "orphan": counts.get("orphan", 0),
            "invalid": len({problem.path for problem in broken}),
            "skipped": counts.get("ignored", 0),
            "altered": sum(1 for row in seen.unsettled if row.altered and row.standing is Standing.WANTED),
            "conflict": sum(1 for row in waiting if row.last_outcome == "Conflict"),
        },
        items=tuple(parked_item(row) for row in waiting),
        broken=broken,
        warnings=reported_warnings(seen.last.warnings) if seen.last is not None else (),
        orphans=tuple(_orphan(row) for row in seen.unsettled if row.standing is Standing.ORPHAN),
        status={
            "head": place.head,
            "synced_commit": seen.synced,
            "synced_at": None if seen.synced_at is None else moment(seen.synced_at),
            "in_sync": in_sync(seen, place),
            "last_pass": None if seen.last is None else {"commit": seen.last.commit, "at": moment(seen.last.at)},
            "queue": {name: counts.get(name, 0) for name in ("queued", "in_flight", "parked", "blocked")},
            "held": counts.get("held", 0),
            "pace": pace_of(seen.pace, seen.now),
            "metadata_endpoint": dict(seen.capability),
            "list_filter": dict(seen.lists),
            "paused": paused_of(seen.paused),
            "held_pass": None if seen.held is None else dict(seen.held),
            "daemon": None if seen.daemon is None else dict(seen.daemon),
            "degraded": list(seen.degraded),
            "fetched_at": None if seen.fetched is None else moment(seen.fetched),
        },
    )


def _orphan(row: Recorded) -> ReportOrphan:
    return ReportOrphan(
        identifier=row.key.identifier,
        kind=row.key.kind.value,
        path=row.path,
        new=False,
        renamed_to=None,
        protected=row.protect,
    )


def item_report(report: Report, rows: Sequence[Recorded], history: Sequence[JournalLine]) -> Report:
    """The status report narrowed to one object, with its latest calls."""
    calls = [
        {
            "at": moment(call.at),
            "method": call.method,
            "path": call.path,
            "outcome": call.outcome,
            "remote_version": call.remote_version,
            "message": call.message,
        }
        for call in history
    ]
    items = tuple(parked_item(row) for row in rows)
    return replace(report, items=items, broken=(), warnings=(), orphans=(), status={**report.status, "history": calls})


def tombstone_report(report: Report, graves: Sequence[Tombstone], history: Sequence[JournalLine]) -> Report:
    """The status report narrowed to what was deleted, with its latest calls."""
    narrow = item_report(report, (), history)
    return replace(narrow, status={**narrow.status, "deleted": [grave.json for grave in graves]})


def in_sync(seen: Observed, place: Place) -> bool:
    """Only if head was read just now, all of it is synced, and nothing failed."""
    settled = set(seen.counts) <= {"synced", "ignored", "orphan"} or not any(
        seen.counts.get(name) for name in ("queued", "in_flight", "parked", "blocked", "held")
    )
    clean = seen.last is not None and not seen.last.broken and not seen.degraded and seen.held is None
    return clean and settled and seen.synced == place.head


def pace_of(pace: Pace | None, now: float) -> dict[str, Any] | None:
    """The pace for people and scripts."""
    if pace is None:
        return None
    paused = max(0.0, pace.paused_until - now)
    reason = pace.pause_reason if paused else ""
    return {"rate": round(pace.rate, 2), "ceiling": pace.ceiling, "paused_seconds": round(paused, 1), "reason": reason}


def paused_of(pause: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A person's pause, with times for people and scripts."""
    if pause is None:
        return None
    until = pause["until"]
    return {"reason": pause["reason"], "since": moment(pause["since"]), "until": until and moment(until)}


def render_status(report: Report, *, paint: Paint = plain, verbose: bool = False) -> str:
    """The status for a terminal."""
    counts, verdict = report.summary, "good" if report.status["in_sync"] else "warn"
    lines = [headline(report, paint)]
    for name, words in overview(report):
        first, colon, last = words.rpartition(": ") if name == "commit" else (words, "", "")
        shown_name = paint(f"{name:<10}", "bad") if name == "degraded" else f"{name:<10}"
        lines.append(f"  {shown_name} {first}{colon}{paint(last, verdict) if last else ''}")
    shown = report.items if verbose else report.items[:MAX_ROWS]
    for item in shown:
        style = "bad" if item.outcome.status == "parked" else "warn"
        words = visible(item.outcome.error or item.blocked_by or "")
        name = visible(f"{item.identifier}  {item.path}")
        lines.append(f"  {paint(f'! {item.outcome.status:<8} {name}', style)}  {words}".rstrip())
    if left := left_out(report, len(shown)):
        lines.append(paint(f"  … and {left:,} more; -v lists them", "dim"))
    for problem, _ in first_problems(report.broken):
        where = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
        name = visible(f"{problem.identifier or '-'}  {where}")
        lines.append(f"  {paint(f'x invalid  {name}', 'bad')}  {visible(problem.message)}")
    listed = report.orphans if verbose else report.orphans[:MAX_ORPHANS]
    for orphan in listed:
        name = visible(f"{orphan.identifier}  {orphan.path}")
        lines.append(f"  {paint(f'? orphan   {name}', 'warn')}  its file is gone, it is still at the API")
    if len(report.orphans) > len(listed):
        lines.append(paint(f"  … and {len(report.orphans) - len(listed):,} more orphans; -v lists them", "dim"))
    if counts.get("parked"):
        lines.append("Parked objects wait for an edit, or for: qtisync retry --failed")
    return "\n".join(lines) + "\n"


def left_out(report: Report, shown: int) -> int:
    """How many objects are not among the first so many that are shown. A long status does not list all that wait."""
    if len(report.items) <= shown:
        return 0
    counts = report.summary
    return max(len(report.items), sum(counts.get(name, 0) for name in ("pending", "parked", "blocked"))) - shown


def words_of(report: Report) -> str:
    """The state in one line, for supervisors and logs."""
    status, counts = report.status, report.summary
    head, synced = report.place.head[:7] or "?", (status["synced_commit"] or "never")[:7]
    words = [f"in sync with {head}" if status["in_sync"] else f"head {head}, synced {synced}"]
    words += [f"{counts[name]:,} {name}" for name in ("pending", "parked", "blocked", "invalid") if counts.get(name)]
    words += [name for name, key in (("paused", "paused"), ("held by a safety rule", "held_pass")) if status[key]]
    halted = (status["daemon"] or {}).get("halted")
    words += [f"halted: {halted['reason']}"] if halted else []
    words += [f"degraded: {status['degraded'][0]}"] if status["degraded"] else []
    return visible("; ".join(words))


def overview(report: Report) -> list[tuple[str, str]]:
    """The state in a few lines, each with its name; the commit's ends with the verdict."""
    status, synced = report.status, report.status["synced_commit"]
    verdict = "in sync" if status["in_sync"] else f"not in sync{_why_not(report)}"
    queue = ", ".join(f"{count:,} {name}" for name, count in status["queue"].items() if count)
    lines = [
        ("commit", f"head {report.place.head[:7] or '?'}, synced {synced[:7] if synced else 'never'}: {verdict}"),
        ("objects", _counts(report.summary, status)),
        ("queue", queue or "empty"),
        ("pace", _pace(status["pace"])),
        ("metadata", _capability(status["metadata_endpoint"])),
    ]
    checked = status.get("last_check")
    if checked is not None:
        found = [f"{checked[name]:,} {name}" for name in ("drift", "conflict", "unmanaged") if checked.get(name)]
        whole = "" if checked.get("complete") else ", but the API could not be read completely"
        nothing = "nothing changed at the API" if not whole else ""
        words = ", ".join(found) or nothing
        lines.append(("checked", f"{checked['at']}{whole}{': ' if words else ''}{words}"))
    lines += [
        ("pinned", f"{pin.identifier} at {pin.commit[:7]}, until an edit or: qtisync state unpin {pin.identifier}")
        for pin in report.pins
    ]
    lines += _stops(status)
    if status["fetched_at"] is not None:
        lines.insert(1, ("fetched", f"{status['fetched_at']} from {report.place.repository}"))
    if status["list_filter"]["fitness"] == "unfit":
        lines.append(("lists", f"are not used, items are read one by one: {status['list_filter']['reason']}"))
    return [(name, visible(words)) for name, words in [*lines, *(("degraded", why) for why in status["degraded"])]]


def _why_not(report: Report) -> str:
    """What stands in the way although everything of the newest commit is settled; else the queue says it."""
    if report.status["synced_commit"] != report.place.head:
        return ""
    names = ("pending", "parked", "blocked", "invalid")
    found = [f"{report.summary[name]:,} {name}" for name in names if report.summary.get(name)]
    found += ["degraded"] if report.status["degraded"] else []
    return f" ({', '.join(found)})" if found else ""


def _stops(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What keeps things from being sent, and who works on it."""
    lines = []
    if status["paused"]:
        until = f"until {status['paused']['until']}" if status["paused"]["until"] else "until: qtisync resume"
        lines.append(("paused", f"{status['paused']['reason'] or 'no reason given'} ({until})"))
    if status["held_pass"]:
        held = status["held_pass"]
        rules = "; ".join(f"{rule['rule']}: {rule['message']}" for rule in held.get("rules", ()))
        lines.append(("held", f"commit {str(held.get('commit'))[:7]} by {rules}"))
        lines.append(("go on", f"if this is meant: {held.get('command')}"))
    daemon = status["daemon"]
    if daemon is not None:
        halted = daemon.get("halted")
        lines.append(("daemon", f"runs since {daemon['since']}"))
        if halted:
            lines.append(("halted", f"{halted['reason']} (asked again {halted['until']}, or at once: qtisync resume)"))
    return lines


def _counts(counts: Mapping[str, int], status: Mapping[str, Any]) -> str:
    words = [f"{counts.get('noop', 0):,} synced"]
    words += [f"{counts[name]:,} {name}" for name in ("pending", "parked", "blocked") if counts.get(name)]
    words += [_invalid(counts.get("invalid", 0), status["held"])] if counts.get("invalid") or status["held"] else []
    words += [f"{counts[name]:,} {name}" for name in ("altered", "orphan", "skipped") if counts.get(name)]
    return ", ".join(words)


def _invalid(files: int, held: int) -> str:
    """Files that cannot be read, and of how many objects of theirs the API keeps the last good version."""
    kept = "the API keeps the last good version"
    if not files:
        return f"{held:,} held ({kept})"
    of = f"of {held:,} " if held != files else ""
    return f"{files:,} invalid" + (f" ({of}{kept})" if held else "")


def _pace(pace: Mapping[str, Any] | None) -> str:
    if pace is None:
        return "nothing was sent yet"
    words = f"{pace['rate']:g} requests/s (ceiling {pace['ceiling']:g})"
    return words + (f", paused for {pace['paused_seconds']:g} s: {pace['reason']}" if pace["paused_seconds"] else "")


def _capability(call: Mapping[str, str]) -> str:
    explained = {
        "untested": "POST /assessment-items/metadata is untested; the first metadata change tries it on one item",
        "fit": "POST /assessment-items/metadata is fit",
        "unfit": "POST /assessment-items/metadata is unfit, metadata goes by PUT",
        "off": "POST /assessment-items/metadata is not used (metadata_updates: put)",
    }
    words = explained.get(call["fitness"], call["fitness"])
    return f"{words}: {call['reason']}" if call.get("reason") else words


def render_item(
    rows: Sequence[Recorded],
    history: Sequence[JournalLine],
    graves: Sequence[Tombstone] = (),
    *,
    paint: Paint = plain,
) -> str:
    """One object, or what was deleted, with its history, newest call first."""
    lines = [paint(grave.words, "strong") for grave in graves]
    lines += ["  If a file asks for it again, it is created anew."] if graves else []
    for row in rows:
        standing = row.status.value if row.standing is Standing.WANTED else row.standing.value
        lines.append(paint(f"{row.key.kind} {row.key.identifier}: {standing}", "strong"))
        lines.append(f"  path       {visible(row.path)}{'  (protected)' if row.protect else ''}")
        lines.append(f"  commit     {row.commit or '-'}{visible(f'  by {row.author}') if row.author else ''}")
        lines.append(
            f"  content    {row.desired.content or '-'}{_agreed(row.desired.content, row.acknowledged.content)}"
        )
        lines.append(
            f"  metadata   {row.desired.metadata or '-'}{_agreed(row.desired.metadata, row.acknowledged.metadata)}"
        )
        if row.remote is not None:
            lines.append(f"  at the API version {row.remote.version}, updated {row.remote.updated_at}")
        said = (row.last_error if row.status is not ItemStatus.SYNCED else None, row.altered)
        lines += [paint(f"  {visible(told(row.last_outcome, words))}", "bad") for words in said if words]
    for call in history:
        version = f" → version {call.remote_version}" if call.remote_version is not None else ""
        words = f"{call.outcome}{version}  {visible(call.message or '')}"
        lines.append(f"  {moment(call.at)}  {call.method or call.purpose:<4} {call.path}  {words}".rstrip())
    return "\n".join(lines) + "\n"


def _agreed(desired: str | None, acknowledged: str | None) -> str:
    if acknowledged is None:
        return "  (not confirmed)"
    return "" if desired == acknowledged else f"  (the API has {acknowledged})"
