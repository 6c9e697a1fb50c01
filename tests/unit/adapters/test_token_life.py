"""How long a token is used: read from the answer, measured on a monotonic clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from qtisync.adapters.credentials import Credentials, Token, TokenClient, read_token
from qtisync.delivery.messages import Failure, FailureKind, Reply, Response


def granted(value: str = "token-one", **fields: object) -> Response:
    return Response(status=200, body=json.dumps({"access_token": value, **fields}).encode())


@dataclass
class Desk:
    """A token endpoint and its clock: a request takes ``trip`` seconds."""

    replies: list[Reply]
    now: float = 1000.0
    trip: float = 0.0
    calls: list[float] = field(default_factory=list)

    def post(self, url: str, headers: Mapping[str, str], form: bytes) -> Reply:
        self.calls.append(self.now)
        self.now += self.trip
        return self.replies.pop(0)

    def credentials(self) -> Credentials:
        client = TokenClient(
            token_url="https://login.test/token", client_id=lambda: "id", client_secret=lambda: "secret"
        )
        return Credentials(client, self.post, lambda: self.now)


@pytest.mark.parametrize(
    ("expires_in", "due", "life"),
    [
        (3600, 3540, 3600),
        (7200, 7140, 7200),
        (600, 540, 600),
        (100, 90, 100),
        (20, 18, 20),
        ("300", 270, 300),
        (0.5, 0.45, 0.5),
        (None, 3540, 3600),
        ("soon", 3540, 3600),
        (True, 3540, 3600),
        (0, 3540, 3600),
        (-1, 3540, 3600),
        (float("nan"), 3540, 3600),
        (float("inf"), 3540, 3600),
        (10**400, 3540, 3600),
        (10**9, 86_340, 86_400),
    ],
)
def test_token_is_due_a_minute_or_a_tenth_of_its_life_early(expires_in: object, due: float, life: float):
    token = read_token(granted(expires_in=expires_in), 0.0, place="here", secret="s")

    assert isinstance(token, Token)
    assert (token.due, token.expires) == (pytest.approx(due), pytest.approx(life))


def test_life_counts_from_before_the_request():
    desk = Desk([granted(expires_in=600), granted("token-two", expires_in=600)], trip=5.0)
    credentials = desk.credentials()
    first = credentials.token()
    desk.now = 1000.0 + 539.9
    assert credentials.token() is first

    desk.now = 1000.0 + 540.0
    second = credentials.token()

    assert isinstance(second, Token)
    assert (second.value, desk.calls) == ("token-two", [1000.0, 1540.0])


def test_outage_while_refreshing_early_does_not_stop_the_work_and_is_asked_once_a_second():
    down = Response(status=503)
    desk = Desk([granted(expires_in=600), down, down, down])
    credentials = desk.credentials()
    first = credentials.token()
    for moment in (1540.0, 1540.5, 1540.9, 1541.1, 1599.0):
        desk.now = moment
        assert credentials.token() is first
    assert desk.calls == [1000.0, 1540.0, 1541.1, 1599.0]

    desk.now = 1600.0
    desk.replies.append(granted("token-two"))
    renewed = credentials.token()
    assert isinstance(renewed, Token)
    assert renewed.value == "token-two"


def test_refusal_while_refreshing_early_stops_the_work_at_once():
    desk = Desk([granted(expires_in=600), Response(status=401, body=b'{"error":"invalid_client"}')])
    credentials = desk.credentials()
    credentials.token()
    desk.now = 1540.0

    refused = [credentials.token(), credentials.token()]

    assert [reply.kind for reply in refused if isinstance(reply, Failure)] == [FailureKind.DENIED] * 2
    assert len(desk.calls) == 2


def test_refusal_is_remembered_for_one_second():
    refusal = Response(status=401)
    desk = Desk([refusal, refusal])
    credentials = desk.credentials()
    for moment in (1000.0, 1000.9, 1001.0):
        desk.now = moment
        credentials.token()

    assert desk.calls == [1000.0, 1001.0]


@pytest.mark.parametrize("code", ["invalid_client", "secret", "my_secret_code", "Bad Thing", "x" * 41])
def test_error_code_is_shown_only_if_it_cannot_hold_the_secret(code: str):
    body = json.dumps({"error": code, "error_description": "you sent secret"}).encode()

    failure = read_token(Response(status=400, body=body), 0.0, place="here", secret="secret")

    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.DENIED
    assert failure.message.count("secret") == 1  # the word client_secret of the hint
    assert ("invalid_client" in failure.message) == (code == "invalid_client")


def test_known_code_is_shown_even_if_the_secret_is_a_part_of_it():
    failure = read_token(Response(status=400, body=b'{"error":"invalid_client"}'), 0.0, place="here", secret="client")

    assert isinstance(failure, Failure)
    assert "invalid_client" in failure.message


def test_token_and_credentials_do_not_show_what_they_hold():
    desk = Desk([granted("CANARY-TOKEN")])
    credentials = desk.credentials()
    token = credentials.token()

    assert "CANARY" not in f"{token!r} {token} {credentials!r} {vars(credentials)}"
