"""What happens next after an attempt: a decision, not a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from qtisync.delivery.outcome import (
    Accepted,
    Altered,
    Conflicted,
    Denied,
    Exists,
    Missing,
    NotTheApi,
    Outcome,
    Refused,
    Throttled,
    Unavailable,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient we are. Durations in seconds."""

    base: float = 1.0
    cap: float = 300.0
    server_error_attempts: int = 4
    """A 500 is often a refusal in disguise: after so many attempts the object is parked with the server's words."""
    pause_without_hint: float = 1.0
    """Pause after a 429 that names no time."""
    pause_cap: float = 300.0
    """Longest pause that an answer can impose."""
    block_on_conflict: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """Done: record what the API has."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try the object again at ``at``; this attempt counts."""

    at: float


@dataclass(frozen=True, slots=True)
class Park:
    """Wait for an edit or a person."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The whole queue waits until ``until``; the object goes back and no attempt is counted."""

    until: float


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop pushing: nothing that this process does can help. No attempt is counted."""

    reason: str


Decision: TypeAlias = Finish | RetryAt | Park | Pause | Halt


def decide(
    outcome: Outcome, attempts: int, policy: RetryPolicy, now: float, jitter: float, server_errors: int | None = None
) -> Decision:
    """The decision after ``outcome``; ``attempts`` were counted before this one, ``jitter`` is in [0, 1).

    ``server_errors``: how many of those attempts ended with a 500; ``None``: all.
    """
    match outcome:
        case Accepted() | Altered():
            return Finish()
        case Refused():
            return Park()
        case Conflicted():
            return Halt(outcome.message) if policy.block_on_conflict else Park()
        case Throttled():
            return Pause(clamp_pause(outcome.until, policy, now))
        case Denied() | NotTheApi():
            return Halt(f"{outcome.name}: {outcome.message}")
        case Unavailable():
            before = attempts if server_errors is None else server_errors
            if outcome.status == 500 and before + 1 >= policy.server_error_attempts:
                return Park()
            return RetryAt(now + backoff(attempts, policy, jitter))
        case Missing() | Exists():
            # The ladder met "missing" and "exists" in turn: somebody else creates and deletes it. Look again later.
            return RetryAt(now + backoff(attempts, policy, jitter))
        case _:
            assert_never(outcome)


def clamp_pause(until: float | None, policy: RetryPolicy, now: float) -> float:
    """A pause that an answer imposes: never in the past, never longer than the cap."""
    if until is None:
        return now + policy.pause_without_hint
    return min(max(until, now), now + policy.pause_cap)


def backoff(attempts: int, policy: RetryPolicy, jitter: float) -> float:
    """Seconds before the next attempt: exponential, capped, with half of it at random."""
    full = min(policy.cap, policy.base * 2.0 ** min(attempts, 30))
    return full / 2 + full / 2 * jitter
