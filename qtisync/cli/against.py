"""plan --against: what two targets do not have alike, by their records, or (with ``--refresh``) by their APIs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from qtisync.app import Setup, SystemClock, ThreadBell
from qtisync.cli.common_options import Common
from qtisync.cli.progress import Bars
from qtisync.cli.refreshing import refuse_trouble
from qtisync.engine.capability import fitnesses
from qtisync.engine.check import known_remotes
from qtisync.engine.survey import Survey, Surveyor
from qtisync.errors import UsageError
from qtisync.model import Key, Recorded
from qtisync.planning.across import Side, across, recorded_sides, shown_sides, unstamped
from qtisync.report.divergence import Observation
from qtisync.report.targets import Compared, targets_report
from qtisync.report.value import Place, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """One target as it was looked at."""

    rows: Mapping[Key, Recorded]
    sides: Mapping[Key, Side]
    synced: str | None
    capabilities: Mapping[str, str]
    survey: Survey | None = None


def compare_targets(common: Common, setup: Setup, other: str, *, refresh: bool) -> Report:
    """The report. Nothing is written anywhere."""
    there = common.setup_of(other)
    if there.name == setup.name:
        raise UsageError(f"--against {other}: that is the target itself.", hint="Name another one.")
    began = SystemClock().now()
    left, right = _look(common, setup, refresh=refresh), _look(common, there, refresh=refresh)
    paths = {key: row.path for rows in (right.rows, left.rows) for key, row in rows.items()}
    stamps = (setup.ownership.stamp, there.ownership.stamp)
    differ, same = across(unstamped(left.sides, stamps), unstamped(right.sides, stamps), paths)
    with closing(setup.open_source()) as source:
        location, ref = source.location(), source.full_ref(setup.settings.repository.ref)
        head = source.resolve(ref)
    place = Place(
        repository=location,
        ref=ref,
        head=head,
        base=left.synced,
        target=setup.name,
        base_url=setup.target.base_url,
        capabilities=left.capabilities,
    )
    surveys = tuple(one.survey for one in (left, right) if one.survey is not None)
    found = Compared(
        differ=differ,
        same=same,
        here=setup.name,
        there=there.name,
        synced=(left.synced, right.synced),
        observation=_observed(surveys),
        show_content=common.show_content,
        sent=sum(survey.calls for survey in surveys),
        took=SystemClock().now() - began,
    )
    return targets_report(found, place, began)


def _look(common: Common, setup: Setup, *, refresh: bool) -> _Target:
    with closing(setup.open_reader()) as reader:
        rows, synced, survey = reader.recorded(), reader.setting("synced_commit"), None
        if refresh:
            bars = Bars(common)
            with setup.eyes(reader, bell=ThreadBell(), log=common.log(), progress=bars) as eyes:
                survey = Surveyor(eyes, known_remotes(rows)).survey()
            refuse_trouble(survey)
        return _Target(
            rows=rows,
            sides=recorded_sides(rows) if survey is None else shown_sides(rows, survey.rows),
            synced=synced if isinstance(synced, str) else None,
            capabilities=fitnesses(reader),
            survey=survey,
        )


def _observed(surveys: tuple[Survey, ...]) -> Observation | None:
    if not surveys:
        return None
    return Observation(
        at=min(survey.at for survey in surveys),
        objects=sum(len(survey.rows) for survey in surveys),
        complete=all(survey.complete for survey in surveys),
        reasons=tuple(reason for survey in surveys for reason in survey.reasons),
    )
