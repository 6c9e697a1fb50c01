"""Hostile and unlucky servers: an answer is whole and belongs to its request, or there is none."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from raw_server import Raw, RawServer, ok, raw_server, whole

from qtisync.adapters.endpoint import Endpoint, Timeouts
from qtisync.adapters.http_lines import Lines
from qtisync.adapters.lean_transport import LeanTransport
from qtisync.delivery.messages import Failure, FailureKind, Reply, Response

OK = b"HTTP/1.1 200 OK\r\n"
LIMITS = Timeouts(connect=2.0, read=0.5, write=2.0)


def lines_to(server: RawServer, limits: Timeouts = LIMITS, **more: Any) -> Lines:
    endpoint = Endpoint(
        base_url=server.url, token_url=server.url, client_id=lambda: "", client_secret=lambda: "", **more
    )
    return Lines(endpoint, limits, 1_000_000)


def ask(lines: Lines, server: RawServer, method: str = "PUT", body: bytes | None = b"{}") -> Reply:
    return lines.exchange(method, f"{server.url}/api/x", {"accept": "*/*"}, body, 5.0)


def body_of(*script: Raw, method: str = "PUT") -> bytes | FailureKind:
    with raw_server(*script) as server, closing(lines_to(server)) as lines:
        reply = ask(lines, server, method)
    return reply.body if isinstance(reply, Response) else reply.kind


def test_request_is_one_message_with_a_host_and_a_length():
    with raw_server(ok()) as server, closing(lines_to(server)) as lines:
        ask(lines, server)
        ask(lines, server, "GET", None)

    host = server.url.removeprefix("http://").encode()
    common = b"host: " + host + b"\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\n"
    assert server.requests == [
        b"PUT /api/x HTTP/1.1\r\n" + common + b"content-length: 2\r\n\r\n{}",
        b"GET /api/x HTTP/1.1\r\n" + common + b"\r\n",
    ]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (whole(OK + b"content-length: 5\r\n\r\nhello"), b"hello"),
        (whole(*(bytes([byte]) for byte in OK + b"content-length: 5\r\n\r\nhello")), b"hello"),
        (whole(OK + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nx-trailer: y\r\n\r\n"), b"hello"),
        (whole(OK + b"transfer-encoding: chunked\r\n\r\n3\r", b"\nhe", b"l\r\n0\r\n", b"\r\n"), b"hel"),
        (whole(OK + b"\r\nhello", then="close"), b"hello"),
        (whole(b"HTTP/1.0 200 OK\r\n\r\nhello", then="close"), b"hello"),
        (whole(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi"), b"hi"),
        (whole(OK + b"x-folded: one\r\n two\r\ncontent-length: 2\r\n\r\nhi"), b"hi"),
        (whole(b"HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n"), b""),
        (whole(b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi"), b"hi"),
    ],
)  # fmt: skip
def test_body_is_read_to_its_very_end(script: Raw, body: bytes):
    assert body_of(script) == body


@pytest.mark.parametrize(
    "script",
    [
        whole(b"", then="close"),
        whole(b"", then="reset"),
        whole(b"HTTP/1.1 200", then="close"),
        whole(OK + b"content-length: 9\r\n\r\nhello", then="close"),
        whole(OK + b"content-length: 9\r\n\r\nhello", then="reset"),
        whole(OK + b"\r\nhello", pause=0.05, then="reset"),
        whole(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhel", then="close"),
        whole(OK + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n", then="close"),
        whole(OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"),
        whole(OK + b"transfer-encoding: chunked\r\n\r\n-2\r\nhe\r\n0\r\n\r\n"),
        whole(OK + b"transfer-encoding: chunked\r\n\r\n" + b"0" * 5000),
        whole(OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 50_000 + b"\r\n"),
        whole(OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
        whole(OK + b"x: " + b"y" * 200_000 + b"\r\n\r\n"),
        whole(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000),
        whole(b"SSH-2.0-OpenSSH\r\n\r\n"),
        whole(b"\x00" * 1000 + b"\r\n\r\n"),
        whole(b"", pause=0.7),
        whole(OK + b"content-length: 2\r\n\r\nh", pause=0.7),
    ],
    ids=str,
)
def test_whatever_else_a_server_says_leaves_a_write_in_doubt(script: Raw):
    assert body_of(script) is FailureKind.LOST


@pytest.mark.parametrize(
    "first",
    [
        whole(OK + b"content-length: 2\r\n\r\n{}" + OK + b"content-length: 3\r\n\r\nbad"),
        whole(OK + b"content-length: 2\r\n\r\n{}", OK + b"content-length: 3\r\n\r\nbad", pause=0.02),
        whole(OK + b"content-length: 2\r\n\r\n{}x"),
        whole(OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        whole(b"HTTP/1.1 204 No Content\r\n\r\nhello"),
        whole(OK + b"content-length: 2\r\nconnection: close\r\n\r\n{}"),
        whole(OK + b"content-length: 2\r\n\r\n{}", pause=0.02, then="close"),
        whole(OK + b"content-length: 2\r\n\r\n{}", pause=0.02, then="reset"),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_connection_whose_state_is_in_doubt_is_not_used_again(first: Raw, method: str):
    with raw_server(first, ok(b"mine")) as server, closing(lines_to(server)) as lines:
        assert isinstance(ask(lines, server, method), Response)
        time.sleep(0.1)
        reply = ask(lines, server, method)

    assert isinstance(reply, Response)
    assert (reply.body, server.connections, len(server.requests)) == (b"mine", 2, 2)


def test_create_on_a_kept_connection_that_breaks_is_lost_and_sent_once():
    with raw_server(ok(), whole(b"", then="reset"), ok()) as server, closing(lines_to(server)) as lines:
        replies = [ask(lines, server, "POST") for _ in range(2)]

        assert (isinstance(replies[0], Response), getattr(replies[1], "kind", None)) == (True, FailureKind.LOST)
        assert len(server.requests) == 2


def test_answer_that_comes_before_the_body_was_taken_is_heard():
    refusal = whole(
        b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno", pause=0.3, early=True
    )
    with raw_server(refusal, ok()) as server, closing(lines_to(server)) as lines:
        reply = ask(lines, server, "PUT", b"x" * 100_000)
        again = ask(lines, server, "PUT")

    assert isinstance(reply, Response)
    assert (reply.status, isinstance(again, Response), server.connections) == (413, True, 2)


def test_connection_idle_for_long_is_not_used():
    with raw_server(ok()) as server, closing(LeanTransport(ssl.create_default_context(), 0.05)) as transport:
        request = httpx.Request("GET", f"{server.url}/")
        for _ in range(2):
            transport.handle_request(request).read()
            time.sleep(0.1)

    assert server.connections == 2


def test_it_serves_an_httpx_client_as_any_transport_does():
    with raw_server(ok(b'{"a": 1}')) as server, httpx.Client(transport=_plain()) as client:
        answers = [client.put(server.url, json={"b": 2}).json() for _ in range(3)]
        with client.stream("GET", server.url) as response:
            response.read()

    assert (answers, server.connections) == ([{"a": 1}] * 3, 1)


def _plain() -> LeanTransport:
    return LeanTransport(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), 4.0)


def test_request_that_would_be_two_is_never_sent():
    with raw_server(ok()) as server, closing(lines_to(server)) as lines:
        headers = {"x": "y\r\nhost: elsewhere"}
        reply = lines.exchange("GET", f"{server.url}/a", headers, None, 5.0)

    assert isinstance(reply, Failure)
    assert (reply.kind, server.requests) == (FailureKind.UNREACHABLE, [])


def test_close_from_another_thread_ends_an_exchange():
    with raw_server(whole(b"", pause=5.0)) as server, closing(lines_to(server, Timeouts(read=20.0))) as lines:
        closer = threading.Thread(target=lambda: (_wait_for_request(server), lines.close()))
        closer.start()
        begun = time.monotonic()
        reply = ask(lines, server)
        took = time.monotonic() - begun
        closer.join()

    assert isinstance(reply, Failure)
    assert (reply.kind, took < 3) == (FailureKind.LOST, True)


def _wait_for_request(server: RawServer) -> None:
    while not server.requests:
        time.sleep(0.01)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two self-signed certificates: for 127.0.0.1, and for another name."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, subject in (("own", "IP:127.0.0.1"), ("other", "DNS:other.example.org")):
        command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -addext subjectAltName={subject}"
        files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
        subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return folder


def serving(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_https_with_a_certificate_of_ca_file_is_spoken_and_kept(certificates: Path):
    ca_file = str(certificates / "own.pem")
    served = raw_server(ok(b"secret"), tls=serving(certificates, "own"))
    with served as server, closing(lines_to(server, ca_file=ca_file)) as lines:
        replies = [ask(lines, server) for _ in range(3)]

    assert [getattr(reply, "body", reply) for reply in replies] == [b"secret"] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    ("name", "trusted"), [("own", None), ("other", "other"), ("own", "other")], ids=["unknown", "wrong name", "another"]
)
def test_server_that_cannot_prove_its_name_hears_nothing(certificates: Path, name: str, trusted: str | None):
    ca_file = None if trusted is None else str(certificates / f"{trusted}.pem")
    served = raw_server(ok(), tls=serving(certificates, name))
    with served as server, closing(lines_to(server, ca_file=ca_file)) as lines:
        reply = ask(lines, server)

    assert isinstance(reply, Failure)
    assert (reply.kind, "is not trusted" in reply.message) == (FailureKind.UNREACHABLE, True)
    assert server.requests == []
