"""The calls that delete an object: read, delete, and read again when an answer is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import GRADE_5, a_recorded
from wire_values import get, shown

from qtisync.delivery.answers import read_response
from qtisync.delivery.messages import Purpose, Request, Response
from qtisync.delivery.outcome import (
    Answer,
    Conflicted,
    Denied,
    Missing,
    NotTheApi,
    Outcome,
    Refused,
    Shown,
    Throttled,
    Unavailable,
)
from qtisync.delivery.removal import next_removal_step, removal_job
from qtisync.delivery.wire import Step
from qtisync.model import Facets, Presence, Recorded, Remote
from qtisync.ownership import Ownership, Stamp

DELETE = Request(method="DELETE", segments=("assessment-items", "q1"), purpose=Purpose.DELETE)
LOST = Unavailable(message="no answer")
AWAY = Unavailable(message="unreachable", in_doubt=False)
GONE = Missing(status=204, message="deleted")
OURS = shown("c1")
NO_RULE = Ownership()


def walk(*answers: Answer, row: Recorded | None = None, ownership: Ownership = NO_RULE) -> list[Request | Outcome]:
    job, steps = removal_job(row or a_recorded(), ownership), ()
    path: list[Request | Outcome] = [next_removal_step(job, steps)]
    for answer in answers:
        asked = path[-1]
        assert isinstance(asked, Request)
        steps: tuple[Step, ...] = (*steps, (asked, answer))
        path.append(next_removal_step(job, steps))
    return path


def test_it_is_read_and_deleted() -> None:
    assert walk(OURS, GONE) == [get(), DELETE, GONE]


def test_what_is_not_there_is_not_deleted() -> None:
    assert walk(Missing()) == [get(), Missing()]


@pytest.mark.parametrize(
    "answer",
    [
        NotTheApi(message="404: nginx"),
        Denied(message="403"),
        AWAY,
        LOST,
        Throttled(until=None),
        Refused(status=400, message=""),
    ],
)
def test_a_read_without_the_object_is_followed_by_nothing(answer: Answer) -> None:
    assert walk(answer) == [get(), answer]


@pytest.mark.parametrize(
    "answer",
    [
        NotTheApi(message="404: nginx"),
        Denied(message="403"),
        AWAY,
        Throttled(until=1.0),
        Refused(status=422, message="in use"),
    ],
)
def test_a_clear_answer_to_the_delete_is_the_end_of_the_attempt(answer: Answer) -> None:
    assert walk(OURS, answer) == [get(), DELETE, answer]


def test_a_lost_answer_is_followed_by_a_read_and_at_most_one_more_delete() -> None:
    assert walk(OURS, LOST, Missing()) == [get(), DELETE, get(), Missing()]
    still = Unavailable(message="it is still there after it was deleted", in_doubt=False)
    assert walk(OURS, LOST, OURS, LOST, OURS) == [get(), DELETE, get(), DELETE, get(), still]


def seen(answer: Shown) -> Outcome | Request:
    return walk(answer)[-1]


def test_others_keys_are_no_conflict_but_content_and_gits_keys_are() -> None:
    assert seen(shown("c1", {**GRADE_5, "status": "live"}, version=2)) == DELETE
    content, key = seen(shown("c2", version=2)), seen(shown("c1", {"grade": "9"}, version=2))
    assert isinstance(content, Conflicted)
    assert content.message == "its content was changed at the API since our last write"
    assert isinstance(key, Conflicted)
    assert key.message == 'its metadata "grade" was changed at the API since our last write'


def test_what_cannot_be_compared_counts_as_changed_unless_it_was_not_touched() -> None:
    row = a_recorded(remote=Remote(content=None, version=1, updated_at="2027-01-15T08:00:00.000Z"))
    touched = walk(shown("c1", version=7), row=row)[-1]
    assert isinstance(touched, Conflicted)
    unread = replace(OURS, remote=replace(OURS.remote, content=None, version=7))
    assert isinstance(seen(unread), Conflicted)
    same = replace(OURS.remote, content=None, version=1, updated_at="2027-01-15T08:00:00.000Z")
    assert walk(replace(OURS, remote=same), row=row)[-1] == DELETE


def test_only_what_carries_our_stamp_when_it_is_read_is_deleted() -> None:
    """That it is recorded is not enough, even where nobody touched it since."""
    stamped = {**GRADE_5, "owner": "us"}
    ownership = Ownership(stamp=Stamp(key="owner", value="us"))
    row = a_recorded(acknowledged_metadata=stamped)
    assert walk(shown("c1", stamped), row=row, ownership=ownership)[-1] == DELETE
    bare = walk(shown("c1", GRADE_5), row=row, ownership=ownership)[-1]
    assert isinstance(bare, Conflicted)
    assert bare.message == "it does not carry the owner stamp owner: us"
    theirs = walk(shown("c1", {**GRADE_5, "owner": "them"}), row=row, ownership=ownership)[-1]
    assert isinstance(theirs, Conflicted)
    assert theirs.message == 'its owner is "them"'


@pytest.mark.parametrize(
    "row",
    [
        a_recorded(presence=Presence.DOUBTFUL),
        a_recorded(remote=None),
        a_recorded(acknowledged=Facets()),
    ],
)
def test_what_is_not_known_is_a_bug_to_delete(row: Recorded) -> None:
    with pytest.raises(ValueError, match="without knowing what it is"):
        removal_job(row, Ownership())


@pytest.mark.parametrize(
    ("response", "meaning"),
    [
        (Response(status=204), GONE),
        (Response(status=200), Missing(status=200, message="deleted")),
        (Response(status=200, body=b'{"message": "gone"}'), Missing(status=200, message="deleted")),
        (Response(status=404, body=b'{"error": "Not Found"}'), Missing(message="404: Not Found")),
        (Response(status=404, body=b"<html>nginx</html>"), NotTheApi(status=404, message="answer 404: nginx")),
        (Response(status=409, body=b'{"error": "in use"}'), Refused(status=409, message="409: in use")),
    ],
)
def test_what_the_answer_to_a_delete_means(response: Response, meaning: Answer) -> None:
    assert read_response(DELETE, response, lambda _xml: None, 0.0) == meaning


@pytest.mark.parametrize(
    "response",
    [
        Response(status=200, body=b"<html>Welcome</html>"),
        Response(status=202),
        Response(status=502),
        Response(status=200, body=b"[]"),
    ],
)
def test_what_does_not_say_that_it_is_gone_leaves_doubt(response: Response) -> None:
    answer = read_response(DELETE, response, lambda _xml: None, 0.0)
    assert isinstance(answer, Unavailable)
    assert answer.in_doubt
