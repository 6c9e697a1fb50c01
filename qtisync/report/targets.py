"""The report of what two targets do not have alike."""

from __future__ import annotations

from dataclasses import dataclass

from qtisync.model import Json
from qtisync.planning.across import Difference, Side
from qtisync.planning.details import holds_content
from qtisync.report.divergence import Divergence, KeyChange, Observation
from qtisync.report.value import Place, Report, ReportProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What comparing two targets came to."""

    differ: tuple[Difference, ...]
    same: int
    here: str
    there: str
    synced: tuple[str | None, str | None] = (None, None)
    """The commits that both are synced to."""
    observation: Observation | None = None
    show_content: bool = False
    sent: int = 0
    took: float = 0.0


def targets_report(found: Compared, place: Place, at: float) -> Report:
    """The report (``kind: compare``)."""
    warnings: tuple[ReportProblem, ...] = ()
    if found.synced[0] != found.synced[1]:
        said = [
            f"{name} is synced to {_short(commit)}"
            for name, commit in zip((found.here, found.there), found.synced, strict=True)
        ]
        warnings = (
            ReportProblem(
                path="",
                line=None,
                identifier=None,
                code="other-commit",
                message=f"they are not at the same commit: {', '.join(said)}",
                hint="Sync both, then compare again.",
            ),
        )
    return Report(
        kind="compare",
        at=at,
        place=place,
        against=found.there,
        complete=found.observation is None or found.observation.complete,
        differences=tuple(_difference(one, found) for one in found.differ),
        warnings=warnings,
        observed=found.observation,
        sent=found.sent,
        took=found.took,
        summary={"difference": len(found.differ), "noop": found.same},
    )


def _short(commit: str | None) -> str:
    return commit[:7] if commit is not None else "nothing yet"


def _difference(one: Difference, found: Compared) -> Divergence:
    lacking = found.here if one.here is None else found.there if one.there is None else None
    what = [word for word, differs in (("content", one.content), ("metadata", one.names)) if differs]
    message = f"only at {found.there if one.here is None else found.here}" if lacking is not None else ""
    if one.unknown:
        message = "in doubt: an answer was lost at one of them"
    return Divergence(
        divergence="difference",
        identifier=one.key.identifier,
        kind=one.key.kind.value,
        path=one.path or None,
        what=tuple(what),
        keys=tuple(_key(name, one, found) for name in one.names),
        recorded_version=one.here.version if one.here is not None else None,
        remote_version=one.there.version if one.there is not None else None,
        message=message,
    )


def _key(name: str, one: Difference, found: Compared) -> KeyChange:
    hidden = holds_content(name) and not found.show_content
    named: tuple[tuple[str, Side | None], ...] = ((found.here, one.here), (found.there, one.there))
    sides: dict[str, Json] = {
        target: side.metadata[name] for target, side in named if side is not None and name in side.metadata
    }
    return KeyChange(name=name, sides={} if hidden else sides, hidden=hidden)
