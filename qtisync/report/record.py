"""The record for people and scripts: is it sound, and what does it hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qtisync.delivery.ledger import Chain, Fault
from qtisync.model import ItemStatus, Json, PassRecord, Recorded
from qtisync.report.audit import render_verdict
from qtisync.report.cells import visible
from qtisync.report.value import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be. ``bad``: it does not go away by itself."""

    message: str
    hint: str
    bad: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a check of the record looks at."""

    damage: Sequence[str]
    faults: Sequence[Fault]
    rows: Iterable[Recorded]
    last: PassRecord | None
    settings: Mapping[str, Json]
    base_url: str
    now: float


REBUILD = "Move the record away and run `qtisync state rebuild`: it is made anew from git and the API."


def findings(look: Look) -> tuple[Finding, ...]:
    """Everything that is not as it should be, the worst first."""
    found = [Finding(message=f"damaged: {words}", hint=REBUILD) for words in look.damage]
    found += [
        Finding(
            message=f"the journal was tampered with: {f'entry {fault.number} ' if fault.number else ''}{fault.message}",
            hint="`qtisync audit --verify` tells all of it. What is sent does not depend on the journal.",
        )
        for fault in look.faults
    ]
    known = look.settings.get("base_url")
    if known not in {None, look.base_url}:
        words = f"it was made for {known}, and the configuration says {look.base_url}"
        found.append(Finding(message=words, hint="Check base_url. If it is meant, the next plan shows how to go on."))
    synced = look.settings.get("synced_commit")
    if synced is not None and look.last is None:
        found.append(Finding(message="it knows a synced commit, but no pass", hint=REBUILD))
    stale = [row for row in look.rows if row.status is ItemStatus.IN_FLIGHT and (row.lease_until or 0.0) <= look.now]
    found += [
        Finding(
            message=f"{row.key} is in flight under a lease that ended at {moment(row.lease_until or 0.0)}",
            hint="A process ended in the middle. The next sync reads the object first and goes on.",
            bad=False,
        )
        for row in stale
    ]
    return tuple(found)


def render_findings(found: Sequence[Finding], chain: Chain | None, rows: int) -> str:
    """The result of a check for people."""
    if not found:
        return f"The record is sound: {rows:,} object{'' if rows == 1 else 's'}. {render_verdict((), chain)}"
    lines = [f"The record has {len(found):,} finding{'' if len(found) == 1 else 's'}:"]
    for one in found:
        lines += [f"  {'x' if one.bad else '!'} {visible(one.message)}", f"      {one.hint}"]
    return "\n".join(lines) + "\n"


def row_as_json(row: Recorded, *, show_content: bool = False) -> dict[str, Any]:
    """One row for scripts. Values of metadata may be answers, so only their names are told unless asked for."""
    remote = row.remote
    return {
        "kind": row.key.kind.value,
        "identifier": row.key.identifier,
        "path": row.path,
        "standing": row.standing.value,
        "status": row.status.value,
        "presence": row.presence.value,
        "protected": row.protect,
        "commit": row.commit,
        "author": row.author,
        "blob": row.blob,
        "desired": {"content": row.desired.content, "metadata": row.desired.metadata},
        "acknowledged": {"content": row.acknowledged.content, "metadata": row.acknowledged.metadata},
        "desired_metadata": _shown(row.desired_metadata, show_content=show_content),
        "acknowledged_metadata": _shown(row.acknowledged_metadata, show_content=show_content),
        "remote": None
        if remote is None
        else {
            "content": remote.content,
            "version": remote.version,
            "updated_at": remote.updated_at,
            "foreign_metadata": _shown(remote.foreign, show_content=show_content),
        },
        "attempts": row.attempts,
        "not_before": moment(row.not_before) if row.not_before else None,
        "lane": row.lane.value,
        "last_outcome": row.last_outcome,
        "last_error": row.last_error,
        "http_status": row.http_status,
        "altered": row.altered,
        "blocked_by": None if row.blocker is None else str(row.blocker),
    }


def _shown(metadata: Mapping[str, Json], *, show_content: bool) -> dict[str, Json] | list[str]:
    return dict(metadata) if show_content else sorted(metadata)
