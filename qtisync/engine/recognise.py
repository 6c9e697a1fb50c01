"""Recognising what the API has of ours already, when the record does not know it: lost, or never made.

It costs one reading of the list, and nothing is written to the API. What is as in git needs no call any more; what
differs is left to ``on_conflict``; what is not ours is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qtisync.delivery.outcome import Answer, Denied, NotTheApi, RemoteObject
from qtisync.delivery.pages import ListPage, read_page
from qtisync.engine.check import eyes_of
from qtisync.engine.exchange import Exchange
from qtisync.engine.pacing import Pacing
from qtisync.engine.preflight import PROBE
from qtisync.engine.reading import Caps, read_snapshot
from qtisync.engine.reconcile import AUTHORS_UP_TO, Aim, Prepared, finish_cursor, prepare, write_down
from qtisync.engine.survey import Eyes, Survey, Surveyor
from qtisync.errors import ApiUnavailableError, CredentialsError, QtisyncError, WrongApiError
from qtisync.model import BlobId, CommitInfo, Item, JournalLine, Key, Kind, Recorded, RepoPath, Snapshot
from qtisync.ownership import NotOurs, Ownership
from qtisync.planning.plan import Action
from qtisync.planning.takeover import UNKNOWN, Seen, recognised

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.cycle import Bench
    from qtisync.engine.ports import Progress, RecordReader, Source, Store
    from qtisync.engine.warm import Memory

FEW = 10
"""Creates from which on the API is looked at first, if nothing is recorded: each that is there costs two calls."""
PER_PAGE = 25
"""Objects of the API for each create up to which reading its list is the cheaper way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What was found of ours at the API."""

    survey: Survey
    rows: tuple[Recorded, ...] = ()
    """One for each object of git's that is there, ours, and not recorded; sorted by key."""
    seen: Mapping[Key, Seen] = field(default_factory=dict)
    same: frozenset[Key] = frozenset()
    """Those of them that are as git wants them."""
    foreign: Mapping[Key, NotOurs] = field(default_factory=dict)
    """In git and there, but not ours, and why; sorted by key."""
    absent: int = 0
    """In git, and not seen at the API."""


