"""Reading what an API says about its limit in headers, so that it need not be found out by being refused.

Forms: ``RateLimit-Limit/-Remaining/-Reset`` and ``RateLimit: limit=…, remaining=…, reset=…`` (drafts of the IETF's
httpapi group up to 07), ``RateLimit: "name";r=…;t=…`` with ``RateLimit-Policy: "name";q=…;w=…`` (later drafts), and
``X-RateLimit-*`` / ``X-Rate-Limit-*``, whose reset is a number of seconds or a time since the epoch, in seconds or
milliseconds. What cannot be read is as if it were not there. Sans I/O.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

COARSE = 2.0  # seconds; a whole number of seconds up to this is too coarse to compute a rate from
PLENTY = 0.5  # share of the limit; while more is left there is no reason to be slower than the search is
SCARCE = 0.1  # share of the limit; when less is left a refusal is near
EPOCH, EPOCH_MS = 1e9, 1e11  # numbers from these on are points in time, in seconds or milliseconds
FARTHEST = 1e7  # seconds; a reset later than that is garbage

_PREFIXES = ("ratelimit", "x-ratelimit", "x-rate-limit")
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)")
_PART = re.compile(r"\b(limit|remaining|reset|q|r|w|t)\s*=\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_LONG = {"limit": "q", "remaining": "r", "reset": "t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What headers say. ``left``: requests that remain until ``reset_at``, of ``limit`` per ``window`` seconds."""

    left: float
    limit: float | None = None
    reset_at: float | None = None
    window: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What follows from it."""

    cap: float | None = None
    """Requests per second that last until the reset."""
    wait_until: float | None = None
    """Nothing is left before that."""
    scarce: bool = False
    """Almost nothing is left, and it does not say when more comes."""


NO_ADVICE = Advice()


def read_allowance(headers: Mapping[str, str], now: float) -> Allowance | None:
    """The allowance that an answer, read at ``now``, tells of; header names are lower case."""
    if not any("ratelimit" in name or "rate-limit" in name for name in headers):
        return None
    for prefix in _PREFIXES:
        told = {
            "q": _number(headers.get(f"{prefix}-limit")),
            "r": _number(headers.get(f"{prefix}-remaining")),
            "t": _number(headers.get(f"{prefix}-reset")),
            "w": _parts(headers.get(f"{prefix}-limit")).get("w"),
        }
        combined = {**_parts(headers.get(f"{prefix}-policy")), **_parts(headers.get(prefix))}
        told = {name: combined.get(name) if value is None else value for name, value in told.items()}
        left = told["r"]
        if left is not None:
            return Allowance(left=left, limit=told["q"], reset_at=_moment(told["t"], now), window=told["w"] or None)
    return None


def advise(allowance: Allowance, now: float) -> Advice:
    """What ``allowance`` asks of us: a wait, a rate, or nothing while plenty is left."""
    ahead = None if allowance.reset_at is None else max(0.0, allowance.reset_at - now)
    if allowance.left < 1 and ahead is not None and ahead > COARSE:
        return Advice(wait_until=allowance.reset_at)
    limit = allowance.limit
    if limit and allowance.left > PLENTY * limit:
        return NO_ADVICE
    if ahead is not None and ahead > COARSE:
        return Advice(cap=max(allowance.left, 1.0) / ahead)
    if limit and allowance.window and allowance.window > COARSE:
        return Advice(cap=limit / allowance.window)
    return Advice(scarce=allowance.left <= max(1.0, SCARCE * (limit or 0.0)))


def _number(text: str | None) -> float | None:
    found = _NUMBER.match(text or "")
    return None if found is None else _finite(found[1])


def _parts(text: str | None) -> dict[str, float]:
    """The parameters of the first member; a later one names a second limit, which we cannot tell apart."""
    found: dict[str, float] = {}
    for name, value in _PART.findall((text or "").lower()):
        number = _finite(value)
        if number is not None:
            found.setdefault(_LONG.get(name, name), number)
    return found


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _moment(reset: float | None, now: float) -> float | None:
    if reset is None:
        return None
    at = reset / 1000 if reset >= EPOCH_MS else reset if reset >= EPOCH else now + reset
    return at if at - now <= FARTHEST else None
