"""The JSON Schema of a sidecar, for editors. What it says must agree with ``sidecar_rules``; a test compares them."""

from __future__ import annotations

from typing import Any

from qtisync.model import Lane

SIDECAR_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "qtisync sidecar",
    "description": "The metadata object of an item, as it is sent. Unknown keys pass through.",
    "type": "object",
    "properties": {
        "subject": {"type": "string", "description": "Subject area, such as Math or Science."},
        "grade": {
            "description": "-1 to 13; 5 and '5' are the same.",
            "anyOf": [
                {"type": "integer", "minimum": -1, "maximum": 13},
                {"type": "string", "pattern": "^(-1|0?[0-9]|1[0-3])$"},
            ],
        },
        "difficulty": {"enum": ["easy", "medium", "hard"]},
        "learningObjectiveSet": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "source": {"type": "string"},
                    "learningObjectiveIds": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
        "qtisync": {
            "description": "Steers qtisync; never sent.",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "protect": {"type": "boolean", "description": "Never delete it at the API, even if the file goes."},
                "ignore": {"type": "boolean", "description": "Leave the item alone."},
                "lane": {"enum": [lane.value for lane in Lane], "description": "hotfix overtakes the others."},
                "renamed_from": {"type": "string", "description": "The identifier it had before."},
                "targets": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "Targets it goes to; without it, all.",
                },
            },
        },
    },
}
