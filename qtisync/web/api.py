"""Health, metrics and the status API: each answer is one question to the daemon."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from qtisync.report.job import Job, job_json
from qtisync.report.value import as_json, moment
from qtisync.web.answers import UnfitError, answer, busy, dumped, read_object, refused
from qtisync.web.page import render_page
from qtisync.web.surface import Surface
from qtisync.web.threads import BusyError

LONGEST_WAIT = 30.0
"""Seconds that somebody may wait for a job in one request."""
_STEP = 1.0
_LONGEST_REASON = 500
_ORIGINS = frozenset({"command", "hook"})
Endpoint = Callable[[Request], Awaitable[Response]]


def telling(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose refusals are answers."""

    async def called(request: Request) -> Response:
        try:
            return await endpoint(request)
        except UnfitError as unfit:
            return unfit.response()
        except BusyError:
            return busy()

    return called


class Api:
    """Everything but webhooks."""

    def __init__(self, surface: Surface) -> None:
        self._control, self._threads = surface.control, surface.threads
        self._surface = surface

    async def healthz(self, _request: Request) -> Response:
        """Whether the daemon's turns go round."""
        alive = await self._threads.vital(self._control.alive)
        return answer({"alive": alive}, 200 if alive else 503)

    async def readyz(self, _request: Request) -> Response:
        """Whether it does its work: first pass done, credentials good, not halted."""
        reasons = await self._threads.vital(self._control.unready)
        return answer({"ready": not reasons, "reasons": list(reasons)}, 503 if reasons else 200)

    async def metrics(self, _request: Request) -> Response:
        """All metrics."""
        metrics = self._surface.metrics
        text = await self._threads.quick(metrics.text)
        return Response(text, headers={"Content-Type": metrics.content_type})

    async def page(self, _request: Request) -> Response:
        """The status for people."""
        page = await self._threads.quick(lambda: render_page(self._control.status()))
        return Response(page.html, media_type="text/html", headers={"Content-Security-Policy": page.policy})

    async def status(self, _request: Request) -> Response:
        """The status report."""
        text = await self._threads.quick(lambda: dumped(as_json(self._control.status())))
        return Response(text, media_type="application/json")

    async def item(self, request: Request) -> Response:
        """One object with its latest calls."""
        report = await self._threads.quick(partial(self._control.item, request.path_params["identifier"]))
        if report is None:
            hint = "Identifiers are those in the XML, percent-encoded as UTF-8."
            return refused(404, "no-such-item", "The record has no object of this identifier.", hint)
        return answer(as_json(report))

    async def sync(self, request: Request) -> Response:
        """Ring the bell."""
        origin = (await read_object(request)).get("origin")
        rung = origin if isinstance(origin, str) and origin in _ORIGINS else "command"
        return _accepted(await self._threads.quick(partial(self._control.ring, rung)))

    async def approve(self, request: Request) -> Response:
        """Let the held plan with this checksum pass the named rules."""
        asked = await read_object(request)
        checksum, rules = asked.get("checksum"), _texts(asked, "rules")
        if not isinstance(checksum, str) or not checksum or not rules:
            raise UnfitError(400, "incomplete", 'Say which plan and which rules: {"checksum": "…", "rules": ["…"]}.')
        return _accepted(await self._threads.quick(partial(self._control.approve, checksum, rules, "command")))

    async def job(self, request: Request) -> Response:
        """A job; with ``?wait=SECONDS`` after it ended, or after so long; ``?report=now`` adds its report so far."""
        name, seconds = request.path_params["job"], _seconds(request)
        look = self._control.so_far if request.query_params.get("report") == "now" else self._control.job
        job = await self._threads.quick(partial(look, name))
        while job is not None and not job.state.ended and seconds > 0 and not self._threads.closing:
            step = min(_STEP, seconds)
            seconds -= step
            try:
                job = await self._threads.waiting(partial(self._control.wait_for, name, step), step)
            except BusyError:  # so many wait that there is no thread left: look again, now and then
                await asyncio.sleep(step)
                job = await self._threads.quick(partial(self._control.job, name))
        if job is None:
            return refused(404, "no-such-job", "There is no such job.", "Old ones are forgotten: GET /api/v1/status.")
        return answer(job_json(job))

    async def pause(self, request: Request) -> Response:
        """Send nothing until somebody resumes, or until the time that is named."""
        asked = await read_object(request)
        reason = asked.get("reason", "")
        if not isinstance(reason, str) or len(reason) > _LONGEST_REASON:
            raise UnfitError(400, "unreadable", f"reason must be a text of at most {_LONGEST_REASON} characters.")
        until = _moment_of(asked.get("until"))
        if until is not None and until <= self._surface.now():
            raise UnfitError(400, "unreadable", "until is over already.")
        await self._threads.quick(partial(self._control.pause, reason, until))
        return answer({"paused": True, "reason": reason, "until": None if until is None else moment(until)})

    async def resume(self, request: Request) -> Response:
        """End a pause."""
        await read_object(request)
        return answer({"paused": False, "halted": await self._threads.quick(self._control.resume)})

    async def retry(self, request: Request) -> Response:
        """Queue parked objects again: the named ones, or all."""
        asked = await read_object(request)
        names = _texts(asked, "identifiers") if asked.get("identifiers") is not None else None
        return answer({"queued": await self._threads.quick(partial(self._control.retry, names))})


def _accepted(job: Job) -> Response:
    response = answer(job_json(job), 202)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return response


def _texts(asked: dict[str, Any], key: str) -> tuple[str, ...]:
    found = asked.get(key)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise UnfitError(400, "unreadable", f"{key} must be a list of texts.")
    return tuple(found)


def _seconds(request: Request) -> float:
    try:
        seconds = float(request.query_params.get("wait", "0"))
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise UnfitError(400, "unreadable", "wait must be a number of seconds.")
    return min(seconds, LONGEST_WAIT)


def _moment_of(value: object) -> float | None:
    """A point in time: seconds since the epoch, or ISO 8601 with its offset."""
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            moment(float(value))
            return float(value)
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        at = None
    if at is None or at.tzinfo is None:
        raise UnfitError(400, "unreadable", "until must be a time such as 2026-11-28T18:00:00Z.")
    return at.timestamp()
