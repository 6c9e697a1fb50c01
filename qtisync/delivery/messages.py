"""What goes over the wire and what comes back, as values: no library, no socket."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from qtisync.model import Json


class Purpose(enum.StrEnum):
    """Why a request is made: for the journal, the logs and the metrics."""

    CREATE = "create"
    UPDATE = "update"
    UPDATE_METADATA = "update_metadata"
    DELETE = "delete"
    PRE_READ = "pre_read"
    READ_BACK = "read_back"
    CANARY_READ = "canary_read"
    RESTORE = "restore"
    LIST = "list"
    CHECK = "check"
    PROBE = "probe"

    @property
    def writes(self) -> bool:
        """Whether a request of this purpose changes the API."""
        return self in _WRITES


_WRITES = frozenset({Purpose.CREATE, Purpose.UPDATE, Purpose.UPDATE_METADATA, Purpose.DELETE, Purpose.RESTORE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request below the base URL.

    ``segments`` are the parts of the path, not yet percent-encoded; ``body`` becomes JSON.
    """

    method: str
    segments: tuple[str, ...]
    purpose: Purpose
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One complete answer. ``headers`` have lower-case names; a repeated header's values are joined by ``, ``."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    elapsed: float = 0.0
    """Seconds from the first byte sent to the last byte read."""


class FailureKind(enum.StrEnum):
    """Why there is no answer."""

    UNREACHABLE = "unreachable"
    """Nothing was sent: name not found, connection refused, TLS failed, timeout while connecting."""
    HELD = "held"
    """Nothing was sent: a pause of ours began before it could leave."""
    LOST = "lost"
    """The request may have arrived: timeout, reset or a truncated answer afterwards."""
    REDIRECTED = "redirected"
    """The server points to another origin; it was not followed."""
    DENIED = "denied"
    """The token endpoint refused our credentials."""
    TOKEN_THROTTLED = "token_throttled"  # noqa: S105 - a name, not a secret
    """The token endpoint answered 429; ``retry_after`` has its header."""
    TOKEN_UNAVAILABLE = "token_unavailable"  # noqa: S105 - a name, not a secret
    """The token endpoint is down or unreadable."""
    NO_TOKEN_ENDPOINT = "no_token_endpoint"  # noqa: S105 - a name, not a secret
    """What answers at the address of the token endpoint is none, and never was while this process runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """No answer. ``message`` is in our words and never holds a secret, a token or a body."""

    kind: FailureKind
    message: str
    retry_after: str | None = None
    elapsed: float = 0.0


Reply: TypeAlias = Response | Failure
MayLeave: TypeAlias = Callable[[], bool]
"""Asked right before the first byte of a request leaves; no: nothing is sent, and the reply is a ``HELD`` failure."""
