"""Reading everything the API holds: complete where it can be, and honest where it cannot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from builders import a_key
from fake_api import FakeApi, Fault
from fakes import FakeBell, FakeClock, RecordedLog
from world import item_xml

from qtisync.content.canonical import digest_text
from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import Denied, NotTheApi, Unavailable
from qtisync.engine.pacing import PaceTerms
from qtisync.engine.private_pace import PrivatePace
from qtisync.engine.survey import CONFIRMED, Eyes, Survey, Surveyor
from qtisync.model import Identifier, Key, Kind, Remote


class Look:
    """An API with items, and a survey of it."""

    def __init__(self, *names: str, page: int = 50) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.api.max_limit = page
        for name in names:
            self.api.store_item(item_xml(name), {"grade": "5"})
        self.known: dict[Key, Remote | None] = {
            a_key(name): Remote(
                content=digest_text(document["rawXml"]), version=document["__v"], updated_at=document["updatedAt"]
            )
            for name, document in self.api.items.items()
        }

    def survey(self, **options: Any) -> Survey:
        eyes = Eyes(
            api=self.api,
            pace=PrivatePace(),
            terms=PaceTerms(ceiling=1000.0),
            clock=self.clock,
            bell=FakeBell(self.clock),
            log=RecordedLog(),
            digest=digest_text,
            concurrency=2,
        )
        return Surveyor(eyes, self.known, **options).survey()

    def gets(self) -> list[str]:
        return sorted(r.segments[1] for r in self.api.requests if r.purpose is Purpose.CHECK)


def names(survey: Survey) -> list[str]:
    return [key.identifier for key in survey.rows]


def listing(change: Any) -> Any:
    """A fault that changes the answer of each list of items: ``change(document, page)``."""

    def script(request: Request, _number: int) -> Fault | None:
        if request.segments != ("assessment-items",):
            return None
        page = int(request.query["page"])
        reply = script.api._list("assessment-items", request.query)  # type: ignore[attr-defined]
        document = change(json.loads(reply.body), page)
        return None if document is None else Fault.answers(200, document)

    return script


def with_listing(look: Look, change: Any) -> Look:
    script = listing(change)
    script.api = look.api
    look.api.faults.append(script)
    return look


def test_all_pages_of_both_collections_are_read_and_nothing_else():
    look = Look(*(f"q{n:02}" for n in range(7)), page=3)

    survey = look.survey()

    assert names(survey) == [f"q{n:02}" for n in range(7)]
    assert (survey.complete, survey.reasons, survey.gone, survey.calls) == (True, (), frozenset(), 4)
    assert {r.segments for r in look.api.requests} == {("assessment-items",), ("stimuli",)}
    assert all(row.xml == "" for row in survey.rows.values())


def test_xml_is_kept_where_it_is_asked_for():
    look = Look("q1")

    assert look.survey(keep_xml=True).rows[a_key("q1")].xml == item_xml("q1")


def test_stimuli_are_seen_too():
    look = Look()
    look.api.stimuli["s1"] = {"identifier": "s1", "rawXml": "<s/>", "metadata": {}, "__v": 0, "updatedAt": "t"}

    assert names(look.survey()) == ["s1"]


def test_what_vanished_is_confirmed_by_a_get():
    look = Look("a", "b", "c")
    del look.api.items["b"]

    survey = look.survey()

    assert (survey.gone, survey.complete, look.gets()) == ({a_key("b")}, True, ["b"])


def test_row_that_the_list_leaves_out_is_not_said_to_be_gone():
    look = with_listing(
        Look("a", "b", "c"),
        lambda document, _page: {**document, "items": [r for r in document["items"] if r["identifier"] != "b"]},
    )

    survey = look.survey()

    assert (names(survey), survey.gone, survey.complete) == (["a", "b", "c"], frozenset(), False)
    assert survey.reasons == (
        "the list of items is doubtful: it shows 2 of 3",
        "the list of items leaves out b",
    )


def test_list_that_hides_a_row_from_its_total_too_is_found_out():
    look = with_listing(
        Look("a", "b", "c"),
        lambda document, _page: {
            **document,
            "items": [r for r in document["items"] if r["identifier"] != "b"],
            "total": 2,
        },
    )

    survey = look.survey()

    assert (names(survey), survey.complete, survey.reasons) == (
        ["a", "b", "c"],
        False,
        ("the list of items leaves out b",),
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda document, _page: {"data": document.pop("items"), **document},
        lambda document, _page: {**document, "items": [{**r, "type": "hologram", "x": [1]} for r in document["items"]]},
        lambda document, _page: {**document, "pages": str(document["pages"]), "total": str(document["total"])},
        lambda document, _page: {name: document[name] for name in ("items", "total", "limit")},
        lambda document, _page: {"items": document["items"]},
    ],
)
def test_odd_lists_are_read_all_the_same(change: Any):
    look = with_listing(Look("a", "b", "c", "d", "e", page=2), change)

    survey = look.survey()

    assert (names(survey), survey.complete, survey.gone) == (["a", "b", "c", "d", "e"], True, frozenset())


def test_row_that_is_not_shown_whole_is_read_by_itself_if_it_is_ours():
    look = with_listing(
        Look("a", "b"),
        lambda document, _page: {**document, "items": [{**r, "metadata": None} for r in document["items"]]},
    )
    del look.known[a_key("b")]

    survey = look.survey()

    assert (look.gets(), survey.complete) == (["a"], True)
    assert survey.rows[a_key("a")].metadata == {"grade": "5"}
    assert names(survey) == ["a", "b"]


def test_pages_that_shift_once_are_read_again():
    look = Look(*(f"q{n}" for n in range(1, 7)), page=2)
    inserted: list[int] = []

    def insert(document: dict[str, Any], page: int) -> None:
        del document
        if page == 2 and not inserted:
            inserted.append(page)
            look.api.store_item(item_xml("q0"), {})

    with_listing(look, lambda document, page: insert(document, page))  # noqa: PLW0108 - it returns nothing

    survey = look.survey()

    assert (names(survey), survey.complete) == ([f"q{n}" for n in range(7)], True)


def test_row_that_a_shift_hid_is_found():
    look = Look(*(f"q{n}" for n in range(6)), page=2)
    removed: list[int] = []

    def remove(document: dict[str, Any], page: int) -> None:
        del document
        if page == 1 and not removed:
            removed.append(page)
        elif page == 2 and len(removed) == 1:
            removed.append(page)
            del look.api.items["q0"]

    with_listing(look, lambda document, page: remove(document, page))  # noqa: PLW0108 - it returns nothing

    survey = look.survey()

    assert (names(survey), survey.gone, survey.complete) == ([f"q{n}" for n in range(1, 6)], {a_key("q0")}, True)


def test_pages_that_never_stand_still_are_said_to_be_incomplete():
    look = Look("a", "b", "c", page=2)
    count = iter(range(100))
    with_listing(look, lambda document, _page: {**document, "total": 3 + next(count)})

    survey = look.survey()

    assert (names(survey), survey.complete, survey.gone) == (["a", "b", "c"], False, frozenset())
    assert "its total changed" in survey.reasons[0]


def test_more_than_can_be_confirmed_is_not_said_to_be_gone():
    look = Look()
    look.known = {a_key(f"q{n:04}"): None for n in range(CONFIRMED + 2)}

    survey = look.survey()

    assert (len(survey.gone), len(survey.unread), survey.complete) == (CONFIRMED, 2, False)
    assert survey.reasons == ("q0500, q0501 could not be read",)


def test_deep_survey_reads_what_is_ours_one_by_one():
    look = Look("a", "b", "stranger")
    del look.known[a_key("stranger")]
    look.api.items["a"] = {**look.api.items["a"], "rawXml": item_xml("a", "changed without a new version")}

    trusting, deep = look.survey(), look.survey(deep=True)

    assert trusting.rows[a_key("a")].content == digest_text(item_xml("a"))
    assert deep.rows[a_key("a")].content == digest_text(item_xml("a", "changed without a new version"))
    assert (look.gets(), deep.complete) == (["a", "b"], True)


def test_refusals_of_speed_are_waited_for():
    look = Look("a", "b")
    look.api.faults.append(lambda _r, n: Fault.answers(429, {"error": "slow"}, retry_after="3") if n < 4 else None)
    began = look.clock.now()

    survey = look.survey()

    assert (names(survey), survey.complete) == (["a", "b"], True)
    assert look.clock.now() - began >= 9


def test_trouble_that_passes_is_sat_out():
    look = Look("a")
    look.api.faults.append(lambda _r, n: Fault.answers(503, body=b"") if n < 4 else None)

    assert look.survey().complete


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [(503, b"", Unavailable), (403, b"{}", Denied), (404, b"<html>", NotTheApi), (200, b"<html>", Unavailable)],
)
def test_trouble_that_stays_ends_it_and_nothing_is_said_to_be_gone(status: int, body: bytes, meaning: type):
    look = Look("a")
    look.api.faults.append(lambda _r, _n: Fault.answers(status, body=body))

    survey = look.survey()

    assert isinstance(survey.trouble, meaning)
    assert (survey.complete, survey.gone, survey.rows) == (False, frozenset(), {})


def test_refused_list_is_replaced_by_gets_of_what_is_ours():
    look = Look("a", "b")
    refused = {"error": "Bad Request", "details": "sort is not allowed"}
    look.api.faults.append(lambda r, _n: Fault.answers(400, refused) if r.segments == ("assessment-items",) else None)

    survey = look.survey()

    assert (names(survey), survey.gone, survey.complete, look.gets()) == (["a", "b"], frozenset(), False, ["a", "b"])


def test_one_object_that_cannot_be_read_does_not_end_it():
    look = Look("a", "b", "c")
    for name in ("a", "c"):
        del look.api.items[name]
    look.api.faults.append(lambda r, _n: Fault.answers(500, {"error": "x"}) if r.segments[-1] == "a" else None)

    survey = look.survey()

    assert (survey.gone, survey.unread, survey.complete) == ({a_key("c")}, {a_key("a")}, False)


def test_404_that_is_not_the_apis_own_is_no_proof():
    look = Look("a", "b")
    del look.api.items["a"]
    look.api.faults.append(lambda r, _n: Fault.answers(404, body=b"<html>") if r.purpose is Purpose.CHECK else None)

    survey = look.survey()

    assert (survey.gone, survey.unread, survey.complete) == (frozenset(), {a_key("a")}, False)


def test_stop_ends_it():
    look = Look("a")
    eyes: Mapping[str, Any] = {
        "api": look.api,
        "pace": PrivatePace(),
        "terms": PaceTerms(),
        "clock": look.clock,
        "log": RecordedLog(),
        "digest": digest_text,
    }
    bell = FakeBell(look.clock)
    bell.stop()

    survey = Surveyor(Eyes(bell=bell, **eyes), look.known).survey()

    assert (survey.complete, survey.calls, look.api.requests) == (False, 0, [])


def test_kinds_may_be_chosen():
    look = Look("a")
    look.known[Key(Kind.STIMULUS, Identifier("s"))] = None
    eyes = Eyes(
        api=look.api,
        pace=PrivatePace(),
        terms=PaceTerms(),
        clock=look.clock,
        bell=FakeBell(look.clock),
        log=RecordedLog(),
        digest=digest_text,
    )

    survey = Surveyor(replace(eyes, concurrency=1), look.known).survey((Kind.ITEM,))

    assert (names(survey), survey.gone) == (["a"], frozenset())
