"""The plan of a commit that the last pass recorded already: the record says what is desired, so git is not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qtisync.model import BlobId, Item, ItemStatus, PassRecord, Recorded, Standing, Steering
from qtisync.planning.diff import compare
from qtisync.planning.plan import Change, Destination, Orphan, Plan

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader


def quick_plan(reader: RecordReader, last: PassRecord, destination: Destination) -> Plan:
    """What is left to do for the commit of ``last``."""
    rows = reader.unsettled()
    counts = reader.counts()
    wanted = [row for row in rows if row.standing is Standing.WANTED]
    return Plan(
        commit=last.commit,
        base=last.commit,
        destination=destination,
        changes=_changes(wanted),
        orphans=tuple(Orphan(recorded=row, new=False) for row in rows if row.standing is Standing.ORPHAN),
        parked=tuple(row for row in wanted if row.status is ItemStatus.PARKED),
        held=tuple(row for row in rows if row.standing is Standing.HELD),
        broken=last.broken,
        ignored=tuple(row.key for row in rows if row.standing is Standing.IGNORED),
        warnings=last.warnings,
        altered=tuple(row for row in wanted if row.altered),
        unchanged=counts.get(ItemStatus.SYNCED, 0),
        others=last.summary.get("others", 0),
    )


def _changes(rows: Sequence[Recorded]) -> tuple[Change, ...]:
    found = []
    for row in rows:
        change = compare(item_of(row), row).change
        if change is not None:
            found.append(change if row.blocker is None else _blocked(change, row))
    return tuple(found)


def _blocked(change: Change, row: Recorded) -> Change:
    return replace(change, blocker=row.blocker)


def item_of(row: Recorded) -> Item:
    """The desired item, as far as its row tells."""
    return Item(
        key=row.key,
        path=row.path,
        blob=row.blob if row.blob is not None else BlobId(""),
        facets=row.desired,
        metadata=row.desired_metadata,
        answers=row.answers,
        steering=Steering(protect=row.protect),
    )
