"""Items, the metadata endpoint and stimuli of the sandbox, over HTTP. Tags are those of ``api.md``."""

from __future__ import annotations

import pytest
from sandbox_calls import client, item_body, item_xml

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox

REFERENCE = '<qti-assessment-stimulus-ref identifier="s1" href="stimuli/s1" title="A text"/>'
NO_BASE_TYPE = '<qti-outcome-declaration identifier="FEEDBACK" cardinality="single"/>'


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def api(sandbox):
    with client(sandbox) as calling:
        yield calling


def with_options(**options):
    return Sandbox(Options(**options))


def test_created_item_is_stored_as_sent(sandbox, api):
    answer = api.post("/assessment-items", json=item_body("q1", metadata={"grade": "5", "own": [1, None]}))

    stored = sandbox.world.item("q1")
    shown = answer.json()
    assert answer.status_code == 201
    assert (stored.xml, stored.metadata, stored.version) == (item_xml("q1"), {"grade": "5", "own": [1, None]}, 0)
    assert (shown["rawXml"], shown["metadata"], shown["__v"]) == (stored.xml, stored.metadata, 0)
    assert (shown["identifier"], shown["title"], shown["type"]) == ("q1", "A question", "choice")
    assert shown["createdAt"] == shown["updatedAt"] == stored.created_at


def test_create_never_updates(sandbox, api):
    sandbox.world.put_item("q1", item_xml("q1"))

    answer = api.post("/assessment-items", json=item_body("q1", title="Other"))

    assert (answer.status_code, answer.json()["error"]) == (409, "Conflict")
    assert sandbox.world.item("q1").version == 0


def test_update_counts_versions_and_never_creates(sandbox, api):
    missing = api.put("/assessment-items/q1", json=item_body("q1"))
    sandbox.world.put_item("q1", item_xml("q1"))
    first = api.put("/assessment-items/q1", json=item_body("q1", title="Two")).json()
    second = api.put("/assessment-items/q1", json=item_body("q1", title="Three")).json()

    assert (missing.status_code, missing.json()["error"]) == (404, "Assessment item not found")
    assert [first["__v"], second["__v"], second["title"]] == [1, 2, "Three"]
    assert first["createdAt"] < first["updatedAt"] < second["updatedAt"]


def test_delete_is_final_and_creating_again_works(sandbox, api):
    sandbox.world.put_item("q1", item_xml("q1"))

    answers = [api.delete("/assessment-items/q1"), api.delete("/assessment-items/q1"), api.get("/assessment-items/q1")]

    assert [answer.status_code for answer in answers] == [204, 404, 404]
    assert answers[0].content == b""
    assert api.post("/assessment-items", json=item_body("q1")).status_code == 201


def test_read_answers_json_or_xml_by_the_content_type_of_the_request(sandbox, api):
    sandbox.world.put_item("q1", item_xml("q1"))

    as_json = api.get("/assessment-items/q1")
    as_xml = api.get("/assessment-items/q1", headers={"Content-Type": "application/xml"})

    assert as_json.json()["rawXml"] == as_xml.text == item_xml("q1")


@pytest.mark.parametrize(
    ("mode", "sent", "kept"),
    [
        ("replace", {"b": 2}, {"b": 2}),
        ("replace", None, {}),
        ("merge", {"b": 2}, {"a": 1, "b": 2}),
        ("merge", None, {"a": 1}),
        ("keep-if-absent", {"b": 2}, {"b": 2}),
        ("keep-if-absent", None, {"a": 1}),
    ],
)
def test_metadata_on_update(mode, sent, kept):
    body = item_body("q1") if sent is None else item_body("q1", metadata=sent)
    with with_options(metadata_on_put=mode) as sandbox, client(sandbox) as api:
        sandbox.world.put_item("q1", item_xml("q1"), {"a": 1})

        assert api.put("/assessment-items/q1", json=body).json()["metadata"] == kept


@pytest.mark.parametrize(
    ("metadata", "fields"),
    [
        ({"grade": 5}, ["metadata.grade"]),
        ({"grade": "14", "difficulty": "Medium"}, ["metadata.grade", "metadata.difficulty"]),
        ({"learningObjectiveSet": [{"source": "CASE"}]}, ["metadata.learningObjectiveSet"]),
        ({"subject": 3}, ["metadata.subject"]),
        (None, ["metadata"]),
    ],
)
def test_metadata_with_a_wrong_typed_key_is_refused_with_issues(sandbox, api, metadata, fields):
    answer = api.post("/assessment-items", json=item_body("q1", metadata=metadata))

    assert answer.status_code == 400
    assert [issue["field"] for issue in answer.json()["meta"]["issues"]] == fields
    assert sandbox.world.items() == {}


