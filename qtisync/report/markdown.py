"""The report as Markdown: fits into a comment on a pull request, cut with counts."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qtisync.report.cells import visible
from qtisync.report.status import overview
from qtisync.report.text import conclusion, headline
from qtisync.report.validation import validation_counts
from qtisync.report.value import Report, ReportItem, ReportProblem

MAX_ROWS = 100
_MARKUP = re.compile(r"[\\`*_{}\[\]|~]")
_ICONS = {"create": "➕", "update": "✏️", "delete": "🗑️", "none": "➡️"}  # noqa: RUF001 - signs that forges render


def render_markdown(report: Report) -> str:
    """The whole report."""
    lines = [f"### {_escape(headline(report))}", ""]
    lines += [f"> **Held by {_code(hold.rule)}**: {_escape(hold.message)}" for hold in report.holds]
    if report.items:
        lines += ["", "| | item | path | what | outcome |", "|---|---|---|---|---|"]
        lines += [_row(item) for item in report.items[:MAX_ROWS]]
        lines += _rest(len(report.items))
    if report.broken:
        lines += ["", "**Files that cannot be sent**", "", "| file | problem | what to do |", "|---|---|---|"]
        lines += [
            f"| {_code(_where(p))} | {_escape(p.message)} | {_escape(p.hint)} |" for p in report.broken[:MAX_ROWS]
        ]
        lines += _rest(len(report.broken))
    if report.orphans:
        names = ", ".join(_code(orphan.identifier) for orphan in report.orphans[:MAX_ROWS])
        lines += ["", f"**Orphans** (left alone): {names}"]
    if report.warnings:
        lines += ["", f"<details><summary>{len(report.warnings)} warnings</summary>", ""]
        lines += [f"- {_code(_where(w))} {_escape(w.message)}" for w in report.warnings[:MAX_ROWS]]
        lines += [*_rest(len(report.warnings)), "", "</details>"]
    return "\n".join([*lines, "", *_end(report), ""])


def _end(report: Report) -> list[str]:
    """What it comes to: where things stand, or the counts and what to do next."""
    if report.kind == "status":
        return [f"- **{name}** {_escape(words)}" for name, words in overview(report)]
    if report.kind == "validate":
        return [f"**{_escape(validation_counts(report))}**"]
    sentence, *more = conclusion(report).splitlines()
    return [f"**{_escape(sentence)}**", *(f"\n{_escape(line)}" for line in more)]


def _row(item: ReportItem) -> str:
    path = _code(item.path)
    if item.previous_path:
        path = f"{_code(item.previous_path)} → {path}"
    remarks = [", ".join(item.scope), *map(_escape, item.details[:3])]
    remarks += [f"⚠️ {risk.replace('_', ' ')}" for risk in item.risk]
    if item.renamed_from:
        remarks.append(f"renamed from {_code(item.renamed_from)}")
    outcome = item.outcome.status + (f": {_escape(item.outcome.error)}" if item.outcome.error else "")
    what = "; ".join(remark for remark in remarks if remark) or item.reason
    return f"| {_ICONS[item.action]} | {_code(item.identifier)} | {path} | {what} | {outcome} |"


def _where(problem: ReportProblem) -> str:
    return problem.path if problem.line is None else f"{problem.path}:{problem.line}"


def _rest(count: int) -> Iterable[str]:
    return [f"\n… and {count - MAX_ROWS:,} more."] if count > MAX_ROWS else []


def _escape(text: str) -> str:
    """Text from files and servers must not become markup or break a table."""
    text = visible(" ".join(text.split())).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\g<0>", text)


def _code(text: str) -> str:
    """A code span: nothing in it is markup, except what ends it or a table's cell."""
    return "`" + visible(" ".join(text.split())).replace("`", "'").replace("|", "\\|") + "`"
