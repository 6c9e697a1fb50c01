"""The JSON Schema of one line of the ``ndjson`` form: made from the report's own, so that they cannot differ."""

from __future__ import annotations

from typing import Any

from qtisync.report.ndjson import LINE_TYPES
from qtisync.report.schema import REPORT_SCHEMA
from qtisync.report.value import FORMAT_VERSION


def line_schema() -> dict[str, Any]:
    """A header (``type: report``) or an entry of one of the lists; which one, ``type`` says."""
    lists = REPORT_SCHEMA["properties"]
    header = {
        **REPORT_SCHEMA,
        "properties": {name: of for name, of in lists.items() if name not in LINE_TYPES},
        "required": [name for name in REPORT_SCHEMA["required"] if name not in LINE_TYPES],
    }
    for name in ("$schema", "title"):
        header.pop(name)
    forms = {"report": header, **{kind: lists[name]["items"] for name, kind in LINE_TYPES.items()}}
    return {
        "$schema": REPORT_SCHEMA["$schema"],
        "title": f"one line of a qtisync report {FORMAT_VERSION}",
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(forms)}},
        "oneOf": [_typed(kind, form) for kind, form in forms.items()],
    }


def _typed(kind: str, form: dict[str, Any]) -> dict[str, Any]:
    properties = {"type": {"const": kind}, **form["properties"]}
    return {**form, "properties": properties, "required": ["type", *form["required"]]}
