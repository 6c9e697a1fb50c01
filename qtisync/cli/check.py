"""check: git, record and API side by side. Nothing is written, neither at the API nor in the record."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import click

from qtisync.app import Setup, SystemClock, ThreadBell
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import INTERRUPTED, after_check
from qtisync.cli.output import emit
from qtisync.cli.place import place_of
from qtisync.cli.progress import Bars
from qtisync.engine.bodies import changed_texts
from qtisync.engine.reconcile import prepare
from qtisync.errors import BlobMissingError
from qtisync.model import Key, Kind
from qtisync.planning.details import with_content
from qtisync.report.divergence import Observation

if TYPE_CHECKING:
    from qtisync.engine.check import Reconciliation
    from qtisync.engine.ports import Source
    from qtisync.engine.survey import Survey
    from qtisync.report.reconciliation import Findings


@click.command()
@common_options
@click.option("--ref", metavar="REF", help="Branch, tag or commit [default: repository.ref].")
@click.option("--deep", is_flag=True, help="Read each object by itself, instead of trusting lists and versions.")
def check(*, common: Common, ref: str | None, deep: bool) -> int:
    """Is the API what git says, and if not, why? Reads everything, writes nothing; the exit code is the answer.

    0 in sync; 2 git is ahead, or drift; 3 parked, blocked, broken; 5 a conflict; 7 credentials; 8 the API could not be
    read, or not completely.
    """
    from qtisync.cli.pushing import stopping  # noqa: PLC0415 - heavy, and after a usage error not needed
    from qtisync.engine.check import reconcile  # noqa: PLC0415 - likewise
    from qtisync.report.reconciliation import check_report  # noqa: PLC0415 - likewise

    setup, clock, bell, bars = common.setup(), SystemClock(), ThreadBell(), Bars(common)
    began = clock.now()
    with ExitStack() as stack:
        reader = stack.enter_context(closing(setup.open_reader()))
        source = stack.enter_context(closing(setup.open_source()))
        prepared = prepare(source, reader, setup.aim(ref), began, bars, thorough=True)
        eyes = stack.enter_context(setup.eyes(reader, bell=bell, log=common.log(), progress=bars))
        caught = stack.enter_context(stopping(bell, eyes.api.close))
        seen = reconcile(eyes, reader, setup.manners(), prepared.plan, deep=deep, keep_xml=common.show_content)
        found = findings(setup, common, source, seen, clock.now() - began)
        plan = prepared.plan
        if common.show_content:
            plan = with_content(plan, changed_texts(source, plan))
        report = check_report(plan, found, place_of(prepared, source.location(), reader), began)
    emit(report, common)
    if caught:
        return 128 + caught[0] if caught[0] else INTERRUPTED
    return after_check(report, trouble=seen.survey.trouble.name if seen.survey.trouble is not None else None)


def findings(setup: Setup, common: Common, source: Source, seen: Reconciliation, took: float) -> Findings:
    """A reconciliation as a report shows it."""
    from qtisync.report.reconciliation import Findings  # noqa: PLC0415 - only with a look at the API

    survey = seen.survey
    return Findings(
        comparison=seen.comparison,
        observation=observed(survey, len(seen.comparison.foreign)),
        verdicts=seen.verdicts,
        on_conflict=setup.target.on_conflict,
        show_content=common.show_content,
        bodies=_bodies(source, seen) if common.show_content else {},
        list_foreign=bool(common.verbose),
        sent=survey.calls,
        took=took,
        error=trouble_words(survey),
    )


def observed(survey: Survey, foreign: int) -> Observation:
    """How the API was read."""
    return Observation(
        at=survey.at,
        objects=len(survey.rows),
        foreign=foreign,
        complete=survey.complete,
        reasons=survey.reasons,
        deep=survey.deep,
    )


def trouble_words(survey: Survey) -> str | None:
    """Why the reading ended early, and what to do; ``None``: it did not."""
    match survey.trouble.name if survey.trouble is not None else None:
        case None:
            return None
        case "AuthError":
            return "The API refuses our credentials. Check client_id, client_secret and their scopes."
        case "NotTheApi":
            return "What answers is not the API. Check base_url and token_url of the target."
        case _:
            return "The API is not available. Run the command again later."


def _bodies(source: Source, seen: Reconciliation) -> Mapping[Key, Mapping[str, str]]:
    """The XML on both sides of each item whose content differs."""
    from qtisync.content.payload import xml_text  # noqa: PLC0415 - lxml is heavy

    found: dict[Key, Mapping[str, str]] = {}
    for one in (*seen.comparison.drift, *seen.comparison.conflicts):
        row, remote = one.recorded, seen.survey.rows.get(one.key)
        if not one.content or remote is None or one.key.kind is not Kind.ITEM:
            continue
        blob = one.change.item.blob if one.change is not None else row.blob if row is not None else None
        try:
            git = {} if blob is None else {"git": xml_text(source.blob(blob))}
        except (BlobMissingError, ValueError):
            git = {}
        found[one.key] = {**git, "remote": remote.xml}
    return found
