"""Git, record and API side by side: ``reconcile`` looks and concludes, ``heal`` acts as the target's policy says.

``reconcile`` only reads, and may run beside passes and pushing in a thread of its own: what we write meanwhile is told
from what others do by looking at the record once more at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qtisync.delivery.outcome import RemoteObject
from qtisync.engine.drift import block, blocked_by_drift, note_check
from qtisync.engine.quick import item_of
from qtisync.engine.reconcile import Aim, Prepared, is_named, narrowed, prepare
from qtisync.engine.survey import Eyes, Survey, Surveyor
from qtisync.model import Key, Presence, Reason, Recorded, Remote, RepoPath, Scope, Standing
from qtisync.planning.comparison import Comparison, Divergent, OnDrift, Shown, Stranger, side_by_side
from qtisync.planning.guard import Observed, check
from qtisync.planning.intent import Reassertion
from qtisync.planning.plan import Action, Change, Plan

if TYPE_CHECKING:
    from qtisync.engine.cycle import Bench
    from qtisync.engine.ports import Log, Progress, RecordReader, Store
    from qtisync.engine.push import Manners

LOGGED = 20  # drifted objects that are logged one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What a look at everything came to."""

    plan: Plan
    """What git wants, compared with the record."""
    recorded: Mapping[Key, Recorded]
    survey: Survey
    comparison: Comparison
    verdicts: Mapping[Key, OnDrift] = field(default_factory=dict)
    """What the policy says about each object that drifted."""

    def drifted(self, verdict: OnDrift) -> tuple[Divergent, ...]:
        """The drift about which the policy says this."""
        return tuple(one for one in self.comparison.drift if self.verdicts.get(one.key) is verdict)


def eyes_of(bench: Bench, progress: Progress | None = None) -> Eyes:
    """What reading the API takes, of the one writer: at the shared pace."""
    return Eyes(
        api=bench.api,
        pace=bench.store,
        terms=bench.pace,
        clock=bench.clock,
        bell=bench.bell,
        log=bench.log,
        digest=bench.digest,
        concurrency=bench.concurrency,
        meter=bench.meter,
        health=bench.health,
        progress=progress,
    )


def reconcile(
    eyes: Eyes, reader: RecordReader, manners: Manners, plan: Plan, *, deep: bool = False, keep_xml: bool = False
) -> Reconciliation:
    """Read the API and compare. ``plan``: the whole one, for the commit that is desired. Nothing is written."""
    before = reader.recorded()
    surveyor = Surveyor(eyes, known_remotes(before), deep=deep, keep_xml=keep_xml)
    survey = surveyor.survey()

    def compared(rows: Mapping[Key, Recorded]) -> Comparison:
        shown = Shown(
            copies=survey.rows,
            gone=survey.gone,
            moved=frozenset(key for key, row in rows.items() if before.get(key) != row),
            thorough=deep,
        )
        return side_by_side(plan, rows, shown, manners.terms.ownership)

    found = compared(before)
    suspects = [one.key for one in (*found.drift, *found.conflicts) if not one.vanished]
    if suspects and not deep:  # a list is not enough to accuse somebody
        survey = _confirmed(survey, suspects, surveyor.read_each(suspects), surveyor.calls)
    after = reader.recorded()
    found = compared(after)
    verdicts = {one.key: manners.on_drift(one.path) for one in found.drift}
    eyes.log(
        "check_finished",
        commit=plan.commit,
        calls=survey.calls,
        complete=survey.complete,
        reasons=list(survey.reasons),
        **counts(found),
    )
    return Reconciliation(plan=plan, recorded=after, survey=survey, comparison=found, verdicts=verdicts)


def _is_expected(row: Recorded) -> bool:
    """Whether an object should be at the API, so that its absence means something."""
    return row.presence is Presence.PRESENT and row.standing in {Standing.WANTED, Standing.HELD}


