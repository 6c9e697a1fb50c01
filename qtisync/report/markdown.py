"""The report as Markdown: fits into a comment on a pull request, cut with counts."""

from __future__ import annotations

from collections.abc import Iterable

from qtisync.report.text import conclusion, headline
from qtisync.report.value import Report, ReportItem

MAX_ROWS = 100
_ICONS = {"create": "➕", "update": "✏️", "delete": "🗑️", "none": "➡️"}  # noqa: RUF001 - signs that forges render


def render_markdown(report: Report) -> str:
    """The whole report."""
    lines = [f"### {_escape(headline(report))}", ""]
    lines += [f"> **Held by `{hold.rule}`**: {_escape(hold.message)}" for hold in report.holds]
    if report.items:
        lines += ["", "| | item | path | what | outcome |", "|---|---|---|---|---|"]
        lines += [_row(item) for item in report.items[:MAX_ROWS]]
        lines += _rest(len(report.items))
    if report.broken:
        lines += ["", "**Files that cannot be sent**", "", "| file | problem | what to do |", "|---|---|---|"]
        lines += [
            f"| `{_escape(p.path)}{f':{p.line}' if p.line else ''}` | {_escape(p.message)} | {_escape(p.hint)} |"
            for p in report.broken[:MAX_ROWS]
        ]
        lines += _rest(len(report.broken))
    if report.orphans:
        names = ", ".join(f"`{_escape(orphan.identifier)}`" for orphan in report.orphans[:MAX_ROWS])
        lines += ["", f"**Orphans** (left alone): {names}"]
    if report.warnings:
        lines += ["", f"<details><summary>{len(report.warnings)} warnings</summary>", ""]
        lines += [
            f"- `{_escape(w.path)}{f':{w.line}' if w.line else ''}` {_escape(w.message)}"
            for w in report.warnings[:MAX_ROWS]
        ]
        lines += [*_rest(len(report.warnings)), "", "</details>"]
    return "\n".join([*lines, "", f"**{_escape(conclusion(report))}**", ""])


def _row(item: ReportItem) -> str:
    path = f"`{_escape(item.path)}`"
    if item.previous_path:
        path = f"`{_escape(item.previous_path)}` → {path}"
    remarks = [", ".join(item.scope), *map(_escape, item.details[:3])]
    remarks += [f"⚠️ {risk.replace('_', ' ')}" for risk in item.risk]
    if item.renamed_from:
        remarks.append(f"renamed from `{_escape(item.renamed_from)}`")
    outcome = item.outcome.status + (f": {_escape(item.outcome.error)}" if item.outcome.error else "")
    what = "; ".join(remark for remark in remarks if remark) or item.reason
    return f"| {_ICONS[item.action]} | `{_escape(item.identifier)}` | {path} | {what} | {outcome} |"


def _rest(count: int) -> Iterable[str]:
    return [f"\n… and {count - MAX_ROWS:,} more."] if count > MAX_ROWS else []


def _escape(text: str) -> str:
    """Text from files and servers must not become markup or break a table."""
    text = " ".join(text.split()) if "\n" not in text else " ".join(text.splitlines())
    for sign in "\\|<>`*_[]":
        text = text.replace(sign, f"\\{sign}") if sign in "\\|" else text
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
