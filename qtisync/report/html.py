"""The report as one HTML page that needs nothing else: to be mailed, kept beside an exam, or printed.

Pure: template, style and script are handed in as texts. What they show comes from ``page_rows``; the only markup that
is not escaped is our own style and script, which the page's policy names by their digests, so that nothing else runs.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from qtisync import __version__
from qtisync.report.page_rows import (
    Row,
    divergence_page_rows,
    grouped,
    item_rows,
    line_of,
    orphan_rows,
    pin_rows,
    problem_rows,
)
from qtisync.report.value import SUMMARY, Report, moment
from qtisync.report.verdict import continuation, sentences, verdict

if TYPE_CHECKING:  # jinja2 is heavy, and most reports are not pages
    from jinja2 import Template

OPEN_UP_TO = 60  # objects whose differences are unfolded from the start
BARS = 8  # folders in the chart
FEW, SOME = 3, 20  # rows of a group
LAZY_FROM = 200  # objects from which on what is not in view is not laid out
START = 'document.documentElement.classList.add("starting")'
"""Runs before the rows are there: only the first ones are laid out until the page's script has counted them."""
_LEGEND = {"create": "create", "update": "update", "trouble": "to look at", "rest": "other"}
_TONES = {"invalid": "bad", "parked": "bad", "failed": "bad", "conflict": "bad"}
_WARNINGS = frozenset({"blocked", "drift", "altered", "orphan", "unmanaged", "difference"})
_TILES = {"noop": "unchanged", "update_content": "content updates", "update_metadata": "metadata updates"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The texts that the page is made of."""

    template: str
    style: str
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows under one heading."""

    name: str
    rows: Sequence[Row]

    @property
    def count(self) -> str:
        """How many, for people."""
        return f"{len(self.rows):,}"

    @property
    def size(self) -> str:
        """About how high it will be: ``few``, ``some`` or ``many`` rows."""
        return "few" if len(self.rows) <= FEW else "some" if len(self.rows) <= SOME else "many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One list of the report."""

    anchor: str
    title: str
    note: str
    columns: tuple[str, str, str, str]
    groups: Sequence[Group]

    @property
    def count(self) -> str:
        """How many rows, for people."""
        return f"{sum(len(group.rows) for group in self.groups):,}"


def render_html(report: Report, page: Page) -> str:
    """The whole page."""
    return _compiled(page.template).render(page=_view(report, page)) + "\n"


def _compiled(template: str) -> Template:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - heavy

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template)


def _view(report: Report, page: Page) -> dict[str, Any]:
    from markupsafe import Markup  # noqa: PLC0415 - it comes with jinja2

    parts = [part for part in _parts(report) if part.groups]
    rows = [row for part in parts for group in part.groups for row in group.rows]
    objects = next((part for part in parts if part.anchor == "objects"), None)
    tone, words = verdict(report)
    return {
        "policy": policy(page),
        "style": Markup(page.style),  # noqa: S704 - our own
        "start": Markup(START),  # noqa: S704 - our own
        "script": Markup(page.script),  # noqa: S704 - our own
        "tool": f"qtisync {__version__}",
        "title": f"{words}: qtisync {report.kind} {line_of(report.place.target)}".strip(),
        "kind": report.kind,
        "target": line_of(report.place.target),
        "tone": tone.value,
        "verdict": words,
        "at": moment(report.at)[:19].replace("T", " ") + " UTC",
        "facts": list(_facts(report)),
        "sentences": [line_of(line) for line in sentences(report) if not (report.holds and "If this is meant" in line)],
        "tiles": list(_tiles(report)),
        "bars": _bars(objects.groups) if objects is not None and len(objects.groups) > 1 else [],
        "more_folders": max(0, len(objects.groups) - BARS) if objects is not None else 0,
        "lazy": len(rows) > LAZY_FROM,
        "holds": [_hold(hold) for hold in report.holds],
        "continuation": line_of(continuation(report)),
        "parts": parts,
        "sorts": _counted(row.sort for row in rows),
        "states": _counted(row.state for row in rows if row.state),
        "groupable": objects is not None and any(row.author for group in objects.groups for row in group.rows),
        "open": len(rows) <= OPEN_UP_TO,
    }


