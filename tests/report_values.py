"""A world in sync with the sample of the interface document: for the tests of reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from builders import START, a_key, a_recorded, a_snapshot, an_item
from jsonschema import Draft202012Validator

from qtisync.model import (
    Broken,
    CommitId,
    ItemStatus,
    Key,
    Presence,
    Problem,
    Recorded,
    RepoPath,
    Snapshot,
)
from qtisync.planning.diff import diff
from qtisync.planning.plan import Cost, Destination, Plan
from qtisync.report.schema import REPORT_SCHEMA
from qtisync.report.value import Place, Report, as_json

HEAD, BASE = CommitId("3f2a9c1" + "0" * 33), CommitId("8be0d44" + "0" * 33)
URL = "http://127.0.0.1:8765/api"
MEDIUM, HARD = {"difficulty": "medium"}, {"difficulty": "hard"}
GEO = RepoPath("items/geometry/geo-0040.xml")
BROKEN = Broken(
    path=GEO,
    key=a_key("geo-0040"),
    problems=(
        Problem(
            path=GEO,
            code="correct-response-not-a-choice",
            message='correct response "D" is not a choice',
            line=17,
            hint="Add the choice or correct the key.",
        ),
    ),
)


def a_place(**others: Any) -> Place:
    values: dict[str, Any] = {
        "repository": "/srv/content.git",
        "ref": "refs/heads/main",
        "head": HEAD,
        "base": BASE,
        "target": "staging",
        "base_url": URL,
        "capabilities": {"metadata_endpoint": "untested"},
    }
    return Place(**{**values, **others})


def sample_snapshot() -> Snapshot:
    """One create, one update of content, one of metadata, one move, one broken file, one orphan."""
    return a_snapshot(
        an_item("alg-0417", path="items/algebra/alg-0417.xml", size=6000),
        an_item("alg-0102", content="c2", path="items/algebra/alg-0102.xml", size=6000),
        an_item(
            "geo-0033",
            metadata=HARD,
            path="items/geometry/geo-0033.xml",
            sidecar=RepoPath("items/geometry/geo-0033.yaml"),
            size=6233,
        ),
        an_item("bio-0009", path="items/bio/new.xml"),
        commit=HEAD,
        broken=(BROKEN,),
    )


def sample_rows() -> dict[Key, Recorded]:
    rows = (
        a_recorded("alg-0102", path=RepoPath("items/algebra/alg-0102.xml")),
        a_recorded("geo-0033", metadata=MEDIUM, path=RepoPath("items/geometry/geo-0033.xml")),
        a_recorded("bio-0009", path=RepoPath("items/bio/old.xml")),
        a_recorded("alg-0007", path=RepoPath("items/algebra/alg-0007.xml")),
    )
    return {row.key: row for row in rows}


def sample_plan(**others: Any) -> Plan:
    plan = diff(sample_snapshot(), sample_rows(), Destination(target="staging", base_url=URL), BASE)
    return replace(plan, **{"unchanged": 1236, "cost": Cost(calls=3, bytes=18233, seconds=1.0), **others})


def after(name: str, content: str = "c1", **others: Any) -> Recorded:
    """A row after the push."""
    return a_recorded(name, content=content, **others)


def rows_after_push() -> Mapping[Key, Recorded]:
    """One applied, one refused, one still on its way."""
    rows = (
        after("alg-0417"),
        after(
            "alg-0102",
            "c2",
            status=ItemStatus.PARKED,
            attempts=1,
            last_outcome="RequestError",
            last_error="400: Stimulus(s) not found",
            http_status=400,
        ),
        after("geo-0033", metadata=HARD, status=ItemStatus.QUEUED, presence=Presence.PRESENT, attempts=2),
    )
    return {row.key: row for row in rows}


def valid(report: Report) -> dict[str, Any]:
    """The JSON form, checked against its schema."""
    document = as_json(report)
    Draft202012Validator(REPORT_SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)
    return document


NOW = START
