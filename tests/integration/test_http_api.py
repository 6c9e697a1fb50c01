"""The transport: what leaves, what comes back, and every way in which an answer can fail to come."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_server import Answer, Script, ScriptedServer, Seen, TokenDesk, as_json, scripted_server

from qtisync import __version__
from qtisync.adapters.http_api import Endpoint, HttpApi, Timeouts
from qtisync.delivery.messages import Failure, FailureKind, Purpose, Request, Response
from qtisync.errors import ConfigError

GET = Request(method="GET", segments=("assessment-items", "q1"), purpose=Purpose.PRE_READ)
PUT = Request(method="PUT", segments=("assessment-items", "q1"), purpose=Purpose.UPDATE, body={"xml": "<季語/>"})
HELD = Failure(kind=FailureKind.HELD, message="a pause began before the request could leave")
QUICK = Timeouts(connect=1.0, read=0.5, write=0.5, pool=0.5, total=0.6, token_total=1.0)


def endpoint_of(server: ScriptedServer) -> Endpoint:
    return Endpoint(
        base_url=f"{server.url}/api/",
        token_url=f"{server.url}/oauth2/token",
        client_id=lambda: "the-client",
        client_secret=lambda: "the-secret",
    )


@contextmanager
def an_api(script: Script, timeouts: Timeouts | None = None, **limits: int) -> Iterator[tuple[HttpApi, ScriptedServer]]:
    with (
        scripted_server(TokenDesk(behind=script)) as server,
        closing(HttpApi(endpoint_of(server), timeouts=timeouts, **limits)) as api,
    ):
        yield api, server


def answering(*answers: Answer) -> Script:
    """The given answers in turn, then a plain one for ever."""
    left = list(answers)
    return lambda seen: left.pop(0) if left else as_json({"ok": True})


def test_answer_is_a_value_with_lower_case_headers_and_repeated_ones_joined():
    headers = (("Content-Type", "application/json"), ("X-Word", "one"), ("x-word", "two"), ("RateLimit-Remaining", "7"))
    with an_api(answering(Answer(status=201, headers=headers, body="{}季".encode()))) as (api, _):
        reply = api.send(PUT)

    assert isinstance(reply, Response)
    shown = {name: value for name, value in reply.headers.items() if name not in {"server", "date"}}
    expected = {
        "content-type": "application/json",
        "x-word": "one, two",
        "ratelimit-remaining": "7",
        "content-length": "5",
    }
    assert (reply.status, shown, reply.body) == (201, expected, "{}季".encode())
    assert 0 < reply.elapsed < 5


def test_body_travels_as_compact_utf8_json():
    with an_api(answering()) as (api, server):
        api.send(PUT)

    sent = server.seen[-1]
    assert sent.body == '{"xml":"<季語/>"}'.encode()
    names = ("content-type", "accept", "user-agent", "content-length")
    assert [sent.headers.get(name) for name in names] == [
        "application/json",
        "application/json",
        f"qtisync/{__version__}",
        str(len(sent.body)),
    ]


def test_request_without_a_body_has_no_content_type():
    with an_api(answering()) as (api, server):
        api.send(GET)

    assert (server.seen[-1].body, server.seen[-1].headers.get("content-type")) == (b"", None)


def test_path_and_query_arrive_percent_encoded_and_unchanged_by_the_library():
    request = replace(GET, segments=("assessment-items", "季語/a%2Fb ~'"), query={"filter": "identifier='季&x' OR y+z"})
    with an_api(answering()) as (api, server):
        api.send(request)

    assert server.seen[-1].target == (
        "/api/assessment-items/%E5%AD%A3%E8%AA%9E%2Fa%252Fb%20~%27?filter=identifier%3D%27%E5%AD%A3%26x%27%20OR%20y%2Bz"
    )


@pytest.mark.parametrize("segment", ["", ".", "..", " ", "a\r\nb"])
def test_bad_segment_is_a_bug_and_nothing_is_sent_not_even_for_a_token(segment: str):
    with an_api(answering()) as (api, server):
        with pytest.raises(ValueError):
            api.send(replace(PUT, method="DELETE", segments=("assessment-items", segment)))
        with pytest.raises(ValueError):
            api.send(replace(PUT, method="DELETE", segments=("q1",)))
        with pytest.raises(ValueError):
            api.send(replace(PUT, body={"grade": float("nan")}))

        assert server.seen == []


def test_one_thread_keeps_one_connection_for_the_token_and_all_requests():
    with an_api(answering()) as (api, server):
        for _ in range(20):
            api.send(PUT)

        assert server.connections == 1


def _held() -> tuple[int, int]:
    """Threads and open files of this process. Those of an earlier test's server may still be ending."""
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def test_threads_have_a_connection_each_and_all_are_closed_at_the_end():
    threads, files = _held()
    with an_api(lambda seen: as_json({}, delay=0.02)) as (api, server), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: api.send(PUT), range(80)))
        assert server.connections <= 9
    deadline = time.monotonic() + 5
    left = _held()
    while (left[0] > threads or left[1] > files) and time.monotonic() < deadline:
        time.sleep(0.01)
        left = _held()

    assert (left[0] <= threads, left[1] <= files) == (True, True)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(reset=True), "broke before its answer was complete"),
        (Answer(body=b'{"cut": ', promised=500), "broke before its answer was complete"),
        (Answer(delay=0.9), "did not answer in time"),
        (Answer(body=b"x" * 200, drip=0.01), "was ended after 1 s"),
        (Answer(body=b"x" * 200, drip=0.01, promised=-1), "was ended after 1 s"),
        (Answer(headers=(("content-encoding", "gzip"),), body=b"no gzip"), "cannot be decoded"),
        (Answer(body=b"x" * 2000), "is too large"),
        (Answer(headers=(("content-encoding", "gzip"),), body=gzip.compress(b"x" * 100_000)), "is too large"),
    ],
)
@pytest.mark.parametrize("request_", [PUT, GET], ids=["put", "get"])
def test_request_whose_answer_does_not_arrive_whole_is_lost(answer: Answer, words: str, request_: Request):
    with an_api(lambda seen: answer, QUICK, max_body=1000) as (api, server):
        host = server.url.removeprefix("http://")
        begun = time.monotonic()
        reply = api.send(request_)
        took = time.monotonic() - begun

    assert isinstance(reply, Failure)
    assert (reply.kind, words in reply.message, host in reply.message) == (FailureKind.LOST, True, True)
    assert took < 5


