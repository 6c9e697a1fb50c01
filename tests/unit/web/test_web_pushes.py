"""From a forge's message nothing is taken but the names of the refs that moved."""

from __future__ import annotations

from typing import Any

import pytest
from forge_messages import ID, MESSAGES, Message, as_headers, body_of, cloud_push, github_push

from qtisync.web.pushes import NotAPush, Ping, Push, Told, Unreadable, delivery_id, read_push, rings
from qtisync.web.signatures import Forge

NO_PUSH: dict[str, Told] = {name: Ping() if name.endswith("ping") else NotAPush() for name in MESSAGES}


@pytest.mark.parametrize("name", MESSAGES)
def test_message_of_a_forge_names_the_refs_that_moved(name: str):
    message = MESSAGES[name]

    told = read_push(message.forge, as_headers(*message.headers), message.body)

    assert told == (NO_PUSH[name] if message.refs is None else Push(refs=message.refs))


@pytest.mark.parametrize(
    ("name", "delivery"),
    [
        ("github push", ID),
        ("gitlab push", ID),
        ("gitea push", ID),
        ("forgejo push", ID),
        ("bitbucket push", ID),
        ("data center push", ID),
        ("generic refs", ID),
        ("generic push", None),
    ],
)
def test_delivery_has_the_name_that_the_forge_gave_it(name: str, delivery: str | None):
    message = MESSAGES[name]

    assert delivery_id(message.forge, as_headers(*message.headers)) == delivery


def test_signed_id_of_a_gitlab_delivery_goes_before_the_unsigned_one():
    headers = as_headers(("Idempotency-Key", "unsigned"), ("webhook-id", "signed"))

    assert delivery_id(Forge.GITLAB, headers) == "signed"


PUSH = (("X-GitHub-Event", "push"),)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (Message(forge=Forge.GITHUB, body=b"", headers=PUSH), "the body is not JSON"),
        (Message(forge=Forge.GITHUB, body=b"\xff{}", headers=PUSH), "the body is not JSON"),
        (Message(forge=Forge.GITHUB, body=b"[" * 100_000, headers=PUSH), "the body is not JSON"),
        (Message(forge=Forge.GITHUB, body=b'{"a": ' + b"9" * 5000 + b"}", headers=PUSH), "the body is not JSON"),
        (Message(forge=Forge.GITHUB, body=b"[]", headers=PUSH), "the body is not a JSON object"),
        (Message(forge=Forge.GITHUB, body=b"{}", headers=PUSH), "ref is missing or not a text"),
        (Message(forge=Forge.GITHUB, body=body_of({"ref": 1}), headers=PUSH), "ref is missing or not a text"),
        (
            Message(forge=Forge.GITHUB, body=body_of({"ref": ""}), headers=PUSH),
            "the name of a ref is missing or not a text",
        ),
        (Message(forge=Forge.GITHUB, body=body_of(github_push())), "the header X-GitHub-Event is missing"),
        (
            Message(
                forge=Forge.GITHUB, body=b"a=b", headers=(*PUSH, ("content-type", "application/x-www-form-urlencoded"))
            ),
            "the body is not JSON",
        ),
        (Message(forge=Forge.GITLAB, body=body_of({"object_kind": "push"})), "ref is missing or not a text"),
        (
            Message(forge=Forge.GITLAB, body=body_of({"event_name": "repository_update"})),
            "refs is missing or not a list",
        ),
        (
            Message(forge=Forge.BITBUCKET, body=body_of({}), headers=(("X-Event-Key", "repo:push"),)),
            "push is missing or not an object",
        ),
        (
            Message(forge=Forge.BITBUCKET, body=body_of(cloud_push({})), headers=(("X-Event-Key", "repo:push"),)),
            "a change has neither new nor old",
        ),
        (
            Message(
                forge=Forge.BITBUCKET,
                body=body_of({"push": {"changes": [1]}}),
                headers=(("X-Event-Key", "repo:push"),),
            ),
            "a change is not an object",
        ),
        (
            Message(
                forge=Forge.BITBUCKET, body=body_of({"changes": [1]}), headers=(("X-Event-Key", "repo:refs_changed"),)
            ),
            "ref is missing or not an object",
        ),
        (
            Message(forge=Forge.GENERIC, body=body_of({"refs": ["x"] * 10_001})),
            "refs is missing or not a list",
        ),
        (Message(forge=Forge.GENERIC, body=b"{}"), 'say which ref moved: {"ref": "refs/heads/main"}'),
    ],
)
def test_message_of_another_shape_is_unreadable_and_says_why(message: Message, why: str):
    assert read_push(message.forge, as_headers(*message.headers), message.body) == Unreadable(why=why)


@pytest.mark.parametrize(
    ("refs", "configured", "rung"),
    [
        (("refs/heads/main",), "refs/heads/main", True),
        (("refs/heads/main",), "main", True),
        (("refs/tags/v1",), "v1", True),
        (("refs/tags/v1",), "refs/tags/v1", True),
        (("refs/heads/other", "refs/heads/main"), "main", True),
        (("refs/heads/other",), "main", False),
        (("refs/heads/feature/main",), "main", False),
        (("refs/heads/Main",), "main", False),
        (("main",), "main", False),
        (("refs/tags/main",), "refs/heads/main", False),
        (("refs/heads/any",), "HEAD", True),
        (("refs/tags/v1",), "HEAD", False),
        (("refs/heads/main",), "a" * 40, False),
        ((), "main", False),
    ],
)
def test_only_the_configured_ref_rings(refs: tuple[str, ...], configured: str, rung: bool):
    assert rings(refs, configured) is rung


@pytest.mark.parametrize("forge", Forge)
@pytest.mark.parametrize(
    "document", [{"ref": None}, {"push": []}, {"changes": {}}, {"refs": "x"}, {"object_kind": ["x"]}]
)
def test_odd_values_never_raise(forge: Forge, document: dict[str, Any]):
    headers = as_headers(("X-GitHub-Event", "push"), ("X-Gitea-Event", "push"), ("X-Event-Key", "repo:push"))

    assert isinstance(read_push(forge, headers, body_of(document)), Unreadable | NotAPush)
