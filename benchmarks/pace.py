"""P5, P6, P7: how much of an unknown limit is used, and how often the API has to refuse.

Every contender has a sandbox of its own (a process with a real token bucket of ten requests) and a process of its own;
those of one table play at the same time. Ours is ``engine.pacing`` over a real record (SQLite), with threads that only
send. ``shared`` lets two of ours, with records of their own, meet at one limit.

The goals are about minutes. P5 has one, P7 a little more: the first seconds, in which the limit is still searched for,
are shown apart. P6 needs its three: what a pause of whole seconds cost is not won back in less.
``python benchmarks/pace.py P5 300`` plays one goal for 300 seconds.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from qtisync.app import SystemClock, ThreadBell
from qtisync.delivery.answers import retry_after
from qtisync.delivery.outcome import Throttled
from qtisync.engine.pacing import PaceTerms, Pacing
from qtisync.sandbox.options import Options, RetryAfterForm
from qtisync.sandbox.server import Sandbox

BURST, CEILING = 10, 200.0


@dataclass(frozen=True, kw_only=True)
class Goal:
    name: str
    what: str
    phases: tuple[tuple[float, float], ...]
    """Pairs of seconds and requests per second."""
    search: float
    """Seconds at the beginning that are shown apart."""
    obeyed: tuple[float, float]
    hinted: tuple[float, float]
    """Share in percent, 429s per 1,000 calls."""
    latency: tuple[float, float] = (0.02, 0.1)
    workers: int = 8
    rise: tuple[float, float] | None = None
    """When the limit rises, and to how many requests per second."""

    @property
    def seconds(self) -> float:
        return sum(seconds for seconds, _ in self.phases)

    def permitted(self, begins: float, ends: float) -> float:
        total, at = 0.0, 0.0
        for seconds, rate in self.phases:
            total += rate * max(0.0, min(at + seconds, ends) - max(at, begins))
            at += seconds
        return total


GOALS = {
    "P5": Goal(
        name="P5", what="steady 50/s", phases=((55, 50),), search=20, obeyed=(95, 1.5), hinted=(97, 2)
    ),
    "P6": Goal(
        name="P6",
        what="50 -> 10 -> 50",
        phases=((60, 50), (60, 10), (60, 50)),
        search=0,
        obeyed=(82, 3),
        hinted=(92, 5),
        rise=(120, 50),
    ),
    "P7": Goal(
        name="P7",
        what="steady 50/s, answers take 300 ms",
        phases=((80, 50),),
        search=20,
        obeyed=(95, 1000),
        hinted=(97, 1000),
        latency=(0.3, 0.3),
        workers=32,
    ),
}  # fmt: skip


class Caller:
    """One connection, kept alive. The same for all contenders."""

    def __init__(self, host: str, token: str) -> None:
        self.line = http.client.HTTPConnection(host, timeout=30)
        self.headers = {"authorization": f"Bearer {token}", "accept": "application/json"}

    def call(self) -> http.client.HTTPResponse:
        self.line.request("GET", "/api/assessment-items/none", headers=self.headers)
        response = self.line.getresponse()
        response.read()
        return response


Ready = Callable[[], float]
"""Tells that all is imported and opened, waits for the others, and returns when the play ends (monotonic)."""
Contender = Callable[[Callable[[], Caller], Goal, Ready], int | None]
"""Returns how many of its requests were accepted, if it counts them."""


def threads(goal: Goal, work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(goal.workers) as pool:
        for future in [pool.submit(work) for _ in range(goal.workers)]:
            future.result()


def ours(connect: Callable[[], Caller], goal: Goal, ready: Ready, *, hint: bool) -> int:
    from qtisync.adapters.store import open_store

    with tempfile.TemporaryDirectory(prefix="qtisync-bench-") as folder:
        clock, store = SystemClock(), open_store(Path(folder), "bench", holder="bench")
        pacing = Pacing(store, clock, ThreadBell(), lambda *_a, **_f: None, PaceTerms(ceiling=CEILING, hint=hint))
        deadline, accepted = ready() - time.monotonic() + clock.now(), []

        def work() -> None:
            caller = connect()
            while pacing.wait(deadline):
                sent_at = clock.now()
                response = caller.call()
                if response.status == 429:
                    until = retry_after(response.headers.get("retry-after"), clock.now())
                    pacing.throttled(Throttled(until=until), sent_at)
                else:
                    accepted.append(sent_at)
                    pacing.succeeded(sent_at)
                pacing.heard({name.lower(): value for name, value in response.headers.items()}, sent_at)

        threads(goal, work)
        store.close()
        return len(accepted)


def sequential(connect: Callable[[], Caller], goal: Goal, ready: Ready) -> None:
    del goal
    caller, wait, ends = connect(), 1.0, ready()
    while time.monotonic() < ends:
        if caller.call().status == 429:
            time.sleep(wait)
            wait *= 2
        else:
            wait = 1.0


class RefusedError(Exception):
    """429."""


def with_stamina(connect: Callable[[], Caller], goal: Goal, ready: Ready) -> None:
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])
    ends = ready()

    def work() -> None:
        caller = connect()

        @stamina.retry(on=RefusedError, attempts=None, timeout=None)
        def call() -> None:
            if time.monotonic() < ends and caller.call().status == 429:
                raise RefusedError

        while time.monotonic() < ends:
            call()

    threads(goal, work)


def true_rate(connect: Callable[[], Caller], goal: Goal, ready: Ready) -> None:
    """A limiter that is told the limit of each phase."""
    lock, ends = threading.Lock(), ready()
    begins = ends - goal.seconds
    slot = [begins]

    def take() -> float:
        with lock:
            slot[0] = max(slot[0], time.monotonic())
            at, elapsed = slot[0], slot[0] - begins
            edges = accumulate(seconds for seconds, _ in goal.phases)
            rates = [rate for edge, (_, rate) in zip(edges, goal.phases, strict=True) if elapsed < edge]
            slot[0] += 1 / (rates or [goal.phases[-1][1]])[0]
            return at

    def work() -> None:
        caller = connect()
        while (at := take()) < ends:
            time.sleep(max(0.0, at - time.monotonic()))
            caller.call()

    threads(goal, work)


OBEYED, HINTED = "qtisync, Retry-After obeyed", "qtisync, Retry-After a hint"
CONTENDERS: dict[str, Contender] = {
    OBEYED: partial(ours, hint=False),
    HINTED: partial(ours, hint=True),
    "sequential, back-off": sequential,
    "stamina": with_stamina,
    "true rate known": true_rate,
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a table: who plays, against which words of the server."""

    name: str
    retry_after: RetryAfterForm = "seconds"


