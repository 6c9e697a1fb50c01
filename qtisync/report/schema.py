"""The JSON Schema of a report. Every report that is written is checked against it in the tests."""

from __future__ import annotations

from typing import Any

from qtisync.report.divergence import DIVERGENCES, VERDICTS, WHATS
from qtisync.report.value import FORMAT_VERSION, SUMMARY

_TEXT: dict[str, Any] = {"type": "string"}
_MAYBE: dict[str, Any] = {"type": ["string", "null"]}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_WORDS: dict[str, Any] = {"type": "array", "items": _TEXT}
_NUMBER: dict[str, Any] = {"type": "number", "minimum": 0}


def _object(properties: dict[str, Any], *, more: bool = False) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": more,
    }


_OUTCOME = _object(
    {
        "status": {
            "enum": ["pending", "applied", "altered", "parked", "blocked", "failed", "superseded", "skipped"],
        },
        "attempts": _COUNT,
        "http_status": {"type": ["integer", "null"]},
        "error": _MAYBE,
        "refusal": _MAYBE,
        "remote_version": {"type": ["integer", "null"]},
    }
)
_KEY = _object({"name": _TEXT, "sides": {"type": "object"}, "hidden": {"type": "boolean"}})
_ITEM = _object(
    {
        "identifier": _TEXT,
        "kind": {"enum": ["item", "stimulus", "test"]},
        "path": _TEXT,
        "sidecar": _MAYBE,
        "previous_path": _MAYBE,
        "action": {"enum": ["create", "update", "delete", "none"]},
        "scope": {"type": "array", "items": {"enum": ["content", "metadata"]}},
        "reason": _TEXT,
        "risk": _WORDS,
        "details": _WORDS,
        "keys": {"type": "array", "items": _KEY},
        "bodies": {"type": "object", "additionalProperties": _TEXT},
        "renamed_from": _MAYBE,
        "blocked_by": _MAYBE,
        "commit": _MAYBE,
        "author": _MAYBE,
        "digest": _MAYBE,
        "lane": {"enum": ["hotfix", "normal", "bulk"]},
        "outcome": _OUTCOME,
    }
)
_PROBLEM = _object(
    {
        "path": _TEXT,
        "line": {"type": ["integer", "null"], "minimum": 1},
        "identifier": _MAYBE,
        "code": _TEXT,
        "message": _TEXT,
        "hint": _TEXT,
    }
)
_HOLD = _object({"rule": _TEXT, "limit": _TEXT, "actual": _TEXT, "message": _TEXT, "items": _WORDS, "override": _TEXT})
_ORPHAN = _object(
    {
        "identifier": _TEXT,
        "kind": _TEXT,
        "path": _TEXT,
        "new": {"type": "boolean"},
        "renamed_to": _MAYBE,
        "protected": {"type": "boolean"},
        "kept": _TEXT,
    }
)
_DIVERGENCE = _object(
    {
        "divergence": {"enum": list(DIVERGENCES)},
        "identifier": _TEXT,
        "kind": {"enum": ["item", "stimulus", "test"]},
        "path": _MAYBE,
        "title": _MAYBE,
        "what": {"type": "array", "items": {"enum": list(WHATS)}},
        "keys": {"type": "array", "items": _KEY},
        "recorded_version": {"type": ["integer", "null"]},
        "remote_version": {"type": ["integer", "null"]},
        "updated_at": _MAYBE,
        "by": _MAYBE,
        "verdict": {"enum": [*VERDICTS, None]},
        "message": _TEXT,
        "hint": _TEXT,
        "commit": _MAYBE,
        "author": _MAYBE,
        "bodies": {"type": "object", "additionalProperties": _TEXT},
    },
    more=True,  # a conflict that an attempt met has the properties of its item as well
)
_DIVERGENCES: dict[str, Any] = {"type": "array", "items": _DIVERGENCE}
_MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
_PIN = _object({"identifier": _TEXT, "kind": _TEXT, "path": _TEXT, "commit": _TEXT, "since": _MOMENT})
_OBSERVATION = _object(
    {
        "at": _MOMENT,
        "objects": _COUNT,
        "foreign": _COUNT,
        "complete": {"type": "boolean"},
        "reasons": _WORDS,
        "deep": {"type": "boolean"},
    }
)

REPORT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": f"qtisync report {FORMAT_VERSION}",
    **_object(
        {
            "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
            "kind": {"enum": ["plan", "apply", "sync", "status", "validate", "check", "compare"]},
            "generated_at": {"type": "string", "format": "date-time"},
            "tool": _TEXT,
            "repository": _object({"path": _TEXT, "ref": _TEXT, "head": _TEXT, "base": _MAYBE}),
            "target": _object({"name": _TEXT, "base_url": _TEXT, "capabilities": {"type": "object"}}),
            "checksum": _TEXT,
            "applyable": {"type": "boolean"},
            "complete": {"type": "boolean"},
            "errored": {"type": "boolean"},
            "error": _MAYBE,
            "summary": _object(dict.fromkeys(SUMMARY, _COUNT)),
            "estimate": _object({"calls": _COUNT, "bytes": _COUNT, "seconds": _NUMBER}),
            "sent": _object(
                {"calls": _COUNT, "calls_per_change": {"type": ["number", "null"], "minimum": 0}, "seconds": _NUMBER}
            ),
            "holds": {"type": "array", "items": _HOLD},
            "items": {"type": "array", "items": _ITEM},
            "broken": {"type": "array", "items": _PROBLEM},
            "drift": _DIVERGENCES,
            "conflicts": _DIVERGENCES,
            "unmanaged": _DIVERGENCES,
            "foreign": _DIVERGENCES,
            "altered": _DIVERGENCES,
            "differences": _DIVERGENCES,
            "against": _MAYBE,
            "pins": {"type": "array", "items": _PIN},
            "observed": {"anyOf": [{"type": "null"}, _OBSERVATION]},
            "orphans": {"type": "array", "items": _ORPHAN},
            "warnings": {"type": "array", "items": _PROBLEM},
        },
        more=True,  # a minor version may add
    ),
}
