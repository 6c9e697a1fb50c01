"""Webhooks over real sockets: who is heard, what rings, and that a flood is no more than one ring."""

from __future__ import annotations

import http.client
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_control import Reply, Served, served, until
from forge_messages import (
    ID,
    MESSAGES,
    NOW,
    SECRET,
    SIGNING_TOKEN,
    Message,
    body_of,
    github_push,
    gitlab_push,
    signature_of,
    standard,
)

from qtisync.errors import ConfigError, ConfigProblem
from qtisync.web.hooks import MAX_BODY
from qtisync.web.signatures import Forge


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as one:
        yield one


def deliver(site: Served, message: Message, *more: tuple[str, str], body: bytes | None = None) -> Reply:
    headers = dict([*message.headers, *signature_of(message), *more])
    return site.ask("POST", f"/hooks/{message.forge}", message.body if body is None else body, headers)


@pytest.mark.parametrize("name", MESSAGES)
def test_message_rings_only_if_the_configured_ref_moved(site: Served, name: str):
    message = MESSAGES[name]
    reply = deliver(site, message)

    if message.refs is not None and "refs/heads/main" in message.refs:
        assert reply.told == (202, {"outcome": "rung", "job": "j-1"})
        assert site.control.calls == [("ring", f"webhook/{message.forge}")]
    else:
        assert (reply.status, reply.json["outcome"]) in {(202, "ignored"), (200, "pong")}
        assert site.control.calls == []


def test_gitlab_signing_token_rings(tmp_path: Path):
    body = body_of(gitlab_push())
    signed = {"webhook-id": ID, "webhook-timestamp": str(int(NOW)), "webhook-signature": standard(body)}
    with served(tmp_path, secrets={Forge.GITLAB: lambda: SIGNING_TOKEN}) as site:
        assert site.ask("POST", "/hooks/gitlab", body, signed).told == (202, {"outcome": "rung", "job": "j-1"})
        assert site.ask("POST", "/hooks/gitlab", body, {**signed, "webhook-id": "other"}).status == 401


@pytest.mark.parametrize("name", ["github push", "gitea push", "bitbucket push", "generic push"])
def test_tampered_body_is_refused(site: Served, name: str):
    message = MESSAGES[name]
    reply = deliver(site, message, body=message.body.replace(b"main", b"mean"))

    assert (reply.status, reply.json["error"], site.control.calls) == (401, "wrong-signature", [])


@pytest.mark.parametrize("forge", Forge)
def test_nobody_is_heard_without_a_signature(site: Served, forge: Forge):
    reply = site.ask("POST", f"/hooks/{forge}", b'{"ref": "refs/heads/main"}', {"X-GitHub-Event": "push"})

    assert (reply.status, reply.json["error"], site.control.calls) == (401, "wrong-signature", [])


def test_replay_is_seen_by_its_id_and_by_its_body(site: Served):
    push = MESSAGES["github push"]
    again = Message(forge=push.forge, body=body_of(github_push(after="c" * 40)), headers=push.headers)
    newer = [("X-GitHub-Delivery", "another id")]

    assert deliver(site, push).json["outcome"] == "rung"
    assert deliver(site, push).told == (202, {"outcome": "seen", "message": "This delivery came before."})
    assert deliver(site, push, *newer).json["outcome"] == "seen", "the id is not signed"
    assert deliver(site, again).json["outcome"] == "seen", "the id came before"
    assert deliver(site, again, *newer).json["outcome"] == "rung"
    assert site.control.rings() == 2


def test_delivery_that_could_not_be_dealt_with_may_come_again(site: Served):
    site.control.crash = RuntimeError
    assert deliver(site, MESSAGES["github push"]).status == 500
    site.control.crash = None
    assert deliver(site, MESSAGES["github push"]).json["outcome"] == "rung"


def test_busy_daemon_is_told_to_the_forge_which_comes_again(site: Served):
    site.surface.threads._patience = 0.05
    site.control.hang.clear()
    reply = deliver(site, MESSAGES["github push"])
    site.control.hang.set()

    assert (reply.status, reply.json["error"]) == (503, "busy")
    site.surface.threads._patience = 60.0
    assert deliver(site, MESSAGES["github push"]).json["outcome"] == "rung"


def test_forge_without_a_secret_is_told_in_words(tmp_path: Path):
    with served(tmp_path, secrets={}) as site:
        reply = deliver(site, MESSAGES["github push"])

    assert (reply.status, reply.json["error"]) == (404, "not-configured")
    assert "webhooks.github" in reply.json["hint"]


def test_unknown_forge_is_told_which_there_are(site: Served):
    reply = site.ask("POST", "/hooks/sourceforge", b"{}")

    assert (reply.status, reply.json["error"]) == (404, "not-found")
    assert "/hooks/gitea" in reply.json["hint"]


def test_secret_that_cannot_be_read_is_no_open_door(tmp_path: Path):
    def broken() -> str:
        raise ConfigError((ConfigProblem(where="webhooks.github", message="the file cannot be read"),))

    with served(tmp_path, secrets={Forge.GITHUB: broken}) as site:
        reply = deliver(site, MESSAGES["github push"])

    assert (reply.status, reply.json["error"], site.control.calls) == (503, "no-secret", [])


