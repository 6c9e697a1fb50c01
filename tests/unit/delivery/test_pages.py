"""Pages of a list: what is asked, what is believed, when a walk ends and what makes it doubtful."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import START, a_content_digest

from qtisync.delivery.messages import Failure, FailureKind, Purpose, Request, Response
from qtisync.delivery.outcome import Denied, NotTheApi, RemoteObject, Throttled, Unavailable
from qtisync.delivery.pages import ListPage, Sketch, Walk, is_untouched, page_request, read_page
from qtisync.model import Identifier, Kind, Remote


def a_row(name: str = "q1", **others: Any) -> dict[str, Any]:
    return {"identifier": name, "rawXml": "<q/>", "metadata": {"grade": "5"}, "__v": 1, "updatedAt": "now", **others}


def seen(name: str = "q1", **others: Any) -> RemoteObject:
    values = {"content": a_content_digest("<q/>"), "metadata": {"grade": "5"}, "version": 1, "updated_at": "now"}
    return RemoteObject(identifier=Identifier(name), xml="<q/>", **{**values, **others})


def read(*rows: Any, key: str = "items", number: int = 1, known: Any = None, **ends: Any) -> Any:
    body = json.dumps({key: rows, **ends}).encode()
    request = page_request(Kind.ITEM, number)
    return read_page(request, Response(status=200, body=body), known or {}, a_content_digest, START)


def a_page(*names: str, asked: int = 1, **others: Any) -> ListPage:
    return ListPage(asked=asked, rows=tuple(Sketch(identifier=Identifier(name)) for name in names), **others)


def walked(*pages: ListPage) -> tuple[Walk, int | None]:
    walk, following = Walk(), None
    for page in pages:
        following = walk.add(page)
    return walk, following


def test_pages_are_asked_for_in_an_order_that_inserts_do_not_turn_round():
    assert page_request(Kind.STIMULUS, 3) == Request(
        method="GET",
        segments=("stimuli",),
        purpose=Purpose.LIST,
        query={"page": "3", "limit": "50", "sort": "identifier", "order": "asc"},
    )


@pytest.mark.parametrize("key", ["items", "data"])
def test_rows_are_read_under_either_key(key: str):
    page = read(a_row(), key=key, page=1, pages="2", total=3, limit=1)

    assert page == ListPage(asked=1, rows=(seen(),), number=1, pages=2, total=3, limit=1)


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (a_row(type="hologram", added={"by": "the API"}), seen()),
        (a_row(metadata={"grade": 5}), seen(metadata={"grade": 5})),
        (a_row(metadata=None), Sketch(identifier=Identifier("q1"), version=1, updated_at="now")),
        (a_row(rawXml=None), Sketch(identifier=Identifier("q1"), version=1, updated_at="now")),
        ({"identifier": "q1"}, Sketch(identifier=Identifier("q1"))),
        ({"assessmentItem": a_row()}, seen()),
    ],
)
def test_odd_row_is_never_hidden(row: dict[str, Any], shown: Any):
    assert read(row, a_row("q2")).rows == (shown, seen("q2"))


@pytest.mark.parametrize("row", [None, 5, "q1", [], {}, {"identifier": 5}, {"identifier": ""}])
def test_row_without_an_identifier_is_counted(row: Any):
    page = read(row, a_row())

    assert (page.rows, page.nameless) == ((seen(),), 1)


def test_untouched_row_is_not_digested_again():
    known = {Identifier("q1"): Remote(content=a_content_digest("theirs"), version=1, updated_at="now")}

    assert read(a_row(), known=known).rows == (seen(content=a_content_digest("theirs")),)
    assert read(a_row(__v=2), known=known).rows == (seen(version=2),)


def test_stamps_that_are_not_there_prove_nothing():
    assert not is_untouched(Remote(), None, None)
    assert not is_untouched(Remote(version=1), 1, None)
    assert is_untouched(Remote(version=1, updated_at="now"), 1, "now")


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (Response(status=429, headers={"retry-after": "2"}), Throttled),
        (Response(status=200, body=b"<html>"), Unavailable),
        (Response(status=200, body=b'{"identifier": "q1", "rawXml": "<q/>"}'), Unavailable),
        (Response(status=403, body=b"{}"), Denied),
        (Response(status=404, body=b"<html>"), NotTheApi),
        (Failure(kind=FailureKind.UNREACHABLE, message="gone"), Unavailable),
    ],
)
def test_what_is_no_list_has_its_usual_meaning(reply: Any, meaning: type):
    assert isinstance(read_page(page_request(Kind.ITEM, 1), reply, {}, a_content_digest, START), meaning)


def test_short_page_does_not_end_a_walk():
    walk, following = walked(a_page("a", pages=3, limit=50, total=3))

    assert following == 2
    assert walked(a_page("a", pages=2, total=2), a_page("b", asked=2, pages=2, total=2))[1] is None
    assert walk.doubts == ("it shows 1 of 3",)


def test_clamped_limit_is_recognised():
    page = a_page("a", "b", limit=2, total=5)

    assert page.last == 3
    # … even where the number of pages was counted with the limit that was asked for
    walk, following = walked(a_page("a", "b", pages=1, limit=2, total=3))
    assert following == 2
    assert walk.add(a_page("c", asked=2, pages=1, limit=2, total=3)) is None
    assert walk.doubts == ()


def test_without_any_number_a_walk_ends_where_nothing_new_comes():
    assert walked(a_page("a"), a_page("b", asked=2))[1] == 3
    assert walked(a_page("a"), a_page("b", asked=2), a_page(asked=3))[1] is None
    assert walked(a_page("a"), a_page("a", asked=2))[1] is None


@pytest.mark.parametrize(
    ("pages", "doubt"),
    [
        (
            [a_page("a", "b", pages=2, total=3), a_page("b", "c", asked=2, pages=2, total=4)],
            ("its total changed from 3 to 4 meanwhile", "1 row came twice: its pages shifted meanwhile"),
        ),
        ([a_page("a", pages=2, total=4), a_page("b", asked=2, pages=2, total=4)], ("it shows 2 of 4",)),
        (
            [a_page("a", pages=2, number=1), a_page("a", asked=2, number=1, pages=2)],
            ("1 row came twice: its pages shifted meanwhile", "it does not turn its pages"),
        ),
        ([a_page("a", pages=3), a_page(asked=2, pages=3)], ("a page before its last one is empty",)),
        ([a_page("a", pages=1, nameless=2)], ("2 rows without an identifier",)),
        ([a_page("a", pages=1, total=1)], ()),
        ([a_page(pages=0, total=0)], ()),
    ],
)
def test_what_makes_a_walk_doubtful(pages: list[ListPage], doubt: tuple[str, ...]):
    assert walked(*pages)[0].doubts == doubt
