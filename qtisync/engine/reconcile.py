"""One pass: pin the commit, read, compare, guard (``prepare``, which only reads), write down (one transaction)."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from qtisync.content.facts import FACTS_VERSION, Facts
from qtisync.content.selection import ContentRules
from qtisync.engine.authorship import authors
from qtisync.engine.batching import reading_calls
from qtisync.engine.bulk import uncollected
from qtisync.engine.capability import Capability, Fitness, verdict
from qtisync.engine.drift import blocked_by_drift
from qtisync.engine.pins import Pins, fingerprint, held_back, pins_of, put_pins, shown_pins
from qtisync.engine.quick import quick_plan
from qtisync.engine.removing import Ground, keep, known, leaves, looks, waits, weighed
from qtisync.engine.view import View
from qtisync.model import (
    BlobId,
    CommitId,
    ItemStatus,
    Key,
    PassRecord,
    Presence,
    Recorded,
    Snapshot,
)
from qtisync.planning.cost import estimate, first_metadata_change, one_by_one
from qtisync.planning.diff import diff
from qtisync.planning.guard import DELETE_RULES, Limits, Observed, check
from qtisync.planning.intent import intents
from qtisync.planning.plan import Destination, Hold, Plan
from qtisync.planning.removal import Ledger, Removals, suspected

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import Progress, RecordReader, Source, Store
    from qtisync.engine.reading import Caps
    from qtisync.engine.warm import Memory

HELD = "held"
"""Setting: what holds the newest pass of a daemon, for everybody who looks."""
AUTHORS_UP_TO = 2000  # changes in one plan whose authors are looked up in git


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a pass is to achieve: where to, from which ref, by which rules."""

    destination: Destination
    ref: str
    rules: ContentRules
    item_cap: int = 2_000_000
    sidecar_cap: int = 65_536
    limits: Limits = field(default_factory=Limits)
    reads_first: bool = True
    reads_back: bool = False
    metadata_call: bool = True
    """Metadata changes may go by the API's metadata call, once it proved itself."""
    rate: float = 10.0
    allow: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()
    """Identifiers or globs; empty: everything."""
    removals: Removals | None = None
    """What of what lost its file may be deleted; ``None``: nothing ever."""
    keep_pins: bool = True
    """Pinned objects keep their version. False: these very objects are asked for at this very commit."""
    processes: int = 0
    """How many may read files at the same time; 0: one for each core."""

    @property
    def fingerprint(self) -> str:
        """Digest of everything besides the commit that decides what is desired."""
        rules = {name: value for name, value in asdict(self.rules).items() if value is not None}
        parts = [FACTS_VERSION, rules, self.item_cap, self.sidecar_cap, asdict(self.destination)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan and what it was made from."""

    plan: Plan
    record: PassRecord
    snapshot: Snapshot | None
    """What the plan was made from: all, or the part that can differ from what the last pass wrote down. ``None``: the
    commit is the one of the last pass, so nothing needs to be written down."""
    recorded: Mapping[Key, Recorded] = field(default_factory=dict)
    fresh: Mapping[str, Mapping[BlobId, Facts]] = field(default_factory=dict)
    """Facts of blobs that were read for the first time, by the version of their reader."""
    pins: Pins | None = None
    """The pins that still hold; ``None``: they were not looked at."""
    ledger: Ledger | None = None
    """Of deleting; ``None``: nothing is deleted."""
    approved: bool = False
    """A rule about deleting holds the plan, or held it until a person allowed it."""


def prepare(
    source: Source,
    reader: RecordReader,
    aim: Aim,
    now: float,
    progress: Progress,
    memory: Memory | None = None,
    *,
    thorough: bool = False,
) -> Prepared:
    """The plan for the commit that the ref points to now. Reads only.

    A process that stays hands in the same ``memory`` each time: then only what changed since the last pass is looked
    at, with the same result. ``thorough``: look at everything, even if the last pass was of this very commit.
    """
    ref = source.full_ref(aim.ref)
    commit = source.resolve(ref)
    last = reader.last_pass()
    pins = pins_of(reader) if aim.keep_pins else {}
    decides = fingerprint(aim.fingerprint, pins)
    same = last is not None and (last.commit, last.fingerprint) == (commit, decides) and not aim.only and not thorough
    if last is not None and same and not waits(reader, aim.removals):
        plan = known(quick_plan(reader, last, aim.destination), aim.removals)
        paths = {key: row.path for key, row in reader.recorded_some(pins).items()} if pins else {}
        plan = replace(plan, pins=shown_pins(pins, paths))
        drifted = check(
            plan, aim.limits, Observed(recorded=1, wanted=1, base_url=None, drifted=blocked_by_drift(reader))
        )
        plan = replace(plan, holds=tuple(hold for hold in drifted if hold.rule not in aim.allow))
        return Prepared(plan=_with_cost(plan, reader, aim), record=replace(last, ref=ref, at=now), snapshot=None)
    pin = _Pin(ref=ref, commit=commit, last=last, now=now, pins=pins, decides=decides)
    with uncollected():
        view = _view_of_changes(source, reader, aim, pin, progress, memory)
        if view is None or leaves(view, aim.removals):
            view = _view_of_everything(source, reader, aim, pin, progress, remember=memory is not None)
        if memory is not None and view.warm is not None:
            memory.keep(view.warm)
        prepared = _prepare_from(view, source, reader, aim, pin)
    return replace(prepared, snapshot=None) if same and not prepared.plan.removals else prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pin:
    ref: str
    commit: CommitId
    last: PassRecord | None
    now: float
    pins: Pins
    decides: str
    """Digest of what decides besides the commit."""


def _caps(aim: Aim) -> Caps:
    # lxml and YAML cost as much as the rest of a plan together, and an unchanged commit needs neither.
    from qtisync.engine.reading import Caps  # noqa: PLC0415 - see above

    return Caps(item=aim.item_cap, sidecar=aim.sidecar_cap, processes=aim.processes)


def _view_of_changes(
    source: Source, reader: RecordReader, aim: Aim, pin: _Pin, progress: Progress, memory: Memory | None
) -> View | None:
    """What may differ from the last pass, if this process remembers enough of it."""
    warm = memory.of(pin.last, pin.decides) if memory is not None and pin.last is not None else None
    if warm is None or pin.last is None or aim.only:
        return None
    from qtisync.engine.delta import Ground, view_of_changes  # noqa: PLC0415 - as above

    ground = Ground(source=source, record=reader, rules=aim.rules, caps=_caps(aim), progress=progress)
    return view_of_changes(ground, warm, pin.last, pin.commit, pin.now)


def _view_of_everything(
    source: Source, reader: RecordReader, aim: Aim, pin: _Pin, progress: Progress, *, remember: bool
) -> View:
    from qtisync.engine.reading import read_snapshot  # noqa: PLC0415 - as above

    reading = read_snapshot(source, reader, pin.commit, aim.rules, _caps(aim), progress)
    recorded = reader.recorded()
    warm = None
    if remember and not aim.only:
        from qtisync.engine.warm import warm_of  # noqa: PLC0415 - as above

        warm = warm_of(pin.commit, pin.decides, pin.now, reading)
    return View(
        snapshot=reading.snapshot,
        recorded=recorded,
        items=len(reading.snapshot.items),
        present=sum(row.presence is Presence.PRESENT for row in recorded.values()),
        fresh=reading.fresh,
        warm=warm,
    )


def _prepare_from(view: View, source: Source, reader: RecordReader, aim: Aim, pin: _Pin) -> Prepared:
    base = pin.last.commit if pin.last is not None else None
    view, pins = held_back(view, pin.pins, aim.rules.stamp)
    plan = diff(view.snapshot, view.recorded, aim.destination, base)
    plan = replace(plan, unchanged=view.items - len(plan.changes) - len(plan.parked))
    plan = replace(plan, pins=shown_pins(pins, {key: row.path for key, row in view.recorded.items()}))
    plan = narrowed(plan, aim.only) if aim.only else plan
    ground = Ground(
        source=source, reader=reader, ref=pin.ref, fingerprint=aim.fingerprint, now=pin.now, pinned=pin.pins
    )
    plan, ledger = weighed(plan, view, aim.removals, ground)
    found = _holds(plan, view, reader, aim, ledger, pin.now)
    plan = replace(plan, holds=tuple(hold for hold in found if hold.rule not in aim.allow))
    plan = replace(plan, authors=authors(source, plan, view.changed)) if len(plan.changes) <= AUTHORS_UP_TO else plan
    record = PassRecord(
        commit=pin.commit,
        base=base,
        ref=pin.ref,
        fingerprint="" if plan.partial else fingerprint(aim.fingerprint, pins),
        at=pin.now,
        broken=plan.broken,
        warnings=plan.warnings,
        summary={"others": plan.others},
    )
    return Prepared(
        plan=_with_cost(plan, reader, aim),
        record=record,
        snapshot=view.snapshot,
        recorded=view.recorded,
        fresh=view.fresh,
        pins=pins if aim.keep_pins else None,
        ledger=ledger,
        approved=any(hold.rule in DELETE_RULES for hold in found),
    )


def write_down(store: Store, prepared: Prepared) -> None:
    """Record what every object must become. Facts of blobs are kept even if a rule holds the plan."""
    for version, facts in prepared.fresh.items():
        if facts:
            store.remember_facts(facts, version)
    if prepared.plan.holds or prepared.snapshot is None:
        return
    # First, because a pass that is recorded is not written down again: a kill in between would lose it, and the guard.
    store.put_setting("base_url", prepared.plan.destination.base_url)
    if prepared.pins is not None and prepared.pins != pins_of(store):
        put_pins(store, prepared.pins)
    keep(store, prepared.plan, prepared.ledger, approved=prepared.approved)
    store.record_pass(intents(prepared.plan, prepared.snapshot, prepared.recorded, prepared.record))
    if not prepared.plan.partial and store.setting(HELD) is not None:
        store.put_setting(HELD, None)  # what a daemon held was carried out, by whomever


def _holds(
    plan: Plan, view: View, reader: RecordReader, aim: Aim, ledger: Ledger | None, now: float
) -> tuple[Hold, ...]:
    observed = Observed(
        recorded=view.present,
        wanted=view.items + len(view.snapshot.broken) + len(view.snapshot.ignored),
        base_url=_text(reader.setting("base_url")),
        drifted=() if plan.partial else blocked_by_drift(reader),
        suspects=() if ledger is None else tuple(suspected(plan, ledger)),
        deletes_left=lambda limit, keys: 0 if ledger is None else ledger.left(limit, now, keys),
    )
    return check(plan, aim.limits, observed)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _with_cost(plan: Plan, reader: RecordReader, aim: Aim) -> Plan:
    pace = reader.pace()
    rate = min(aim.rate, pace.rate) if pace is not None else aim.rate
    lists = verdict(reader, Capability.LIST_FILTER).fitness is not Fitness.UNFIT
    cost = estimate(
        plan.ready,
        removals=len(plan.removals),
        looks=looks(plan, reader),
        reads_first=aim.reads_first,
        reads_back=aim.reads_back,
        rate=rate,
        reading_calls=partial(reading_calls, rate=rate) if lists else one_by_one,
        tried=_tries(plan, reader, aim),
    )
    return replace(plan, cost=cost)


def _tries(plan: Plan, reader: RecordReader, aim: Aim) -> bool:
    """Whether the metadata call will be tried for the first time; see ``engine.canary``."""
    first = first_metadata_change(plan.ready) if aim.metadata_call else None
    if first is None or verdict(reader, Capability.METADATA_ENDPOINT).fitness is not Fitness.UNTESTED:
        return False
    return reader.bystander(first) is not None


def narrowed(plan: Plan, only: Sequence[str]) -> Plan:
    """The part of a plan that ``only`` names: identifiers, or globs over identifiers and paths."""
    changes = tuple(change for change in plan.changes if is_named(only, change.item.key.identifier, change.item.path))
    return replace(plan, changes=changes, partial=True)


def is_named(only: Sequence[str], *names: str) -> bool:
    """Whether one of these names (an identifier, a path) is among what was asked for."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in only for name in names)


def finish_cursor(store: Store, now: float) -> bool:
    """Say "synced to commit S" if every object of S is settled, parked, blocked or held; whether it was said."""
    last = store.last_pass()
    if last is None or not last.fingerprint:
        return False
    counts = store.counts()
    if counts.get(ItemStatus.QUEUED) or counts.get(ItemStatus.IN_FLIGHT):
        return False
    if store.setting("synced_commit") != last.commit:
        store.put_setting("synced_at", now)
        store.put_setting("synced_commit", last.commit)
    return True
