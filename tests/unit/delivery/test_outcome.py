"""Outcomes carry the names under which the API's documentation knows them."""

from __future__ import annotations

import pytest

from qtisync.delivery.outcome import Altered, Denied, Outcome, Refused, RemoteObject, Throttled, Unavailable
from qtisync.model import Identifier


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Refused(status=400, message="no"), "RequestError"),
        (Denied(message="no"), "AuthError"),
        (Throttled(until=None), "RateLimitError"),
        (Unavailable(message="no", status=500), "ServerError"),
        (Unavailable(message="no", status=200), "NoAnswer"),
        (Unavailable(message="no"), "NoAnswer"),
    ],
)
def test_refusal_is_named(outcome: Outcome, name: str):
    assert outcome.name == name


def test_altered_says_what_differs():
    remote = RemoteObject(identifier=Identifier("q1"), xml="<q1/>", content=None)

    assert Altered(remote=remote, differences=("its XML differs from ours", 'metadata "a" is missing')).message == (
        'the API stored something else than what was sent: its XML differs from ours; metadata "a" is missing'
    )
