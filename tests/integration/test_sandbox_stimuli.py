"""Stimuli and validation of the sandbox, over HTTP."""

from __future__ import annotations

import pytest
from sandbox_calls import NAMESPACE, client, item_body, item_xml, stimulus_body

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox

XML = (
    f'<qti-assessment-stimulus xmlns="{NAMESPACE}" identifier="s1" title="A text" xml:lang="de">'
    "<qti-stimulus-body><p>Lies.</p></qti-stimulus-body></qti-assessment-stimulus>"
)
REFERENCES = [
    '<qti-assessment-stimulus-ref identifier="s1" href="stimuli/other" title="t"/>',
    '<qti-assessment-stimulus-ref identifier="ref" href="stimuli/s1" title="t"/>',
    '<qti-assessment-stimulus-ref identifier="ref" href="stimuli/s1.xml" title="t"/>',
    '<qti-assessment-stimulus-ref identifier="ref" href="https://api.invalid/api/stimuli/s1" title="t"/>',
]


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def api(sandbox):
    with client(sandbox) as calling:
        yield calling


def test_life_of_a_stimulus(sandbox, api):
    created = api.post("/stimuli", json=stimulus_body("s1", metadata={"a": 1}, language="fr"))
    again = api.post("/stimuli", json=stimulus_body("s1"))
    changed = api.put("/stimuli/s1", json=stimulus_body("s1", "<p>New &amp; old</p>"))
    listed = api.get("/stimuli")
    deleted = api.delete("/stimuli/s1")
    gone = [api.get("/stimuli/s1"), api.put("/stimuli/s1", json=stimulus_body("s1")), api.delete("/stimuli/s1")]

    assert [answer.status_code for answer in (created, again, changed, listed, deleted)] == [201, 409, 200, 200, 204]
    assert [answer.status_code for answer in gone] == [404, 404, 404]
    assert (created.json()["metadata"], created.json()["language"], created.json()["__v"]) == ({"a": 1}, "fr", 0)
    shown = changed.json()["content"]["qti-assessment-stimulus"]["qti-stimulus-body"]
    assert (changed.json()["metadata"], changed.json()["__v"], shown) == ({}, 1, {"p": "New & old"})
    assert [stimulus["identifier"] for stimulus in listed.json()["items"]] == ["s1"]
    assert sandbox.world.stimuli() == {}


@pytest.mark.parametrize("content", ["a & b", "<p>open", "a&nbsp;b", "", None, 3])
def test_content_that_is_no_xml_is_refused(api, content):
    assert api.post("/stimuli", json=stimulus_body("s1", content)).status_code == 400


def test_xml_form_creates_and_its_update_falls_over_by_default(api):
    created = api.post("/stimuli", json={"format": "xml", "xml": XML})
    changed = api.put("/stimuli/s1", json={"format": "xml", "xml": XML})

    assert (created.status_code, created.json()["language"], created.json()["rawXml"]) == (201, "de", XML)
    assert (changed.status_code, "DocumentNotFoundError" in changed.text) == (500, True)
    with Sandbox(Options(stimulus_xml_put="accept")) as other, client(other) as accepting:
        other.world.put_stimulus("s1", "Old", "<p/>")
        assert accepting.put("/stimuli/s1", json={"format": "xml", "xml": XML}).status_code == 200


@pytest.mark.parametrize("reference", REFERENCES)
def test_item_needs_its_stimulus_whatever_the_link_looks_like(sandbox, api, reference):
    body = item_body("q1", extra=reference)
    before = api.post("/assessment-items", json=body)
    sandbox.world.put_stimulus("s1", "A text", "<p>Read.</p>")
    after = api.post("/assessment-items", json=body)
    sandbox.world.remove_stimulus("s1")
    later = api.put("/assessment-items/q1", json=body)

    assert [answer.status_code for answer in (before, after, later)] == [400, 201, 400]
    assert before.json()["error"] == "Stimulus(s) not found"


def test_stimulus_beside_the_xml_must_exist_too(sandbox, api):
    body = item_body("q1") | {"stimulus": {"identifier": "s1"}}

    assert api.post("/assessment-items", json=body).status_code == 400


def test_another_writer_edits_a_stimulus_and_keeps_the_rest(sandbox, api):
    api.post("/stimuli", json=stimulus_body("s1", language="fr", metadata={"a": 1}))
    sandbox.world.edit_stimulus("s1", content="<p>Changed</p>")
    shown = api.get("/stimuli/s1").json()

    assert (shown["language"], shown["metadata"], shown["__v"]) == ("fr", {"a": 1}, 1)
    assert "<p>Changed</p>" in shown["rawXml"]


def test_validation_answers_200_and_a_string_whatever_the_verdict(sandbox, api):
    sandbox.world.put_item("q1", item_xml("q1"))
    good = api.post("/validate", json={"schema": "item", "xml": item_xml()})
    bad = api.post("/validate", json={"schema": "item", "xml": "<a>"})
    stored = api.post("/validate", json={"schema": "item", "xml": "<a>", "entityId": "q1"})
    missing = api.post("/validate", json={"schema": "stimulus", "entityId": "q1"})
    batch = api.post("/validate/batch", json={"schema": "item", "xml": ["<a>", item_xml()], "entityIds": []})

    answers = (good, bad, stored, missing, batch)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 200]
    assert [answer.json()["success"] for answer in answers[:4]] == ["true", "false", "true", False]
    assert (stored.json()["entityId"], stored.json()["xmlContent"]) == ("q1", item_xml("q1"))
    assert [result["success"] for result in batch.json()["results"]] == ["false", "true"]
    assert api.post("/validate", json={"schema": "video", "xml": ""}).status_code == 400
