"""plan and apply with ``--refresh``: the API is read first, and the plan says what is not the same there."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtisync.app import Setup, SystemClock, ThreadBell
from qtisync.cli.check import findings, trouble_words
from qtisync.cli.common_options import Common
from qtisync.cli.consent import refuse_unknown
from qtisync.cli.place import place_of
from qtisync.cli.progress import Bars
from qtisync.engine.check import Reconciliation, chosen, reconcile, refreshed
from qtisync.engine.reconcile import Aim, Prepared, prepare
from qtisync.errors import ApiUnavailableError, CredentialsError, QtisyncError, WrongApiError
from qtisync.planning.details import with_content
from qtisync.report.build import plan_report
from qtisync.report.reconciliation import with_findings
from qtisync.report.value import Report

if TYPE_CHECKING:
    from qtisync.engine.ports import RecordReader, Source
    from qtisync.engine.survey import Eyes, Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A plan that was refreshed, and what it was refreshed with."""

    prepared: Prepared
    seen: Reconciliation
    """The part of it that the plan is about."""


def look_at_api(setup: Setup, eyes: Eyes, reader: RecordReader, source: Source, aim: Aim, bars: Bars) -> Look:
    """Make the whole plan, read the API, and narrow both to what is asked for. Raises if the API cannot be read."""
    whole = prepare(source, reader, replace(aim, only=()), eyes.clock.now(), bars, thorough=True)
    refuse_unknown(aim.only, whole)
    seen = reconcile(eyes, reader, setup.manners(), whole.plan)
    refuse_trouble(seen.survey)
    return Look(prepared=refreshed(whole, seen, reader, aim), seen=chosen(seen, aim.only))


def look_ahead_refreshed(common: Common, setup: Setup, aim: Aim) -> Report:
    """The report of ``plan --refresh``: neither the API nor the record is written."""
    clock, bars = SystemClock(), Bars(common)
    began = clock.now()
    with closing(setup.open_reader()) as reader, closing(setup.open_fresh_source()) as source:
        with setup.eyes(reader, bell=ThreadBell(), log=common.log(), progress=bars) as eyes:
            look = look_at_api(setup, eyes, reader, source, aim, bars)
        plan = with_content(look.prepared.plan) if common.show_content else look.prepared.plan
        found = findings(setup, common, source, look.seen, clock.now() - began)
        report = plan_report(plan, place_of(look.prepared, source.location(), reader), began)
    return with_findings(report, found)


def refuse_trouble(survey: Survey) -> None:
    """Raise if the reading ended early: nothing can be concluded from it."""
    words = trouble_words(survey)
    if survey.trouble is None or words is None:
        return
    kinds: dict[str, type[QtisyncError]] = {"AuthError": CredentialsError, "NotTheApi": WrongApiError}
    kind = kinds.get(survey.trouble.name, ApiUnavailableError)
    raise kind(f"{'; '.join(survey.reasons).capitalize()}.", hint=f"Nothing was written. {words}")
