"""What an answer means, as values. Two scopes: the object, or the whole queue (``QUEUE_SCOPE``).

Kinds of refusal carry the names of the API's own documentation: RequestError (400, 413, 415, 422), AuthError (401,
403), RateLimitError (429) and ServerError (5xx).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from qtisync.model import Digest, Identifier, Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteObject:
    """The API's own copy of an object, as an answer shows it."""

    identifier: Identifier
    xml: str
    content: Digest | None
    """Canonical digest of ``xml``; ``None`` if it cannot be read."""
    metadata: Metadata = field(default_factory=dict)
    version: int | None = None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """2xx, and the body shows the object that was asked for."""

    remote: RemoteObject
    status: int = 200
    name = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The API holds the object as it was meant."""

    remote: RemoteObject
    status: int | None = None
    written: bool = True
    """False: it was there already, nothing was sent."""
    name = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """The API took the object and shows something else than what was meant: told once, never fought."""

    remote: RemoteObject
    differences: tuple[str, ...]
    status: int | None = None
    name = "altered"

    @property
    def message(self) -> str:
        """What differs."""
        return "the API stored something else than what was sent: " + "; ".join(self.differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """429, or 503 with Retry-After. ``until``: when the API may be asked again; ``None``: it did not say."""

    until: float | None
    status: int = 429
    message: str = ""
    sent: bool = True
    """False: nothing was asked, our own pause began before the request could leave."""
    name = "RateLimitError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """No usable answer. ``in_doubt``: the call may have had its effect."""

    message: str
    status: int | None = None
    in_doubt: bool = True

    @property
    def name(self) -> str:
        """``ServerError`` for a 5xx, otherwise ``NoAnswer``."""
        return "ServerError" if self.status is not None and self.status >= 500 else "NoAnswer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The API does not take this content; ``message`` holds the server's words."""

    status: int
    message: str
    name = "RequestError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """404 in the API's own words: the object is not there."""

    status: int = 404
    message: str = "not found"
    name = "Missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """A create met an object with this identifier."""

    status: int = 409
    message: str = "already exists"
    name = "Exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicted:
    """The API's copy is not the one we know, or not ours: a person decides."""

    message: str
    remote: RemoteObject
    status: int | None = None
    name = "Conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Our credentials are refused (401 twice, 403, or by the token endpoint)."""

    message: str
    status: int | None = None
    name = "AuthError"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTheApi:
    """Something answered that is not recognisably this API (a 404 of a proxy, a redirect): never act on it."""

    message: str
    status: int | None = None
    name = "NotTheApi"


Answer: TypeAlias = Shown | Throttled | Unavailable | Refused | Missing | Exists | Denied | NotTheApi
"""What one reply means."""
Outcome: TypeAlias = (
    Accepted | Altered | Throttled | Unavailable | Refused | Missing | Exists | Conflicted | Denied | NotTheApi
)
"""What an attempt came to."""
