"""What the HTTP surface is made of, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qtisync.web.deliveries import Deliveries
from qtisync.web.ports import Control, Exposition, Log
from qtisync.web.signatures import Forge
from qtisync.web.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """One daemon's HTTP surface.

    Secrets come as functions that read them anew each time, so that they can be rotated; they raise ``QtisyncError`` if
    they cannot.
    """

    control: Control
    metrics: Exposition
    log: Log
    now: Callable[[], float]
    ref: str
    """The ref whose pushes ring: a full name, a branch's or a tag's."""
    secrets: Mapping[Forge, Callable[[], str]] = field(default_factory=dict)
    """The secret of each forge that may tell of pushes."""
    token: Callable[[], str] | None = None
    """The token for all but health, metrics and webhooks; ``None``: nothing else is shown over the network."""
    public_metrics: bool = True
    threads: Threads = field(default_factory=Threads)
    deliveries: Deliveries = field(default_factory=Deliveries)
