"""The report as JSON lines, for scripts that read large reports piece by piece: the same values as the JSON form.

The first line is the report without its lists, each further line one entry of a list; ``type`` says which.
"""

from __future__ import annotations

import json
from typing import Any

from qtisync.report.value import Report, as_json

LINE_TYPES = {
    "holds": "hold",
    "items": "item",
    "broken": "broken",
    "drift": "drift",
    "conflicts": "conflict",
    "unmanaged": "unmanaged",
    "foreign": "foreign",
    "altered": "altered",
    "differences": "difference",
    "pins": "pin",
    "orphans": "orphan",
    "warnings": "warning",
}
"""List of the JSON form → ``type`` of its lines, in the order in which they are written."""


def render_ndjson(report: Report) -> str:
    """One JSON object per line, in ASCII: some readers take U+2028 for the end of a line."""
    return "".join(json.dumps(line) + "\n" for line in report_lines(report))


def report_lines(report: Report) -> list[dict[str, Any]]:
    """The header, then every entry of every list."""
    document = as_json(report)
    lists = {name: document.pop(name) for name in LINE_TYPES}
    entries = [{"type": kind, **entry} for name, kind in LINE_TYPES.items() for entry in lists[name]]
    return [{"type": "report", **document}, *entries]
