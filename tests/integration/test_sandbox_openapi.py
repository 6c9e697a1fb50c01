"""What the sandbox answers, checked against the published OpenAPI description (skipped where it is absent)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from sandbox_calls import client, item_body, item_xml, stimulus_body

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox

SHARED = Path(__file__).resolve().parents[2] / "../shared"
DESCRIPTION = SHARED / "openapi/qti-api.yaml"
CORPUS = SHARED / "corpus/items"

pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason="the OpenAPI description is not here")

ITEMS, ITEM, METADATA = "/assessment-items", "/assessment-items/{identifier}", "/assessment-items/metadata"
STIMULI, STIMULUS = "/stimuli", "/stimuli/{identifier}"


@cache
def description():
    return yaml.load(DESCRIPTION.read_bytes(), Loader=yaml.CSafeLoader)


def problems(path, answer):
    """What the description holds against an answer of this operation."""
    responses = description()["paths"][path][answer.request.method.lower()]["responses"]
    documented = responses[str(answer.status_code)]
    if answer.status_code == 204:
        return [] if answer.content == b"" else ["a body where there is no content"]
    schema = documented["content"]["application/json"]["schema"] | {"components": description()["components"]}
    checker = OAS31Validator(schema, format_checker=OAS31Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message[:200]}" for error in checker.iter_errors(answer.json())]


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        running.world.put_item("q1", item_xml("q1"), {"grade": "5", "own": {"deep": [1]}})
        running.world.put_stimulus("s1", "A text", "<p>Read <b>this</b>.</p>", {"a": 1})
        yield running


@pytest.fixture
def api(sandbox):
    with client(sandbox) as calling:
        yield calling


FULL = {
    "subject": "Math",
    "grade": "-1",
    "difficulty": "hard",
    "learningObjectiveSet": [{"source": "CASE", "learningObjectiveIds": ["a", "b"]}],
    "qtisync": {"commit": "abc"},
}
WITH_STIMULUS = '<qti-assessment-stimulus-ref identifier="s1" href="stimuli/s1" title="A text"/>'
NO_BASE_TYPE = '<qti-outcome-declaration identifier="F" cardinality="single"/>'
RICH = stimulus_body(
    "s2",
    label="x",
    language="de",
    stylesheet={"href": "a.css", "type": "text/css"},
    catalogInfo=[{"id": "c", "support": "glossary", "content": "<p/>"}],
    toolName="t",
    toolVersion="1",
    metadata={"a": [1]},
)

CALLS = [
    ("POST", ITEMS, "", item_body("q2", metadata=FULL), 201),
    ("POST", ITEMS, "", item_body("q2", extra=WITH_STIMULUS), 201),
    ("POST", ITEMS, "", item_body("q1"), 409),
    ("POST", ITEMS, "", item_body("q2", metadata={"grade": 5}), 400),
    ("POST", ITEMS, "", {"format": "xml", "xml": "<a>"}, 400),
    ("POST", ITEMS, "", {}, 400),
    ("POST", ITEMS, "", item_body("q2", extra=WITH_STIMULUS.replace("s1", "none")), 400),
    ("POST", ITEMS, "", item_body("q2", extra=NO_BASE_TYPE), 500),
    ("GET", ITEM, "/q1", None, 200),
    ("GET", ITEM, "/none", None, 404),
    ("PUT", ITEM, "/q1", item_body("q1", metadata=FULL), 200),
    ("PUT", ITEM, "/q1", item_body("q1", extra=NO_BASE_TYPE), 200),
    ("PUT", ITEM, "/none", item_body("none"), 404),
    ("PUT", ITEM, "/q1", item_body("other"), 400),
    ("PUT", ITEM, "/q1", {"format": "xml", "xml": item_xml("q1").replace("v3p0", "v3p9")}, 500),
    ("DELETE", ITEM, "/q1", None, 204),
    ("DELETE", ITEM, "/none", None, 404),
    ("GET", ITEMS, "?limit=2&sort=identifier&order=asc", None, 200),
    ("GET", ITEMS, "?sort=none", None, 400),
    ("POST", METADATA, "/metadata", item_body("q1", metadata=FULL), 201),
    ("POST", METADATA, "/metadata", item_body("q1", metadata={"difficulty": "Medium"}), 400),
    ("POST", STIMULI, "", RICH, 201),
    ("POST", STIMULI, "", stimulus_body("s1"), 409),
    ("POST", STIMULI, "", stimulus_body("s2", "a & b"), 400),
    ("GET", STIMULI, "?limit=1", None, 200),
    ("GET", STIMULUS, "/s1", None, 200),
    ("GET", STIMULUS, "/none", None, 404),
    ("PUT", STIMULUS, "/s1", stimulus_body("s1", metadata={}), 200),
    ("PUT", STIMULUS, "/s1", {}, 400),
    ("PUT", STIMULUS, "/none", stimulus_body("none"), 404),
    ("PUT", STIMULUS, "/s1", {"format": "xml", "xml": "<a/>"}, 500),
    ("DELETE", STIMULUS, "/s1", None, 204),
    ("DELETE", STIMULUS, "/none", None, 404),
    ("POST", "/validate", "", {"schema": "item", "xml": item_xml()}, 200),
    ("POST", "/validate", "", {"schema": "item", "xml": "<a>"}, 200),
    ("POST", "/validate", "", {"schema": "item", "entityId": "none"}, 404),
    ("POST", "/validate/batch", "", {"schema": "item", "xml": [item_xml(), ""], "entityIds": []}, 200),
    ("POST", "/validate/batch", "", {"schema": "item", "xml": [], "entityIds": ["none"]}, 404),
    ("DELETE", "/{id}", "/q1", None, 200),
    ("DELETE", "/{id}", "/none", None, 404),
]


@pytest.mark.parametrize(("method", "path", "more", "body", "status"), CALLS)
def test_answer_is_as_described(api, method, path, more, body, status):
    base = "" if path == "/{id}" else path.removesuffix("/{identifier}").removesuffix("/metadata")

    answer = api.request(method, f"{base}{more}", json=body)

    assert (answer.status_code, problems(path, answer)) == (status, [])


@pytest.mark.parametrize("rule", ["500", "500-after"])
def test_scripted_500_has_the_body_of_the_apis_own(sandbox, api, rule):
    sandbox.faults.add(rule)

    assert problems(ITEM, api.get("/assessment-items/q1")) == []


def test_invalid_xml_as_500_is_described_too():
    with Sandbox(Options(invalid_xml_status=500)) as sandbox, client(sandbox) as api:
        assert problems(ITEMS, api.post("/assessment-items", json={"format": "xml", "xml": "<a>"})) == []


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_real_items_are_taken_and_answered_as_described(sandbox, api):
    """Where the description knows no type for an interaction the API answers one all the same (OBS-N)."""
    found, taken = [], 0
    for file in sorted(CORPUS.glob("*.xml")):
        answer = api.post("/assessment-items", json={"format": "xml", "xml": file.read_text("utf-8-sig")})
        taken += answer.status_code == 201
        found += [f"{file.name}: {problem}" for problem in problems(ITEMS, answer) if "$.type" not in problem]

    assert found == []
    assert taken > 150