def serve(goal: Goal, retry_after: RetryAfterForm, pipe: Connection) -> None:
    """A sandbox; what comes through the pipe is a new rate, ``None`` asks for the counts."""
    options = Options(rate=goal.phases[0][1], burst=BURST, latency=goal.latency, retry_after=retry_after)
    with Sandbox(options) as sandbox:
        pipe.send((sandbox.origin, sandbox.client_secret))
        while (order := pipe.recv()) != "end":
            if order is not None:
                sandbox.bucket.set_rate(order, BURST)
            pipe.send((sandbox.bucket.passed, sandbox.bucket.refused))


def contend(name: str, origin: str, secret: str, goal: Goal, pipe: Connection) -> None:
    host = origin.removeprefix("http://")
    line = http.client.HTTPConnection(host)
    form = f"grant_type=client_credentials&client_id=sandbox-client&client_secret={secret}"
    line.request("POST", "/oauth2/token", form, {"content-type": "application/x-www-form-urlencoded"})
    token = json.loads(line.getresponse().read())["access_token"]

    def ready() -> float:
        pipe.send("ready")
        pipe.recv()
        return time.monotonic() + goal.seconds

    pipe.send(CONTENDERS[name](lambda: Caller(host, token), goal, ready))


@contextmanager
def child(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=target, args=(*arguments, there), daemon=True)
    process.start()
    try:
        yield here
    finally:
        process.join(5)
        process.kill()


Counts = tuple[int, int]
"""Passed, refused."""


@dataclass(frozen=True, kw_only=True)
class Played:
    """What a server counted: in the seconds of the search, in all, and again and again."""

    search: Counts
    all: Counts
    seen: list[tuple[float, int]]

    def rise(self, goal: Goal) -> float | None:
        """Seconds from the rise of the limit to two seconds in which 90 % of it were used."""
        assert goal.rise is not None
        at, rate = goal.rise
        later = [(when, passed) for when, passed in self.seen if when >= at]
        for begin, before in later:
            end = next(((when, passed) for when, passed in later if when >= begin + 2), None)
            if end is not None and (end[1] - before) / (end[0] - begin) >= 0.9 * rate:
                return begin - at
        return None


def compete(entry: Entry, goal: Goal, start: threading.Barrier) -> Played:
    with child(serve, goal, entry.retry_after) as server:
        origin, secret = server.recv()
        with child(contend, entry.name, origin, secret, goal) as client:
            client.recv()
            start.wait()
            client.send("go")
            played = watch(goal, server)
            client.recv()
            server.send("end")
    return played


