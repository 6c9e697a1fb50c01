"""The status page: one HTML text without scripts, for a phone as well as for a wall."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtisync import __version__
from qtisync.report.cells import visible
from qtisync.report.status import left_out, overview
from qtisync.report.value import Report, moment

if TYPE_CHECKING:  # loaded when the first page is asked for
    from jinja2 import Environment, Template

REFRESH = 15
"""Seconds after which a browser looks again."""
MAX_ROWS = 100
_TEMPLATES = Path(__file__).parent / "templates"
_SHOWN_ELSEWHERE = frozenset({"commit", "objects", "held", "go on", "paused", "halted", "degraded", "queue"})
_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and what a browser may load for it: nothing but its own style."""

    html: str
    policy: str


def render_page(report: Report) -> Page:
    """The status report as a page."""
    style = (_TEMPLATES / "status.css").read_text(encoding="utf-8")
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(_template().render(style=style, **_values(report)), policy)


def _values(report: Report) -> dict[str, Any]:
    status, counts = report.status, report.summary
    return {
        "version": __version__,
        "refresh": REFRESH,
        "at": moment(report.at),
        "place": report.place,
        "status": status,
        "counts": counts,
        "verdict": _verdict(report),
        "lines": [(name, words) for name, words in overview(report) if name not in _SHOWN_ELSEWHERE],
        "queue": {name.replace("_", " "): count for name, count in status["queue"].items() if count},
        "items": report.items[:MAX_ROWS],
        "more_items": left_out(report, MAX_ROWS),
        "broken": report.broken[:MAX_ROWS],
        "more_broken": max(0, len(report.broken) - MAX_ROWS),
        "jobs": (status["daemon"] or {}).get("jobs", ()),
        "halted": (status["daemon"] or {}).get("halted"),
    }


def _readable(text: str) -> str:
    """A text whose points in time are for people."""
    return _MOMENT.sub(r"\1 \2 UTC", text)


def _verdict(report: Report) -> tuple[str, str]:
    """How it is, in one word for the eye and some for the mind."""
    status, counts = report.status, report.summary
    if (status["daemon"] or {}).get("halted"):
        return "bad", "Halted: nothing is sent"
    if status["held_pass"]:
        return "bad", "Held by a safety rule"
    if status["paused"]:
        return "warn", "Paused"
    if status["degraded"]:
        return "warn", "Degraded"
    if status["in_sync"]:
        return "good", "In sync"
    if counts.get("pending"):
        return "busy", f"{counts['pending']:,} to be sent"
    if counts.get("parked") or counts.get("invalid") or counts.get("blocked"):
        return "warn", "Some items need attention"
    return "busy", "Not in sync yet"


@functools.cache
def _template() -> Template:
    return _environment().get_template("status.html")


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 60 ms that a start can do without

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["moments"] = _readable
    environment.filters["count"] = "{:,}".format
    return environment
