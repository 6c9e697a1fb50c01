"""Waiting for a slot of the shared pace, and telling the pace what an answer said."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from qtisync.delivery import pace as rules
from qtisync.delivery.log_words import for_log
from qtisync.delivery.outcome import Throttled
from qtisync.delivery.pace import Pace
from qtisync.delivery.rate_headers import advise, read_allowance
from qtisync.delivery.retry import RetryPolicy, clamp_pause
from qtisync.engine.meter import SilentMeter
from qtisync.engine.ports import Bell, Clock, Log, Meter, PaceKeeper
from qtisync.model import ItemStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceTerms:
    """The configured side of the pace. Rates in requests per second."""

    ceiling: float = 10.0
    adaptive: bool = True
    hint: bool = False
    """``retry_after: hint``: a Retry-After is taken for advice, never longer than ``SHORT_PAUSE``."""
    retry: RetryPolicy = RetryPolicy()


SHORT_PAUSE = 0.3  # seconds; the pause of `retry_after: hint`
RECENT = 0.1  # weight of the newest answer in the average latency
HEADROOM = 1.5  # workers per request in flight that Little's law asks for: latencies vary


Change: TypeAlias = Callable[[Pace, int], Pace]
"""A change of the pace, given the number of answers that were accepted since the last one."""


class Pacing:
    """The shared pace of one target, as this process sees it. Threads share it."""

    def __init__(
        self, store: PaceKeeper, clock: Clock, bell: Bell, log: Log, terms: PaceTerms, meter: Meter | None = None
    ) -> None:
        self._store, self._clock, self._bell, self._log, self._terms = store, clock, bell, log, terms
        self._meter = meter if meter is not None else SilentMeter()
        self._lock = threading.Lock()
        self._front = threading.Lock()  # one waits for a slot at a time: slots taken ahead would keep the rate of then
        now = clock.now()
        self._mirror = store.update_pace(
            lambda pace: rules.resumed(
                pace, terms.ceiling, now, adaptive=terms.adaptive, longest_pause=terms.retry.pause_cap
            )
        )
        self.throttles = 0
        """Refusals of speed that this process saw."""
        self._accepted = 0  # since the record was last told; most answers change nothing, and then nothing is written
        self._latency: float | None = None
        self._hold = 0.0  # the end of the longest pause that an answer asked for, known before the record is told
        self._holding = threading.Lock()  # the other one is held while the record is written

    @property
    def current(self) -> Pace:
        """The pace after the last change that this process made."""
        return self._mirror

    def wait(self, deadline: float | None = None, taken: float | None = None) -> bool:
        """Wait until one request may leave; false if a stop was asked for or the deadline would pass first.

        ``taken``: when a slot begins that was reserved already.
        """
        if taken is not None:
            arrived = self._arrived(taken, deadline)
            if arrived is not None:
                return arrived
        patience = -1 if deadline is None else max(0.0, deadline - self._clock.now())
        if not self._front.acquire(timeout=patience):
            return False
        try:
            while True:
                arrived = self._arrived(self._store.reserve(self._clock.now()), deadline)
                if arrived is not None:
                    return arrived
        finally:
            self._front.release()

    def _arrived(self, begins: float, deadline: float | None) -> bool | None:
        """Wait for a slot; ``None``: a pause began meanwhile, another slot behind it is needed."""
        if deadline is not None and begins > deadline:
            return False
        while (left := begins - self._clock.now()) > 0:
            if self._bell.stopped:
                return False
            self._bell.wait(left)
        if self._bell.stopped:
            return False
        return True if self.may_leave() else None

    def may_leave(self) -> bool:
        """The last look of who has a slot, right before the request leaves: no pause began since the slot was given."""
        return max(self._hold, self._mirror.paused_until) <= self._clock.now()

    def _hold_until(self, until: float) -> None:
        """From this moment on nothing leaves. To write the pause down takes a while, on a busy machine a long one."""
        with self._holding:
            self._hold = max(self._hold, until)

    def concurrency(self, most: int) -> int:
        """Calls that are worth having in flight: rate x latency (Little's law) with headroom, from 2 to ``most``."""
        if self._latency is None:
            return most
        needed = math.ceil(HEADROOM * self._mirror.rate * self._latency) + 1
        return min(most, max(2, needed))

    def heard(self, headers: Mapping[str, str], sent_at: float) -> None:
        """An answer came, of whatever kind: how long it took, and what its headers say about the limit."""
        now = self._clock.now()
        with self._lock:
            before, took = self._latency, now - sent_at
            self._latency = took if before is None else before + RECENT * (took - before)
        allowance = read_allowance(headers, now)
        if allowance is None:
            return
        advice = advise(allowance, now)
        if advice.wait_until is not None and advice.wait_until > self._mirror.paused_until:
            until = clamp_pause(advice.wait_until, self._terms.retry, now)
            self._hold_until(until)
            self._change(lambda pace, _count: rules.paused(pace, until, "nothing is left of the API's limit"))
            self._log("queue_paused", reason="RateLimit header", seconds=round(until - now, 1))
        if not self._terms.adaptive:
            return
        self._change_if(lambda pace, _count: rules.capped(pace, advice.cap))
        if advice.scarce:
            self._change_if(lambda pace, count: rules.after_scarcity(pace, sent_at, now, accepted=count))

    def succeeded(self, sent_at: float) -> None:
        """An answer came that was no refusal of speed."""
        now, adaptive = self._clock.now(), self._terms.adaptive
        with self._lock:
            self._accepted += 1
        self._change_if(lambda pace, count: rules.after_success(pace, sent_at, now, adaptive=adaptive, accepted=count))

    def throttled(self, answer: Throttled, sent_at: float) -> float:
        """The API refused for speed; the time until which the queue now waits."""
        now = self._clock.now()
        until = clamp_pause(answer.until, self._terms.retry, now)
        if self._terms.hint:
            until = min(until, now + SHORT_PAUSE)
        self._hold_until(until)
        before = self._mirror.paused_until
        adaptive = self._terms.adaptive
        changed = self._change(
            lambda pace, count: rules.after_throttle(pace, sent_at, now, until, adaptive=adaptive, accepted=count)
        )
        with self._lock:
            self.throttles += 1
        if before <= now:  # one line per window, not per refused request
            seconds, left = changed.paused_until - now, self._store.counts().get(ItemStatus.QUEUED, 0)
            self._meter.paused("throttled", seconds)
            self._log(
                "queue_paused",
                reason="RateLimitError",
                seconds=round(seconds, 1),
                rate=round(changed.rate, 2),
                left=left,
                eta_seconds=round(seconds + left / changed.rate),
                message=for_log(answer.message),
            )
        return changed.paused_until

    def trouble(self, seconds: float, reason: str) -> None:
        """The API is in trouble: the whole queue waits."""
        until = self._clock.now() + seconds
        self._hold_until(until)
        self._change(lambda pace, _count: rules.paused(pace, until, reason))
        self._meter.paused("trouble", seconds)
        self._log("queue_paused", reason=for_log(reason), seconds=round(seconds, 1))

    def _change_if(self, change: Change) -> None:
        """Write ``change`` down if it would change anything here."""
        with self._lock:
            if change(self._mirror, self._accepted) is self._mirror:
                return
        self._change(change)

    def _change(self, change: Change) -> Pace:
        told = False

        def applied(pace: Pace | None) -> Pace:
            nonlocal told
            known = pace if pace is not None else self._mirror
            changed = change(known, self._accepted)
            told = _looks(changed) != _looks(known) or known.memory.get("cut_at") != self._mirror.memory.get("cut_at")
            return changed

        with self._lock:
            self._mirror = self._store.update_pace(applied)
            self._accepted = 0 if told else self._accepted
            return self._mirror


def _looks(pace: Pace) -> tuple[float | None, float | None]:
    """What differs once the search took our count over; after a cut by another process our count is void as well."""
    return pace.memory.get("look_at"), pace.memory.get("cut_at")