def watch(goal: Goal, server: Connection) -> Played:
    """Change the limit in time, and look at the counts twice a second."""
    began, counts, seen = time.monotonic(), {0.0: (0, 0)}, []
    edges = list(accumulate(seconds for seconds, _ in goal.phases))
    rates = dict(zip(edges, [rate for _, rate in goal.phases][1:], strict=False))
    marks = {goal.search, *edges, *(tick / 2 for tick in range(1, int(2 * goal.seconds)))} - {0.0}
    for mark in sorted(marks):
        time.sleep(max(0.0, began + mark - time.monotonic()))
        server.send(rates.get(mark))
        counts[mark] = server.recv()
        seen.append((time.monotonic() - began, counts[mark][0]))
    return Played(search=counts[goal.search], all=counts[goal.seconds], seen=seen)


ALL = tuple(Entry(name=name) for name in CONTENDERS)


def play(goal: Goal, entries: Sequence[Entry] = ALL) -> None:
    start = threading.Barrier(len(entries))
    with ThreadPoolExecutor(len(entries)) as pool:
        results = list(pool.map(lambda entry: compete(entry, goal, start), entries))
    for entry, played in zip(entries, results, strict=True):
        print(line(goal, entry, played), flush=True)
    print(f"     (load {os.getloadavg()[0]:.1f})", flush=True)


def line(goal: Goal, entry: Entry, played: Played) -> str:
    (passed, refused), (all_passed, all_refused) = played.search, played.all
    share = 100 * (all_passed - passed) / goal.permitted(goal.search, goal.seconds)
    rate = 1000 * (all_refused - refused) / max(1, all_passed + all_refused - passed - refused)
    text = f"{goal.name:<4} {goal.what}, Retry-After {WORDS[entry.retry_after]}"
    text = f"{text:<54} {entry.name:<28} {share:5.1f} % / {rate:6.1f}"
    if goal.search:
        text += f"  ({100 * all_passed / (goal.permitted(0, goal.seconds) + BURST):5.1f} % / "
        text += f"{1000 * all_refused / max(1, all_passed + all_refused):5.1f} of all {goal.seconds:.0f} s)"
    if entry.name in {OBEYED, HINTED}:
        least, most = goal.obeyed if entry.name == OBEYED else goal.hinted
        words = f"≥ {least} %" + (f" / ≤ {most}" if most < 1000 else "")
        text += f"  (goal {words}: {'met' if share >= least and rate <= most else 'MISSED'})"
    if goal.rise is not None and entry.name in {OBEYED, HINTED}:
        took = played.rise(goal)
        text += f"  90 % of the raised limit after {'?' if took is None else f'{took:.1f}'} s"
        text += f" (goal ≤ 5: {'met' if took is not None and took <= 5 else 'MISSED'})" if entry.name == HINTED else ""
    return text


WORDS = {"seconds": "in seconds", "none": "absent", "garbage": "garbage", "huge": "a year"}


def p5() -> None:
    """Share of an unknown steady limit that is used / 429s per 1,000 calls."""
    play(GOALS["P5"])


def p6() -> None:
    """The same for a limit that falls to a fifth and comes back."""
    odd: list[Entry] = [Entry(name=name, retry_after=form) for form in ("none", "garbage") for name in (OBEYED, HINTED)]
    play(GOALS["P6"], [*ALL, *odd, Entry(name=HINTED, retry_after="huge")])


def p7() -> None:
    """The same for a slow server."""
    play(GOALS["P7"])


def shared() -> None:
    """Two daemons with records of their own on one limit: neither starves."""
    goal = GOALS["P5"]
    with child(serve, goal, "seconds") as server:
        origin, secret = server.recv()
        first, second = (child(contend, name, origin, secret, goal) for name in (OBEYED, HINTED))
        with first as one, second as other:
            both = (one, other)
            for client in both:
                client.recv()
            for client in both:
                client.send("go")
            played = watch(goal, server)
            shares = [100 * client.recv() / (goal.permitted(0, goal.seconds) + BURST) for client in both]
            server.send("end")
    refused = 1000 * played.all[1] / sum(played.all)
    verdict = "met" if min(shares) >= 30 else "MISSED"
    each = f"{shares[0]:.0f} % (Retry-After obeyed), {shares[1]:.0f} % (a hint)"
    print(
        f"two  one limit of 50/s for two daemons: {each}, {refused:.1f} 429s per 1,000; (goal each ≥ 30 %: {verdict})"
    )


def longer(goal: Goal, seconds: float) -> Goal:
    factor = seconds / goal.seconds
    rise = None if goal.rise is None else (goal.rise[0] * factor, goal.rise[1])
    return replace(goal, phases=tuple((length * factor, rate) for length, rate in goal.phases), search=0, rise=rise)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        play(longer(GOALS[sys.argv[1]], float(sys.argv[2])))
    else:
        {"P5": p5, "P6": p6, "P7": p7, "shared": shared}[sys.argv[1]]()
