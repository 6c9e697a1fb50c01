"""A transport that cannot write."""

from __future__ import annotations

from typing import Protocol

from qtisync.delivery.messages import MayLeave, Reply, Request

_READS = {"GET", "HEAD"}


class Sender(Protocol):
    """What ``engine.ports.Api`` asks for; adapters do not import the engine."""

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        """Send one request."""

    def close(self) -> None:
        """Close all connections."""


class WriteRefusedError(Exception):
    """Something tried to write through a transport that only reads: a bug of ours, so it crashes."""


class ReadOnlyApi:
    """An ``Api`` that cannot write: for plan, check and doctor."""

    def __init__(self, api: Sender) -> None:
        self._api = api

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        """Send a request that only reads; raises ``WriteRefusedError`` for any other."""
        if request.purpose.writes or request.method not in _READS:
            raise WriteRefusedError(f"{request.method} ({request.purpose}) on a transport that only reads")
        return self._api.send(request, may_leave)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()