@pytest.mark.parametrize(
    ("xml", "status", "words"),
    [
        ("<a><b></a>", 400, "not well-formed"),
        (item_xml().replace("Which one?", "a&nbsp;b"), 400, "not well-formed"),
        (item_xml().replace("<qti-assessment-item", "<!DOCTYPE x []>\n<qti-assessment-item", 1), 400, "DOCTYPE"),
        (item_xml().replace("imsqtiasi_v3p0", "imsqtiasi_v3p1"), 500, "Cannot read properties"),
        (item_xml().replace(' title="A question"', ""), 500, "'title'"),
        (item_xml(extra=NO_BASE_TYPE), 500, "outcomeDeclarations.1.baseType: Path `baseType` is required"),
        (item_xml(extra=NO_BASE_TYPE.replace("single", "record")), 500, "`record` is not a valid enum value"),
        (item_xml(extra=REFERENCE), 400, "Stimulus(s) not found"),
        (
            item_xml(extra='<qti-custom-operator definition="https://grader.invalid/x"/>'),
            500,
            "not in the approved grader allowlist",
        ),
    ],
)
def test_xml_that_the_api_does_not_take(sandbox, api, xml, status, words):
    answer = api.post("/assessment-items", json={"format": "xml", "xml": xml})

    assert (answer.status_code, words in answer.text) == (status, True)
    assert sandbox.world.items() == {}


def test_update_is_lenient_about_outcomes_where_create_is_not(sandbox, api):
    sandbox.world.put_item("q1", item_xml("q1"))

    assert api.put("/assessment-items/q1", json=item_body("q1", extra=NO_BASE_TYPE)).status_code == 200


@pytest.mark.parametrize("status", [400, 422, 500])
def test_status_of_invalid_xml_is_a_switch(status):
    with with_options(invalid_xml_status=status) as sandbox, client(sandbox) as api:
        assert api.post("/assessment-items", json={"format": "xml", "xml": "<a>"}).status_code == status


@pytest.mark.parametrize("body", [{}, {"format": "json"}, {"format": "xml"}, {"format": "xml", "xml": 3}, [], "x"])
def test_body_without_the_xml_form_is_refused(api, body):
    assert api.post("/assessment-items", json=body).status_code == 400


def test_unreadable_and_too_large_bodies_are_refused():
    with with_options(body_max=5_000) as sandbox, client(sandbox) as api:
        headers = {"Content-Type": "application/json"}
        broken = api.post("/assessment-items", content=b'{"format": ', headers=headers)
        deep = api.post("/assessment-items", content=b"[" * 4_000, headers=headers)
        large = api.post("/assessment-items", json=item_body("q1", body="x" * 300_000))

        assert [answer.status_code for answer in (broken, deep, large)] == [400, 400, 413]
        assert api.get("/assessment-items").json()["total"] == 0


@pytest.mark.parametrize(
    ("mode", "status", "stored"),
    [("400", 400, {"a": 0}), ("ignore-path", 404, {"a": 0}), ("ignore-xml", 200, {"a": 1}), ("rename", 200, {"b": 1})],
)
def test_path_and_xml_that_disagree(mode, status, stored):
    with with_options(path_mismatch=mode) as sandbox, client(sandbox) as api:
        sandbox.world.put_item("a", item_xml("a"))

        assert api.put("/assessment-items/a", json=item_body("b")).status_code == status
        assert {name: row.version for name, row in sandbox.world.items().items()} == stored


def test_typed_fields_may_lag_behind_the_xml():
    with with_options(typed_fields_lag=True) as sandbox, client(sandbox) as api:
        api.post("/assessment-items", json=item_body("q1"))
        shown = api.put("/assessment-items/q1", json=item_body("q1", title="New")).json()

        assert (shown["title"], 'title="New"' in shown["rawXml"]) == ("A question", True)


