"""What we learned about a target: which calls do there what their documentation says."""

from __future__ import annotations

import enum
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtisync.model import Json

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader, Store

SETTING = "capabilities"
_noting = threading.Lock()


class Capability(enum.StrEnum):
    """What is found out about a target, by its name in the record and in reports."""

    METADATA_ENDPOINT = "metadata_endpoint"
    """POST /assessment-items/metadata changes the metadata of one item and nothing else."""
    LIST_FILTER = "list_filter"
    """GET /assessment-items?filter=… shows the items that are asked for, whole."""


class Fitness(enum.StrEnum):
    """Whether a call may be relied on at this target."""

    UNTESTED = "untested"
    FIT = "fit"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found, with its reason and time (seconds since the epoch)."""

    fitness: Fitness = Fitness.UNTESTED
    reason: str = ""
    at: float = 0.0


def verdict(reader: RecordReader, capability: Capability) -> Verdict:
    """The verdict that is recorded; ``UNTESTED`` if there is none."""
    setting = reader.setting(SETTING)
    found = setting.get(capability.value) if isinstance(setting, Mapping) else None
    if not isinstance(found, Mapping):
        return Verdict()
    at = found.get("at")
    return Verdict(
        fitness=Fitness(str(found.get("fitness", Fitness.UNTESTED))),
        reason=str(found.get("reason", "")),
        at=float(at) if isinstance(at, int | float) else 0.0,
    )


def fitnesses(reader: RecordReader) -> Mapping[str, str]:
    """All verdicts in one word each, for reports."""
    return {capability.value: verdict(reader, capability).fitness.value for capability in Capability}


def note(store: Store, capability: Capability, found: Verdict) -> None:
    """Record a verdict beside the others. Threads may do so at once; a record has one writing process."""
    said: Json = {"fitness": found.fitness.value, "reason": found.reason, "at": found.at}
    with _noting:
        setting = store.setting(SETTING)
        others = dict(setting) if isinstance(setting, Mapping) else {}
        store.put_setting(SETTING, {**others, capability.value: said})


def forget(store: Store) -> None:
    """Forget all verdicts: the next use of each call tries it again."""
    store.put_setting(SETTING, None)