def test_transport_is_of_use_again_after_every_fault():
    faults = [Answer(reset=True), Answer(body=b"{", promised=9), Answer(body=b"x" * 200, drip=0.01), Answer(delay=0.8)]
    with an_api(answering(*faults), QUICK) as (api, _):
        replies = [api.send(PUT) for _ in range(5)]

    assert [isinstance(reply, Failure) for reply in replies] == [True] * 4 + [False]


def test_broken_keep_alive_connection_costs_a_read_one_more_try_and_loses_a_write():
    hangs_up = [as_json({}), Answer(reset=True)]
    with an_api(answering(*hangs_up)) as (api, server):
        assert [type(api.send(GET)), type(api.send(GET))] == [Response, Response]
        assert server.count("GET", "/api") == 3

    with an_api(answering(*hangs_up)) as (api, server):
        assert [type(api.send(PUT)), type(api.send(PUT))] == [Response, Failure]
        assert server.count("PUT", "/api") == 2


def test_read_is_not_tried_again_on_a_new_connection_or_for_ever():
    with an_api(answering(as_json({}), *[Answer(reset=True)] * 5)) as (api, server):
        assert [type(api.send(GET)), type(api.send(GET))] == [Response, Failure]
        assert server.count("GET", "/api") == 3


def test_connection_that_the_idle_server_closed_is_noticed_before_sending():
    with an_api(answering()) as (api, server):
        api.send(PUT)
        server.hang_up()
        time.sleep(0.1)

        assert isinstance(api.send(PUT), Response)
        assert server.connections == 2


