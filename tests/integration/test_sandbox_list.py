"""Lists of the sandbox: search, filter, sort, pages, over HTTP."""

from __future__ import annotations

import pytest
from sandbox_calls import client, item_xml

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox


@pytest.fixture
def sandbox():
    with Sandbox(Options(limit_max=4)) as running:
        for name in ("m-2", "a-1", "M-1", "z-9", "m-3"):
            running.world.put_item(name, item_xml(name, title=f"Title of {name[::-1]}"), {"subject": name[:1]})
        yield running


@pytest.fixture
def api(sandbox):
    with client(sandbox) as calling:
        yield calling


def names(answer):
    return [item["identifier"] for item in answer.json()["items"]]


def test_newest_first_unless_asked_otherwise(api):
    answer = api.get("/assessment-items")

    assert names(answer) == ["m-3", "z-9", "M-1", "a-1"]
    assert {name: value for name, value in answer.json().items() if name != "items"} == {
        "total": 5,
        "page": 1,
        "pages": 2,
        "limit": 4,
        "sort": "createdAt",
        "order": "desc",
    }


def test_pages_cut_the_sorted_list_and_end(api):
    query = {"sort": "identifier", "order": "asc", "limit": "2"}
    pages = [api.get("/assessment-items", params=query | {"page": page}) for page in ("1", "2", "3", "4")]

    assert [names(page) for page in pages] == [["M-1", "a-1"], ["m-2", "m-3"], ["z-9"], []]
    assert [page.json()["pages"] for page in pages] == [3, 3, 3, 3]


def test_limit_is_clamped_and_says_so(api):
    answer = api.get("/assessment-items", params={"limit": "100"})

    assert (answer.json()["limit"], len(names(answer))) == (4, 4)


def test_insert_during_a_scan_shifts_the_pages(sandbox, api):
    first = names(api.get("/assessment-items", params={"limit": "2"}))
    sandbox.world.put_item("new", item_xml("new"))
    second = names(api.get("/assessment-items", params={"limit": "2", "page": "2"}))

    assert (first, second) == (["m-3", "z-9"], ["z-9", "M-1"])


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("identifier='a-1'", ["a-1"]),
        ("identifier~'^m-'", ["M-1", "m-2", "m-3"]),
        ("identifier~'^m-' AND identifier!='m-2'", ["M-1", "m-3"]),
        ("identifier='a-1' OR identifier='z-9' AND subject='none'", ["a-1"]),
        ("(identifier='a-1' OR identifier='z-9') AND metadata.subject='z'", ["z-9"]),
        ("type='choice' and identifier>='m-3'", ["m-3", "z-9"]),
    ],
)
def test_filter(api, expression, found):
    query = {"filter": expression, "sort": "identifier", "order": "asc"}

    assert names(api.get("/assessment-items", params=query)) == found


def test_search_looks_into_title_and_identifier(api):
    assert names(api.get("/assessment-items", params={"query": "OF 9-Z"})) == ["z-9"]
    assert names(api.get("/assessment-items", params={"query": "a-1"})) == ["a-1"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sort": "grade"}, "sort"),
        ({"order": "up"}, "order"),
        ({"page": "0"}, "page"),
        ({"limit": "many"}, "limit"),
        ({"filter": "identifier"}, "filter"),
        ({"filter": "identifier~'('"}, "filter"),
    ],
)
def test_wrong_query_is_refused_with_an_issue(api, query, field):
    answer = api.get("/assessment-items", params=query)

    assert (answer.status_code, [issue["field"] for issue in answer.json()["meta"]["issues"]]) == (400, [field])


def test_unknown_parameters_are_ignored_and_stimuli_know_no_filter(sandbox, api):
    sandbox.world.put_stimulus("s1", "A text", "<p/>")

    assert api.get("/assessment-items", params={"offset": "3"}).json()["total"] == 5
    assert names(api.get("/stimuli", params={"filter": "identifier='none'"})) == ["s1"]


def test_list_key_may_be_data():
    with Sandbox(Options(list_key="data")) as sandbox, client(sandbox) as api:
        assert "data" in api.get("/assessment-items").json()


def test_list_shows_edits_at_once(sandbox, api):
    query = {"filter": "subject='new'"}
    before = names(api.get("/assessment-items", params=query))
    sandbox.world.edit_item("a-1", metadata={"subject": "new"})

    assert (before, names(api.get("/assessment-items", params=query))) == ([], ["a-1"])
