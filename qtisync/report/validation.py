"""The text of ``validate``: one line per finding, as compilers write them, so that editors can jump there."""

from __future__ import annotations

from qtisync.report.cells import visible
from qtisync.report.text import Paint, plain
from qtisync.report.value import Report, ReportProblem


def render_validation(report: Report, *, paint: Paint = plain) -> str:
    """``path:line: error: what (code)``, then the counts."""
    lines = []
    for problem in report.broken:
        lines += _lines(problem, paint("error", "bad"), paint)
    for problem in report.warnings:
        lines += _lines(problem, paint("warning", "warn"), paint)
    lines.append(paint(validation_counts(report), "bad" if report.broken else "strong"))
    return "\n".join(lines) + "\n"


def validation_counts(report: Report) -> str:
    """The counts in one sentence."""
    counts = report.summary
    good = counts.get("noop", 0)
    words = [f"{good:,} valid", f"{counts.get('invalid', 0):,} invalid", f"{len(report.warnings):,} warnings"]
    if report.others:
        words.append(f"{report.others:,} other XML files left alone")
    return ", ".join(words) + "."


def _lines(problem: ReportProblem, severity: str, paint: Paint) -> list[str]:
    where = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
    name = f" [{problem.identifier}]" if problem.identifier else ""
    found = [f"{visible(where)}: {severity}:{visible(f'{name} {problem.message}')} ({visible(problem.code)})"]
    if problem.hint:
        found.append(paint(f"    {visible(problem.hint)}", "dim"))
    return found
