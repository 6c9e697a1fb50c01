"""The daemon's state in numbers, as metrics show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What a daemon can say of itself at one moment. Times are seconds since the epoch."""

    target: str
    head: str | None = None
    """The newest commit that was seen."""
    head_seen_at: float | None = None
    """When the ref was last really read."""
    synced: str | None = None
    synced_at: float | None = None
    """When "synced to this commit" was last said."""
    in_sync: bool = False
    items: Mapping[str, int] = field(default_factory=dict)
    """Objects by status: synced, queued, in_flight, parked, blocked, held, orphan, ignored."""
    queued: Mapping[str, int] = field(default_factory=dict)
    """Objects that wait to be sent, by lane."""
    rate: float | None = None
    """Requests per second that the pace allows now."""
    ceiling: float | None = None
    paused_seconds: float = 0.0
    """How long the API still makes us wait."""
    paused_by_person: bool = False
    held: bool = False
    """A safety rule holds the newest pass."""
    api_up: bool = True
    """Whether the API gives usable answers, as far as is known."""
    degraded: tuple[str, ...] = ()
    """Why it works less well than it could, in words."""
    unready: tuple[str, ...] = ()
    """Why it is not ready, in words; empty: it is."""
