"""Dashboard, alert rules and their documentation speak of metrics and labels that exist."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from qtisync.report.gauges import Gauges
from qtisync.web.metrics import Metrics

DOCS = Path(__file__).parents[3] / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana-dashboard.json").read_text())
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DOCS / "alert-rules.yaml").read_text())["groups"] for rule in group["rules"]
]
ADDED_BY_PROMETHEUS = {"instance", "job", "le"}


def everything() -> dict[str, set[str]]:
    """Every sample that a daemon can show, with its labels."""
    metrics = Metrics(lambda: 1000.0)
    metrics.watch(
        lambda: Gauges(
            target="t",
            head_seen_at=1.0,
            synced_at=1.0,
            rate=1.0,
            ceiling=1.0,
            items={"synced": 1},
            queued={"normal": 1},
        )
    )
    metrics.called("update", "Accepted", 1.0)
    metrics.paused("throttled", 1.0)
    metrics.passed("finished", 1.0)
    metrics.rung("refs")
    metrics.delivered("github", "rung")
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


KNOWN = everything()
EXPRESSIONS = {
    **{f"dashboard: {p['title']} {t['refId']}": t["expr"] for p in DASHBOARD["panels"] for t in p["targets"]},
    **{f"alert: {rule['alert']}": rule["expr"] for rule in RULES},
}


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:qtisync|process)_[a-z_]+\b", re.sub(r'"[^"]*"', "", expression)))


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_expression_uses_metrics_and_labels_that_exist(expression: str):
    names = names_in(expression)
    labels = {
        label
        for group in re.findall(r"(?:by|on|group_left)\s*\(([^)]*)\)", expression)
        for label in re.split(r"\s*,\s*", group)
    } | set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!=|=)", expression))

    assert names
    assert names <= set(KNOWN)
    assert labels <= ADDED_BY_PROMETHEUS.union(*(KNOWN[name] for name in names))
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_counters_are_looked_at_as_rates(expression: str):
    for name in names_in(expression):
        if name.endswith(("_total", "_bucket")):
            assert re.search(r"(?:rate|increase)\(" + name, expression), name


def test_every_alert_says_what_it_is_and_what_to_do():
    guide = (DOCS / "monitoring.md").read_text()

    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["alert"] in guide
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_values_of_labels_in_alerts_are_those_that_are_counted():
    assert {(label, value) for rule in RULES for label, value in re.findall(r'(\w+)="(\w[\w-]*)"', rule["expr"])} == {
        ("status", "parked"),
        ("outcome", "failed"),
        ("outcome", "wrong-signature"),
    }


def test_panels_have_numbers_of_their_own_and_do_not_overlap():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_dashboard_asks_for_its_data_source_and_daemon():
    variables = {variable["name"]: variable["type"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(DASHBOARD["panels"])))

    assert variables == {"datasource": "datasource", "instance": "query"}
    assert used == set(variables)


def test_guide_names_every_metric_of_ours():
    guide = (DOCS / "monitoring.md").read_text()
    families = {
        re.sub(r"_(?:bucket|sum|count|created)$", "", name)
        for name in KNOWN
        if name.startswith("qtisync_") and not name.endswith("_timestamp_seconds")
    }

    assert {name for name in families if name not in guide} == set()


def test_guide_of_the_http_surface_names_every_path_and_forge():
    guide = (DOCS / "http.md").read_text()
    source = (DOCS.parent / "qtisync" / "web" / "app.py").read_text()
    paths = re.findall(r'^        "(/[^"]*)":', source, re.MULTILINE)

    assert len(paths) > 10
    for path in paths:
        fixed = re.sub(r"\{\w+(?::path)?\}$", "", path)
        assert fixed in guide, path