ENDPOINT_STORY = [
    ("merge", 201, {"a": 1, "b": [2], "c": 3}, {"humanApproved": True}),
    ("replace", 201, {"b": [2], "c": 3}, {"humanApproved": True}),
    ("ignore", 201, {"a": 1, "b": [0]}, {"humanApproved": True}),
    ("merge_wrongly", 201, {"a": 1, "b": [0], "c": 3}, {"humanApproved": True}),
    ("reset_all", 201, {"a": 1, "b": [2], "c": 3, "humanApproved": False}, {"humanApproved": False}),
    ("creates", 201, {"a": 1, "b": [2], "c": 3}, {"humanApproved": True}),
    ("404", 404, {"a": 1, "b": [0]}, {"humanApproved": True}),
]


@pytest.mark.parametrize(("mode", "status", "written", "bystander"), ENDPOINT_STORY)
def test_metadata_endpoint_in_each_of_its_modes(mode, status, written, bystander):
    with with_options(metadata_endpoint=mode) as sandbox, client(sandbox) as api:
        sandbox.world.put_item("q1", item_xml("q1"), {"a": 1, "b": [0]})
        sandbox.world.put_item("q2", item_xml("q2"), {"humanApproved": True})
        body = item_body("q1", title="Never stored", metadata={"b": [2], "c": 3})

        answer = api.post("/assessment-items/metadata", json=body)

        assert answer.status_code == status
        assert sandbox.world.item("q1").metadata == written
        assert sandbox.world.item("q1").xml == item_xml("q1")
        assert sandbox.world.item("q2").metadata == bystander


def test_metadata_endpoint_and_an_item_that_is_not_there():
    body = item_body("q1", metadata={"a": 1})
    with with_options() as sandbox, client(sandbox) as api:
        assert api.post("/assessment-items/metadata", json=body).status_code == 404
    with with_options(metadata_endpoint="creates") as sandbox, client(sandbox) as api:
        assert api.post("/assessment-items/metadata", json=body).status_code == 201
        assert sandbox.world.item("q1").metadata == {"a": 1}


def test_another_writer_bumps_version_and_time_and_leaves_no_trace_in_the_journal(sandbox, api):
    created = api.post("/assessment-items", json=item_body("q1", metadata={"a": 1})).json()
    sandbox.world.edit_item("q1", metadata={"status": "reported"})
    shown = api.get("/assessment-items/q1").json()

    assert (shown["metadata"], shown["__v"]) == ({"status": "reported"}, 1)
    assert shown["updatedAt"] > created["updatedAt"]
    assert [entry.identifier for entry in sandbox.journal.writes()] == ["q1"]
    with pytest.raises(KeyError):
        sandbox.world.edit_item("nowhere", metadata={})


def test_identifiers_in_paths_are_percent_decoded(sandbox, api):
    sandbox.world.put_item("a/b é%", item_xml("q1"))

    assert api.get("/assessment-items/a%2Fb%20%C3%A9%25").json()["identifier"] == "a/b é%"


def test_unknown_paths_look_like_a_proxy_and_not_like_the_api(sandbox, api):
    paths = [f"{sandbox.origin}/assessment-items", f"{sandbox.base_url}/items/q1", f"{sandbox.origin}/"]
    answers = [api.get(path) for path in paths]

    assert [(answer.status_code, answer.headers["content-type"]) for answer in answers] == [
        (404, "text/html; charset=utf-8")
    ] * 3


def test_a_mangled_delete_is_recorded_as_a_catastrophe(sandbox, api):
    sandbox.world.put_item("q1", item_xml("q1"))
    api.delete("/assessment-items/")
    api.delete("/q1")

    assert [(entry.path, entry.status) for entry in sandbox.journal.catastrophes()] == [
        ("/api/assessment-items/", 404),
        ("/api/q1", 200),
    ]
    assert sandbox.world.items() == {}


def test_journal_has_counts_and_hashes_but_no_token(sandbox, api):
    api.post("/assessment-items", json=item_body("q1"))
    api.post("/validate", json={"schema": "item", "xml": item_xml()})
    minted, created, validated = sandbox.journal

    assert [(entry.method, entry.status) for entry in (minted, created, validated)] == [
        ("POST", 200),
        ("POST", 201),
        ("POST", 200),
    ]
    assert sandbox.journal.writes() == [created]
    assert (created.in_flight, created.peak, created.applied, created.fault) == (1, 1, True, None)
    assert created.started <= created.finished <= validated.started
    assert len(created.body_sha256) == 64
    assert dict(created.headers)["authorization"] == "***"
    sandbox.journal.clear()
    assert list(sandbox.journal) == []
