"""Before the first write to a target: is it really the QTI API that answers there."""

from __future__ import annotations

from qtisync.delivery.answers import json_object, read_response
from qtisync.delivery.messages import Purpose, Reply, Request, Response
from qtisync.delivery.outcome import Answer, Missing, NotTheApi
from qtisync.engine.ports import Api, Store

SETTING = "confirmed_api"
PROBE = Request(method="GET", segments=("assessment-items",), purpose=Purpose.PROBE, query={"page": "1", "limit": "1"})


def confirm(store: Store, api: Api, base_url: str, now: float) -> Answer | None:
    """Ask once per base URL; ``None`` if it is the API. A wrong address must never turn into creates."""
    if store.setting(SETTING) == base_url:
        return None
    complaint = probe(api, now)
    if complaint is None:
        store.put_setting(SETTING, base_url)
    return complaint


def probe(api: Api, now: float) -> Answer | None:
    """One page of the list; ``None`` if the answer is recognisably the API's."""
    return judge(api.send(PROBE), now)


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
