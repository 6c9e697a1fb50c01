"""Reading request bodies; whatever is wrong with one is raised together with the API's answer to it."""

from __future__ import annotations

import json
from typing import Any

from qtisync.sandbox.messages import Call, JsonObject, Reply, crash_reply, error_reply
from qtisync.sandbox.options import Options
from qtisync.sandbox.rules import RefusedXmlError, metadata_issues


class RefusedCallError(Exception):
    """The API answers ``reply`` instead of doing what was asked."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def json_body(call: Call) -> JsonObject:
    """The body as a JSON object."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise RefusedCallError(error_reply(400, "Bad Request", "Content-Type must be application/json"))
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError) as error:
        raise RefusedCallError(error_reply(400, "Bad Request", f"The body is not JSON: {error}")) from error
    if not isinstance(body, dict):
        raise RefusedCallError(error_reply(400, "Bad Request", "The body is not a JSON object"))
    return body


def xml_form(body: JsonObject) -> str:
    """``{"format": "xml", "xml": ...}``: the only form of an item that is taken here (C4: the JSON form is lossy)."""
    if body.get("format") != "xml":
        raise RefusedCallError(error_reply(400, "Bad Request", 'The sandbox takes items with "format": "xml" only'))
    return text_field(body, "xml")


def text_field(body: JsonObject, name: str) -> str:
    """A text that must be there and not be empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise RefusedCallError(issues_reply([{"field": name, "message": "Required", "code": "invalid_type"}]))
    return value


def metadata_of(body: JsonObject) -> JsonObject | None:
    """The body's metadata, checked; ``None`` if it has none."""
    if "metadata" not in body:
        return None
    issues = metadata_issues(body["metadata"])
    if issues:
        raise RefusedCallError(issues_reply(issues))
    found: dict[str, Any] = body["metadata"]
    return found


def issues_reply(issues: list[JsonObject]) -> Reply:
    """A 400 that lists what is wrong field by field (C7)."""
    details = "; ".join(f"{issue['field']}: {issue['message']}" for issue in issues)
    return error_reply(400, "Validation failed", details, code="VALIDATION_ERROR", meta={"issues": issues})


def xml_reply(error: RefusedXmlError, options: Options) -> Reply:
    """The answer to XML that is not taken; the status for invalid XML is a switch (C8)."""
    if error.kind != "invalid" or options.invalid_xml_status == 500:
        return crash_reply(str(error))
    return error_reply(options.invalid_xml_status, "Invalid XML", str(error))
