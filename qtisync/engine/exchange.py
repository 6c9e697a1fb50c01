"""One request and its answer: sent, read, and the pace told. Whoever asks has a slot of the pace already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from qtisync.delivery.messages import Reply, Request, Response
from qtisync.delivery.outcome import Answer, Shown, Throttled, Unavailable
from qtisync.engine.health import Health
from qtisync.engine.pacing import Pacing
from qtisync.engine.ports import Api, Clock, Meter
from qtisync.model import JournalLine, Key


class Named(Protocol):
    """What a reply was read as."""

    @property
    def name(self) -> str:
        """For the meter."""


T = TypeVar("T", bound=Named)


class Exchange:
    """Asks the API for all who push. Threads share it."""

    def __init__(self, api: Api, clock: Clock, pacing: Pacing, meter: Meter, health: Health | None = None) -> None:
        self._api, self._clock, self._pacing, self._meter = api, clock, pacing, meter
        self.health = health if health is not None else Health()

    def ask(self, request: Request, read: Callable[[Reply, float], T]) -> T:
        """Send ``request`` and ``read`` the reply at the time at which it came.

        Since its slot was given, a pause may have begun: then it is held back, and nobody learns anything from it.
        """
        sent_at = self._clock.now()
        reply = self._api.send(request, self._pacing.may_leave)
        came_at = self._clock.now()
        answer = read(reply, came_at)
        if is_held(answer):
            return answer
        self._meter.called(request.purpose.value, answer.name, came_at - sent_at)
        self.health.heard(answer, came_at, sent_at)
        if isinstance(answer, Throttled):
            self._pacing.throttled(answer, sent_at)
        elif not isinstance(answer, Unavailable):
            self._pacing.succeeded(sent_at)
        if isinstance(reply, Response):
            self._pacing.heard(reply.headers, sent_at)
        return answer


def is_held(answer: object) -> bool:
    """Whether a request did not leave because a pause began: the same is asked again in another slot."""
    return isinstance(answer, Throttled) and not answer.sent


def journal_line(key: Key, request: Request, answer: Answer, at: float) -> JournalLine:
    """One call for the journal."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    return JournalLine(
        at=at,
        key=key,
        method=request.method,
        path="/".join(("", *request.segments)) + (f"?{query}" if query else ""),
        purpose=request.purpose.value,
        outcome=answer.name,
        http_status=answer.status,
        remote_version=answer.remote.version if isinstance(answer, Shown) else None,
        message=None if isinstance(answer, Shown) else answer.message,
    )
