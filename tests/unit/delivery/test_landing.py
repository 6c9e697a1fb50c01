"""What an attempt leaves: what is confirmed, what is in doubt."""

from __future__ import annotations

import pytest
from builders import START

from qtisync.delivery.landing import presence_after
from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import Answer, Exists, Missing, Refused, RemoteObject, Shown, Throttled, Unavailable
from qtisync.model import Identifier, Presence

CREATE = Request(method="POST", segments=("assessment-items",), purpose=Purpose.CREATE)
READ = Request(method="GET", segments=("assessment-items", "q"), purpose=Purpose.PRE_READ)
SHOWN = Shown(remote=RemoteObject(identifier=Identifier("q"), xml="<q/>", content=None))


@pytest.mark.parametrize(
    ("request_", "answer", "presence"),
    [
        (CREATE, SHOWN, Presence.PRESENT),
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
    assert presence_after(Presence.ABSENT, ((request_, answer),)) is presence


def test_the_last_clear_answer_counts():
    steps = ((CREATE, Unavailable(message="reset")), (READ, SHOWN))

    assert presence_after(Presence.ABSENT, steps) is Presence.PRESENT
    assert presence_after(Presence.ABSENT, (*steps, (READ, Missing()))) is Presence.ABSENT
