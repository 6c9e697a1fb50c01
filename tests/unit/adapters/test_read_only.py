"""A transport that cannot write."""

from __future__ import annotations

import pytest

from qtisync.adapters.read_only import ReadOnlyApi, WriteRefusedError
from qtisync.delivery.messages import MayLeave, Purpose, Reply, Request, Response


class Recorder:
    def __init__(self) -> None:
        self.calls: list[object] = []

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        self.calls.append(request if may_leave is None else (request, may_leave()))
        return Response(status=200)

    def close(self) -> None:
        self.calls.append("close")


def a_request(method: str, purpose: Purpose) -> Request:
    return Request(method=method, segments=("assessment-items", "q1"), purpose=purpose)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads_pass(method: str):
    inner = Recorder()
    request = a_request(method, Purpose.LIST)

    assert ReadOnlyApi(inner).send(request) == Response(status=200)
    assert inner.calls == [request]


@pytest.mark.parametrize(
    ("method", "purpose"),
    [(method, Purpose.PROBE) for method in ("POST", "PUT", "DELETE", "PATCH", "get")]
    + [("GET", purpose) for purpose in Purpose if purpose.writes],
)
def test_everything_else_is_a_bug_and_sends_nothing(method: str, purpose: Purpose):
    inner = Recorder()
    with pytest.raises(WriteRefusedError):
        ReadOnlyApi(inner).send(a_request(method, purpose))

    assert inner.calls == []


def test_who_sends_is_asked_whether_it_may_still_leave():
    inner = Recorder()
    request = a_request("GET", Purpose.LIST)
    ReadOnlyApi(inner).send(request, lambda: False)

    assert inner.calls == [(request, False)]


def test_close_is_passed_on():
    inner = Recorder()
    ReadOnlyApi(inner).close()

    assert inner.calls == ["close"]
