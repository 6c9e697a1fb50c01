"""How a claimed object is put back: the value that the store writes in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from qtisync.model import Facets, ItemStatus, JournalLine, Metadata, Presence, Recorded, Remote


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An object that one worker holds under a lease. ``row`` is as it was when claimed, target included."""

    row: Recorded
    worker: str
    lease_until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one look at the front of the queue came to: a claim, a slot of the pace to wait for, or neither."""

    claim: Claim | None = None
    begins: float | None = None
    """When the slot begins that was taken for the row that is ready; nothing is claimed before."""
    ready: float | None = None
    """When the next queued row may be claimed; ``None``: nothing is queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The end of one attempt.

    If the row's generation moved on meanwhile, only what the API now has is recorded (``acknowledged``, ``remote``,
    ``presence``, journal) and the row goes back to ``queued`` with its own, fresh attempts.
    """

    status: ItemStatus
    """The next status: ``SYNCED``, ``QUEUED`` (again, at ``not_before``) or ``PARKED``."""
    attempts: int
    not_before: float = 0.0
    presence: Presence
    acknowledged: Facets
    """What the API holds of ours now; a ``None`` half stays in doubt."""
    acknowledged_metadata: Metadata | None = None
    """``None``: unchanged."""
    remote: Remote | None = None
    """``None``: unchanged."""
    outcome: str
    message: str | None = None
    http_status: int | None = None
    altered: str | None = None
    journal: tuple[JournalLine, ...] = ()
