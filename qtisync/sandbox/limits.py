"""The real rate limit: a token bucket, and the words in which a 429 says when to come back."""

from __future__ import annotations

import math
import threading
from email.utils import formatdate

from qtisync.sandbox.options import RateHeaders, RetryAfterForm

HUGE_SECONDS = 86_400 * 365


class Bucket:
    """A token bucket. ``take`` answers the seconds until the next token, 0 if the request may pass."""

    def __init__(self, rate: float | None, burst: int | None) -> None:
        self._lock = threading.Lock()
        self._rate = rate
        self._size = _size(rate, burst)
        self._tokens = self._size
        self._then: float | None = None
        self._passed = 0
        self._refused = 0

    def set_rate(self, rate: float | None, burst: int | None = None) -> None:
        """Another limit from now on; tokens saved up are kept, up to the new burst."""
        if rate is not None and not rate > 0:
            raise ValueError(f"rate: {rate} is not a number of requests a second")
        with self._lock:
            self._rate = rate
            self._size = _size(rate, burst)
            self._tokens = min(self._tokens, self._size)

    def take(self, now: float) -> float:
        """Take a token at ``now`` (monotonic seconds)."""
        with self._lock:
            if self._rate is None:
                self._then = now
                self._passed += 1
                return 0.0
            elapsed = 0.0 if self._then is None else max(0.0, now - self._then)
            self._then = now
            self._tokens = min(self._size, self._tokens + elapsed * self._rate)
            if self._tokens >= 1:
                self._tokens -= 1
                self._passed += 1
                return 0.0
            self._refused += 1
            return (1 - self._tokens) / self._rate

    @property
    def passed(self) -> int:
        """Requests that were let through."""
        return self._passed

    @property
    def refused(self) -> int:
        """Requests that were answered 429."""
        return self._refused

    def headers(self, form: RateHeaders) -> tuple[tuple[str, str], ...]:
        """What is left, for every answer."""
        with self._lock:
            if form == "none" or self._rate is None:
                return ()
            left, reset = int(self._tokens), math.ceil((self._size - self._tokens) / self._rate)
        prefix = "X-RateLimit" if form == "x" else "RateLimit"
        values = (("Limit", int(self._size)), ("Remaining", left), ("Reset", reset))
        return tuple((f"{prefix}-{name}", str(value)) for name, value in values)


def _size(rate: float | None, burst: int | None) -> float:
    if burst is not None:
        return float(burst)
    return 1.0 if rate is None else max(1.0, math.floor(rate))


def retry_after(form: RetryAfterForm, seconds: float, wall: float) -> tuple[tuple[str, str], ...]:
    """The header for a wait of ``seconds`` from the wall-clock time ``wall``, or none."""
    match form:
        case "none":
            return ()
        case "seconds":
            value = str(max(1, math.ceil(seconds)))
        case "decimal":
            value = f"{seconds:.3f}"
        case "date":
            value = formatdate(math.ceil(wall + seconds), usegmt=True)
        case "garbage":
            value = "in a little while, perhaps"
        case "huge":
            value = str(HUGE_SECONDS)
    return (("Retry-After", value),)
