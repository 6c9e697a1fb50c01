"""The status report: what the record says, and what a daemon knows besides, if one runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qtisync.engine import pause
from qtisync.engine.capability import Capability, fitnesses, verdict
from qtisync.engine.drift import last_check
from qtisync.engine.pins import pins_of, shown_pins
from qtisync.model import Recorded
from qtisync.report.build import pins_shown
from qtisync.report.status import Observed, in_sync, status_report
from qtisync.report.value import Place, Report, moment

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of the repository and the target beside the record."""

    repository: str
    ref: str
    head: str
    """Empty: not known."""
    target: str
    base_url: str
    metadata_call: bool = True
    """Whether the configuration allows the metadata call."""
    fetched: float | None = None
    """When a repository elsewhere was last fetched."""
    degraded: tuple[str, ...] = ()
    daemon: Mapping[str, Any] | None = None
    """What a daemon says of itself; ``None``: none runs, or none was asked."""


def overview(reader: RecordReader, sight: Sight, now: float, most_queued: int | None = None) -> Report:
    """The status of a target; ``most_queued`` objects that only wait are listed, all of them are counted."""
    seen, place = _seen(reader, sight, now, reader.unsettled(most_queued))
    report = status_report(seen, place)
    pins = pins_of(reader)
    checked = last_check(reader)
    at = checked["at"] if checked is not None else None
    last_checked = {**checked, "at": moment(at)} if checked is not None and isinstance(at, int | float) else None
    return replace(
        report,
        pins=pins_shown(shown_pins(pins, {key: row.path for key, row in reader.recorded_some(pins).items()})),
        summary={**report.summary, "pinned": len(pins)},
        status={**report.status, "last_check": last_checked},
    )


def is_in_sync(reader: RecordReader, sight: Sight, now: float) -> bool:
    """What ``overview`` says of it, without a look at each object."""
    return in_sync(*_seen(reader, sight, now, ()))


def _seen(reader: RecordReader, sight: Sight, now: float, unsettled: Sequence[Recorded]) -> tuple[Observed, Place]:
    last = reader.last_pass()
    capability = verdict(reader, Capability.METADATA_ENDPOINT)
    lists = verdict(reader, Capability.LIST_FILTER)
    synced, synced_at = reader.setting("synced_commit"), reader.setting("synced_at")
    stopped, held = pause.paused(reader, now), reader.setting("held")
    called = {"fitness": capability.fitness.value, "reason": capability.reason}
    seen = Observed(
        last=last,
        synced=synced if isinstance(synced, str) else None,
        synced_at=synced_at if isinstance(synced_at, float) else None,
        counts=reader.counts(),
        unsettled=unsettled,
        pace=reader.pace(),
        capability=called if sight.metadata_call else {"fitness": "off", "reason": ""},
        lists={"fitness": lists.fitness.value, "reason": lists.reason},
        paused=None if stopped is None else {"reason": stopped.reason, "since": stopped.since, "until": stopped.until},
        held=held if isinstance(held, Mapping) else None,
        daemon=sight.daemon,
        degraded=sight.degraded,
        fetched=sight.fetched,
        now=now,
    )
    place = Place(
        repository=sight.repository,
        ref=sight.ref,
        head=sight.head,
        base=last.commit if last is not None else None,
        target=sight.target,
        base_url=sight.base_url,
        capabilities=fitnesses(reader),
    )
    return seen, place
