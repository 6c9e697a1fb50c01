"""Which exit code a run leaves with. When several apply: 1 > 7 > 4 > 5 > 3 > 8 > 9 > 2 > 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from qtisync.report.value import Report

if TYPE_CHECKING:  # plan needs the codes and not the workers
    from qtisync.engine.drain import Drained

OK, UNEXPECTED, PENDING, PARTIAL, HELD, STALE, LOCKED, CREDENTIALS, UNAVAILABLE, INVALID = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
CONFIGURATION, INTERRUPTED = 78, 130
_ORDER = (INTERRUPTED, UNEXPECTED, CONFIGURATION, CREDENTIALS, HELD, STALE, PARTIAL, UNAVAILABLE, INVALID, PENDING, OK)


def strongest(codes: Iterable[int]) -> int:
    """The code that counts."""
    found = set(codes)
    return next((code for code in _ORDER if code in found), OK)


def after_plan(report: Report, *, detailed: bool, strict: bool) -> int:
    """The code of ``plan``."""
    codes = {OK}
    if strict and (report.broken or report.warnings):
        codes.add(INVALID)
    if detailed:
        counts = report.summary
        changes = sum(counts.get(name, 0) for name in ("create", "update_content", "update_metadata", "delete"))
        codes |= {PENDING} if changes else set()
        codes |= {HELD} if report.holds else set()
    return strongest(codes)


def after_check(report: Report, *, trouble: str | None) -> int:
    """The code of ``check``. ``trouble``: the name of the answer that ended the reading, if one did."""
    counts, codes = report.summary, {OK}
    codes |= {PENDING} if counts.get("pending") or counts.get("drift") else set()
    codes |= {PARTIAL} if any(counts.get(n) for n in ("parked", "blocked", "altered", "invalid")) else set()
    codes |= {STALE} if counts.get("conflict") else set()
    codes |= {UNAVAILABLE} if report.observed is None or not report.observed.complete else set()
    codes |= {{"AuthError": CREDENTIALS, "NotTheApi": CONFIGURATION}.get(trouble, UNAVAILABLE)} if trouble else set()
    return strongest(codes)


def after_push(report: Report, drained: Drained) -> int:
    """The code of ``apply`` and ``sync``."""
    codes = of_counts(report.summary)
    halted = STALE if drained.conflict else CONFIGURATION if drained.wrong_api else CREDENTIALS
    codes.add({"halted": halted, "unavailable": UNAVAILABLE, "interrupted": INTERRUPTED, "drained": OK}[drained.ending])
    return strongest(codes)


def of_counts(counts: Mapping[str, int]) -> set[int]:
    """The codes that the counts of a push stand for."""
    return {PARTIAL if any(counts.get(name) for name in ("parked", "blocked", "altered", "invalid")) else OK}
