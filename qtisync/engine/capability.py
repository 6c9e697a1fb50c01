"""What we learned about a target: whether the metadata call does what its documentation says."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtisync.model import Json

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader

SETTING = "capabilities"


class Fitness(enum.StrEnum):
    """Whether POST /assessment-items/metadata may be used on this target."""

    UNTESTED = "untested"
    FIT = "fit"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataEndpoint:
    """The verdict about the metadata call, with its reason and time."""

    fitness: Fitness = Fitness.UNTESTED
    reason: str = ""
    at: float = 0.0

    def as_json(self) -> Json:
        """For the record."""
        return {"metadata_endpoint": {"fitness": self.fitness.value, "reason": self.reason, "at": self.at}}


def metadata_endpoint(reader: RecordReader) -> MetadataEndpoint:
    """The verdict that is recorded; ``UNTESTED`` if there is none."""
    setting = reader.setting(SETTING)
    found = setting.get("metadata_endpoint") if isinstance(setting, Mapping) else None
    if not isinstance(found, Mapping):
        return MetadataEndpoint()
    at = found.get("at")
    return MetadataEndpoint(
        fitness=Fitness(str(found.get("fitness", Fitness.UNTESTED))),
        reason=str(found.get("reason", "")),
        at=float(at) if isinstance(at, int | float) else 0.0,
    )
