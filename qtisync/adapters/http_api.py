"""The QTI API over HTTP: the only door to ``httpx``.

Each thread that sends has one connection, kept alive: httpx's pool costs time quadratic in its connections, so a client
with a pool of one is taken for a request and put back. A request is tried once. Two exceptions: after a 401 the token
is renewed and the same bytes are sent once more; and a GET or HEAD whose *kept-alive* connection breaks before any
answer goes out once more, on a new one. For other methods a broken connection is ``LOST``: nobody can know whether the
server had read the request.

Proxies of the environment (``HTTPS_PROXY``, ``NO_PROXY``) and ``SSL_CERT_FILE`` are honoured, as schools need them, but
never for this machine's own addresses. ``.netrc`` is never read, cookies are never kept, redirects are never followed.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from qtisync.adapters.credentials import Credentials, Token, TokenClient
from qtisync.adapters.deadlines import Deadlines, Leash
from qtisync.adapters.endpoint import Endpoint, Timeouts
from qtisync.adapters.origins import host_of, is_loopback, redirect_host, request_url
from qtisync.adapters.read_only import ReadOnlyApi
from qtisync.delivery.messages import Failure, FailureKind, Reply, Request, Response
from qtisync.errors import ConfigError, ConfigProblem

__all__ = ["Endpoint", "HttpApi", "ReadOnlyApi", "Timeouts"]

_REDIRECTS = {301, 302, 303, 307, 308}
_GUESSABLE = 8  # characters
_READS = {"GET", "HEAD"}
_KEEP_ALIVE = 4.0  # seconds; less than servers wait (Node's default is 5), so that none hangs up as we begin to write
_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""After these no byte of the request has left; after every other error of httpx some may have arrived."""
_HUNG_UP = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)

for _name in ("httpx", "httpcore"):  # httpcore logs the headers of answers, and a server may repeat our token in them
    logging.getLogger(_name).setLevel(logging.WARNING)


class HttpApi:
    """``Api`` over HTTP/1.1 with a bearer token."""

    def __init__(self, endpoint: Endpoint, *, timeouts: Timeouts | None = None, max_body: int = 50_000_000) -> None:
        self._endpoint = endpoint
        self._timeouts = timeouts or Timeouts()
        self._lines = _Lines(endpoint, self._timeouts, max_body)
        client = TokenClient(
            token_url=endpoint.token_url,
            client_id=endpoint.client_id,
            client_secret=endpoint.client_secret,
            client_auth=endpoint.client_auth,
            scope=endpoint.scope,
        )
        self._credentials = Credentials(client, self._post_form)

    def send(self, request: Request) -> Reply:
        """Send one request with a valid token (one refresh and one replay after a 401).

        Raises ``ValueError`` for a request that must not exist (see ``request_url``; NaN in the body; a DELETE at the
        root of the API) and ``ConfigError`` if ``ca_file`` cannot be read.
        """
        if request.method == "DELETE" and len(request.segments) < 2:  # noqa: PLR2004 - collection and identifier
            raise ValueError("DELETE at the root of the API removes anything that has this name")
        url = request_url(self._endpoint.base_url, request.segments, request.query)
        body = None if request.body is None else _json(request.body)
        token = self._credentials.token()
        reply: Reply = token if isinstance(token, Failure) else self._try(request.method, url, body, token)
        if isinstance(token, Failure) or isinstance(reply, Failure) or reply.status != HTTPStatus.UNAUTHORIZED:
            return reply
        token = self._credentials.token(refused=token)
        return token if isinstance(token, Failure) else self._try(request.method, url, body, token)

    def close(self) -> None:
        """Close all connections; requests under way end as ``LOST``. A later ``send`` opens new ones."""
        self._lines.close()

    def _try(self, method: str, url: str, body: bytes | None, token: Token) -> Reply:
        headers = {
            "accept": "application/json",
            "authorization": f"Bearer {token.value}",
            "user-agent": self._endpoint.user_agent,
        }
        if body is not None:  # on a GET a content type would choose the format of the answer
            headers["content-type"] = "application/json"
        reply = self._lines.exchange(method, url, headers, body, self._timeouts.total)
        return reply if isinstance(reply, Failure) else _without(token.value, reply)

    def _post_form(self, url: str, headers: Mapping[str, str], form: bytes) -> Reply:
        dressed = {**headers, "user-agent": self._endpoint.user_agent}
        return self._lines.exchange("POST", url, dressed, form, self._timeouts.token_total)


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(body), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _without(token: str, response: Response) -> Response:
    """The response, without our token where a server's error repeats it: its words end up in logs and reports."""
    raw = token.encode()
    if response.status < HTTPStatus.BAD_REQUEST or len(raw) < _GUESSABLE:  # a short one may stand in any text
        return response
    headers = {name: value.replace(token, "[token]") for name, value in response.headers.items()}
    return replace(response, headers=headers, body=response.body.replace(raw, b"[token]"))


