"""Minutes of traffic against limits that nobody announced, in milliseconds: a virtual clock and token buckets.

The client is the real controller (``delivery.pace``), told what ``engine.pacing`` would tell it; the server is a token
bucket whose rate changes at given times, with foreign traffic that takes its tokens. A request takes half of its latency
to arrive, so the spacing that left the client is not the spacing that arrives, and whoever waits for a slot wakes late.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from qtisync.delivery import pace as rules
from qtisync.delivery.pace import Pace

Phases = Sequence[tuple[float, float]]
"""Pairs of seconds and requests per second."""
START = 1_000_000.0
STEADY = ((300.0, 50.0),)
LATE, VERY_LATE = 0.002, 0.04  # seconds; how late one wakes: on average, and at most in one of a hundred cases
LATEST = 0.06
"""No one wakes later than that, in seconds."""
CHANGING = ((60.0, 50.0), (60.0, 10.0), (60.0, 50.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What the server allows, and what it says about it."""

    phases: Phases = STEADY
    burst: float = 10.0
    """Size of the bucket in requests; it shrinks to a second's worth where the rate is lower."""
    retry_after: str = "seconds"
    """``seconds`` (whole), ``decimal``, ``none`` or ``wrong`` (ten times too long)."""
    latency: tuple[float, float] = (0.02, 0.1)

    @property
    def seconds(self) -> float:
        return sum(seconds for seconds, _ in self.phases)

    def rate_at(self, elapsed: float) -> float:
        for seconds, rate in self.phases:
            if elapsed < seconds:
                return rate
            elapsed -= seconds
        return self.phases[-1][1]

    def permitted(self, begins: float = 0.0, ends: float = math.inf) -> float:
        """Requests that the bucket lets through between two moments."""
        total, at = 0.0, 0.0
        for seconds, rate in self.phases:
            total += rate * max(0.0, min(at + seconds, ends) - max(at, begins))
            at += seconds
        return total


class Bucket:
    """The server's side."""

    def __init__(self, limit: Limit) -> None:
        self.limit, self.then = limit, START
        self.tokens = self.size(START)

    def size(self, now: float) -> float:
        return max(1.0, min(self.limit.burst, self.limit.rate_at(now - START)))

    def take(self, now: float) -> float:
        """Seconds until the next token, 0 if the request passes."""
        rate = self.limit.rate_at(now - START)
        self.tokens = min(self.size(now), self.tokens + (now - self.then) * rate)
        self.then = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / rate

    def says(self, wait: float) -> float | None:
        """Seconds of Retry-After."""
        whole = float(max(1, math.ceil(wait)))
        return {"seconds": whole, "decimal": round(wait, 3), "none": None, "wrong": 10 * whole}[self.limit.retry_after]


@dataclass(slots=True, kw_only=True)
class Client:
    """One daemon: the controller, its workers and what they met."""

    ceiling: float = 200.0
    hint: bool = False
    adaptive: bool = True
    workers: int = 8
    joins: float = 0.0
    """Seconds after the start at which it begins."""
    pace: Pace | None = None
    """A pace that was learned before."""
    accepted: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)
    busy: int = 0
    slot: float = 0.0
    """When the slot began that was given last."""
    tally: int = 0
    writes: int = 0
    trace: list[tuple[float, float]] = field(default_factory=list)

    @property
    def now_pace(self) -> Pace:
        assert self.pace is not None
        return self.pace

    def begin(self, now: float) -> None:
        self.pace = rules.resumed(self.pace, self.ceiling, now, adaptive=self.adaptive, longest_pause=300.0)

    def reserve(self, now: float) -> float:
        self.slot = rules.ready_at(self.now_pace, now, self.slot)
        self.pace = rules.taken(self.now_pace, self.slot)
        return self.slot

    def answered(self, wait: float | None, sent_at: float, now: float, *, refused: bool) -> None:
        before = self.now_pace
        if refused:
            self.throttled.append(now - START)
            pause = 1.0 if wait is None else min(wait, 300.0)
            until = now + (min(pause, 0.3) if self.hint else pause)
            self.pauses.append((now, until))
            self.pace = rules.after_throttle(before, sent_at, now, until, adaptive=self.adaptive, accepted=self.tally)
            self.tally = 0
        else:
            self.accepted.append(now - START)
            self.tally += 1
            self.pace = rules.after_success(before, sent_at, now, adaptive=self.adaptive, accepted=self.tally)
            if self.pace is not before:
                self.tally = 0
        self.writes += self.pace is not before
        if self.pace.rate != before.rate:
            self.trace.append((now - START, self.pace.rate))

    def share(self, limit: Limit, begins: float = 0.0, ends: float = math.inf) -> float:
        """Accepted requests as a share of the permitted ones."""
        return sum(begins <= at < ends for at in self.accepted) / limit.permitted(begins, ends)

    @property
    def refusals(self) -> float:
        """429s per 1,000 calls."""
        return 1000 * len(self.throttled) / max(1, len(self.throttled) + len(self.accepted))


