"""Metrics in Prometheus' own reading of them: names, labels, and nothing without bounds."""

from __future__ import annotations

import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from qtisync import __version__
from qtisync.engine.ports import Meter
from qtisync.report.gauges import Gauges
from qtisync.web.metrics import MANY_VALUES, Metrics
from qtisync.web.ports import Exposition

NOW = 1_795_000_000.0
FULL = Gauges(
    target="staging",
    head="3f2a9c1" + "0" * 33,
    head_seen_at=NOW - 5,
    synced="8be0d44" + "0" * 33,
    synced_at=NOW - 60,
    in_sync=False,
    items={"synced": 1236, "queued": 3, "parked": 1},
    queued={"hotfix": 1, "normal": 2},
    rate=12.5,
    ceiling=50.0,
    paused_seconds=7.5,
    paused_by_person=True,
    held=True,
    api_up=False,
    degraded=("one", "two"),
    unready=("why",),
)
STATE = {
    "qtisync_target_info": {("staging",): 1.0},
    "qtisync_head_seen_timestamp_seconds": {(): NOW - 5},
    "qtisync_head_age_seconds": {(): 5.0},
    "qtisync_synced_timestamp_seconds": {(): NOW - 60},
    "qtisync_synced_age_seconds": {(): 60.0},
    "qtisync_in_sync": {(): 0.0},
    "qtisync_ready": {(): 0.0},
    "qtisync_api_up": {(): 0.0},
    "qtisync_held": {(): 1.0},
    "qtisync_paused": {(): 1.0},
    "qtisync_degraded_reasons": {(): 2.0},
    "qtisync_pace_requests_per_second": {(): 12.5},
    "qtisync_pace_ceiling_requests_per_second": {(): 50.0},
    "qtisync_pace_paused_seconds": {(): 7.5},
    "qtisync_items": {("synced",): 1236.0, ("queued",): 3.0, ("parked",): 1.0},
    "qtisync_queue_depth": {("hotfix",): 1.0, ("normal",): 2.0},
}


def seen(metrics: Metrics) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples by name and by the values of their labels, which come sorted by the labels' names."""
    samples: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return samples


def test_it_is_a_meter_and_an_exposition():
    meter: Meter = Metrics(lambda: NOW)
    exposition: Exposition = Metrics(lambda: NOW)

    assert (meter, exposition) != (None, None)


def test_state_is_shown_as_gauges():
    metrics = Metrics(lambda: NOW)
    metrics.watch(lambda: FULL)
    shown = seen(metrics)

    assert {name: shown[name] for name in STATE} == STATE
    assert shown["qtisync_build_info"] == {(__version__,): 1.0}


def test_what_is_not_known_is_left_out_and_not_zero():
    metrics = Metrics(lambda: NOW)
    assert "qtisync_in_sync" not in seen(metrics)
    metrics.watch(lambda: Gauges(target="staging"))
    shown = seen(metrics)

    assert not {
        "qtisync_head_age_seconds",
        "qtisync_synced_timestamp_seconds",
        "qtisync_pace_requests_per_second",
    } & set(shown)
    assert (shown["qtisync_ready"], shown["qtisync_in_sync"]) == ({(): 1.0}, {(): 0.0})


def test_age_is_never_negative():
    metrics = Metrics(lambda: NOW - 10)
    metrics.watch(lambda: FULL)

    assert seen(metrics)["qtisync_head_age_seconds"] == {(): 0.0}


def test_what_happens_is_counted():
    metrics = Metrics(lambda: NOW)
    metrics.called("update", "Accepted", 0.2)
    metrics.called("update", "Throttled", 0.01)
    metrics.paused("throttled", 30.5)
    metrics.paused("throttled", -1.0)
    metrics.passed("finished", 0.5)
    metrics.passed("held", 0.5)
    metrics.token_refreshed()
    metrics.rung("webhook/github")
    metrics.delivered("github", "rung")
    shown = seen(metrics)

    assert shown["qtisync_api_calls_total"] == {("Accepted", "update"): 1.0, ("Throttled", "update"): 1.0}
    assert shown["qtisync_api_call_duration_seconds_count"] == {("update",): 2.0}
    assert shown["qtisync_api_call_duration_seconds_sum"] == {("update",): pytest.approx(0.21)}
    assert shown["qtisync_api_call_duration_seconds_bucket"]["0.25", "update"] == 2.0
    assert shown["qtisync_throttled_seconds_total"] == {("throttled",): 30.5}
    assert shown["qtisync_passes_total"] == {("finished",): 1.0, ("held",): 1.0}
    assert shown["qtisync_pass_duration_seconds_count"] == {(): 2.0}
    assert shown["qtisync_token_refreshes_total"] == {(): 1.0}
    assert shown["qtisync_rings_total"] == {("webhook/github",): 1.0}
    assert shown["qtisync_webhook_deliveries_total"] == {("github", "rung"): 1.0}


def test_labels_are_bounded_and_take_no_odd_words():
    metrics = Metrics(lambda: NOW)
    for number in range(10 * MANY_VALUES):
        metrics.rung(f"origin-{number}")
    for odd in ("", "x" * 41, "two words", "line\nbreak", 'quo"te', "ä"):
        metrics.rung(odd)
    rings = seen(metrics)["qtisync_rings_total"]

    assert len(rings) == MANY_VALUES + 1
    assert rings["other",] == 9 * MANY_VALUES + 6


def test_names_follow_the_conventions():
    metrics = Metrics(lambda: NOW)
    metrics.watch(lambda: FULL)
    families = [
        family
        for family in text_string_to_metric_families(metrics.text().decode())
        if not family.name.startswith("process_")
    ]

    for family in families:
        assert family.name.startswith("qtisync_"), family.name
        assert family.documentation.endswith("."), family.name
        for unit in ("_ms", "_minutes", "_percent", "_milliseconds", "_count", "_total"):
            assert not family.name.endswith(unit), family.name


def test_no_commit_and_no_reason_becomes_a_label():
    metrics = Metrics(lambda: NOW)
    metrics.watch(lambda: FULL)
    text = metrics.text().decode()

    assert not any(secret in text for secret in ("3f2a9c1", "8be0d44", '"one"', '"why"'))


def test_process_is_watched_for_leaks():
    shown = seen(Metrics(lambda: NOW))

    assert {"process_resident_memory_bytes", "process_open_fds"} <= set(shown)


def test_there_is_no_second_series_beside_each_counter():
    metrics = Metrics(lambda: NOW)
    metrics.called("update", "shown", 0.1)

    assert b"_created" not in metrics.text()


def test_threads_may_share_it():
    metrics = Metrics(lambda: NOW)
    metrics.watch(lambda: FULL)
    threads = [
        threading.Thread(target=lambda: [metrics.called("update", "Accepted", 0.1) for _ in range(500)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for _ in range(5):
        metrics.text()
    for thread in threads:
        thread.join()

    assert seen(metrics)["qtisync_api_calls_total"] == {("Accepted", "update"): 2000.0}
