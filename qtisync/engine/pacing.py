"""Waiting for a slot of the shared pace, and telling the pace what an answer said."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from qtisync.delivery import pace as rules
from qtisync.delivery.outcome import Throttled
from qtisync.delivery.pace import Pace
from qtisync.delivery.retry import RetryPolicy, clamp_pause
from qtisync.engine.ports import Bell, Clock, Log, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceTerms:
    """The configured side of the pace. Rates in requests per second."""

    ceiling: float = 10.0
    adaptive: bool = True
    hint: bool = False
    """``retry_after: hint``: a Retry-After is taken for advice, never longer than ``SHORT_PAUSE``."""
    retry: RetryPolicy = RetryPolicy()


SHORT_PAUSE = 0.3  # seconds; the pause of `retry_after: hint`


class Pacing:
    """The shared pace of one target, as this process sees it. Threads share it."""

    def __init__(self, store: Store, clock: Clock, bell: Bell, log: Log, terms: PaceTerms) -> None:
        self._store, self._clock, self._bell, self._log, self._terms = store, clock, bell, log, terms
        self._lock = threading.Lock()
        now = clock.now()
        self._mirror = store.update_pace(
            lambda pace: rules.resumed(
                pace, terms.ceiling, now, adaptive=terms.adaptive, longest_pause=terms.retry.pause_cap
            )
        )
        self.throttles = 0
        """Refusals of speed that this process saw."""

    @property
    def current(self) -> Pace:
        """The pace after the last change that this process made."""
        return self._mirror

    def wait(self, deadline: float | None = None) -> bool:
        """Wait until one request may leave; false if a stop was asked for or the deadline would pass first."""
        while True:
            begins = self._store.reserve(self._clock.now())
            if deadline is not None and begins > deadline:
                return False
            while (left := begins - self._clock.now()) > 0:
                if self._bell.stopped:
                    return False
                self._bell.wait(left)
            if self._bell.stopped:
                return False
            if self._mirror.paused_until <= self._clock.now():
                return True  # otherwise a pause began while we waited: take another slot, behind it

    def succeeded(self, sent_at: float) -> None:
        """An answer came that was no refusal of speed."""
        now, adaptive = self._clock.now(), self._terms.adaptive
        if rules.after_success(self._mirror, sent_at, now, adaptive=adaptive) is self._mirror:
            return  # most answers change nothing, and then nothing is written
        self._change(lambda pace: rules.after_success(pace, sent_at, now, adaptive=adaptive))

    def throttled(self, answer: Throttled, sent_at: float) -> float:
        """The API refused for speed; the time until which the queue now waits."""
        now = self._clock.now()
        until = clamp_pause(answer.until, self._terms.retry, now)
        if self._terms.hint:
            until = min(until, now + SHORT_PAUSE)
        before = self._mirror.paused_until
        adaptive = self._terms.adaptive
        changed = self._change(lambda pace: rules.after_throttle(pace, sent_at, now, until, adaptive=adaptive))
        with self._lock:
            self.throttles += 1
        if before <= now:  # one line per window, not per refused request
            self._log(
                "queue_paused",
                reason="RateLimitError",
                seconds=round(changed.paused_until - now, 1),
                rate=round(changed.rate, 2),
                message=answer.message,
            )
        return changed.paused_until

    def trouble(self, seconds: float, reason: str) -> None:
        """The API is in trouble: the whole queue waits."""
        until = self._clock.now() + seconds
        self._change(lambda pace: rules.paused(pace, until, reason))
        self._log("queue_paused", reason=reason, seconds=round(seconds, 1))

    def _change(self, change: Callable[[Pace], Pace]) -> Pace:
        def applied(pace: Pace | None) -> Pace:
            return change(pace if pace is not None else self._mirror)

        with self._lock:
            self._mirror = self._store.update_pace(applied)
            return self._mirror
