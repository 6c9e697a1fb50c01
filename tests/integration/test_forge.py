"""The forge is told over real HTTP; whatever it does, nobody waits and nothing fails."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from fake_control import HEAD, until
from fakes import RecordedLog
from scripted_server import Answer, ScriptedServer, Seen, scripted_server

from qtisync.adapters.forge import MANY_COMMITS, ForgePlace, ForgeStatus
from qtisync.errors import ConfigError, ConfigProblem

CREATED = Answer(status=201, body=b"{}")


class Forge:
    """Answers as it is told, the last answer for ever."""

    def __init__(self) -> None:
        self.answers = [CREATED]
        self.held = threading.Event()
        self.held.set()

    def __call__(self, _seen: Seen) -> Answer:
        self.held.wait(60)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def forge() -> Forge:
    return Forge()


@pytest.fixture
def server(forge: Forge) -> Iterator[ScriptedServer]:
    with scripted_server(forge) as running:
        yield running
        forge.held.set()


def place(url: str, forge: str = "github", token: str = "the-forge-token") -> ForgePlace:
    return ForgePlace(forge=forge, api_url=url, repository="school/content", context="qtisync", token=lambda: token)


def said(server: ScriptedServer) -> list[tuple[str, str]]:
    return [(body["state"], body["description"]) for body in (json.loads(seen.body) for seen in server.seen)]


def test_status_is_posted_with_the_token_in_a_header_only(server: ScriptedServer):
    log = RecordedLog()
    status = ForgeStatus(place(server.url), log)
    status.tell(HEAD, "pending", "is being sent")
    until(lambda: server.seen)
    assert status.close(60)

    [seen] = server.seen
    assert (seen.method, seen.target) == ("POST", f"/repos/school/content/statuses/{HEAD}")
    assert seen.headers["authorization"] == "Bearer the-forge-token"
    assert (b"the-forge-token" in seen.body, log.events) == (False, [])


def test_what_was_said_last_is_not_said_again_failures_included(server: ScriptedServer):
    status = ForgeStatus(place(server.url), RecordedLog())
    for state, words in [("pending", "a"), ("failure", "b"), ("failure", "b"), ("success", "c"), ("success", "c")]:
        status.tell(HEAD, state, words)
        until(lambda: not status._mailbox)
    until(lambda: len(server.seen) == 3)
    assert status.close(60)

    assert said(server) == [("pending", "a"), ("failure", "b"), ("success", "c")]


def test_only_the_newest_word_on_a_commit_is_sent_when_the_forge_is_slow(server: ScriptedServer, forge: Forge):
    forge.held.clear()
    status = ForgeStatus(place(server.url), RecordedLog())
    status.tell(HEAD, "pending", "first")
    until(lambda: server.seen)
    for number in range(100):
        status.tell(HEAD, "pending", f"{number} sent")
    status.tell("a" * 40, "success", "another commit")
    forge.held.set()
    assert status.close(60)

    assert said(server) == [("pending", "first"), ("pending", "99 sent"), ("success", "another commit")]


def test_telling_never_waits(server: ScriptedServer, forge: Forge):
    forge.held.clear()
    status = ForgeStatus(place(server.url), RecordedLog())
    began = time.monotonic()
    for number in range(1000):
        status.tell(f"{number:040x}", "success", "in sync")
    assert time.monotonic() - began < 10
    assert (len(status._mailbox), len(status._told)) == (MANY_COMMITS, MANY_COMMITS)
    assert not status.close(0.01)
    forge.held.set()
    assert status.close(60)


@pytest.mark.parametrize("trouble", [500, 502, 429])
def test_forge_in_trouble_is_asked_again(server: ScriptedServer, forge: Forge, trouble: int):
    forge.answers = [Answer(status=trouble), Answer(reset=True), CREATED]
    log = RecordedLog()
    status = ForgeStatus(place(server.url), log, waits=(0.01, 0.01))
    status.tell(HEAD, "success", "in sync")
    until(lambda: len(server.seen) == 3)
    assert status.close(60)

    assert log.events == []


@pytest.mark.parametrize(("answer", "tries"), [(401, 1), (404, 1), (422, 1), (301, 1), (500, 3)])
def test_forge_that_refuses_is_one_log_line(server: ScriptedServer, forge: Forge, answer: int, tries: int):
    forge.answers = [Answer(status=answer, headers=(("Location", "http://127.0.0.1:1/elsewhere"),))]
    log = RecordedLog()
    status = ForgeStatus(place(server.url), log, waits=(0.01, 0.01))
    status.tell(HEAD, "success", "in sync")
    until(lambda: log.events)
    assert status.close(60)

    assert len(server.seen) == tries
    assert log.events == [
        (
            "commit_status_failed",
            {"forge": "github", "commit": HEAD, "state": "success", "reason": f"the forge answered {answer}"},
        )
    ]


def test_what_could_not_be_said_is_news_again(server: ScriptedServer, forge: Forge):
    forge.answers = [Answer(status=403), CREATED]
    log = RecordedLog()
    status = ForgeStatus(place(server.url), log)
    status.tell(HEAD, "success", "in sync")
    until(lambda: log.events)
    status.tell(HEAD, "success", "in sync")
    until(lambda: len(server.seen) == 2)
    assert status.close(60)


def test_nobody_there_is_one_log_line_without_the_token():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    log = RecordedLog()
    status = ForgeStatus(place(url), log, waits=())
    status.tell(HEAD, "failure", "1 refused")
    until(lambda: log.events)
    assert status.close(60)

    assert log.of("commit_status_failed")[0]["reason"] == "the forge cannot be reached: ConnectionRefusedError"
    assert "the-forge-token" not in repr(log.events)


def test_token_that_cannot_be_read_is_one_log_line(server: ScriptedServer):
    def broken() -> str:
        raise ConfigError((ConfigProblem(where="commit_status.token", message="is not set"),))

    where = ForgePlace(forge="gitea", api_url=server.url, repository="a/b", context="qtisync", token=broken)
    log = RecordedLog()
    status = ForgeStatus(where, log)
    status.tell(HEAD, "success", "in sync")
    until(lambda: log.events)
    assert status.close(60)

    assert (log.names(), server.seen) == (["commit_status_failed"], [])


def test_end_sends_what_waits_and_does_not_wait_for_another_try(server: ScriptedServer, forge: Forge):
    forge.answers = [Answer(status=500)]
    log = RecordedLog()
    status = ForgeStatus(place(server.url), log, waits=(600.0,))
    status.tell(HEAD, "success", "in sync")
    until(lambda: server.seen)
    assert status.close(60)

    assert log.names() == ["commit_status_failed"]
    status.tell(HEAD, "success", "after the end")
    assert len(server.seen) == 1


def test_end_without_a_word_is_quick():
    assert ForgeStatus(place("http://127.0.0.1:1"), RecordedLog()).close(0.0)