def test_nobody_listens_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with an_api(answering()) as (_, server):
        endpoint = replace(endpoint_of(server), base_url=f"http://127.0.0.1:{port}/api")
        with closing(HttpApi(endpoint)) as api:
            reply = api.send(PUT)

    assert isinstance(reply, Failure)
    assert (reply.kind, reply.message) == (FailureKind.UNREACHABLE, f"127.0.0.1:{port} refuses connections")


def test_server_that_speaks_no_tls_is_unreachable():
    with an_api(answering()) as (_, server):
        endpoint = replace(endpoint_of(server), base_url=server.url.replace("http:", "https:"))
        with closing(HttpApi(endpoint)) as api:
            reply = api.send(PUT)

    assert isinstance(reply, Failure)
    assert (reply.kind, "no secure connection" in reply.message) == (FailureKind.UNREACHABLE, True)


def test_certificates_that_cannot_be_read_are_a_fault_of_the_configuration():
    with an_api(answering()) as (_, server):
        endpoint = replace(endpoint_of(server), base_url="https://127.0.0.1:1/api", ca_file="/nowhere.pem")
        with closing(HttpApi(endpoint)) as api, pytest.raises(ConfigError) as caught:
            api.send(PUT)

    assert caught.value.problems[0].message == "the certificates in /nowhere.pem cannot be used"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["https://evil.example.org/take?key=CANARY", "/api/v2/assessment-items/q1", ""])
def test_redirect_is_never_followed(status: int, location: str):
    with an_api(answering(Answer(status=status, headers=(("Location", location),)))) as (api, server):
        reply = api.send(GET)

        own = server.url.removeprefix("http://")
        host = "evil.example.org" if "evil" in location else own
        assert isinstance(reply, Failure)
        assert (reply.kind, reply.message) == (
            FailureKind.REDIRECTED,
            f"{own} redirects to {host}, which is not followed; check the address of the target",
        )
        assert server.count("GET", "/") == 1


def test_not_modified_is_an_answer_like_any_other():
    with an_api(answering(Answer(status=304, promised=-1))) as (api, _):
        assert isinstance(api.send(GET), Response)


def test_cookies_are_not_kept():
    with an_api(answering(Answer(headers=(("Set-Cookie", "who=CANARY; Path=/"),)))) as (api, server):
        api.send(PUT)
        api.send(PUT)

    assert [seen.headers.get("cookie") for seen in server.seen] == [None] * 3


def test_proxy_of_the_environment_is_not_used_for_this_machine(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with an_api(answering()) as (api, _):
        assert isinstance(api.send(PUT), Response)


def test_proxy_setting_that_makes_no_sense_is_a_failure_in_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "gopher://CANARY@proxy")
    monkeypatch.setenv("https_proxy", "gopher://CANARY@proxy")
    endpoint = Endpoint(
        base_url="https://qti.example.org/api",
        token_url="https://login.example.org/oauth2/token",
        client_id=lambda: "the-client",
        client_secret=lambda: "the-secret",
    )
    with closing(HttpApi(endpoint)) as api:
        reply = api.send(PUT)

    assert isinstance(reply, Failure)
    assert "check the address, and the proxy settings of the environment" in reply.message
    assert ("login.example.org" in reply.message, "CANARY" in reply.message) == (True, False)


