"""What each fault does to one call. Every effect decides itself whether, and when, the API does what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.client import responses
from typing import Final, TypeAlias

from qtisync.sandbox.documents import item_document
from qtisync.sandbox.fault_rules import Rule
from qtisync.sandbox.limits import HUGE_SECONDS
from qtisync.sandbox.messages import (
    Call,
    JsonObject,
    Manner,
    Reply,
    crash_reply,
    encode,
    error_reply,
    html_reply,
    json_reply,
)
from qtisync.sandbox.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The call that a fault strikes. ``proceed`` lets the API do what was asked."""

    call: Call
    identifier: str | None
    world: World
    wall: float
    proceed: Callable[[], Reply]


Effect: TypeAlias = Callable[[Rule, Scene], Reply]


def strike(rule: Rule, scene: Scene) -> Reply:
    """The answer to the call under this rule."""
    reply = _effect(rule)(rule, scene)
    return replace(reply, headers=(*reply.headers, *_retry_after(rule, scene.wall)))


def _effect(rule: Rule) -> Effect:
    if not rule.status:
        return _EFFECTS[rule.name]
    if rule.name.startswith("html-"):
        return _page
    if rule.name.startswith("empty-"):
        return _empty
    return _status_after if rule.name.endswith("-after") else _status_before


def _retry_after(rule: Rule, wall: float) -> tuple[tuple[str, str], ...]:
    value = rule.retry_after
    if value is None or value == "none":
        return ()
    if value == "huge":
        value = str(HUGE_SECONDS)
    elif value == "garbage":
        value = "in a little while, perhaps"
    elif value.startswith("date+"):
        value = formatdate(wall + float(value.removeprefix("date+")), usegmt=True)
    return (("Retry-After", value),)


def _failure(status: int) -> Reply:
    match status:
        case 401:
            return json_reply(401, {"message": "jwt expired"})
        case 404:
            return error_reply(404, "Assessment item not found")
        case 429:
            return error_reply(429, "Too Many Requests", message="Rate limit exceeded")
        case 500:
            return crash_reply("Something went wrong")
        case _:
            return error_reply(status, responses.get(status, "Error"))


def _status_before(rule: Rule, _scene: Scene) -> Reply:
    return _failure(rule.status)


def _status_after(rule: Rule, scene: Scene) -> Reply:
    return replace(_failure(rule.status), applied=scene.proceed().applied)


def _page(rule: Rule, scene: Scene) -> Reply:
    page = html_reply(rule.status, f"{rule.status} {responses.get(rule.status, 'Error')}")
    return page if rule.status >= 400 else replace(page, applied=scene.proceed().applied)


def _empty(rule: Rule, scene: Scene) -> Reply:
    return replace(scene.proceed(), status=rule.status, body=b"")


def _manner(manner: Manner, *, done: bool) -> Effect:
    def effect(rule: Rule, scene: Scene) -> Reply:
        reply = scene.proceed() if done else Reply(status=0)
        timed = rule.name in {"hang", "hang-after", "slow", "slow-body"}
        return replace(reply, manner=manner, seconds=rule.seconds if timed else 0.0)

    return effect


def _redirect(rule: Rule, _scene: Scene) -> Reply:
    page = html_reply(301, "301 Moved Permanently")
    return replace(page, headers=(("Location", str(rule.value)),))


def _duplicate_key(_rule: Rule, scene: Scene) -> Reply:
    return crash_reply(
        "E11000 duplicate key error collection: qti.assessmentitems index: identifier_1 "
        f'dup key: {{ identifier: "{scene.identifier}" }}'
    )


def _no_op(_rule: Rule, scene: Scene) -> Reply:
    row = scene.world.item(scene.identifier or "")
    return scene.proceed() if row is None else json_reply(200, item_document(row))


def _vanish(_rule: Rule, scene: Scene) -> Reply:
    scene.world.remove_item(scene.identifier or "")
    return scene.proceed()


def _stale(_rule: Rule, scene: Scene) -> Reply:
    before = scene.world.item_shelf.before(scene.identifier or "")
    reply = scene.proceed()
    return reply if before is None or reply.status != 200 else json_reply(200, item_document(before))


def _lie(_rule: Rule, scene: Scene) -> Reply:
    with scene.world.lock:
        before = scene.world.item(scene.identifier or "")
        reply = scene.proceed()
        scene.world.item_shelf.put_back(scene.identifier or "", before)
    return replace(reply, applied=False)


def _changed_json(change: Callable[[Rule, Scene, JsonObject], JsonObject]) -> Effect:
    """An effect on the JSON of a successful answer; anything else passes untouched."""

    def effect(rule: Rule, scene: Scene) -> Reply:
        reply = scene.proceed()
        if reply.status >= 300 or not reply.body or "json" not in reply.content_type:
            return reply
        return replace(reply, body=encode(change(rule, scene, json.loads(reply.body))))

    return effect


def _empty_object(_rule: Rule, _scene: Scene, _document: JsonObject) -> JsonObject:
    return {}


def _wrong_item(_rule: Rule, scene: Scene, document: JsonObject) -> JsonObject:
    others = (row for name, row in scene.world.items().items() if name != document.get("identifier"))
    other = next(others, None)
    return document | {"identifier": "somebody-elses-item"} if other is None else item_document(other)


def _enveloped(_rule: Rule, _scene: Scene, document: JsonObject) -> JsonObject:
    return {"assessmentItem": document}


def _odd_item(_rule: Rule, _scene: Scene, document: JsonObject) -> JsonObject:
    """Live data that no schema allows: OBS-N, and what broke SDK-Q (g)."""
    metadata = document.get("metadata")
    if isinstance(metadata, dict) and str(metadata.get("grade", "")).lstrip("-").isdigit():
        metadata = metadata | {"grade": int(metadata["grade"])}
    return document | {"type": "gap-match", "metadata": metadata or None, "surprise": {"from": "a newer server"}}


def _omit(rule: Rule, _scene: Scene, document: JsonObject) -> JsonObject:
    key = "data" if "data" in document else "items"
    rows = document.get(key)
    if not isinstance(rows, list):
        return document
    return document | {key: [row for row in rows if row.get("identifier") != rule.value]}


def _wrong_type(_rule: Rule, scene: Scene) -> Reply:
    return replace(scene.proceed(), content_type="text/plain; charset=utf-8")


_EFFECTS: Final[dict[str, Effect]] = {
    "reset-before": _manner(Manner.RESET, done=False),
    "close-before": _manner(Manner.CLOSED, done=False),
    "hang": _manner(Manner.CLOSED, done=False),
    "reset-after": _manner(Manner.RESET, done=True),
    "close-after": _manner(Manner.CLOSED, done=True),
    "hang-after": _manner(Manner.CLOSED, done=True),
    "truncate": _manner(Manner.TRUNCATED, done=True),
    "slow": _manner(Manner.LATE, done=True),
    "slow-body": _manner(Manner.DRIBBLED, done=True),
    "redirect": _redirect,
    "e11000": _duplicate_key,
    "no-op": _no_op,
    "vanish": _vanish,
    "stale": _stale,
    "lie": _lie,
    "empty-object": _changed_json(_empty_object),
    "wrong-item": _changed_json(_wrong_item),
    "enveloped": _changed_json(_enveloped),
    "odd-item": _changed_json(_odd_item),
    "omit": _changed_json(_omit),
    "wrong-type": _wrong_type,
}