def aged(pace: Pace, seconds: float) -> Pace:
    """``pace`` as it is after ``seconds`` in which nothing happened; every play begins at ``START``."""
    memory = {name: at - seconds if name.endswith("_at") and at else at for name, at in pace.memory.items()}
    return replace(pace, tat=pace.tat - seconds, paused_until=pace.paused_until - seconds, memory=memory)


Foreign = Callable[[float], float]
"""Requests per second of others at a moment."""


class Play:
    """One performance: events in the order of their time."""

    def __init__(self, limit: Limit, clients: Sequence[Client], seed: int, foreign: Foreign | None) -> None:
        self.limit, self.clients, self.dice = limit, clients, random.Random(seed)
        self.bucket, self.foreign = Bucket(limit), foreign
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.count = 0
        self.foreign_accepted = 0

    def at(self, when: float, do: Callable[[float], None]) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, self.count, do))

    def run(self) -> None:
        for client in self.clients:
            self.at(START + client.joins, partial(self.join, client))
        if self.foreign is not None:
            self.at(START, self.others)
        while self.events and self.events[0][0] < START + self.limit.seconds:
            when, _, do = heapq.heappop(self.events)
            do(when)

    def join(self, client: Client, now: float) -> None:
        client.begin(now)
        self.dispatch(client, now)

    def others(self, now: float) -> None:
        assert self.foreign is not None
        rate = self.foreign(now - START)
        if rate:
            self.foreign_accepted += self.bucket.take(now) == 0.0
        self.at(now + (self.dice.expovariate(rate) if rate else 0.1), self.others)

    def dispatch(self, client: Client, now: float) -> None:
        """One dispatcher: it takes a slot, waits for it, and hands the request to a worker."""
        slot = client.reserve(now)

        def leave(at: float) -> None:
            if client.now_pace.paused_until > at:
                self.dispatch(client, at)  # a pause began meanwhile
                return
            self.send(client, at)
            if client.busy < client.workers:
                self.dispatch(client, at)

        self.at(slot + self.lateness() if slot > now else now, leave)

    def lateness(self) -> float:
        """Seconds that a thread on a busy machine wakes late."""
        usual = self.dice.expovariate(1 / LATE)
        return min(LATEST, usual + self.dice.uniform(0, VERY_LATE) if self.dice.random() < 0.01 else usual)

    def send(self, client: Client, now: float) -> None:
        client.busy += 1
        client.sent.append(now)
        latency = self.dice.uniform(*self.limit.latency)
        self.at(now + latency / 2, lambda at: self.arrive(client, now, at, latency / 2))

    def arrive(self, client: Client, sent_at: float, now: float, rest: float) -> None:
        wait = self.bucket.take(now)

        def done(at: float) -> None:
            client.answered(self.bucket.says(wait), sent_at, at, refused=wait > 0)
            client.busy -= 1
            if client.busy == client.workers - 1:
                self.dispatch(client, at)

        self.at(now + rest, done)


def play(limit: Limit, client: Client | None = None, *, seed: int = 1, foreign: Foreign | None = None) -> Client:
    """One client against one limit."""
    client = client or Client()
    Play(limit, (client,), seed, foreign).run()
    return client