def test_secret_is_read_anew_so_that_it_can_be_rotated(tmp_path: Path):
    secret = ["old"]
    push = MESSAGES["github push"]
    with served(tmp_path, secrets={Forge.GITHUB: lambda: secret[0]}) as site:
        assert deliver(site, push).status == 401
        secret[0] = SECRET
        assert deliver(site, push).status == 202


def test_genuine_message_of_another_shape_says_why_it_is_unreadable(site: Served):
    odd = Message(forge=Forge.GITHUB, body=b"{}", headers=(("X-GitHub-Event", "push"),))

    assert deliver(site, odd).told == (
        400,
        {
            "error": "unreadable",
            "message": "This is not the message of a push: ref is missing or not a text.",
            "hint": "",
        },
    )


def test_webhook_is_heard_under_any_name_of_this_host(site: Served):
    assert deliver(site, MESSAGES["github push"], ("Host", "hooks.example.org")).json["outcome"] == "rung"


def test_oversize_is_refused_by_its_announced_length_before_a_byte_is_read(site: Served):
    head = f"POST /hooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as wire:
        wire.sendall(head.encode())
        answer = wire.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_oversize_is_told_although_all_of_it_is_sent(site: Served):
    reply = site.ask("POST", "/hooks/github", b" " * (3 * MAX_BODY))

    assert (reply.status, reply.json["error"]) == (413, "too-large")


def test_oversize_without_a_length_is_refused_while_it_streams(site: Served):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as wire:
        wire.sendall(b"POST /hooks/github HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            wire.sendall(chunk)
        answer = wire.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_largest_message_that_is_allowed_rings(site: Served):
    body = body_of(github_push(padding=""))
    body = body[:-2] + b" " * (MAX_BODY - len(body)) + body[-2:]
    push = Message(forge=Forge.GITHUB, body=body, headers=MESSAGES["github push"].headers)

    assert (len(body), deliver(site, push).json["outcome"]) == (MAX_BODY, "rung")


@pytest.mark.parametrize("length", ["-1", "x", "9" * 20, "1e3"])
def test_odd_lengths_are_refused(site: Served, length: str):
    answer = site.raw(
        f"POST /hooks/github HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n".encode()
    )

    assert answer.split(b" ")[1] in {b"400", b"413"}


def test_body_that_never_comes_is_given_up(site: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qtisync.web.answers.BODY_TIMEOUT", 0.05)
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as wire:
        wire.sendall(b"POST /hooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        answer = wire.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_sender_that_hangs_up_half_way_does_no_harm(site: Served):
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as wire:
        wire.sendall(b"POST /hooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
    until(lambda: site.log.of("webhook_refused"))

    assert site.log.of("webhook_refused") == [{"path": "/hooks/github", "forge": "github", "outcome": "incomplete"}]
    assert site.ask("GET", "/healthz").status == 200


def test_log_has_path_forge_and_outcome_and_nothing_else(site: Served):
    canary = "canary-in-a-body"
    push = Message(
        forge=Forge.GITHUB, body=body_of(github_push(canary=canary)), headers=MESSAGES["github push"].headers
    )
    deliver(site, push, ("X-Canary", canary))
    for _ in range(5):
        site.ask("POST", "/hooks/github", canary.encode(), {"X-Hub-Signature-256": canary})

    assert [event for event in site.log.events if event[0] != "web_listening"] == [
        ("webhook_answered", {"path": "/hooks/github", "forge": "github", "outcome": "rung"}),
        ("webhook_refused", {"path": "/hooks/github", "forge": "github", "outcome": "wrong-signature"}),
    ]
    metrics = site.ask("GET", "/metrics").body
    assert b'qtisync_webhook_deliveries_total{forge="github",outcome="wrong-signature"} 5.0' in metrics
    assert canary.encode() not in metrics


def test_flood_of_a_thousand_deliveries_is_a_few_rings_and_quick_answers(site: Served):
    """Every delivery is answered; rings coalesce into one job; what came before rings nothing."""
    lock, took, outcomes, jobs = threading.Lock(), list[float](), list[str](), set[str]()
    messages = [
        Message(
            forge=Forge.GITHUB,
            body=body_of(github_push(after=f"{number % 500:040x}")),
            headers=(("X-GitHub-Event", "push"), ("X-GitHub-Delivery", f"delivery-{number % 500}")),
        )
        for number in range(1000)
    ]

    def send(some: list[Message]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        for message in some:
            began = time.perf_counter()
            connection.request("POST", "/hooks/github", message.body, dict([*message.headers, *signature_of(message)]))
            answer = Reply(0, {}, connection.getresponse().read()).json
            with lock:
                took.append(time.perf_counter() - began)
                outcomes.append(answer["outcome"])
                jobs.update([answer["job"]] if "job" in answer else [])
        connection.close()

    senders = [threading.Thread(target=send, args=(messages[part::8],)) for part in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(120)

    assert (outcomes.count("rung"), outcomes.count("seen"), jobs) == (500, 500, {"j-1"})
    assert site.control.rings() == 500
    assert statistics.median(took) < 0.1, "well under 100 ms on an idle machine; this one may be busy"
    assert len(site.surface.deliveries) <= 4096