def test_proxy_of_the_environment_is_used_for_other_machines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """httpcore, which speaks to proxies, would log the headers of answers at DEBUG: they may repeat our token."""
    desk = TokenDesk(behind=_parrot)

    def as_proxy(seen: Seen) -> Answer:
        assert seen.target.startswith("http://qti.example.org/")
        return desk(replace(seen, target=seen.target.removeprefix("http://qti.example.org")))

    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with scripted_server(as_proxy) as server:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, server.url)
        address = "http://qti.example.org"
        endpoint = replace(endpoint_of(server), base_url=f"{address}/api", token_url=f"{address}/oauth2/token")
        with closing(HttpApi(endpoint)) as api:
            caplog.set_level(logging.DEBUG)
            replies = [api.send(PUT), api.send(PUT)]

    logged = "\n".join(f"{record.name} {record.getMessage()}" for record in caplog.records)
    assert [getattr(reply, "status", None) for reply in replies] == [500, 500]
    assert ("[token]" in repr(replies), server.connections) == (True, 1)
    assert "canary" not in (logged + repr(replies)).lower()


def test_nothing_leaves_if_a_pause_begins_while_the_token_is_fetched():
    paused = threading.Event()

    def desk(_seen: Seen) -> Answer:
        paused.set()
        return as_json({"access_token": "a-token", "expires_in": 3600})

    with scripted_server(desk) as server, closing(HttpApi(endpoint_of(server))) as api:
        reply = api.send(PUT, lambda: not paused.is_set())

    assert reply == HELD
    assert [seen.target for seen in server.seen] == ["/oauth2/token"]


def test_nothing_leaves_if_a_pause_begins_while_the_connection_is_set_up():
    looks: list[bool] = []

    def may_leave() -> bool:
        looks.append(len(looks) != 1)  # the second look is the one right before the first byte
        return looks[-1]

    with an_api(answering()) as (api, server):
        assert (api.send(PUT, may_leave), server.count("PUT", "/api")) == (HELD, 0)
        assert isinstance(api.send(PUT, may_leave), Response)
        assert (server.count("PUT", "/api"), looks) == (1, [True, False, True, True])


def test_nothing_leaves_through_a_proxy_after_a_pause_began(monkeypatch: pytest.MonkeyPatch):
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    looks = iter([True, False])
    token = as_json({"access_token": "a-token", "expires_in": 3600})
    with scripted_server(lambda _seen: token) as server:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, server.url)
        address = "http://qti.example.org"
        endpoint = replace(endpoint_of(server), base_url=f"{address}/api", token_url=f"{address}/oauth2/token")
        with closing(HttpApi(endpoint)) as api:
            reply = api.send(PUT, lambda: next(looks))

    assert (reply, [seen.target for seen in server.seen]) == (HELD, [f"{address}/oauth2/token"])


def test_close_ends_what_is_under_way_and_the_transport_can_be_used_again():
    with an_api(answering(Answer(delay=5.0))) as (api, server), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.send, PUT)
        while server.count("PUT", "/api") == 0:
            time.sleep(0.01)
        begun = time.monotonic()
        api.close()
        reply = waiting.result()

        assert isinstance(reply, Failure)
        assert (reply.kind, time.monotonic() - begun < 4) == (FailureKind.LOST, True)
        assert isinstance(api.send(PUT), Response)


def _parrot(seen: Seen) -> Answer:
    said = seen.headers["authorization"]
    return Answer(status=500, headers=(("X-Echo", said),), body=f"you sent {said}".encode())


def test_secret_and_token_are_in_no_log_repr_or_reply(caplog: pytest.LogCaptureFixture):
    refusal = as_json({"error": "canary_secret"}, 400)
    desk = TokenDesk(behind=_parrot, client_secret="canary_secret", answers=[refusal])
    ids = iter(["another", "the-client"])
    with scripted_server(desk) as server:
        endpoint = replace(endpoint_of(server), client_id=lambda: next(ids), client_secret=lambda: "canary_secret")
        with closing(HttpApi(endpoint)) as api:
            caplog.set_level(logging.DEBUG)
            said = [repr(api.send(PUT)), repr(api.send(PUT)), repr(api), repr(vars(api)), repr(endpoint)]
            desk.behind = lambda seen: Answer(reset=True)
            said.append(repr(api.send(PUT)))

    logged = "\n".join(f"{record.name} {record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "[token]" in said[1]
    assert "canary" not in (logged + "\n".join(said)).lower()
