"""Before the first write to a target: is it really the QTI API that answers there."""

from __future__ import annotations

from dataclasses import dataclass

from qtisync.delivery.answers import json_object, read_response
from qtisync.delivery.messages import Purpose, Reply, Request, Response
from qtisync.delivery.outcome import Answer, Missing, NotTheApi, Throttled, Unavailable
from qtisync.engine.exchange import Exchange
from qtisync.engine.pacing import Pacing
from qtisync.engine.ports import Store

SETTING = "confirmed_api"
PROBE = Request(method="GET", segments=("assessment-items",), purpose=Purpose.PROBE, query={"page": "1", "limit": "1"})


@dataclass(frozen=True, slots=True)
class Recognised:
    """What answers is recognisably the API."""

    name = "recognised"


def confirm(store: Store, exchange: Exchange, pacing: Pacing, base_url: str, deadline: float | None) -> Answer | None:
    """Ask once per base URL; ``None`` if it is the API. A wrong address must never turn into creates.

    A refusal of speed is obeyed like any other: it is asked again behind the pause.
    """
    if store.setting(SETTING) == base_url:
        return None
    while pacing.wait(deadline):
        answer = probe(exchange)
        if isinstance(answer, Recognised):
            store.put_setting(SETTING, base_url)
            return None
        if not isinstance(answer, Throttled):
            return answer
    return Unavailable(message="stopped before the API was asked", in_doubt=False)


def probe(exchange: Exchange) -> Answer | Recognised:
    """One page of the list, as whoever asks has a slot for it."""
    return exchange.ask(PROBE, lambda reply, now: judge(reply, now) or Recognised())


def judge(reply: Reply, now: float) -> Answer | None:
    """What the reply to ``PROBE`` says against this being the API; ``None``: nothing."""
    if isinstance(reply, Response) and 200 <= reply.status < 300:  # noqa: PLR2004 - RFC 9110
        document = json_object(reply.body)
        if document is not None and any(isinstance(document.get(name), list) for name in ("items", "data")):
            return None
        return NotTheApi(status=reply.status, message=f"{reply.status}: what answers there does not list QTI items")
    answer = read_response(PROBE, reply, lambda _text: None, now)
    if isinstance(answer, Missing):  # the list itself is never missing
        return NotTheApi(status=answer.status, message=answer.message)
    return answer
