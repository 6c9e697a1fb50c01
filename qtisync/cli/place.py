"""Where a report comes from and where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtisync.engine.capability import fitnesses
from qtisync.engine.reconcile import Prepared
from qtisync.report.value import Place

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader


def place_of(prepared: Prepared, location: str, reader: RecordReader) -> Place:
    """The place of a prepared pass."""
    plan = prepared.plan
    return Place(
        repository=location,
        ref=prepared.record.ref,
        head=plan.commit,
        base=plan.base,
        target=plan.destination.target,
        base_url=plan.destination.base_url,
        capabilities=fitnesses(reader),
    )
