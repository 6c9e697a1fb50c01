"""A report read back from its JSON: what a daemon answered becomes a value that every format can show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from qtisync.report.value import (
    ItemOutcome,
    Place,
    Report,
    ReportHold,
    ReportItem,
    ReportOrphan,
    ReportProblem,
)

T = TypeVar("T")


def read_report(document: Mapping[str, Any]) -> Report:
    """The report of a pass, an apply or a sync, or a status; lists that those do not have are left out.

    Raises ``KeyError``, ``TypeError`` or ``ValueError`` if ``document`` is no report.
    """
    repository, target = document["repository"], document["target"]
    estimate, sent = document["estimate"], document["sent"]
    return Report(
        kind=document["kind"],
        at=datetime.fromisoformat(document["generated_at"]).timestamp(),
        place=Place(
            repository=repository["path"],
            ref=repository["ref"],
            head=repository["head"],
            base=repository["base"],
            target=target["name"],
            base_url=target["base_url"],
            capabilities=target["capabilities"],
        ),
        checksum=document["checksum"],
        applyable=document["applyable"],
        complete=document["complete"],
        errored=document["errored"],
        error=document["error"],
        summary=document["summary"],
        calls=estimate["calls"],
        bytes=estimate["bytes"],
        seconds=estimate["seconds"],
        sent=sent["calls"],
        calls_per_change=sent["calls_per_change"],
        took=sent["seconds"],
        holds=tuple(_value(ReportHold, row) for row in document["holds"]),
        items=tuple(_item(row) for row in document["items"]),
        broken=tuple(_value(ReportProblem, row) for row in document["broken"]),
        warnings=tuple(_value(ReportProblem, row) for row in document["warnings"]),
        orphans=tuple(_value(ReportOrphan, row) for row in document["orphans"]),
        status=document.get("status", {}),
    )


def _item(row: Mapping[str, Any]) -> ReportItem:
    return _value(ReportItem, {**row, "outcome": _value(ItemOutcome, row["outcome"])})


def _value(kind: Callable[..., T], row: Mapping[str, Any]) -> T:
    """One value; keys that this version does not know are left out, because a minor version may add some."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # each is a dataclass
    return kind(
        **{name: tuple(part) if isinstance(part, list) else part for name, part in row.items() if name in names}
    )
