"""What forges send: the shapes of their documentation, shortened, and the signatures that go with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from qtisync.web.headers import Headers
from qtisync.web.signatures import Forge

OLD, NEW, ZERO = "28e1879d029cb852e4844d9c718537df08844e03", "bffeb74224043ba2feb48d137756c8a9331c449a", "0" * 40
ID = "f6266f16-1bf3-46a5-9ea4-602e06ead473"
SECRET = "a secret that nobody guesses"
SIGNING_TOKEN = "whsec_" + base64.b64encode(b"thirty-two bytes of good entropy").decode()
NOW = 1_795_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One delivery: what is sent beside the signature."""

    forge: Forge
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    refs: tuple[str, ...] | None = field(default=None)
    """The refs that it moves; ``None``: it is no push."""


def as_headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(tuple((name.lower().encode(), value.encode("latin-1")) for name, value in pairs))


def body_of(document: Any) -> bytes:
    return json.dumps(document).encode()


def form_of(document: Any) -> bytes:
    return urlencode({"payload": json.dumps(document, ensure_ascii=False)}).encode()


def hexmac(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard(body: bytes, *, at: float = NOW, message: str = ID, token: str = SIGNING_TOKEN) -> str:
    key = base64.b64decode(token.removeprefix("whsec_"))
    signed = hmac.new(key, f"{message}.{int(at)}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()


def signature_of(message: Message, secret: str = SECRET) -> tuple[tuple[str, str], ...]:
    """The headers with which the forge signs this message today."""
    mac = hexmac(message.body, secret)
    match message.forge:
        case Forge.GITHUB:
            return (("X-Hub-Signature-256", f"sha256={mac}"),)
        case Forge.BITBUCKET:
            return (("X-Hub-Signature", f"sha256={mac}"),)
        case Forge.GENERIC:
            return (("X-Signature-256", f"sha256={mac}"),)
        case Forge.GITLAB:
            return (("X-Gitlab-Token", secret),)
        case Forge.GITEA:
            return (
                ("X-Gitea-Signature", mac),
                ("X-Gogs-Signature", mac),
                ("X-Hub-Signature", "sha1=" + hmac.new(secret.encode(), message.body, hashlib.sha1).hexdigest()),
                ("X-Hub-Signature-256", f"sha256={mac}"),
            )


_REPOSITORY = {"id": 1, "full_name": "school/content", "name": "content"}


def github_push(ref: str = "refs/heads/main", after: str = NEW, **more: Any) -> dict[str, Any]:
    return {
        "ref": ref,
        "before": OLD,
        "after": after,
        "base_ref": None,
        "created": False,
        "deleted": after == ZERO,
        "forced": False,
        "commits": [{"id": after, "message": "Käse: correct the key", "modified": ["items/a.xml"]}],
        "head_commit": None,
        "repository": _REPOSITORY,
        "pusher": {"name": "somebody"},
        **more,
    }


def gitlab_push(kind: str = "push", ref: str = "refs/heads/main", after: str = NEW) -> dict[str, Any]:
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": OLD,
        "after": after,
        "ref": ref,
        "ref_protected": True,
        "checkout_sha": None if after == ZERO else after,
        "project_id": 15,
        "project": {"id": 15, "path_with_namespace": "school/content", "default_branch": "main"},
        "commits": [],
        "total_commits_count": 1,
    }


def cloud_push(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"actor": {"nickname": "somebody"}, "repository": _REPOSITORY, "push": {"changes": list(changes)}}


def _branch(name: str, kind: str = "branch") -> dict[str, Any]:
    return {"type": kind, "name": name, "target": {"type": "commit", "hash": NEW}}


def center_push(*changes: tuple[str, str]) -> dict[str, Any]:
    return {
        "eventKey": "repo:refs_changed",
        "date": "2026-11-28T09:45:32+1000",
        "repository": {"slug": "content", "project": {"key": "SCHOOL"}},
        "changes": [
            {
                "ref": {"id": ref, "displayId": ref.rsplit("/", 1)[-1], "type": "BRANCH"},
                "refId": ref,
                "fromHash": OLD,
                "toHash": NEW,
                "type": kind,
            }
            for ref, kind in changes
        ],
    }


def _github(event: str) -> tuple[tuple[str, str], ...]:
    return (("Content-Type", "application/json"), ("X-GitHub-Event", event), ("X-GitHub-Delivery", ID))


def _gitea(event: str, *, forgejo: bool = False) -> tuple[tuple[str, str], ...]:
    names = ("Gitea", "Gogs", "GitHub", *(("Forgejo",) if forgejo else ()))
    return tuple((f"X-{name}-{what}", value) for name in names for what, value in (("Event", event), ("Delivery", ID)))


def _gitlab(event: str) -> tuple[tuple[str, str], ...]:
    return (("X-Gitlab-Event", event), ("Idempotency-Key", ID), ("X-Gitlab-Event-UUID", "of the whole chain"))


_CLOUD = (("X-Event-Key", "repo:push"), ("X-Request-UUID", ID), ("X-Hook-UUID", "the hook"), ("X-Attempt-Number", "1"))
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_MAIN, _TAG = ("refs/heads/main",), ("refs/tags/v1",)
_G, _L, _T, _B, _X = Forge.GITHUB, Forge.GITLAB, Forge.GITEA, Forge.BITBUCKET, Forge.GENERIC

MESSAGES: dict[str, Message] = {
    "github push": Message(forge=_G, body=body_of(github_push()), headers=_github("push"), refs=_MAIN),
    "github tag": Message(forge=_G, body=body_of(github_push("refs/tags/v1")), headers=_github("push"), refs=_TAG),
    "github deletion": Message(forge=_G, body=body_of(github_push(after=ZERO)), headers=_github("push"), refs=_MAIN),
    "github form": Message(forge=_G, body=form_of(github_push()), headers=(_FORM, *_github("push")[1:]), refs=_MAIN),
    "github ping": Message(forge=_G, body=body_of({"zen": "Keep it simple.", "hook_id": 7}), headers=_github("ping")),
    "github issue": Message(forge=_G, body=body_of({"action": "opened"}), headers=_github("issues")),
    "gitlab push": Message(forge=_L, body=body_of(gitlab_push()), headers=_gitlab("Push Hook"), refs=_MAIN),
    "gitlab tag": Message(
        forge=_L, body=body_of(gitlab_push("tag_push", "refs/tags/v1")), headers=_gitlab("Tag Push Hook"), refs=_TAG
    ),
    "gitlab deletion": Message(
        forge=_L, body=body_of(gitlab_push(after=ZERO)), headers=_gitlab("Push Hook"), refs=_MAIN
    ),
    "gitlab system hook": Message(
        forge=_L,
        body=body_of({"event_name": "repository_update", "changes": [], "refs": ["refs/heads/x", "refs/heads/main"]}),
        headers=_gitlab("System Hook"),
        refs=("refs/heads/x", "refs/heads/main"),
    ),
    "gitlab issue": Message(forge=_L, body=body_of({"object_kind": "issue"}), headers=_gitlab("Issue Hook")),
    "gitea push": Message(forge=_T, body=body_of(github_push()), headers=_gitea("push"), refs=_MAIN),
    "forgejo push": Message(forge=_T, body=body_of(github_push()), headers=_gitea("push", forgejo=True), refs=_MAIN),
    "gitea tag": Message(forge=_T, body=body_of(github_push("refs/tags/v1")), headers=_gitea("push"), refs=_TAG),
    "gitea deletion": Message(forge=_T, body=body_of({"ref": "main", "ref_type": "branch"}), headers=_gitea("delete")),
    "bitbucket push": Message(
        forge=_B, body=body_of(cloud_push({"new": _branch("main"), "old": _branch("main")})), headers=_CLOUD, refs=_MAIN
    ),
    "bitbucket two changes": Message(
        forge=_B,
        body=body_of(cloud_push({"new": _branch("main"), "old": None}, {"new": _branch("v1", "tag"), "old": None})),
        headers=_CLOUD,
        refs=(*_MAIN, *_TAG),
    ),
    "bitbucket deletion": Message(
        forge=_B, body=body_of(cloud_push({"new": None, "old": _branch("main")})), headers=_CLOUD, refs=_MAIN
    ),
    "bitbucket comment": Message(forge=_B, body=body_of({}), headers=(("X-Event-Key", "repo:commit_comment_created"),)),
    "data center push": Message(
        forge=_B,
        body=body_of(center_push(("refs/heads/main", "UPDATE"), ("refs/tags/v1", "ADD"))),
        headers=(("X-Event-Key", "repo:refs_changed"), ("X-Request-Id", ID)),
        refs=(*_MAIN, *_TAG),
    ),
    "data center ping": Message(forge=_B, body=body_of({"test": True}), headers=(("X-Event-Key", "diagnostics:ping"),)),
    "generic push": Message(forge=_X, body=body_of({"ref": "refs/heads/main"}), refs=_MAIN),
    "generic refs": Message(
        forge=_X,
        body=body_of({"refs": ["refs/heads/main", "refs/tags/v1"]}),
        headers=(("X-Delivery", ID),),
        refs=(*_MAIN, *_TAG),
    ),
    "generic ping": Message(forge=_X, body=body_of({"ping": True})),
}
