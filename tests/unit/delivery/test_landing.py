"""What an attempt leaves: what is confirmed, what is in doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import START, a_recorded

from qtisync.delivery.landing import presence_after
from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import Answer, Exists, Missing, Refused, RemoteObject, Shown, Throttled, Unavailable
from qtisync.model import Identifier, Presence

CREATE = Request(method="POST", segments=("assessment-items",), purpose=Purpose.CREATE)
READ = Request(method="GET", segments=("assessment-items", "q"), purpose=Purpose.PRE_READ)
UPDATE = Request(method="PUT", segments=("assessment-items", "q"), purpose=Purpose.UPDATE, body={})
LOST = Unavailable(message="reset")
SHOWN = Shown(remote=RemoteObject(identifier=Identifier("q"), xml="<q/>", content=None))


@pytest.mark.parametrize(
    ("request_", "answer", "presence"),
    [
        (CREATE, SHOWN, Presence.DOUBTFUL),
        (CREATE, Exists(), Presence.PRESENT),
        (CREATE, Unavailable(message="reset"), Presence.DOUBTFUL),
        (CREATE, Unavailable(message="refused", in_doubt=False), Presence.ABSENT),
        (CREATE, Throttled(until=START), Presence.ABSENT),
        (CREATE, Refused(status=400, message="no"), Presence.ABSENT),
        (READ, Unavailable(message="reset"), Presence.ABSENT),
        (READ, SHOWN, Presence.PRESENT),
        (READ, Missing(), Presence.ABSENT),
    ],
)
def test_existence_after_one_answer(request_: Request, answer: Answer, presence: Presence):
    assert presence_after(a_recorded(presence=Presence.ABSENT, remote=None), ((request_, answer),)) is presence


def test_what_our_own_call_may_have_left_stays_doubtful_until_an_attempt_is_done():
    row = a_recorded(presence=Presence.ABSENT, remote=None)
    steps = ((CREATE, LOST), (READ, SHOWN))

    assert presence_after(row, steps) is Presence.DOUBTFUL
    assert presence_after(replace(row, presence=Presence.DOUBTFUL), ((READ, SHOWN),)) is Presence.DOUBTFUL
    assert presence_after(row, (*steps, (READ, Missing()))) is Presence.ABSENT


def test_what_others_made_is_there_until_a_call_of_ours_may_have_changed_it():
    row = a_recorded(presence=Presence.PRESENT, remote=None)

    assert presence_after(row, ((READ, SHOWN),)) is Presence.PRESENT
    assert presence_after(row, ((READ, SHOWN), (UPDATE, LOST))) is Presence.DOUBTFUL


def test_what_is_recorded_stays_known_through_a_lost_update():
    assert presence_after(a_recorded(), ((READ, SHOWN), (UPDATE, LOST))) is Presence.PRESENT
    assert presence_after(a_recorded(), ((UPDATE, Missing()), (CREATE, LOST))) is Presence.DOUBTFUL