def policy(page: Page) -> str:
    """What the page may do: show itself. Nothing is fetched, and no style or script but ours counts."""
    return (
        f"default-src 'none'; style-src {_digest(page.style)}; script-src {_digest(START)} {_digest(page.script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    place = report.place
    if place.base_url:
        yield "API", line_of(urlsplit(place.base_url).netloc)
    if report.against:
        yield "compared with", line_of(report.against)
    if place.head:
        ref = place.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        yield "commit", line_of(f"{place.head[:12]} ({ref})")
    if place.base and place.base != place.head:
        yield "compared with commit", line_of(place.base[:12])
    if place.repository:
        yield "repository", line_of(place.repository)
    yield "made", moment(report.at)[:16].replace("T", " ") + " UTC"


def _tiles(report: Report) -> Iterator[dict[str, str]]:
    for name in (*(name for name in SUMMARY if name != "noop"), "noop"):
        count = report.summary.get(name, 0)
        said = (name == "failed" and report.summary.get("parked") == count) or (name, report.kind) == (
            "pending",
            "plan",
        )
        if not count or said:
            continue
        tone = _TONES.get(name) or ("warn" if name in _WARNINGS else "quiet" if name == "noop" else "")
        words = "synced" if (name, report.kind) == ("noop", "status") else _TILES.get(name, name.replace("_", " "))
        yield {"name": words, "count": f"{count:,}", "tone": tone}


def _hold(hold: Any) -> dict[str, str]:  # noqa: ANN401 - a ReportHold
    return {
        "rule": line_of(hold.rule),
        "message": line_of(hold.message),
        "limit": line_of(hold.limit),
        "actual": line_of(hold.actual),
        "names": line_of(", ".join(hold.items)),
    }


def _parts(report: Report) -> Iterator[Part]:
    problem = ("Kind", "Item and file", "What is wrong, and what to do", "Code")
    apart = ("Kind", "Item and file", "What differs, and what to do", "What happens")
    yield _part("invalid", "Problems in files that cannot be sent", "", problem, problem_rows(report.broken, "invalid"))
    other = f" and at {report.against}" if report.against else ""
    for anchor, title, note, found in (
        ("conflicts", "Conflicts", "Changed in git and at the API.", report.conflicts),
        ("drift", "Drift", "Changed at the API since our last write, and only there.", report.drift),
        ("altered", "Stored differently", "The API stored something else than what was sent.", report.altered),
        ("differences", "Differences", f"Not the same at {report.place.target}{other}.", report.differences),
        ("unmanaged", "Unmanaged", "Ours, at the API, and neither in git nor recorded.", report.unmanaged),
        ("foreign", "Somebody else's", "Left alone.", report.foreign),
    ):
        yield _part(anchor, title, line_of(note), apart, divergence_page_rows(found))
    rows = item_rows(report)
    groups = [Group(name=name, rows=several) for name, several in grouped(rows, lambda row: row.folder).items()]
    title = "Changes" if report.kind == "plan" else "Objects"
    columns_ = ("Action", "Item and file", "What changes", "State")
    yield Part(anchor="objects", title=title, note="", columns=columns_, groups=groups)
    yield _part("pinned", "Pinned", "Kept at an older version on purpose.", apart, pin_rows(report.pins))
    note = "No file asks for them any more; the API keeps them."
    yield _part("orphans", "Orphans", note, apart, orphan_rows(report.orphans))
    yield _part("warnings", "Warnings", "", problem, problem_rows(report.warnings, "warning"))


def _part(anchor: str, title: str, note: str, heads: tuple[str, str, str, str], rows: Sequence[Row]) -> Part:
    groups = [Group(name="", rows=rows)] if rows else []
    return Part(anchor=anchor, title=title, note=note, columns=heads, groups=groups)


def _bars(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The largest folders: how many objects of each sort they have."""
    largest = sorted(groups, key=lambda group: (-len(group.rows), group.name))[:BARS]
    widest = max(len(group.rows) for group in largest)
    return [_bar(group, widest) for group in largest]


def _bar(group: Group, widest: int) -> dict[str, Any]:
    sorts = Counter(_piece_of(row) for row in group.rows)
    at, pieces = 0.0, []
    for sort in _LEGEND:
        if sorts[sort]:
            width = max(0.5, round(100 * sorts[sort] / widest, 1))
            pieces.append({"sort": sort, "x": round(at, 1), "width": width})
            at += width
    words = ", ".join(f"{sorts[sort]:,} {_LEGEND[sort]}" for sort in _LEGEND if sorts[sort])
    return {"name": group.name, "pieces": pieces, "words": words}


def _piece_of(row: Row) -> str:
    if row.state in {"parked", "blocked", "failed", "altered"} or row.flags:
        return "trouble"
    return row.sort if row.sort in {"create", "update"} else "rest"


def _counted(names: Iterator[str]) -> list[tuple[str, str]]:
    return [(name, f"{count:,}") for name, count in sorted(Counter(names).items())]
