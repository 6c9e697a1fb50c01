"""What is not the same everywhere, as published: values of metadata are shown, what may hold an answer is not."""

from __future__ import annotations

from report_values import NOW, a_place, valid

from qtisync.report.divergence import Divergence, KeyChange, Observation, divergence_json
from qtisync.report.value import ItemOutcome, Report, ReportItem, ReportPin

DRIFT = Divergence(
    divergence="drift",
    identifier="geo-0033",
    kind="item",
    path="items/geometry/geo-0033.xml",
    what=("content", "metadata"),
    keys=(
        KeyChange(name="difficulty", sides={"git": "medium", "recorded": "medium", "remote": "hard"}),
        KeyChange(name="rubric", sides={"git": "the answer"}, hidden=True),
    ),
    recorded_version=3,
    remote_version=5,
    updated_at="2026-11-28T07:00:00.000Z",
    by="pat",
    verdict="report",
    message="changed at the API since our last write",
    commit="3f2a9c1",
    author="Ada",
)
STRANGER = Divergence(divergence="unmanaged", identifier="alg-0999", kind="item", title="Old")
REPORT = Report(
    kind="check",
    at=NOW,
    place=a_place(),
    drift=(DRIFT,),
    unmanaged=(STRANGER,),
    pins=(ReportPin(identifier="alg-0001", kind="item", path="a.xml", commit="8be0d44", since=NOW),),
    observed=Observation(at=NOW, objects=12, foreign=2, complete=False, reasons=("the list was cut",)),
)


def test_divergence_is_published_whole_but_for_what_is_hidden():
    assert divergence_json(DRIFT) == {
        "divergence": "drift",
        "identifier": "geo-0033",
        "kind": "item",
        "path": "items/geometry/geo-0033.xml",
        "title": None,
        "what": ["content", "metadata"],
        "keys": [
            {
                "name": "difficulty",
                "sides": {"git": "medium", "recorded": "medium", "remote": "hard"},
                "hidden": False,
            },
            {"name": "rubric", "sides": {}, "hidden": True},
        ],
        "recorded_version": 3,
        "remote_version": 5,
        "updated_at": "2026-11-28T07:00:00.000Z",
        "by": "pat",
        "verdict": "report",
        "message": "changed at the API since our last write",
        "hint": "",
        "commit": "3f2a9c1",
        "author": "Ada",
        "bodies": {},
    }


def test_lists_are_never_merged():
    document = valid(REPORT)

    names = ("drift", "conflicts", "unmanaged", "foreign", "altered", "differences")
    assert {name: [one["identifier"] for one in document[name]] for name in names} == {
        "drift": ["geo-0033"],
        "conflicts": [],
        "unmanaged": ["alg-0999"],
        "foreign": [],
        "altered": [],
        "differences": [],
    }


def test_how_the_api_was_read_and_what_is_pinned_is_published():
    document = valid(REPORT)

    assert document["observed"] == {
        "at": "2027-01-15T08:00:00.000Z",
        "objects": 12,
        "foreign": 2,
        "complete": False,
        "reasons": ["the list was cut"],
        "deep": False,
    }
    assert document["pins"] == [
        {
            "identifier": "alg-0001",
            "kind": "item",
            "path": "a.xml",
            "commit": "8be0d44",
            "since": "2027-01-15T08:00:00.000Z",
        }
    ]


def test_conflict_that_an_attempt_met_has_the_properties_of_its_item_as_well():
    outcome = ItemOutcome(status="parked", error="Conflict: changed at the API", refusal="Conflict", remote_version=4)
    item = ReportItem(identifier="q1", kind="item", path="q1.xml", outcome=outcome)

    (met,) = valid(Report(kind="sync", at=NOW, place=a_place(), items=(item,)))["conflicts"]

    assert (met["divergence"], met["message"], met["remote_version"]) == ("conflict", "Conflict: changed at the API", 4)
    assert met["outcome"]["status"] == "parked"
