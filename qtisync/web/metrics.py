"""What is counted and shown to Prometheus. Labels are few and from short lists: no identifier, no commit, no secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from qtisync import __version__
from qtisync.report.gauges import Gauges

MANY_VALUES = 64
"""Values of one label; what comes beyond is counted as ``other``."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_/.-]{0,39}")
_CALLS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PASSES = (0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)


class Metrics:
    """Fits ``engine.ports.Meter`` and ``web.ports.Exposition``. Never raises, never waits; threads may share it."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, now: Callable[[], float]) -> None:
        # A second series beside each counter, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types for it
        self._registry = registry = CollectorRegistry()
        self._labels: dict[str, set[str]] = {}
        self._state = _State(now)
        Gauge("qtisync_build_info", "The version that runs.", ["version"], registry=registry).labels(__version__).set(1)
        self._calls = Counter(
            "qtisync_api_calls", "Calls to the QTI API that ended.", ["purpose", "outcome"], registry=registry
        )
        self._call_seconds = Histogram(
            "qtisync_api_call_duration_seconds",
            "How long calls to the QTI API took.",
            ["purpose"],
            buckets=_CALLS,
            registry=registry,
        )
        self._throttled = Counter(
            "qtisync_throttled_seconds",
            "Seconds for which the queue was paused by the API, or because it is in trouble.",
            ["reason"],
            registry=registry,
        )
        self._passes = Counter("qtisync_passes", "Passes that ended.", ["outcome"], registry=registry)
        self._pass_seconds = Histogram(
            "qtisync_pass_duration_seconds", "How long passes took.", buckets=_PASSES, registry=registry
        )
        self._rings = Counter("qtisync_rings", "Rings of the bell.", ["origin"], registry=registry)
        self._tokens = Counter("qtisync_token_refreshes", "Access tokens that were issued to us.", registry=registry)
        self._deliveries = Counter(
            "qtisync_webhook_deliveries", "Webhooks that were answered.", ["forge", "outcome"], registry=registry
        )
        registry.register(self._state)
        ProcessCollector(registry=registry)

    def watch(self, gauges: Callable[[], Gauges]) -> None:
        """From now on ``text`` shows the state that this function tells."""
        self._state.gauges = gauges

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def called(self, purpose: str, outcome: str, seconds: float) -> None:
        """See ``engine.ports.Meter``."""
        why = self._known("purpose", purpose)
        self._calls.labels(why, self._known("outcome", outcome)).inc()
        self._call_seconds.labels(why).observe(seconds)

    def paused(self, reason: str, seconds: float) -> None:
        """See ``engine.ports.Meter``."""
        self._throttled.labels(self._known("reason", reason)).inc(max(0.0, seconds))

    def passed(self, outcome: str, seconds: float) -> None:
        """See ``engine.ports.Meter``."""
        self._passes.labels(self._known("pass", outcome)).inc()
        self._pass_seconds.observe(seconds)

    def token_refreshed(self) -> None:
        """See ``engine.ports.Meter``."""
        self._tokens.inc()

    def rung(self, origin: str) -> None:
        """See ``engine.ports.Meter``."""
        self._rings.labels(self._known("origin", origin)).inc()

    def delivered(self, forge: str, outcome: str) -> None:
        """See ``web.ports.Exposition``."""
        self._deliveries.labels(self._known("forge", forge), self._known("delivery", outcome)).inc()

    def _known(self, label: str, value: str) -> str:
        """The value, unless it is no plain word or one too many."""
        values = self._labels.setdefault(label, set())
        if value in values:
            return value
        if len(values) >= MANY_VALUES or not _PLAIN.fullmatch(value):
            return "other"
        values.add(value)
        return value


class _State(Collector):
    """The state at the moment of the scrape; what is not known is left out rather than shown as 0."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.gauges: Callable[[], Gauges] | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the daemon only to register."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families of all gauges."""
        if self.gauges is None:
            return
        seen, now = self.gauges(), self._now()
        yield _family("target_info", "The target that this daemon serves.", {(seen.target,): 1.0}, "target")
        for name, words, value in _single(seen, now):
            yield _family(name, words, {} if value is None else {(): float(value)})
        yield _family("items", "Objects by status.", _by(seen.items), "status")
        yield _family("queue_depth", "Objects that wait to be sent, by lane.", _by(seen.queued), "lane")


def _single(seen: Gauges, now: float) -> Iterator[tuple[str, str, float | None]]:
    yield "head_seen_timestamp_seconds", "When the ref was last really read.", seen.head_seen_at
    yield "head_age_seconds", "How long ago the ref was last really read.", _age(seen.head_seen_at, now)
    yield "synced_timestamp_seconds", "When a commit was last said to be synced.", seen.synced_at
    yield "synced_age_seconds", "How long ago a commit was last said to be synced.", _age(seen.synced_at, now)
    yield "in_sync", "Whether the API is equal to the newest commit.", seen.in_sync
    yield "ready", "Whether the daemon does its work.", not seen.unready
    yield "api_up", "Whether the API gives usable answers.", seen.api_up
    yield "held", "Whether a safety rule holds the newest pass.", seen.held
    yield "paused", "Whether a person paused the queue.", seen.paused_by_person
    yield "degraded_reasons", "Reasons why it works less well than it could.", len(seen.degraded)
    yield "pace_requests_per_second", "Requests per second that the pace allows.", seen.rate
    yield "pace_ceiling_requests_per_second", "The most that the pace may become.", seen.ceiling
    yield "pace_paused_seconds", "How long the API still makes us wait.", seen.paused_seconds


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)


def _by(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(name,): float(count) for name, count in counts.items()}


def _family(name: str, words: str, values: Mapping[tuple[str, ...], float], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"qtisync_{name}", words, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
