"""P5, P6, P7: how much of an unknown limit is used, and how often the API has to refuse.

Every contender has a sandbox of its own (a process with a real token bucket of ten requests) and a process of its own;
all play at the same time. Ours is ``engine.pacing`` over a real record (SQLite), with threads that only send.

The goals are about minutes, this has less than one: the first seconds, in which our limit is still searched for, are
shown apart. ``python benchmarks/pace.py P5 300`` plays one goal for 300 seconds.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
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
from qtisync.sandbox.options import Options
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
        name="P5", what="steady 50/s", phases=((50, 50),), search=20, obeyed=(95, 1.5), hinted=(97, 2)
    ),
    "P6": Goal(
        name="P6",
        what="50 -> 10 -> 50",
        phases=((18, 50), (18, 10), (18, 50)),
        search=0,
        obeyed=(82, 3),
        hinted=(92, 5),
    ),
    "P7": Goal(
        name="P7",
        what="steady 50/s, answers take 300 ms",
        phases=((50, 50),),
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
Contender = Callable[[Callable[[], Caller], Goal, Ready], None]


def threads(goal: Goal, work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(goal.workers) as pool:
        for future in [pool.submit(work) for _ in range(goal.workers)]:
            future.result()


def ours(connect: Callable[[], Caller], goal: Goal, ready: Ready, *, hint: bool) -> None:
    from qtisync.adapters.store import open_store

    with tempfile.TemporaryDirectory(prefix="qtisync-bench-") as folder:
        clock, store = SystemClock(), open_store(Path(folder), "bench", holder="bench")
        pacing = Pacing(store, clock, ThreadBell(), lambda *_a, **_f: None, PaceTerms(ceiling=CEILING, hint=hint))
        deadline = ready() - time.monotonic() + clock.now()

        def work() -> None:
            caller = connect()
            while pacing.wait(deadline):
                sent_at = clock.now()
                response = caller.call()
                if response.status == 429:
                    until = retry_after(response.headers.get("retry-after"), clock.now())
                    pacing.throttled(Throttled(until=until), sent_at)
                else:
                    pacing.succeeded(sent_at)
                pacing.heard({name.lower(): value for name, value in response.headers.items()}, sent_at)

        threads(goal, work)
        store.close()


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


CONTENDERS: dict[str, Contender] = {
    "qtisync, Retry-After obeyed": partial(ours, hint=False),
    "qtisync, Retry-After a hint": partial(ours, hint=True),
    "sequential, back-off": sequential,
    "stamina": with_stamina,
    "true rate known": true_rate,
}


def serve(goal: Goal, pipe: Connection) -> None:
    """A sandbox; what comes through the pipe is a new rate, ``None`` asks for the counts."""
    options = Options(rate=goal.phases[0][1], burst=BURST, latency=goal.latency)
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

    CONTENDERS[name](lambda: Caller(host, token), goal, ready)
    pipe.send("done")


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


def compete(name: str, goal: Goal, start: threading.Barrier) -> tuple[tuple[int, int], tuple[int, int]]:
    """(passed, refused) at the end of the search and at the end."""
    with child(serve, goal) as server:
        origin, secret = server.recv()
        with child(contend, name, origin, secret, goal) as client:
            client.recv()
            start.wait()
            client.send("go")
            began = time.monotonic()
            edges = list(accumulate(seconds for seconds, _ in goal.phases))
            rates = dict(zip(edges, [rate for _, rate in goal.phases][1:], strict=False))
            counts = {}
            for mark in sorted({goal.search, *edges}):
                time.sleep(max(0.0, began + mark - time.monotonic()))
                server.send(rates.get(mark))
                counts[mark] = server.recv()
            client.recv()
            server.send("end")
    return counts[goal.search] if goal.search else (0, 0), counts[goal.seconds]


def play(goal: Goal) -> None:
    start = threading.Barrier(len(CONTENDERS))
    with ThreadPoolExecutor(len(CONTENDERS)) as pool:
        results = dict(zip(CONTENDERS, pool.map(lambda name: compete(name, goal, start), CONTENDERS), strict=True))
    wanted = {"qtisync, Retry-After obeyed": goal.obeyed, "qtisync, Retry-After a hint": goal.hinted}
    for name, ((passed, refused), (all_passed, all_refused)) in results.items():
        share = 100 * (all_passed - passed) / goal.permitted(goal.search, goal.seconds)
        calls = max(1, all_passed + all_refused - passed - refused)
        rate = 1000 * (all_refused - refused) / calls
        whole = f"{100 * all_passed / (goal.permitted(0, goal.seconds) + BURST):5.1f} % / "
        whole += f"{1000 * all_refused / max(1, all_passed + all_refused):5.1f} of all {goal.seconds:.0f} s"
        verdict = ""
        if name in wanted:
            least, most = wanted[name]
            words = f"≥ {least} %" + (f" / ≤ {most}" if most < 1000 else "")
            verdict = f"  (goal {words}: {'met' if share >= least and rate <= most else 'MISSED'})"
        print(f"{goal.name:<4} {goal.what:<33} {name:<28} {share:5.1f} % / {rate:6.1f}   {whole}{verdict}", flush=True)


def p5() -> None:
    """Share of an unknown steady limit that is used / 429s per 1,000 calls."""
    play(GOALS["P5"])


def p6() -> None:
    """The same for a limit that falls to a fifth and comes back."""
    play(GOALS["P6"])


def p7() -> None:
    """The same for a slow server."""
    play(GOALS["P7"])


def longer(goal: Goal, seconds: float) -> Goal:
    factor = seconds / goal.seconds
    return replace(goal, phases=tuple((length * factor, rate) for length, rate in goal.phases), search=0)


if __name__ == "__main__":
    chosen = GOALS[sys.argv[1]]
    play(longer(chosen, float(sys.argv[2])) if len(sys.argv) > 2 else chosen)
