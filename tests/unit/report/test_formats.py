"""Any report at all renders in every format, and stays well-formed in it."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from histories import histories
from hypothesis import Phase, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from report_values import NOW, a_place, valid

from qtisync.cli.common_options import FORMATS, Common
from qtisync.cli.output import render
from qtisync.model import Json
from qtisync.report.divergence import DIVERGENCES, VERDICTS, WHATS, Divergence, KeyChange, Observation
from qtisync.report.line_schema import line_schema
from qtisync.report.markdown import MAX_CHARACTERS
from qtisync.report.schema import REPORT_SCHEMA
from qtisync.report.status import Observed, status_report
from qtisync.report.value import (
    SUMMARY,
    ItemOutcome,
    Report,
    ReportHold,
    ReportItem,
    ReportOrphan,
    ReportPin,
    ReportProblem,
)

NASTY = (
    *("<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "{{ 7*7 }}{% raw %}", "a|b`c\\d", "@octocat #1"),
    *(
        "--><!--",
        "]]>",
        "::error::x",
        "%0A::x",
        "\u202etxt\u2066",
        "\x00\x1b[2J\r\n",
        "\ud800\uffff",
        "</details>",
        "&lt;",
    ),
)
LINES = Draft202012Validator(line_schema())
texts = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=12), st.text(st.characters(categories=["Cs", "Cc", "Cf"]), max_size=3)
)
maybe = st.none() | texts
counts = st.integers(0, 3)
kinds = st.sampled_from(["item", "stimulus", "test"])
values: st.SearchStrategy[Json] = st.none() | st.booleans() | st.integers() | texts | st.lists(texts, max_size=2)


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # a report is too large to be shrunk in good time


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


outcomes = st.builds(
    ItemOutcome,
    status=st.sampled_from(
        REPORT_SCHEMA["properties"]["items"]["items"]["properties"]["outcome"]["properties"]["status"]["enum"]
    ),
    attempts=counts,
    error=maybe,
    refusal=maybe | st.just("Conflict"),
)
items = st.builds(
    ReportItem,
    identifier=texts,
    kind=kinds,
    path=texts,
    sidecar=maybe,
    previous_path=maybe,
    action=st.sampled_from(["create", "update", "delete", "none"]),
    scope=few(st.sampled_from(["content", "metadata"])),
    reason=texts,
    risk=few(texts | st.just("answer_key")),
    details=few(texts),
    renamed_from=maybe,
    blocked_by=maybe,
    commit=maybe,
    author=maybe,
    digest=maybe,
    lane=st.sampled_from(["hotfix", "normal", "bulk"]),
    outcome=outcomes,
)
problems = st.builds(
    ReportProblem,
    path=texts,
    line=st.none() | st.integers(1, 9),
    identifier=maybe,
    code=texts,
    message=texts,
    hint=texts,
)
keys = st.builds(
    KeyChange,
    name=texts,
    sides=st.dictionaries(st.sampled_from(["git", "recorded", "remote"]), values),
    hidden=st.booleans(),
)
divergences = st.builds(
    Divergence,
    divergence=st.sampled_from(DIVERGENCES),
    identifier=texts,
    kind=kinds,
    path=maybe,
    title=maybe,
    what=few(st.sampled_from(WHATS)),
    keys=few(keys),
    by=maybe,
    verdict=st.none() | st.sampled_from(VERDICTS),
    message=texts,
    hint=texts,
    commit=maybe,
    author=maybe,
    bodies=st.dictionaries(st.sampled_from(["git", "remote"]), texts),
)
holds = st.builds(ReportHold, rule=texts, limit=texts, actual=texts, message=texts, items=few(texts), override=texts)
STATUS = status_report(
    Observed(
        last=None,
        synced=None,
        counts={"queued": 1},
        unsettled=(),
        pace=None,
        capability={"fitness": "fit", "reason": ""},
        lists={"fitness": "fit", "reason": ""},
        degraded=(),
        now=NOW,
    ),
    a_place(),
).status
reports = st.builds(
    Report,
    kind=st.sampled_from(REPORT_SCHEMA["properties"]["kind"]["enum"]),
    at=st.just(NOW),
    place=st.builds(a_place, repository=texts, ref=texts, head=texts, target=texts, base=maybe),
    applyable=st.booleans(),
    complete=st.booleans(),
    errored=st.booleans(),
    error=maybe,
    summary=st.dictionaries(st.sampled_from(SUMMARY), counts),
    holds=few(holds),
    go_on=texts,
    items=few(items),
    broken=few(problems),
    warnings=few(problems),
    orphans=few(
        st.builds(
            ReportOrphan,
            identifier=texts,
            kind=kinds,
            path=texts,
            new=st.booleans(),
            renamed_to=maybe,
            protected=st.booleans(),
        )
    ),
    drift=few(divergences),
    conflicts=few(divergences),
    unmanaged=few(divergences),
    foreign=few(divergences),
    altered=few(divergences),
    differences=few(divergences),
    against=maybe,
    pins=few(st.builds(ReportPin, identifier=texts, kind=kinds, path=texts, commit=texts, since=st.just(NOW))),
    observed=st.none() | st.builds(Observation, at=st.just(NOW), complete=st.booleans(), reasons=few(texts)),
    status=st.just({}) | texts.map(lambda words: dict(STATUS) | {"degraded": [words]}),
)


def wanted(form: str) -> Common:
    return Common(
        config=None, target=None, format=form, output=None, no_color=True, verbose=0, quiet=False, show_content=False
    )


def well_formed(form: str, text: str) -> None:
    """What a reader of this format relies on."""
    lines = text.split("\n")[:-1]
    match form:
        case "json":
            json.loads(text)
        case "ndjson":
            for line in lines:
                LINES.validate(json.loads(line))
        case "junit":
            ET.fromstring(text)
        case "github":
            assert [line for line in lines if not re.match(r"::(error|warning|notice) \S", line)] == []
        case "markdown":
            assert len(text) <= MAX_CHARACTERS
            look_at_markdown(text)


def look_at_markdown(text: str) -> None:
    outside = re.sub(r"(?<!\\)`[^`\n]*`", "", re.sub(r"(?ms)^(`{3,})sh$.*?^\1$", "", text))
    known = ("<!-- qtisync:", "<details><summary><b>", "</b></summary>", "</details>")
    plain = outside
    for tag in known:
        plain = plain.replace(tag, "")
    assert "<" not in plain
    assert not re.search(r"@\w", outside)
    columns: int | None = None
    for line in text.split("\n"):
        if not line.startswith("| "):
            columns = None
            continue
        cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
        columns = cells if columns is None else columns
        assert cells == columns, line


@pytest.mark.parametrize("form", FORMATS)
@histories(25, phases=PHASES)
@given(report=reports)
def test_any_report_renders_and_stays_well_formed(form: str, report: Report) -> None:
    text = render(report, wanted(form))

    assert re.findall("(?s).{,40}[\ud800-\udfff].{,20}", text) == []  # it can be written as UTF-8
    steering = set(re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text))
    assert steering == set() or form == "json"
    well_formed(form, text)


@histories(25, phases=PHASES)
@given(report=reports)
def test_any_report_is_what_the_schema_says(report: Report) -> None:
    valid(report)
