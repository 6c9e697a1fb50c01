"""One token for all threads: the five scenarios of the libraries study, refusals, and what is never shown."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from scripted_server import Answer, ScriptedServer, TokenDesk, as_json, scripted_server

from qtisync.adapters.endpoint import Endpoint
from qtisync.adapters.http_api import HttpApi
from qtisync.delivery.messages import Failure, FailureKind, Purpose, Reply, Request, Response
from qtisync.errors import RepositoryError

PUT = Request(method="PUT", segments=("assessment-items", "q1"), purpose=Purpose.UPDATE, body={"format": "xml"})
HTML = Answer(status=200, headers=(("content-type", "text/html"),), body=b"<html>Welcome to our network</html>")


@contextmanager
def an_api(desk: TokenDesk, **changes: object) -> Iterator[tuple[HttpApi, ScriptedServer]]:
    with scripted_server(desk) as server:
        settings: dict[str, object] = {
            "base_url": f"{server.url}/api",
            "token_url": f"{server.url}/oauth2/token",
            "client_id": lambda: desk.client_id,
            "client_secret": lambda: "the-secret",
        }
        api = HttpApi(Endpoint(**(settings | changes)))  # type: ignore[arg-type]
        try:
            yield api, server
        finally:
            api.close()


def at_once(api: HttpApi, count: int) -> list[Reply]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: api.send(PUT), range(count)))


def statuses(replies: list[Reply]) -> dict[object, int]:
    seen = [reply.status if isinstance(reply, Response) else reply.kind for reply in replies]
    return {status: seen.count(status) for status in seen}


def test_cold_start_of_fifty_asks_for_one_token():
    desk = TokenDesk(delay=0.1)
    with an_api(desk) as (api, _):
        assert (statuses(at_once(api, 50)), desk.asked) == ({200: 50}, 1)


def test_fifty_that_find_their_token_revoked_ask_for_one_more():
    desk = TokenDesk(delay=0.1)
    with an_api(desk) as (api, _):
        at_once(api, 1)
        desk.revoke_all()

        assert (statuses(at_once(api, 50)), desk.asked) == ({200: 50}, 2)


def test_server_that_expires_tokens_early_costs_one_call_for_each_expiry():
    desk = TokenDesk(delay=0.02)
    with an_api(desk) as (api, _):
        for _ in range(3):
            assert statuses(at_once(api, 20)) == {200: 20}
            desk.revoke_all()

    assert desk.asked == 3


def test_normal_expiry_asks_for_one_token_and_no_request_is_refused():
    desk = TokenDesk(life=0.3, delay=0.05)
    with an_api(desk) as (api, server):
        at_once(api, 1)
        time.sleep(0.35)
        desk.revoke_all()

        assert statuses(at_once(api, 30)) == {200: 30}
        assert (desk.asked, server.count("PUT", "/api/")) == (2, 31)


def test_short_lived_token_is_used_for_nine_tenths_of_its_life():
    desk = TokenDesk(life=20)
    with an_api(desk) as (api, _):
        assert (statuses([api.send(PUT) for _ in range(10)]), desk.asked) == ({200: 10}, 1)


def test_second_401_is_returned_as_it_is_after_one_replay_of_the_same_bytes():
    desk = TokenDesk(behind=lambda seen: as_json({"message": "not for you"}, 401))
    with an_api(desk) as (api, server):
        reply = api.send(PUT)

    assert isinstance(reply, Response)
    assert (reply.status, reply.body) == (401, b'{"message": "not for you"}')
    assert [seen.body for seen in server.seen if seen.method == "PUT"] == [b'{"format":"xml"}'] * 2
    assert desk.asked == 2


def test_server_that_hands_out_the_same_token_again_is_asked_once_per_burst():
    """A cache in front of the endpoint: to compare the *texts* of tokens would ask once for each of the twenty."""
    same = [as_json({"access_token": "the-same-token", "expires_in": 3600}) for _ in range(50)]
    desk = TokenDesk(
        answers=same, valid={"the-same-token"}, behind=lambda seen: as_json({"message": "no"}, 401, delay=0.2)
    )
    with an_api(desk) as (api, _):
        at_once(api, 1)
        assert desk.asked == 2

        assert statuses(at_once(api, 20)) == {401: 20}
        assert desk.asked == 3


def test_bad_credentials_stop_fifty_requests_with_one_token_call_and_nothing_sent():
    desk = TokenDesk(client_secret="another", delay=0.05)
    with an_api(desk) as (api, server):
        replies = [*at_once(api, 50), api.send(PUT)]

    assert statuses(replies) == {FailureKind.DENIED: 51}
    assert (desk.asked, server.count("PUT", "/")) == (1, 0)
    assert isinstance(replies[0], Failure)
    host = server.url.removeprefix("http://")
    assert replies[0].message == (
        f"the token endpoint {host}/oauth2/token refused our credentials (HTTP 400, invalid_client);"
        " check client_id and client_secret; stray white space is a common cause"
    )


def test_rotated_secret_is_read_again_at_once_after_a_refusal():
    desk = TokenDesk(client_secret="new")
    secrets = iter(["old\n", " new\n"])
    with an_api(desk, client_secret=lambda: next(secrets)) as (api, _):
        assert statuses([api.send(PUT), api.send(PUT)]) == {FailureKind.DENIED: 1, 200: 1}


def test_refused_token_is_not_tried_again_by_anybody():
    desk = TokenDesk()
    with an_api(desk) as (api, server):
        api.send(PUT)
        desk.revoke_all()
        desk.answers = [as_json({"error": "invalid_client"}, 401)]

        assert statuses([api.send(PUT), api.send(PUT)]) == {FailureKind.DENIED: 2}
        assert server.count("PUT", "/") == 2


@pytest.mark.parametrize(
    ("answer", "kind", "retry_after"),
    [
        (as_json({"error": "unauthorized_client"}, 401), FailureKind.DENIED, None),
        (as_json({"error": "invalid_scope"}, 400), FailureKind.DENIED, None),
        (as_json({"error": "Something of its own!"}, 400), FailureKind.DENIED, None),
        (Answer(status=403, body=b"<html>Forbidden</html>"), FailureKind.DENIED, None),
        (Answer(status=429, headers=(("Retry-After", "7.5"),)), FailureKind.TOKEN_THROTTLED, "7.5"),
        (Answer(status=429), FailureKind.TOKEN_THROTTLED, None),
        (as_json({"error": "temporarily_unavailable"}, 400), FailureKind.TOKEN_UNAVAILABLE, None),
        (Answer(status=400, body=b"<html>Proxy</html>"), FailureKind.TOKEN_UNAVAILABLE, None),
        (Answer(status=404, body=b"<html>Not here</html>"), FailureKind.NO_TOKEN_ENDPOINT, None),
        (as_json({"error": "not found"}, 405), FailureKind.NO_TOKEN_ENDPOINT, None),
        (Answer(status=503, body=b"<html>Gateway</html>"), FailureKind.TOKEN_UNAVAILABLE, None),
        (
            Answer(status=302, headers=(("Location", "https://login.example.org/"),)),
            FailureKind.NO_TOKEN_ENDPOINT,
            None,
        ),
        (Answer(reset=True), FailureKind.TOKEN_UNAVAILABLE, None),
        (HTML, FailureKind.NO_TOKEN_ENDPOINT, None),
        (as_json(["no object"]), FailureKind.NO_TOKEN_ENDPOINT, None),
        (as_json({"access_token": 7}), FailureKind.NO_TOKEN_ENDPOINT, None),
        (as_json({"access_token": "two\r\nlines"}), FailureKind.NO_TOKEN_ENDPOINT, None),
        (as_json({"access_token": ""}), FailureKind.NO_TOKEN_ENDPOINT, None),
    ],
)
def test_answer_without_a_token_becomes_a_failure(answer: Answer, kind: FailureKind, retry_after: str | None):
    with an_api(TokenDesk(answers=[answer])) as (api, server):
        reply = api.send(PUT)

    assert isinstance(reply, Failure)
    assert (reply.kind, reply.retry_after) == (kind, retry_after)
    assert server.count("PUT", "/") == 0


def test_page_in_the_place_of_a_token_endpoint_that_gave_tokens_before_is_something_passing():
    desk = TokenDesk()
    with an_api(desk) as (api, _):
        api.send(PUT)
        desk.revoke_all()
        desk.answers = [HTML, Answer(status=404)]

        assert statuses([api.send(PUT) for _ in range(3)]) == {FailureKind.TOKEN_UNAVAILABLE: 2, 200: 1}


def test_token_endpoint_that_is_down_once_is_asked_again_by_the_next_request():
    with an_api(TokenDesk(answers=[Answer(status=503)])) as (api, _):
        assert statuses([api.send(PUT), api.send(PUT)]) == {FailureKind.TOKEN_UNAVAILABLE: 1, 200: 1}


def test_threads_that_wait_for_a_token_share_the_failure():
    with an_api(TokenDesk(answers=[Answer(status=503, delay=0.2) for _ in range(20)])) as (api, server):
        assert statuses(at_once(api, 20)) == {FailureKind.TOKEN_UNAVAILABLE: 20}
        assert server.count("POST", "/oauth2/token") == 1


def test_basic_authentication_and_scope_are_sent_as_asked():
    desk = TokenDesk(answers=[as_json({"access_token": "abcdefgh", "expires_in": 60})])
    with an_api(desk, client_auth="basic", scope="read write", client_secret=lambda: "s:e cret") as (api, server):
        api.send(PUT)

    asked = server.seen[0]
    assert asked.form == {"grant_type": "client_credentials", "scope": "read write"}
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"the-client:s%3Ae+cret"


def test_default_is_the_form_body():
    with an_api(TokenDesk()) as (api, server):
        api.send(PUT)

    asked = server.seen[0]
    assert asked.form == {"grant_type": "client_credentials", "client_id": "the-client", "client_secret": "the-secret"}
    assert "authorization" not in asked.headers


def _missing_file() -> str:
    raise RepositoryError("no such file: /etc/CANARY")


@pytest.mark.parametrize("secret", [lambda: " \n", _missing_file])
def test_secret_that_is_empty_or_unreadable_is_denied_without_a_call(secret: Callable[[], str]):
    with an_api(TokenDesk(), client_secret=secret) as (api, server):
        reply = api.send(PUT)

    assert isinstance(reply, Failure)
    assert (reply.kind, server.seen) == (FailureKind.DENIED, [])
