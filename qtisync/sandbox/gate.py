"""The way of one call through the sandbox: journal, limit, fault script, API, latency."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from dataclasses import replace
from functools import partial

from qtisync.sandbox.connection import Send
from qtisync.sandbox.control import Control
from qtisync.sandbox.fault_effects import Scene, strike
from qtisync.sandbox.faults import Faults, identifier_of
from qtisync.sandbox.journal import SECRET_HEADERS, Journal, JournalEntry
from qtisync.sandbox.limits import Bucket, retry_after
from qtisync.sandbox.messages import Call, Manner, Reply, error_reply
from qtisync.sandbox.options import Options
from qtisync.sandbox.routes import Api
from qtisync.sandbox.world import World


class Gate:
    """Decides every answer; knows the clock and the dice, so that nothing behind it needs to."""

    def __init__(
        self,
        options: Options,
        api: Api,
        world: World,
        journal: Journal,
        bucket: Bucket,
        faults: Faults,
        control: Control,
    ) -> None:
        self._options = options
        self._api = api
        self._world = world
        self._journal = journal
        self._bucket = bucket
        self._faults = faults
        self._control = control
        self._random = random.Random(options.seed)  # noqa: S311 - repeatable on purpose

    async def handle(self, call: Call, too_large: bool, send: Send) -> None:  # noqa: FBT001 - as Connection calls it
        """Answer one call. The journal is complete before the client can have read the answer."""
        if self._options.control and call.segments[:1] == ("_sandbox",):
            await send(self._control.answer(call))
            return
        entry = self._journal.open(partial(_entry, call))
        reply, fault = Reply(status=0), None
        try:
            shortest, longest = self._options.latency
            if longest > 0:
                await asyncio.sleep(self._random.uniform(shortest, longest))
            reply, fault = self._decide(call, entry.identifier, too_large=too_large)
            if reply.manner is not Manner.DRIBBLED:
                await asyncio.sleep(reply.seconds)
        finally:
            self._journal.close(
                entry.number,
                now=time.monotonic(),
                status=reply.status if reply.answered and reply.status else None,
                fault=fault,
                applied=reply.applied,
                catastrophe=reply.catastrophe,
            )
        await send(reply)

    def _decide(self, call: Call, identifier: str | None, *, too_large: bool) -> tuple[Reply, str | None]:
        limited = call.segments[:1] == ("api",)
        now, wall = time.monotonic(), time.time()
        wait = self._bucket.take(now) if limited else 0.0
        headers = self._bucket.headers(self._options.rate_headers) if limited else ()
        if wait > 0:
            reply = error_reply(429, "Too Many Requests", message="Rate limit exceeded")
            return replace(reply, headers=(*headers, *retry_after(self._options.retry_after, wait, wall))), None
        if too_large:
            reply = error_reply(413, "Payload Too Large", f"The limit is {self._options.body_max} bytes")
            return replace(reply, headers=headers), None
        reply, fault = self._under_faults(call, identifier, now, wall)
        return (replace(reply, headers=(*headers, *reply.headers)) if headers else reply), fault

    def _under_faults(self, call: Call, identifier: str | None, now: float, wall: float) -> tuple[Reply, str | None]:
        if not self._faults:
            return self._api.answer(call, now), None
        rule = self._faults.pick(call, identifier)
        if rule is None:
            return self._api.answer(call, now), None
        scene = Scene(
            call=call,
            identifier=identifier,
            world=self._world,
            wall=wall,
            proceed=lambda: self._api.answer(call, now),
        )
        return strike(rule, scene), rule.text


def _entry(call: Call, number: int, in_flight: int, peak: int) -> JournalEntry:
    headers = tuple((name, "***" if name in SECRET_HEADERS else value) for name, value in call.headers.items())
    return JournalEntry(
        number=number,
        method=call.method,
        path=call.path,
        query=call.query_text,
        identifier=identifier_of(call),
        headers=headers,
        body_sha256=hashlib.sha256(call.body).hexdigest(),
        body_size=len(call.body),
        started=time.monotonic(),
        in_flight=in_flight,
        peak=peak,
    )