def _confirmed(survey: Survey, keys: Sequence[Key], read: Mapping[Key, RemoteObject | None], calls: int) -> Survey:
    """The survey with what a closer look showed in place of what the list had shown."""
    rows = {key: row for key, row in survey.rows.items() if read.get(key, row) is not None}
    rows |= {key: row for key, row in read.items() if row is not None}
    gone = {key for key in keys if key in read and read[key] is None}
    return replace(survey, rows=rows, gone=survey.gone | gone, calls=calls)


def counts(found: Comparison) -> dict[str, int]:
    """How many there are of each class."""
    return {
        "in_sync": found.in_sync,
        "pending": len(found.pending),
        "drift": len(found.drift),
        "conflict": len(found.conflicts),
        "unmanaged": len(found.unmanaged),
        "foreign": len(found.foreign),
        "orphan": len(found.orphans),
        "altered": len(found.altered),
        "parked": len(found.parked),
        "blocked": len(found.blocked),
        "held": len(found.held),
    }


def refreshed(prepared: Prepared, seen: Reconciliation, reader: RecordReader, aim: Aim) -> Prepared:
    """The plan with what the API showed: drift that is overwritten becomes changes, and the guards look once more.

    Its checksum covers the observation as well. ``prepared`` is the whole plan; ``aim.only`` narrows it here.
    """
    overwritten = tuple(_again(one) for one in seen.drifted(OnDrift.OVERWRITE))
    changes = tuple(sorted((*prepared.plan.changes, *overwritten), key=lambda change: change.item.key))
    plan = replace(prepared.plan, changes=changes, unchanged=prepared.plan.unchanged - len(overwritten))
    wanted = plan.unchanged + len(changes) + len(plan.parked) + len(plan.broken) + len(plan.ignored)
    base_url = reader.setting("base_url")
    observed = Observed(
        recorded=sum(row.presence is Presence.PRESENT for row in seen.recorded.values()),
        wanted=wanted,
        base_url=base_url if isinstance(base_url, str) else None,
        drifted=tuple(one.key for one in chosen(seen, aim.only).drifted(OnDrift.BLOCK)),
    )
    plan = narrowed(plan, aim.only) if aim.only else plan
    holds = tuple(hold for hold in check(plan, aim.limits, observed) if hold.rule not in aim.allow)
    plan = replace(plan, holds=holds, observed=observations(chosen(seen, aim.only)))
    record = replace(prepared.record, fingerprint="") if plan.partial else prepared.record
    return replace(prepared, plan=plan, record=record)


def _again(one: Divergent) -> Change:
    """The change that gives the API back what git wants."""
    row = one.recorded
    assert row is not None  # noqa: S101 - for mypy: only what is recorded can drift
    scope = {scope for scope, differs in ((Scope.CONTENT, one.content), (Scope.METADATA, one.names)) if differs}
    return Change(
        item=item_of(row),
        recorded=row,
        action=Action.CREATE if one.vanished else Action.UPDATE,
        scope=frozenset(scope or Scope),
        reason=Reason.DRIFT,
        details=(one.message,),
        lane=row.lane,
    )


def observations(seen: Reconciliation) -> Mapping[str, str]:
    """What a plan is bound to besides the record: what was found to be different at the API, each by a digest."""
    found = (*seen.comparison.drift, *seen.comparison.conflicts)
    return {
        str(one.key): hashlib.sha256(json.dumps(_essence(one), sort_keys=True).encode()).hexdigest()[:16]
        for one in found
    }


def _essence(one: Divergent) -> list[object]:
    copy = one.copy
    shown = None if copy is None else [copy.content, {name: copy.metadata.get(name) for name in one.names}]
    return [str(one.key), one.is_conflict, shown]


