"""Which refs a forge says were moved. That is all that is taken from a message: the daemon reads git itself.

The shapes are those that GitHub, GitLab, Gitea, Forgejo, Bitbucket Cloud and Bitbucket Data Center document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from qtisync.web.headers import Headers
from qtisync.web.signatures import Forge, form_payload

MANY_REFS = 10_000
_DELIVERY = {
    Forge.GITHUB: ("X-GitHub-Delivery",),
    Forge.GITLAB: ("webhook-id", "Idempotency-Key"),
    Forge.GITEA: ("X-Gitea-Delivery", "X-Forgejo-Delivery"),
    Forge.BITBUCKET: ("X-Request-UUID", "X-Request-Id"),
    Forge.GENERIC: ("X-Delivery", "Idempotency-Key"),
}
_EVENT = {
    Forge.GITHUB: ("X-GitHub-Event",),
    Forge.GITEA: ("X-Gitea-Event", "X-Forgejo-Event"),
    Forge.BITBUCKET: ("X-Event-Key",),
}
"""Where the event's name is a header. GitLab names it in the body: all events of a system hook share one header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Refs were created, moved or deleted; full names such as ``refs/heads/main``."""

    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """The forge only tries whether somebody answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAPush:
    """Another event: nothing that concerns us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Not the message that the forge documents. ``why`` repeats nothing of it."""

    why: str


Told: TypeAlias = Push | Ping | NotAPush | Unreadable


class _ShapeError(Exception):
    """The message has another shape than the documented one."""


def delivery_id(forge: Forge, headers: Headers) -> str | None:
    """The forge's own name of this delivery: it is the same when the delivery is repeated."""
    return headers.text(*_DELIVERY[forge])


def read_push(forge: Forge, headers: Headers, body: bytes) -> Told:
    """What a genuine message says."""
    payload = form_payload(headers, body) if forge in {Forge.GITHUB, Forge.GITEA} else None
    try:
        document = json.loads(body if payload is None else payload)
    except (ValueError, RecursionError):
        return Unreadable(why="the body is not JSON")
    if not isinstance(document, dict):
        return Unreadable(why="the body is not a JSON object")
    event = None
    if forge in _EVENT:
        event = headers.text(*_EVENT[forge])
        if event is None:
            return Unreadable(why=f"the header {_EVENT[forge][0]} is missing")
    try:
        return _READERS[forge](event or "", document)
    except _ShapeError as error:
        return Unreadable(why=str(error))


def rings(refs: Iterable[str], configured: str) -> bool:
    """Whether one of the moved refs is the one that is desired: its full name, or a branch's or tag's short one."""
    if configured == "HEAD":  # which branch that is, only the repository knows
        return any(ref.startswith("refs/heads/") for ref in refs)
    wanted = {configured} if configured.startswith("refs/") else {f"refs/heads/{configured}", f"refs/tags/{configured}"}
    return not wanted.isdisjoint(refs)


def _github(event: str, document: dict[str, Any]) -> Told:
    if event == "ping":
        return Ping()
    return Push(refs=(_ref(document, "ref"),)) if event == "push" else NotAPush()


def _gitlab(_event: str, document: dict[str, Any]) -> Told:
    kind = document.get("object_kind") or document.get("event_name")
    if kind == "repository_update":  # a system hook: one message for all refs of a push
        return Push(refs=tuple(_named(ref) for ref in _list(document, "refs")))
    return Push(refs=(_ref(document, "ref"),)) if kind in ("push", "tag_push") else NotAPush()


def _gitea(event: str, document: dict[str, Any]) -> Told:
    return Push(refs=(_ref(document, "ref"),)) if event == "push" else NotAPush()


def _bitbucket(event: str, document: dict[str, Any]) -> Told:
    if event == "diagnostics:ping":
        return Ping()
    if event == "repo:refs_changed":
        return Push(refs=tuple(_ref(_object(change, "ref"), "id") for change in _list(document, "changes")))
    if event != "repo:push":
        return NotAPush()
    changes = _list(_object(document, "push"), "changes")
    return Push(refs=tuple(ref for change in changes for ref in _cloud_refs(change)))


def _cloud_refs(change: object) -> tuple[str, ...]:
    """Bitbucket Cloud tells kind and short name of what was and what is now; a deletion has no ``new``."""
    if not isinstance(change, dict):
        raise _ShapeError("a change is not an object")
    sides = [side for side in (change.get("new"), change.get("old")) if isinstance(side, dict)]
    if not sides:
        raise _ShapeError("a change has neither new nor old")
    folder = "refs/tags/" if str(sides[0].get("type", "")).endswith("tag") else "refs/heads/"
    return tuple({folder + _named(side.get("name")): None for side in sides})


def _generic(_event: str, document: dict[str, Any]) -> Told:
    if document.get("ping") is True:
        return Ping()
    if "refs" in document:
        return Push(refs=tuple(_named(ref) for ref in _list(document, "refs")))
    if "ref" in document:
        return Push(refs=(_ref(document, "ref"),))
    raise _ShapeError('say which ref moved: {"ref": "refs/heads/main"}')


_READERS = {
    Forge.GITHUB: _github,
    Forge.GITLAB: _gitlab,
    Forge.GITEA: _gitea,
    Forge.BITBUCKET: _bitbucket,
    Forge.GENERIC: _generic,
}


def _ref(document: dict[str, Any], key: str) -> str:
    if not isinstance(document.get(key), str):
        raise _ShapeError(f"{key} is missing or not a text")
    return _named(document[key])


def _named(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise _ShapeError("the name of a ref is missing or not a text")
    return name


def _object(document: object, key: str) -> dict[str, Any]:
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise _ShapeError(f"{key} is missing or not an object")
    return found


def _list(document: dict[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    if not isinstance(found, list) or len(found) > MANY_REFS:
        raise _ShapeError(f"{key} is missing or not a list")
    return found
