"""The report for a terminal: one line per object, then one sentence. The same world prints the same text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

from qtisync.report.cells import columns, padded, visible
from qtisync.report.divergence_rows import Row, divergence_rows
from qtisync.report.value import Report, ReportItem, ReportOrphan, ReportProblem, moment

Paint: TypeAlias = Callable[[str, str], str]
"""Colours a text: ``paint(text, style)``; styles are add, change, move, warn, bad, dim, strong, good."""

MAX_LINES = 60  # lines of one sort that are shown without -v
_SYMBOLS = {"create": ("+", "add"), "update": ("~", "change"), "delete": ("-", "bad")}


def plain(text: str, _style: str) -> str:
    """No colour."""
    return text


def render_text(report: Report, *, paint: Paint = plain, verbose: bool = False) -> str:
    """The whole report."""
    parts = [headline(report, paint)]
    parts += _table(_rows(report, verbose=verbose), paint)
    warnings = _some(report.warnings, verbose=verbose)
    parts += [f"  {paint('!', 'warn')} {visible(f'{_where(w)} {w.message}')}" for w in warnings]
    if len(report.warnings) > MAX_LINES and not verbose:
        parts.append(paint(f"  … and {len(report.warnings) - MAX_LINES:,} more warnings; -v lists them", "dim"))
    for hold in report.holds:
        parts.append(paint(visible(f"held by {hold.rule}: {hold.message}"), "bad"))
        if hold.items:
            parts.append(paint(f"  {visible(', '.join(hold.items))}{' …' if len(hold.items) == 20 else ''}", "dim"))  # noqa: PLR2004 - guard.SHOWN_KEYS
    parts.append(conclusion(report, paint, verbose=verbose))
    return "\n".join(parts) + "\n"


def headline(report: Report, paint: Paint = plain) -> str:
    """Which target, which host, which commit."""
    place = report.place
    name = place.repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git") or place.repository
    ref = place.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    words = [f"target={place.target}", urlsplit(place.base_url).netloc] if place.target else []
    words += [f"repo={name}@{place.head[:7]} ({ref})"] if name else []
    if place.base and place.base != place.head:
        words.append(f"base={place.base[:7]}")
    return f"{paint(f'qtisync {report.kind}', 'strong')}  {visible('  '.join(words))}".rstrip()


def _rows(report: Report, *, verbose: bool) -> list[Row]:
    rows = [row for item in report.items for row in _item_rows(item, report.kind)]
    hidden = 0
    if not verbose and len(rows) > MAX_LINES:
        important = [row[0] in {"bad", "warn"} or "answer key" in row[5] for row in rows]
        others = [place for place, weighty in enumerate(important) if not weighty]
        room = max(0, MAX_LINES - sum(important))
        left_out = frozenset(others[room:])
        hidden = len(left_out)
        rows = [row for place, row in enumerate(rows) if place not in left_out]
    rows += _other_rows(report, verbose=verbose)
    rows += _orphan_rows(report, verbose=verbose)
    rows += _broken_rows(report, verbose=verbose)
    if hidden:
        rows.append(("dim", "…", "", f"{hidden:,} more", "", "-v lists them"))
    return rows


def _other_rows(report: Report, *, verbose: bool) -> list[Row]:
    """What is not the same everywhere: each list by itself, never merged with what git is ahead of."""
    rows: list[Row] = []
    for found in (report.drift, report.conflicts, report.altered, report.unmanaged, report.differences, report.foreign):
        shown = found if verbose else found[:MAX_LINES]
        rows += divergence_rows(shown)
        if len(found) > len(shown):
            rows.append(("dim", "…", found[0].divergence, f"{len(found) - len(shown):,} more", "", "-v lists them"))
    rows += [
        (
            "move",
            "=",
            "pinned",
            pin.identifier,
            pin.path,
            f"at {pin.commit[:7]}, until `qtisync state unpin` or an edit",
        )
        for pin in report.pins
    ]
    return rows


def _orphan_rows(report: Report, *, verbose: bool) -> list[Row]:
    rows: list[Row] = []
    for orphan in report.orphans:
        if orphan.new or verbose:
            remark = f"renamed to {orphan.renamed_to}; " if orphan.renamed_to else ""
            rows.append(("warn", "?", "orphan", orphan.identifier, orphan.path, f"{remark}{_why_kept(orphan)}"))
    known = sum(not orphan.new for orphan in report.orphans)
    if known and not verbose:
        rows.append(("dim", "?", "orphan", f"{known:,} known", "", "since earlier commits; -v lists them"))
    return rows


def _why_kept(orphan: ReportOrphan) -> str:
    return f"kept: {orphan.kept}" if orphan.kept else "report only"


def _broken_rows(report: Report, *, verbose: bool) -> list[Row]:
    shown = [(problem, 0) for problem in report.broken] if verbose else first_problems(report.broken)
    return [
        (
            "bad",
            "x",
            "invalid",
            problem.identifier or "-",
            _where(problem),
            _with_hint(problem) + (f" (and {more} more problem{_s(more)} in it)" if more else ""),
        )
        for problem, more in shown
    ]


def first_problems(found: Sequence[ReportProblem]) -> list[tuple[ReportProblem, int]]:
    """The first problem of each file, with the number of its others: one mistake often causes several."""
    files: dict[str, list[ReportProblem]] = {}
    for problem in found:
        files.setdefault(problem.path, []).append(problem)
    return [(several[0], len(several) - 1) for several in files.values()]


def _item_rows(item: ReportItem, kind: str) -> list[Row]:
    name = item.identifier if item.kind == "item" else f"{item.kind} {item.identifier}"
    rows: list[Row] = []
    if item.action != "none":
        symbol, style = _SYMBOLS[item.action]
        path = item.sidecar if item.scope == ("metadata",) and item.sidecar else item.path
        rows.append((_style(item, style), symbol, item.action, name, path, _remarks(item, kind)))
    elif item.outcome.status in {"parked", "blocked", "pending"}:
        rows.append(("bad", "!", item.outcome.status, name, item.path, item.outcome.error or ""))
    if item.previous_path is not None:
        rows.append(("move", ">", "move", name, f"{item.previous_path} → {item.path}", "no call"))
    return rows


def _style(item: ReportItem, style: str) -> str:
    return {"parked": "bad", "blocked": "warn", "altered": "warn"}.get(item.outcome.status, style)


def _remarks(item: ReportItem, kind: str) -> str:
    words = [", ".join(item.scope)]
    if item.details:
        words.append("; ".join(item.details[:3]) + (" …" if len(item.details) > 3 else ""))  # noqa: PLR2004 - what fits
    if item.risk:
        words.append("! " + ", ".join(risk.replace("_", " ") for risk in item.risk))
    if item.renamed_from:
        words.append(f"renamed from {item.renamed_from}")
    if item.action == "delete" and item.commit:
        words.append(f"removed in {item.commit[:7]}")
    if item.reason == "in_doubt":
        words.append("in doubt: an earlier answer was lost")
    outcome = item.outcome
    if outcome.status == "blocked":
        words.append(f"blocked by {item.blocked_by}" if item.blocked_by else "blocked")
    elif kind != "plan":
        words.append(outcome.status + (f": {outcome.error}" if outcome.error else ""))
    return "  ".join(word for word in words if word)


def _table(rows: Sequence[Row], paint: Paint) -> list[str]:
    # A move shows two paths; it must not push everybody else's remarks to the right.
    shown = [(style, symbol, verb, *map(visible, texts)) for style, symbol, verb, *texts in rows]
    names = max((columns(row[3]) for row in shown), default=0)
    paths = max((columns(row[4]) for row in shown if row[1] != ">"), default=0)
    width = (min(names, 40), min(paths, 64))
    verbs = max((len(row[2]) for row in shown), default=0)
    lines = []
    for style, symbol, verb, name, path, remarks in shown:
        cells = f"{symbol} {verb:<{max(verbs, 8)}} {padded(name, width[0])}  {padded(path, width[1])}"
        lines.append(f"  {paint(cells, style)}  {remarks}".rstrip())
    return lines


def _where(problem: ReportProblem) -> str:
    return problem.path if problem.line is None else f"{problem.path}:{problem.line}"


def _with_hint(problem: ReportProblem) -> str:
    return f"{problem.message.rstrip('.')}. {problem.hint}" if problem.hint else problem.message


def _some(values: Sequence[ReportProblem], *, verbose: bool) -> Iterable[ReportProblem]:
    return values if verbose else values[:MAX_LINES]


def conclusion(report: Report, paint: Paint = plain, *, verbose: bool = False) -> str:
    """The counts, the cost, and what to do next if something stands in the way."""
    counts = report.summary
    if report.kind in {"check", "compare"}:
        sentence = checked(report)
    elif report.kind == "plan":
        sentence = f"Plan: {_planned(report)}.  {report.calls:,} call{_s(report.calls)}, ≈ {_duration(report.seconds)}."
        if not any(counts.get(name) for name in ("create", "update_content", "update_metadata", "delete")):
            sentence = f"Plan: 0 changes, {_beside(report)}."
    else:
        calls = f"{report.sent:,} call{_s(report.sent)} in {_duration(report.took)}"
        if verbose and report.calls_per_change is not None:
            calls += f", {report.calls_per_change:.2f} per change"
        sentence = f"{report.kind.capitalize()}: {_done(report)}.  {calls}."
    nothing_known = bool(report.error) and not counts
    lines = [] if nothing_known else [paint(sentence, "bad" if report.errored or report.holds else "strong")]
    if report.error:
        lines.append(paint(visible(report.error), "bad"))
    if report.observed is not None and not report.observed.complete:
        why = "; ".join(report.observed.reasons) or "no reason was given"
        lines.append(paint(visible(f"The API could not be read completely: {why}."), "warn"))
    if report.holds:
        lines.append(f"Nothing was written. If this is meant: {visible(report.go_on or how_to_go_on(report))}")
    if counts.get("parked") and report.kind != "plan":
        lines.append("Parked objects wait for an edit, or for: qtisync retry --failed")
    return "\n".join(lines)


def how_to_go_on(report: Report, file: str = "plan.json", *, saved: bool = False) -> str:
    """The exact command that continues a held plan, bound to the plan that was seen."""
    flags = " ".join(hold.override for hold in report.holds)
    first = "" if saved else f"qtisync plan --out {file} && "
    return f"{first}qtisync apply {file} {flags}"


def checked(report: Report) -> str:
    """What a look at the API came to, in one sentence."""
    counts, seen = report.summary, report.observed
    words = [f"{counts[name]:,} {name}" for name in (*_CHECKED, *_ASIDE) if counts.get(name)]
    same = f"{counts.get('noop', 0):,} {'the same' if report.kind == 'compare' else 'in sync'}"
    sentence = f"{report.kind.capitalize()}: {', '.join([*words, same])}."
    if report.sent:
        sentence += f"  {report.sent:,} call{_s(report.sent)} in {_duration(report.took)}."
    return sentence + (f"  Last checked {moment(seen.at)}." if seen is not None else "")


def _planned(report: Report) -> str:
    counts = report.summary
    updates = counts.get("update_content", 0) + counts.get("update_metadata", 0)
    words = [f"{counts.get('create', 0):,} create", f"{updates:,} update", f"{counts.get('delete', 0):,} delete"]
    return ", ".join([*words, _beside(report)])


def _beside(report: Report) -> str:
    counts = report.summary
    words = [f"{counts[name]:,} {name}" for name in _ASIDE if counts.get(name)]
    return ", ".join([*words, f"{counts.get('noop', 0):,} unchanged"])


def _done(report: Report) -> str:
    counts = report.summary
    words = [f"{counts.get('applied', 0):,} applied"]
    words += [f"{counts[name]:,} {name}" for name in ("altered", "pending", "superseded", *_ASIDE) if counts.get(name)]
    return ", ".join([*words, f"{counts.get('noop', 0):,} unchanged"])


_CHECKED = ("difference", "pending", "altered")
_ASIDE = (
    "moved",
    "renamed",
    "orphan",
    "invalid",
    "blocked",
    "parked",
    "drift",
    "conflict",
    "unmanaged",
    "skipped",
    "pinned",
    "foreign",
)


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds:.1f} s" if seconds else "0 s"
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004 - two hours
