"""Where a target is, who we are there, and how long we wait: plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from qtisync import __version__
from qtisync.adapters.credentials import ClientAuth


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Limits in seconds: ``total`` for an exchange, ``token_total`` for one with the token endpoint, others for a step.

    Looking up a name is the resolver's business and not limited here.
    """

    connect: float = 5.0
    read: float = 40.0
    write: float = 40.0
    pool: float = 5.0
    total: float = 60.0
    token_total: float = 15.0

    @property
    def longest(self) -> float:
        """The longest that a ``send`` can take (two tries, each after waiting for a token): a lease must be longer."""
        return 2 * self.total + 4 * self.token_total


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One target: where it is and who we are there. ``ca_file`` is trusted beside the usual authorities."""

    base_url: str
    token_url: str
    client_id: Callable[[], str] = field(repr=False)
    client_secret: Callable[[], str] = field(repr=False)
    client_auth: ClientAuth = "body"
    scope: str = ""
    user_agent: str = f"qtisync/{__version__}"
    ca_file: str | None = None
    on_token: Callable[[], None] = field(default=lambda: None, repr=False)
    """Hears of each new access token."""