class _TooLargeError(Exception):
    """The body of an answer is beyond the limit."""


class _TooLateError(Exception):
    """The answer was cut off."""


_BROKEN = (httpx.RequestError, _TooLargeError, _TooLateError)
_UNUSABLE = (httpx.InvalidURL, UnicodeError, ImportError, ValueError)
"""Addresses and proxy settings that the library cannot use."""


class _Line:
    """One httpx client with at most one connection, used by one thread at a time, and what we know of its socket."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.leash = Leash()
        self.fresh = False
        self.sent = False
        self.sent_at = 0.0

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpcore what it does (its ``trace`` extension)."""
        if event.endswith("send_request_headers.started"):
            self.sent = True
            self.sent_at = time.monotonic()
        elif event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.fresh = True
            connected = info["return_value"].get_extra_info("socket")
            if isinstance(connected, socket.socket):
                self.leash.tie(connected)

    def open(self, request: httpx.Request) -> httpx.Response:
        """Send, and read the head of the answer; a read goes out again if its kept-alive connection was dead."""
        self.fresh = self.sent = False
        try:
            return self.client.send(request, stream=True)
        except _HUNG_UP:
            if self.fresh or self.leash.cut_off or request.method not in _READS:
                raise
        return self.client.send(request, stream=True)


class _Lines:
    """The connections: as many as there are threads that send at the same moment."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts, max_body: int) -> None:
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._max_body = max_body
        self._deadlines = Deadlines()
        self._lock = threading.Lock()
        self._idle: list[_Line] = []
        self._era = 0
        self._tls: ssl.SSLContext | None = None

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Reply:
        """One request and its whole answer, or why there is none; at most so many ``seconds``."""
        begun = time.monotonic()
        line: _Line | None = None
        try:
            line, era = self._take()
            asked = line.client.build_request(
                method, url, headers=headers, content=body, extensions={"trace": line.trace}
            )
            with self._deadlines.hold(line.leash, seconds):
                reply = self._answer(line, asked)
            self._put_back(line, era)
        except BaseException as exc:
            if line is not None:
                line.client.close()
            if not isinstance(exc, _UNUSABLE + _BROKEN):
                raise
            return _failure(exc, host_of(url), line, time.monotonic() - begun)
        return reply

    def _answer(self, line: _Line, asked: httpx.Request) -> Reply:
        response = line.open(asked)
        with closing(response):
            if response.status_code in _REDIRECTS:
                return _redirected(str(asked.url), response, time.monotonic() - line.sent_at)
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > self._max_body:
                    raise _TooLargeError
        if line.leash.cut_off:  # an answer without a length ends where the connection ends
            raise _TooLateError
        elapsed = time.monotonic() - line.sent_at
        headers = dict(response.headers.items())  # without items(), httpx searches all of them for each name
        return Response(status=response.status_code, headers=headers, body=bytes(body), elapsed=elapsed)

    def close(self) -> None:
        """Close what is idle, end what is under way (it is closed when it comes back)."""
        with self._lock:
            self._era += 1
            idle, self._idle = self._idle, []
        self._deadlines.close()
        for line in idle:
            line.client.close()

    def _take(self) -> tuple[_Line, int]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), self._era
            era = self._era
        return self._new_line(), era

    def _put_back(self, line: _Line, era: int) -> None:
        with self._lock:
            if era == self._era:
                self._idle.append(line)
                return
        line.client.close()

    def _new_line(self) -> _Line:
        limits = self._timeouts
        hosts = [httpx.URL(url).host for url in (self._endpoint.base_url, self._endpoint.token_url)]
        own = [f"[{host}]" if ":" in host else host for host in hosts if is_loopback(host)]
        client = httpx.Client(
            verify=self._trust(),
            timeout=httpx.Timeout(connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEP_ALIVE),
            mounts={f"all://{host}": None for host in own},  # no proxy for this machine
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
        return _Line(client)

    def _trust(self) -> ssl.SSLContext:
        """One TLS context for all lines (reading the authorities takes longer than a request)."""
        with self._lock:
            if self._tls is None:
                self._tls = _tls_context(self._endpoint)
            return self._tls


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    if not any(url.startswith("https:") for url in (endpoint.base_url, endpoint.token_url)):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and is never asked
    try:
        context = httpx.create_ssl_context()
        if endpoint.ca_file is not None:
            context.load_verify_locations(endpoint.ca_file)
    except OSError as exc:  # unreadable, or no certificate in it
        message = f"the certificates in {endpoint.ca_file or 'SSL_CERT_FILE'} cannot be used"
        problem = ConfigProblem(where="ca_file", message=message, hint="name a file with certificates in PEM form")
        raise ConfigError((problem,)) from exc
    return context


def _redirected(url: str, response: httpx.Response, elapsed: float) -> Failure:
    target = redirect_host(url, response.headers.get("location", ""))
    message = f"{host_of(url)} redirects to {target}, which is not followed; check the address of the target"
    return Failure(kind=FailureKind.REDIRECTED, message=message, elapsed=elapsed)


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "the name of {host} cannot be found"),
    (ssl.SSLCertVerificationError, "the certificate of {host} is not trusted; a private authority goes into ca_file"),
    (ssl.SSLError, "no secure connection to {host}"),
    (ConnectionRefusedError, "{host} refuses connections"),
    (httpx.ConnectTimeout, "{host} does not accept connections in time"),
    (httpx.ProxyError, "the proxy does not connect us to {host}"),
    (httpx.ConnectError, "{host} cannot be reached"),
    (httpx.ReadTimeout, "{host} did not answer in time"),
    (httpx.WriteTimeout, "{host} did not take the request in time"),
    (httpx.DecodingError, "the answer of {host} cannot be decoded"),
    (httpx.RequestError, "the connection to {host} broke before its answer was complete"),
    (_TooLargeError, "the answer of {host} is too large"),
    (_TooLateError, "the answer of {host} did not end in time"),
)
"""What went wrong, in words; the first that fits any link of the chain of causes. The library's texts are not shown."""


def _failure(exc: BaseException, host: str, line: _Line | None, elapsed: float) -> Failure:
    unsent = line is None or not line.sent or isinstance(exc, _NOTHING_SENT)
    message = _words(exc, host)
    if line is not None and line.leash.cut_off:
        message = f"the exchange with {host} was ended after {elapsed:.0f} s"
    return Failure(kind=FailureKind.UNREACHABLE if unsent else FailureKind.LOST, message=message, elapsed=elapsed)


def _words(exc: BaseException, host: str) -> str:
    chain = [exc]
    while chain[-1].__context__ is not None and len(chain) < 10:  # noqa: PLR2004 - long enough for any library
        chain.append(chain[-1].__context__)
    for kind, words in _WORDS:
        if any(isinstance(link, kind) for link in chain):
            return words.format(host=host)
    return f"{host} cannot be used: check the address, and the proxy settings of the environment"