def chosen(seen: Reconciliation, only: Sequence[str]) -> Reconciliation:
    """The part of a reconciliation that ``only`` names: identifiers, or globs over identifiers and paths."""
    if not only:
        return seen

    def wanted(key: Key, path: RepoPath | None = None) -> bool:
        return is_named(only, key.identifier, *([path] if path is not None else []))

    def divergent(found: tuple[Divergent, ...]) -> tuple[Divergent, ...]:
        return tuple(one for one in found if wanted(one.key, one.path))

    def strangers(found: tuple[Stranger, ...]) -> tuple[Stranger, ...]:
        return tuple(one for one in found if wanted(one.key))

    found = seen.comparison
    narrow = replace(
        found,
        drift=divergent(found.drift),
        conflicts=divergent(found.conflicts),
        unmanaged=strangers(found.unmanaged),
        foreign=strangers(found.foreign),
        altered=tuple(row for row in found.altered if wanted(row.key, row.path)),
    )
    return replace(seen, comparison=narrow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """What ``heal`` did."""

    queued: int = 0
    """Objects that are sent again."""
    blocked: tuple[Key, ...] = ()
    """Objects whose drift holds every pass from now on."""


def heal(store: Store, seen: Reconciliation, log: Log, *, plan: Plan | None = None) -> Healed:
    """Act as the policy says: queue what is overwritten, hold passes for what blocks, and remember the look.

    ``plan``: the refreshed one; if a rule holds it (too many at once), nothing is queued.
    """
    queued = 0 if plan is not None and plan.holds else send_again(store, seen)
    blocked = {one.key for one in seen.drifted(OnDrift.BLOCK)}
    if not seen.survey.complete:  # what was not seen is not known to be well again
        proven = seen.survey.rows.keys() | seen.survey.gone
        blocked |= {key for key in blocked_by_drift(store) if key not in proven}
    block(store, blocked)
    found = counts(seen.comparison)
    survey = seen.survey
    note_check(store, survey.at, complete=survey.complete, broken_off=survey.trouble is not None, found=found)
    for one in seen.comparison.drift[:LOGGED]:
        verdict = seen.verdicts[one.key].value
        log("drift", item=one.key.identifier, kind=one.key.kind.value, path=one.path, message=one.message, then=verdict)
    return Healed(queued=queued, blocked=tuple(sorted(blocked)))


def send_again(store: Store, seen: Reconciliation) -> int:
    """Queue what drifted and is overwritten; how many there were."""
    overwritten = seen.drifted(OnDrift.OVERWRITE)
    return store.reassert([_reassertion(one) for one in overwritten]) if overwritten else 0


def _reassertion(one: Divergent) -> Reassertion:
    row = one.recorded
    assert row is not None  # noqa: S101 - for mypy: only what is recorded can drift
    return Reassertion(
        key=one.key,
        generation=row.generation,
        content=one.content or one.vanished,
        metadata=bool(one.names) or one.vanished,
        message=one.message,
    )


def look_after(bench: Bench, aim: Aim, progress: Progress, *, deep: bool = False) -> Reconciliation:
    """What a daemon does every ``reconcile_every``, and once after it started without a record.

    Reads git and the API, and heals. What was queued is sent by whoever drains the queue: wake it if ``healed``.
    """
    now = bench.clock.now()
    prepared = prepare(bench.source, bench.store, aim, now, progress, thorough=True)
    seen = reconcile(eyes_of(bench), bench.store, bench.manners, prepared.plan, deep=deep)
    plan = refreshed(prepared, seen, bench.store, aim).plan
    # What git wants has its own pass with its own guards: only what drifted counts here.
    again = replace(plan, changes=tuple(change for change in plan.changes if change.reason is Reason.DRIFT))
    heal(bench.store, seen, bench.log, plan=again)
    return seen


def known_remotes(rows: Mapping[Key, Recorded]) -> Mapping[Key, Remote | None]:
    """What the API showed of each object that should be there, for a ``Surveyor``."""
    return {key: row.remote for key, row in rows.items() if _is_expected(row)}
