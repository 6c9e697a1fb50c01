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
from qtisync.report.divergence import Divergence, KeyChange, Observation
from qtisync.report.schema import REPORT_SCHEMA
from qtisync.report.value import Place, Report, ReportPin, as_json

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


def full_report(**others: Any) -> Report:
    """A check that found one of everything that is not the same everywhere."""
    drift = Divergence(
        divergence="drift",
        identifier="geo-0033",
        kind="item",
        path="items/geo-0033.xml",
        what=("metadata",),
        keys=(KeyChange(name="difficulty", sides={"git": "medium", "recorded": "medium", "remote": "hard"}),),
        remote_version=5,
        by="pat",
        verdict="report",
        hint="Write it again.",
    )
    conflict = Divergence(
        divergence="conflict",
        identifier="alg-0102",
        kind="item",
        path="items/alg-0102.xml",
        what=("content", "metadata"),
        keys=(KeyChange(name="modelAnswer", hidden=True),),
        message="both sides changed",
        hint="Look at both.",
    )
    altered = Divergence(
        divergence="altered", identifier="q-altered", kind="item", path="items/q-altered.xml", what=("content",)
    )
    unmanaged = Divergence(divergence="unmanaged", identifier="alg-0999", kind="stimulus", title="Old")
    foreign = Divergence(divergence="foreign", identifier="theirs", kind="item", message="it is not ours")
    values: dict[str, Any] = {
        "kind": "check",
        "at": NOW,
        "place": a_place(),
        "summary": {"conflict": 1, "noop": 1236},
        "drift": (drift,),
        "conflicts": (conflict,),
        "altered": (altered,),
        "unmanaged": (unmanaged,),
        "foreign": (foreign,),
        "pins": (
            ReportPin(identifier="alg-0001", kind="item", path="items/alg-0001.xml", commit="8be0d44a", since=NOW),
        ),
        "observed": Observation(at=NOW, objects=1242, complete=False, reasons=("its total changed",)),
    }
    return Report(**{**values, **others})


def valid(report: Report) -> dict[str, Any]:
    """The JSON form, checked against its schema."""
    document = as_json(report)
    Draft202012Validator(REPORT_SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)
    return document


NOW = START
