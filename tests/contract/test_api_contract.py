"""What every ``Api`` promises: run against the in-memory twin and against HTTP with that twin behind a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from fake_api import FakeApi, Fault
from scripted_server import Answer, Seen, TokenDesk, scripted_server

from qtisync.adapters.http_api import Endpoint, HttpApi
from qtisync.delivery.messages import Failure, FailureKind, Purpose, Reply, Request, Response
from qtisync.engine.ports import Api

ITEMS = "assessment-items"


@dataclass(frozen=True)
class World:
    """The ``Api`` under test, and what is behind it."""

    api: Api
    behind: FakeApi


def _through(fake: FakeApi, seen: Seen) -> Answer:
    parts = urlsplit(seen.target)
    segments = tuple(unquote(segment) for segment in parts.path.removeprefix("/api/").split("/"))
    body = json.loads(seen.body) if seen.body else None
    query = dict(parse_qsl(parts.query))
    reply = fake.send(Request(method=seen.method, segments=segments, purpose=Purpose.PROBE, query=query, body=body))
    if isinstance(reply, Failure):
        return Answer(reset=True)
    return Answer(status=reply.status, headers=tuple(reply.headers.items()), body=reply.body)


@pytest.fixture(params=["memory", "http"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    fake = FakeApi()
    if request.param == "memory":
        yield World(fake, fake)
        return
    with scripted_server(TokenDesk(behind=lambda seen: _through(fake, seen))) as server:
        endpoint = Endpoint(
            base_url=f"{server.url}/api",
            token_url=f"{server.url}/oauth2/token",
            client_id=lambda: "the-client",
            client_secret=lambda: "the-secret",
        )
        with closing(HttpApi(endpoint)) as api:
            yield World(api, fake)


def xml_of(identifier: str, title: str = "A question") -> str:
    return f'<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="{identifier}" title="{title}"/>'


def post(identifier: str = "q1", **metadata: Any) -> Request:
    body: Any = {"format": "xml", "xml": xml_of(identifier), "metadata": metadata}
    return Request(method="POST", segments=(ITEMS,), purpose=Purpose.CREATE, body=body)


def put(identifier: str = "q1", title: str = "A question", **metadata: Any) -> Request:
    body: Any = {"format": "xml", "xml": xml_of(identifier, title), "metadata": metadata}
    return Request(method="PUT", segments=(ITEMS, identifier), purpose=Purpose.UPDATE, body=body)


def get(identifier: str = "q1") -> Request:
    return Request(method="GET", segments=(ITEMS, identifier), purpose=Purpose.READ_BACK)


def status(reply: Reply) -> int | FailureKind:
    return reply.status if isinstance(reply, Response) else reply.kind


def document(reply: Reply) -> Any:
    assert isinstance(reply, Response)
    assert reply.headers["content-type"].startswith("application/json")
    return json.loads(reply.body)


def test_create_shows_the_item_and_a_second_create_is_refused_and_changes_nothing(world: World):
    created = world.api.send(post(grade="5"))
    again = world.api.send(post(grade="6"))

    assert (status(created), status(again), "error" in document(again)) == (201, 409, True)
    shown = document(created)
    assert (shown["identifier"], shown["rawXml"], shown["metadata"], shown["__v"]) == (
        "q1",
        xml_of("q1"),
        {"grade": "5"},
        0,
    )
    assert document(world.api.send(get())) == shown


def test_update_replaces_the_metadata_and_never_creates(world: World):
    assert (status(world.api.send(put())), world.behind.items) == (404, {})
    before = document(world.api.send(post(grade="5", topic="x")))

    after = document(world.api.send(put(title="Better", grade="6")))

    assert (after["title"], after["metadata"], after["__v"]) == ("Better", {"grade": "6"}, 1)
    assert (after["createdAt"], after["updatedAt"] > before["updatedAt"]) == (before["createdAt"], True)


def test_404_is_the_apis_own_json_for_an_item_and_something_else_for_a_wrong_path(world: World):
    missing = world.api.send(get())
    wrong = world.api.send(replace(get(), segments=("nothing-here",)))

    assert (status(missing), "error" in document(missing)) == (404, True)
    assert isinstance(wrong, Response)
    assert (wrong.status, wrong.headers["content-type"]) == (404, "text/html")


def test_refused_content_is_an_answer(world: World):
    broken = replace(post(), body={"format": "xml", "xml": "<broken", "metadata": {}})

    assert status(world.api.send(broken)) == 400


@pytest.mark.parametrize("identifier", ["季語", "a b", "a/b", "50%", "x?y#z", "a'b", "..."])
def test_identifier_of_any_kind_survives_the_path(world: World, identifier: str):
    world.api.send(post(identifier))

    assert document(world.api.send(get(identifier)))["identifier"] == identifier
    assert status(world.api.send(put(identifier))) == 200


@pytest.mark.parametrize("segments", [(), ("",), (ITEMS, ""), (ITEMS, "."), (ITEMS, ".."), (ITEMS, " ")])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_dangerous_path_raises_and_nothing_is_asked(world: World, method: str, segments: tuple[str, ...]):
    with pytest.raises(ValueError):
        world.api.send(Request(method=method, segments=segments, purpose=Purpose.DELETE))
    with pytest.raises(ValueError):
        world.api.send(Request(method="DELETE", segments=("q1",), purpose=Purpose.DELETE))

    assert world.behind.requests == []


def test_delete_answers_204_once(world: World):
    world.api.send(post())
    gone = Request(method="DELETE", segments=(ITEMS, "q1"), purpose=Purpose.DELETE)

    assert [status(world.api.send(gone)), status(world.api.send(gone))] == [204, 404]


@pytest.mark.parametrize(
    ("mode", "metadata", "bystander"),
    [
        ("merge", {"grade": "6", "topic": "x"}, {"humanApproved": True}),
        ("replace", {"grade": "6"}, {"humanApproved": True}),
        ("ignore", {"grade": "5", "topic": "x"}, {"humanApproved": True}),
        ("wrong", {"subject": "something else"}, {"humanApproved": True}),
        ("reset_all", {"grade": "6", "topic": "x", "humanApproved": False}, {"humanApproved": False}),
    ],
)
def test_metadata_call_has_every_effect_that_was_ever_described(world: World, mode: Any, metadata: Any, bystander: Any):
    world.behind.metadata_mode = mode
    world.behind.store_item(xml_of("q1"), {"grade": "5", "topic": "x"})
    world.behind.store_item(xml_of("q2"), {"humanApproved": True})
    request = replace(post(grade="6"), segments=(ITEMS, "metadata"), purpose=Purpose.UPDATE_METADATA)

    assert status(world.api.send(request)) == 201
    assert [document(world.api.send(get(name)))["metadata"] for name in ("q1", "q2")] == [metadata, bystander]


def test_list_is_paged_sorted_and_filtered(world: World):
    for name in ("b", "a", "d'", "c"):
        world.behind.store_item(xml_of(name))

    def listed(**query: str) -> tuple[list[str], int, int]:
        found = document(world.api.send(Request(method="GET", segments=(ITEMS,), purpose=Purpose.LIST, query=query)))
        return [item["identifier"] for item in found["items"]], found["total"], found["pages"]

    assert listed() == (["c", "d'", "a", "b"], 4, 1)
    assert listed(sort="identifier", order="asc", page="2", limit="3") == (["d'"], 4, 2)
    assert listed(filter="identifier='a' OR identifier='d'''", sort="identifier", order="asc") == (["a", "d'"], 2, 1)
    assert listed(filter="identifier~'^[bc]$'", sort="identifier", order="asc") == (["b", "c"], 2, 1)


def test_stimuli_are_json_objects_of_their_own(world: World):
    fields: Any = {"identifier": "s1", "title": "A text", "content": "<p>Read.</p>", "metadata": {"a": 1}}
    create = Request(method="POST", segments=("stimuli",), purpose=Purpose.CREATE, body=fields)
    update = replace(create, method="PUT", segments=("stimuli", "s1"), purpose=Purpose.UPDATE)

    assert [status(world.api.send(request)) for request in (update, create, create, update)] == [404, 201, 409, 200]
    shown = document(world.api.send(replace(get(), segments=("stimuli", "s1"))))
    assert (shown["metadata"], shown["__v"], isinstance(shown["content"], dict)) == ({"a": 1}, 1, True)


@pytest.mark.parametrize(
    ("fault", "seen", "stored"),
    [
        (Fault.answers(429, {"error": "slow down"}, retry_after="2"), 429, 0),
        (Fault.answers(502, body=b"<html>Bad gateway</html>", content_type="text/html"), 502, 0),
        (Fault.applies_then(500, {"error": "Internal Server Error"}), 500, 1),
        (Fault.lost(applied=True), FailureKind.LOST, 1),
        (Fault.lost(applied=False), FailureKind.LOST, 0),
    ],
)
def test_fault_is_a_reply_and_never_an_exception(world: World, fault: Fault, seen: Any, stored: int):
    world.behind.faults.append(lambda request, number: fault if number == 1 else None)

    assert (status(world.api.send(post())), len(world.behind.items)) == (seen, stored)
    assert status(world.api.send(put("q2"))) == 404


def test_unreachable_twin_did_nothing():
    fake = FakeApi()
    fake.faults.append(lambda request, number: Fault.unreachable())

    assert (status(fake.send(post())), fake.items, len(fake.writes())) == (FailureKind.UNREACHABLE, {}, 1)


def test_threads_share_it_and_every_reply_belongs_to_its_request(world: World):
    names = [f"q{number}" for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda name: world.api.send(post(name)), names))

    assert [document(reply)["identifier"] for reply in replies] == names


def test_close_may_be_called_twice(world: World):
    world.api.send(post())
    world.api.close()
    world.api.close()
