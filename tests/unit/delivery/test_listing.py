"""Many items by one list: the request, and what of its answer is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import START, a_content_digest

from qtisync.delivery.listing import MAX_FILTER, Page, chosen, list_request, read_list
from qtisync.delivery.messages import Failure, FailureKind, Purpose, Request, Response
from qtisync.delivery.outcome import Refused, RemoteObject, Throttled, Unavailable
from qtisync.model import Digest, Identifier, Remote

REQUEST = list_request([Identifier("q1"), Identifier("q2")])


def a_row(name: str = "q1", **others: Any) -> dict[str, Any]:
    row = {
        "identifier": name,
        "rawXml": "<q/>",
        "metadata": {"grade": "5"},
        "__v": 1,
        "updatedAt": "now",
        "type": "new",
    }
    return {**row, **others}


def remote(name: str = "q1", content: Digest | None = None, **others: Any) -> RemoteObject:
    values = {"metadata": {"grade": "5"}, "version": 1, "updated_at": "now", **others}
    return RemoteObject(identifier=Identifier(name), xml="<q/>", content=content or a_content_digest("<q/>"), **values)


def page(*rows: Any, key: str = "items", wanted: tuple[str, ...] = ("q1", "q2"), **ends: Any) -> Page:
    body = json.dumps({key: rows, **ends}).encode()
    found = read_list(
        REQUEST, Response(status=200, body=body), {Identifier(name): None for name in wanted}, a_content_digest, START
    )
    assert isinstance(found, Page)
    return found


def test_items_are_asked_for_by_quoted_identifiers_and_as_many_rows():
    assert list_request([Identifier("q1"), Identifier("o'hara")]) == Request(
        method="GET",
        segments=("assessment-items",),
        purpose=Purpose.LIST,
        query={
            "filter": "identifier='q1' OR identifier='o''hara'",
            "page": "1",
            "limit": "2",
            "sort": "identifier",
            "order": "asc",
        },
    )


def test_what_this_filter_might_read_otherwise_is_not_asked_for_by_it():
    names = [Identifier(name) for name in ("q1", "a\\b", "tab\there", "q2", "q3")]

    assert chosen(names, 2) == ("q1", "q2")


def test_the_filter_stays_short_enough_for_every_proxy():
    names = [Identifier(f"{'x' * 120}{number}") for number in range(50)]

    found = chosen(names, 50)

    assert 4 <= len(found) < 50
    assert sum(len(name) for name in found) < MAX_FILTER


@pytest.mark.parametrize("key", ["items", "data"])
def test_rows_are_found_under_both_keys_that_were_seen(key: str):
    assert page(a_row("q1"), a_row("q2"), key=key, total=2, limit=2) == Page(
        shown={Identifier("q1"): remote("q1"), Identifier("q2"): remote("q2")}, asked=2, limit=2
    )


def test_item_that_was_not_touched_is_not_digested_again():
    known = Remote(content=a_content_digest("as we know it"), version=1, updated_at="now")
    reply = Response(status=200, body=json.dumps({"items": [a_row("q1"), a_row("q2", __v=2)]}).encode())

    found = read_list(REQUEST, reply, {Identifier("q1"): known, Identifier("q2"): known}, a_content_digest, START)

    assert isinstance(found, Page)
    assert found.shown == {"q1": remote("q1", known.content), "q2": remote("q2", version=2)}


def test_row_that_stands_there_twice_is_taken_once_and_one_of_two_minds_not_at_all():
    found = page(a_row("q1"), a_row("q1"), a_row("q2"), a_row("q2", __v=2), a_row("q2"))

    assert (set(found.shown), found.unusable, found.complaint) == ({"q1"}, 1, "")


@pytest.mark.parametrize(
    "row",
    [
        "text",
        None,
        {"identifier": ["q2"]},
        {"identifier": 2},
        a_row("q2", metadata=None),
        {"identifier": "q2", "rawXml": "<q/>"},
        a_row("q2", rawXml=None),
    ],
)
def test_row_that_does_not_show_a_whole_item_is_left_to_a_get(row: Any):
    assert set(page(a_row("q1"), row).shown) == {"q1"}


def test_rows_without_metadata_would_cost_others_their_keys_so_the_list_is_of_no_use():
    light = [{"identifier": name, "rawXml": "<q/>"} for name in ("q1", "q2")]

    assert page(*light).complaint == "the rows of the list do not show whole items"


def test_filter_that_is_ignored_is_noticed():
    found = page(a_row("q1"), a_row("x1"), a_row("x2"), total=3)

    assert (found.strangers, set(found.shown)) == (2, {"q1"})
    assert found.complaint == "the list ignores the filter: it shows items that were not asked for"


def test_filter_that_ignores_case_is_no_reason_to_do_without():
    assert page(a_row("q1"), a_row("Q1")).complaint == ""


@pytest.mark.parametrize(
    ("ends", "complete", "limit"),
    [
        ({"total": 1, "limit": 2}, True, 2),
        ({"total": 2, "limit": 1}, False, 1),
        ({}, True, None),
        ({"limit": 1}, False, 1),
        ({"total": True, "limit": "1"}, True, None),
        ({"total": -1}, True, None),
    ],
)
def test_page_that_was_cut_off_is_no_complete_one(ends: dict[str, Any], complete: bool, limit: int | None):
    found = page(a_row("q1"), **ends)

    assert (found.complete, found.limit) == (complete, limit)


def test_what_is_no_list_says_what_it_is():
    def read(reply: Any) -> Any:
        return read_list(REQUEST, reply, {Identifier("q1"): None}, a_content_digest, START)

    assert read(Response(status=200, body=json.dumps(a_row()).encode())) == Unavailable(
        message="the answer is no list", status=200
    )
    assert isinstance(read(Response(status=200, body=b"<html>")), Unavailable)
    assert isinstance(read(Response(status=400, body=b'{"error": "filter"}')), Refused)
    assert isinstance(read(Response(status=429, headers={"retry-after": "2"})), Throttled)
    assert isinstance(read(Failure(kind=FailureKind.LOST, message="reset")), Unavailable)
