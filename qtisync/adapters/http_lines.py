"""The connections to an API and its token endpoint: a door to ``httpx``.

Each thread that sends has one, kept alive. A request is tried once, except for a GET or HEAD whose connection was kept
and breaks before any answer.

Proxies of the environment (``HTTPS_PROXY``, ``NO_PROXY``) and ``SSL_CERT_FILE`` are honoured, as schools need them, but
never for this machine's own addresses. ``.netrc`` is never read, cookies are never kept, redirects are never followed.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.request import getproxies

import httpx

from qtisync.adapters.deadlines import Deadlines
from qtisync.adapters.endpoint import Endpoint, Timeouts
from qtisync.adapters.http_line import Answer, HeldBackError, Line
from qtisync.adapters.lean_transport import LeanTransport
from qtisync.adapters.origins import host_of, is_loopback, redirect_host
from qtisync.delivery.messages import Failure, FailureKind, MayLeave, Reply, Response
from qtisync.errors import ConfigError, ConfigProblem

_REDIRECTS = {301, 302, 303, 307, 308}
HELD = "a pause began before the request could leave"
_PROXIED = {"http", "https", "all"}
_KEEP_ALIVE = 4.0  # seconds; less than servers wait (Node's default is 5), so that none hangs up as we begin to write
_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""After these no byte of the request has left; after every other error of httpx some may have arrived."""

for _name in ("httpx", "httpcore"):  # httpcore logs the headers of answers, and a server may repeat our token in them
    logging.getLogger(_name).setLevel(logging.WARNING)


class _TooLargeError(Exception):
    """The body of an answer is beyond the limit."""


class _TooLateError(Exception):
    """The answer was cut off."""


_BROKEN = (httpx.RequestError, _TooLargeError, _TooLateError, HeldBackError)
_UNUSABLE = (httpx.InvalidURL, UnicodeError, ImportError, ValueError)
"""Addresses and proxy settings that the library cannot use."""


class Lines:
    """The connections: as many as there are threads that send at the same moment."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts, max_body: int) -> None:
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._max_body = max_body
        self._deadlines = Deadlines()
        self._lock = threading.Lock()
        self._idle: list[Line] = []
        self._era = 0
        self._tls: ssl.SSLContext | None = None

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: float,
        may_leave: MayLeave | None = None,
    ) -> Reply:
        """One request and its whole answer, or why there is none; at most so many ``seconds``."""
        begun = time.monotonic()
        line: Line | None = None
        try:
            line, era = self._take()
            with (
                self._deadlines.hold(line.leash, seconds),
                closing(line.open(method, url, headers, body, may_leave)) as answer,
            ):
                reply = self._read(line, url, answer)
            self._put_back(line, era)
        except BaseException as exc:
            if line is not None:
                line.close()
            if not isinstance(exc, _UNUSABLE + _BROKEN):
                raise
            return _failure(exc, host_of(url), line, time.monotonic() - begun)
        return reply

    def _read(self, line: Line, url: str, answer: Answer) -> Reply:
        if answer.status in _REDIRECTS:
            return _redirected(url, answer, time.monotonic() - line.sent_at)
        pieces, left = [], self._max_body
        for piece in answer.pieces:
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise _TooLargeError
        if line.leash.cut_off:  # an answer without a length ends where the connection ends
            raise _TooLateError
        elapsed = time.monotonic() - line.sent_at
        return Response(status=answer.status, headers=answer.headers, body=b"".join(pieces), elapsed=elapsed)

    def close(self) -> None:
        """Close what is idle, end what is under way (it is closed when it comes back)."""
        with self._lock:
            self._era += 1
            idle, self._idle = self._idle, []
        self._deadlines.close()
        for line in idle:
            line.close()

    def _take(self) -> tuple[Line, int]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), self._era
            era = self._era
        return self._new_line(), era

    def _put_back(self, line: Line, era: int) -> None:
        with self._lock:
            if era == self._era:
                self._idle.append(line)
                return
        line.close()

    def _new_line(self) -> Line:
        lean, limits = LeanTransport(self._trust(), _KEEP_ALIVE), self._timeouts
        hosts = [httpx.URL(url).host for url in (self._endpoint.base_url, self._endpoint.token_url)]
        own = [host for host in hosts if is_loopback(host)]
        if own == hosts or not getproxies().keys() & _PROXIED:
            return Line(lean, limits)
        client = httpx.Client(
            verify=self._trust(),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEP_ALIVE),
            mounts={f"all://[{host}]" if ":" in host else f"all://{host}": lean for host in own},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
        return Line(client, limits)

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


def _redirected(url: str, answer: Answer, elapsed: float) -> Failure:
    target = redirect_host(url, answer.headers.get("location", ""))
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


def _failure(exc: BaseException, host: str, line: Line | None, elapsed: float) -> Failure:
    if isinstance(exc, HeldBackError):
        return Failure(kind=FailureKind.HELD, message=HELD)
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
