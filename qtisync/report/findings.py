"""What somebody should look at, from any report: level, file, line and words. The worst comes first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qtisync.report.divergence import Divergence
from qtisync.report.divergence_rows import remarks
from qtisync.report.value import Report, ReportItem, ReportProblem
from qtisync.report.verdict import continuation

LEVELS = ("error", "warning", "notice")
"""From worst to mildest."""
_DIVERGENCE_LEVELS = {
    "conflict": "error",
    "drift": "warning",
    "altered": "warning",
    "difference": "warning",
    "unmanaged": "notice",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at."""

    level: str
    """One of ``LEVELS``."""
    title: str
    message: str
    hint: str = ""
    path: str | None = None
    """The file in git; ``None``: it is about the whole run."""
    line: int | None = None


def findings(report: Report) -> tuple[Finding, ...]:
    """Everything to look at: errors, then warnings, then notices; what is about the whole run first, then by file."""
    found = (*_of_the_run(report), *_of_files(report), *_of_items(report), *_of_divergences(report))
    return tuple(sorted(found, key=lambda one: (LEVELS.index(one.level), one.path or "", one.line or 0, one.title)))


def _of_the_run(report: Report) -> Iterator[Finding]:
    if report.error:
        yield Finding(level="error", title=f"qtisync {report.kind}", message=report.error)
    for hold in report.holds:
        how = f"Nothing was written. If this is meant: {continuation(report)}"
        yield Finding(level="error", title=f"held by {hold.rule}", message=hold.message, hint=how)
    if report.observed is not None and not report.observed.complete:
        why = "; ".join(report.observed.reasons) or "no reason was given"
        yield Finding(level="warning", title="incomplete", message=f"The API could not be read completely: {why}.")
    for why in report.status.get("degraded", ()):
        yield Finding(level="warning", title="degraded", message=str(why))


def _of_files(report: Report) -> Iterator[Finding]:
    levels: tuple[tuple[str, Iterable[ReportProblem]], ...] = (("error", report.broken), ("warning", report.warnings))
    for level, problems in levels:
        for problem in problems:
            title = f"{problem.identifier} {problem.code}" if problem.identifier else problem.code
            yield Finding(
                level=level,
                title=title,
                message=problem.message,
                hint=problem.hint,
                path=problem.path,
                line=problem.line,
            )
    for orphan in report.orphans:
        if orphan.new:
            words = f"renamed to {orphan.renamed_to}" if orphan.renamed_to else "no file asks for it any more"
            message = f"{words}; the API keeps it"
            yield Finding(level="notice", title=f"orphan {orphan.identifier}", message=message, path=orphan.path)


def _of_items(report: Report) -> Iterator[Finding]:
    told = {(found.kind, found.identifier) for found in report.conflicts}
    for item in report.items:
        if (item.kind, item.identifier) in told and item.outcome.refusal == "Conflict":
            continue
        level, words = _trouble(item)
        if level:
            title = f"{item.identifier} {item.outcome.status}"
            yield Finding(level=level, title=title, message=words, hint=_remedy(item), path=item.path)
        if item.risk:
            risks = " and ".join(risk.replace("_", " ") for risk in item.risk)
            words = f"{risks} of {item.identifier}: have somebody else look at it"
            yield Finding(level="warning", title=f"{item.identifier}: {risks}", message=words, path=item.path)
        if item.renamed_from:
            words = f"{item.identifier} was {item.renamed_from}; a new object is created, the old one stays"
            yield Finding(level="notice", title=f"{item.identifier} renamed", message=words, path=item.path)


def _trouble(item: ReportItem) -> tuple[str, str]:
    outcome = item.outcome
    if outcome.status in {"parked", "failed"}:
        return "error", outcome.error or "refused"
    if outcome.status == "blocked":
        return "warning", f"blocked by {item.blocked_by}" if item.blocked_by else "blocked"
    if outcome.status == "altered":
        return "warning", outcome.error or "the API stored something else than what was sent"
    return "", ""


def _remedy(item: ReportItem) -> str:
    return "It waits for an edit, or for: qtisync retry" if item.outcome.status == "parked" else ""


def _of_divergences(report: Report) -> Iterator[Finding]:
    lists: tuple[Iterable[Divergence], ...] = (
        report.conflicts,
        report.drift,
        report.altered,
        report.differences,
        report.unmanaged,
    )
    for found in (one for several in lists for one in several):
        level = "error" if found.verdict == "block" else _DIVERGENCE_LEVELS.get(found.divergence, "notice")
        title = f"{found.divergence} {found.identifier}"
        message = found.message or remarks(found) or found.divergence
        yield Finding(level=level, title=title, message=message, hint=found.hint, path=found.path)