def recognise(eyes: Eyes, reader: RecordReader, source: Source, snapshot: Snapshot, ownership: Ownership) -> Recognised:
    """Compare the objects of a commit that are not recorded with what the API has."""
    recorded = reader.recorded()
    unknown = {key: item for key, item in snapshot.items.items() if key not in recorded}
    survey = look(eyes, unknown.keys())
    there = {key: survey.rows[key] for key in sorted(unknown) if key in survey.rows}
    refused = {key: ownership.refuses(key, there[key].metadata) for key in there}
    ours = {key: unknown[key] for key in there if refused[key] is None}
    seen = seen_of(source, ours, there)
    infos = infos_of(source, snapshot, list(ours.values()))
    rows = tuple(recognised(item, seen[key], infos[item.path]) for key, item in ours.items())
    return Recognised(
        survey=survey,
        rows=rows,
        seen=seen,
        same=frozenset(row.key for row in rows if row.acknowledged == unknown[row.key].facets),
        foreign={key: why for key, why in refused.items() if why is not None},
        absent=len(unknown) - len(there),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild came to."""

    found: Recognised
    planted: int
    in_sync: bool
    """Nothing is left to do, and the commit counts as synced."""


def rebuild(eyes: Eyes, store: Store, source: Source, aim: Aim, ask: Ask) -> Rebuilt:
    """Fill the record with what git and the API have in common. What is recorded already is left as it is."""
    progress = eyes.progress or ask.progress
    commit = source.resolve(source.full_ref(aim.ref))
    caps = Caps(item=aim.item_cap, sidecar=aim.sidecar_cap, processes=aim.processes)
    reading = read_snapshot(source, store, commit, aim.rules, caps, progress)
    for version, facts in reading.fresh.items():
        store.remember_facts(facts, version)
    found = recognise(eyes, store, source, reading.snapshot, ask.ownership)
    planted = take_over(store, found, "rebuild", ask.actor, eyes.clock.now())
    store.put_setting("base_url", aim.destination.base_url)
    prepared = prepare(source, store, aim, eyes.clock.now(), progress)
    left = prepared.plan.changes or prepared.plan.holds
    if not left:
        write_down(store, prepared)
    return Rebuilt(found=found, planted=planted, in_sync=not left and finish_cursor(store, eyes.clock.now()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Who asks for it, and what is theirs."""

    actor: str
    ownership: Ownership
    progress: Progress


def take_over(store: Store, found: Recognised, what: str, actor: str, at: float) -> int:
    """Record what was found; how many objects."""
    store.note(takeover_lines(what, found.rows, found.seen, actor, at))
    return store.plant(found.rows)


def is_worth_a_look(reader: RecordReader, prepared: Prepared) -> bool:
    """Whether a record that knows nothing meets a commit that has much: the API may have it already."""
    creates = sum(change.action is Action.CREATE for change in prepared.plan.changes)
    fresh = prepared.snapshot is not None and not prepared.recorded and reader.last_pass() is None
    return fresh and creates >= FEW and not prepared.plan.partial


def recognise_first(
    eyes: Eyes, store: Store, source: Source, prepared: Prepared, ownership: Ownership, actor: str
) -> bool:
    """Before the first pass of a record: take what the API has of ours into it; whether there was anything.

    The list is read only where that is cheaper than asking for each object. Trouble is left to the pass.
    """
    if prepared.snapshot is None:
        return False
    for version, facts in prepared.fresh.items():
        store.remember_facts(facts, version)
    total = _size(eyes)
    if not total or total > PER_PAGE * len(prepared.plan.changes):
        return False
    try:
        found = recognise(eyes, store, source, prepared.snapshot, ownership)
    except (ApiUnavailableError, CredentialsError, WrongApiError):
        return False
    return bool(take_over(store, found, "recognise", actor, eyes.clock.now()))


def _size(eyes: Eyes) -> int | None:
    """How many objects the API's list has, if it says so."""
    pacing = Pacing(eyes.pace, eyes.clock, eyes.bell, eyes.log, eyes.terms, eyes.meter)
    if not pacing.wait():
        return None
    exchange = Exchange(eyes.api, eyes.clock, pacing, eyes.meter)
    page = exchange.ask(PROBE, lambda reply, now: read_page(PROBE, reply, {}, eyes.digest, now))
    return page.total if isinstance(page, ListPage) else None


def first_look(bench: Bench, aim: Aim, prepared: Prepared, progress: Progress, memory: Memory) -> Prepared:
    """For a daemon: the plan after what the API has of ours was recognised, if the record is empty; else the same."""
    if not is_worth_a_look(bench.store, prepared):
        return prepared
    eyes = eyes_of(bench, progress)
    ownership = bench.manners.terms.ownership
    if not recognise_first(eyes, bench.store, bench.source, prepared, ownership, "qtisync run"):
        return prepared
    return prepare(bench.source, bench.store, aim, prepared.record.at, progress, memory)


def look(eyes: Eyes, wanted: Collection[Key] = (), *, keep_xml: bool = False) -> Survey:
    """Everything that the API holds; what the list does not show whole of ``wanted`` is read by itself."""
    found = Survey(at=eyes.clock.now())
    for kind, xml in ((Kind.STIMULUS, True), (Kind.ITEM, keep_xml)):
        surveyor = Surveyor(eyes, {}, keep_xml=xml)
        part = surveyor.survey((kind,))
        if part.trouble is not None:
            raise trouble(part.trouble)
        due = sorted(key for key, row in part.rows.items() if row.content is None and not row.xml and key in wanted)
        whole = {key: row for key, row in surveyor.read_each(due).items() if row is not None}
        found = replace(
            found,
            rows={**found.rows, **part.rows, **whole},
            complete=found.complete and part.complete,
            reasons=(*found.reasons, *part.reasons),
            calls=found.calls + surveyor.calls,
        )
    return found


def trouble(answer: Answer | None) -> QtisyncError:
    """The error for an API that could not be read."""
    if answer is None:
        return ApiUnavailableError("The API could not be read completely.", hint="Run the command again later.")
    words = f"The API could not be read: {answer.name}: {getattr(answer, 'message', '')}."
    if isinstance(answer, Denied):
        return CredentialsError(words, hint="Check client_id, client_secret and their scopes. Nothing was recorded.")
    if isinstance(answer, NotTheApi):
        return WrongApiError(words, hint="Check base_url of the target. Nothing was recorded.")
    return ApiUnavailableError(words, hint="Nothing was recorded. Run the command again later.")


def seen_of(source: Source, items: Mapping[Key, Item], there: Mapping[Key, RemoteObject]) -> dict[Key, Seen]:
    """The API's copies beside git's items, with whether their content is the same."""
    stimuli = _stimuli(source, [item for key, item in items.items() if key.kind is Kind.STIMULUS])
    return {
        key: Seen(
            content=there[key].content,
            metadata=there[key].metadata,
            version=there[key].version,
            updated_at=there[key].updated_at,
            same_content=_same(item, there[key], stimuli),
        )
        for key, item in items.items()
    }


def _same(item: Item, remote: RemoteObject, stimuli: Mapping[Key, str]) -> bool:
    if remote.content is not None and remote.content == item.facets.content:
        return True
    if item.key not in stimuli:
        return False
    from qtisync.content.payload import same_stimulus  # noqa: PLC0415 - lxml is heavy

    return same_stimulus(stimuli[item.key], remote.xml)


def _stimuli(source: Source, items: Sequence[Item]) -> dict[Key, str]:
    """The text of git's stimuli."""
    if not items:
        return {}
    from qtisync.content.payload import xml_text  # noqa: PLC0415 - lxml is heavy

    keys: dict[BlobId, list[Key]] = {}
    for item in items:
        keys.setdefault(item.blob, []).append(item.key)
    found = source.blobs(sorted(keys), max(item.size for item in items) + 1)
    return {key: xml_text(data) for blob, data in found if isinstance(data, bytes) for key in keys[blob]}


def infos_of(source: Source, snapshot: Snapshot, items: Sequence[Item]) -> dict[RepoPath, CommitInfo]:
    """Who wrote what is there, as far as that is quickly told: else only the commit that has it."""
    unknown = CommitInfo(commit=snapshot.commit, author="")
    paths = sorted({item.path for item in items})
    touched = source.last_touched(None, snapshot.commit, paths) if 0 < len(paths) <= AUTHORS_UP_TO else {}
    return {path: touched.get(path, unknown) for path in paths}


def takeover_lines(
    what: str, rows: Sequence[Recorded], seen: Mapping[Key, Seen], actor: str, at: float
) -> list[JournalLine]:
    """For the journal: what the API had when it was taken over."""
    return [
        JournalLine(
            at=at,
            key=row.key,
            method="",
            path="",
            purpose=what,
            outcome="decided",
            commit=row.commit,
            author=row.author,
            actor=actor,
            content=seen[row.key].content if row.acknowledged.content == UNKNOWN else row.acknowledged.content,
            metadata=None if row.acknowledged.metadata == UNKNOWN else row.acknowledged.metadata,
            remote_version=seen[row.key].version,
        )
        for row in rows
    ]
