"""What a report comes to, in words and by weight: said once, shown by every format."""

from __future__ import annotations

import enum

from qtisync.report.status import overview
from qtisync.report.text import conclusion, how_to_go_on
from qtisync.report.validation import validation_counts
from qtisync.report.value import Report


class Tone(enum.StrEnum):
    """How a verdict sounds."""

    GOOD = "good"
    """Nothing is left to do."""
    NEWS = "news"
    """Something is going to happen, or happened, as it should."""
    WARN = "warn"
    """Somebody should look."""
    BAD = "bad"
    """Something stands in the way."""


def sentences(report: Report) -> list[str]:
    """The counts, the cost, and what to do next: one line each."""
    if report.kind == "status" and report.status:
        return [f"{name}: {words}" for name, words in overview(report)]
    if report.kind == "validate" and not report.error:
        return [validation_counts(report)]
    return conclusion(report).splitlines()


def continuation(report: Report) -> str:
    """The command that goes on with a held plan; empty if nothing holds it."""
    return (report.go_on or how_to_go_on(report)) if report.holds else ""


def verdict(report: Report) -> tuple[Tone, str]:
    """What it comes to, in a few words that stand alone."""
    counts = report.summary
    if report.errored:
        return Tone.BAD, "It could not be finished"
    if report.holds:
        return Tone.BAD, "Held by a safety rule: nothing was written"
    if report.kind == "validate":
        return _of_validation(report)
    if report.kind == "status":
        return _of_status(report)
    if report.kind in {"check", "compare"}:
        return _of_check(report)
    if report.kind == "plan":
        return _of_plan(report)
    if counts.get("parked") or counts.get("blocked"):
        return Tone.WARN, "Done, but not all of it was accepted"
    if not report.complete or counts.get("pending"):
        return Tone.WARN, "Not finished: the rest is queued"
    if report.broken:
        return Tone.WARN, "Done, except for files that cannot be read"
    return Tone.GOOD, "Everything was applied" if counts.get("applied") else "Nothing had to be sent"


def _of_status(report: Report) -> tuple[Tone, str]:
    status, counts = report.status, report.summary
    if status.get("in_sync"):
        return Tone.GOOD, "In sync"
    if status.get("degraded"):
        return Tone.WARN, "Degraded"
    if counts.get("pending"):
        return _tone(report, Tone.NEWS), f"{counts['pending']:,} to be sent"
    return (Tone.WARN, "Some items need attention") if _troubles(report) else (Tone.NEWS, "Not in sync yet")


def _of_validation(report: Report) -> tuple[Tone, str]:
    if report.broken:
        return Tone.BAD, "Files that cannot be sent"
    return (Tone.WARN, "Valid, with warnings") if report.warnings else (Tone.GOOD, "Everything is valid")


def _of_plan(report: Report) -> tuple[Tone, str]:
    counts = report.summary
    changes = sum(counts.get(name, 0) for name in ("create", "update_content", "update_metadata", "delete"))
    if changes:
        words = f"{changes:,} change{'' if changes == 1 else 's'} to send"
        return _tone(report, Tone.NEWS), words + (", and files that cannot be" if report.broken else "")
    return (Tone.WARN, "Nothing to send, but not all is well") if _troubles(report) else (Tone.GOOD, "Nothing to send")


def _of_check(report: Report) -> tuple[Tone, str]:
    same = "The same at both targets" if report.kind == "compare" else "Git and the API agree"
    if report.observed is not None and not report.observed.complete:
        return Tone.WARN, "The API could not be read completely"
    apart = sum(report.summary.get(name, 0) for name in ("difference", "pending", "drift", "conflict", "altered"))
    if apart:
        words = f"{apart:,} object{' is' if apart == 1 else 's are'} not the same everywhere"
        return _tone(report, Tone.WARN), words
    return (Tone.WARN, f"{same}, but not all is well") if _troubles(report) else (Tone.GOOD, same)


def _tone(report: Report, usual: Tone) -> Tone:
    return max(usual, Tone.WARN, key=list(Tone).index) if _troubles(report) else usual


def _troubles(report: Report) -> bool:
    names = ("invalid", "parked", "blocked", "conflict")
    return bool(report.broken) or any(report.summary.get(name) for name in names)
