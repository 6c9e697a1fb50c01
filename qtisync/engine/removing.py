"""What a pass decides about deleting, and the ledger that it keeps of it. Reads only, but for ``keep``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtisync.model import CommitId, Key, Kind, RepoPath
from qtisync.planning.plan import Plan
from qtisync.planning.removal import (
    SETTING,
    Ledger,
    Removals,
    following,
    judged,
    ledger_of,
    may_be_removed,
    speaks_against,
)

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader, Source, Store
    from qtisync.engine.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the decision is made from."""

    source: Source
    reader: RecordReader
    ref: str
    fingerprint: str
    """Of the content rules, without pins."""
    now: float
    pinned: Collection[Key] = ()


def waits(reader: RecordReader, removals: Removals | None) -> bool:
    """Whether an orphan may have to be deleted: then even a commit that is known is looked at as a whole."""
    return removals is not None and any(may_be_removed(row, removals) for row in reader.unsettled())


def known(plan: Plan, removals: Removals | None) -> Plan:
    """The plan with why its orphans are kept, where nothing ``waits``."""
    if removals is None:
        return plan
    orphans = (replace(orphan, kept=speaks_against(orphan.recorded, removals)) for orphan in plan.orphans)
    return replace(plan, orphans=tuple(orphans))


def leaves(view: View, removals: Removals | None) -> bool:
    """Whether something that may be deleted is not in this view: only a look at everything proves that it is absent."""
    return removals is not None and any(
        key not in view.snapshot.items and key not in view.snapshot.ignored and not speaks_against(row, removals)
        for key, row in view.recorded.items()
    )


def weighed(plan: Plan, view: View, removals: Removals | None, ground: Ground) -> tuple[Plan, Ledger | None]:
    """The plan with its orphans judged, and the ledger once it is written down; ``None``: nothing is ever deleted."""
    if removals is None or plan.partial:
        return plan, None
    source, commit = ground.source, plan.commit
    ledger = following(
        ledger_of(ground.reader.setting(SETTING)),
        plan,
        ref=ground.ref,
        fingerprint=ground.fingerprint,
        now=ground.now,
        descends=lambda before: source.is_ancestor(CommitId(before), commit),
    )
    base_url = ground.reader.setting("base_url")
    found = judged(
        plan,
        view.snapshot,
        view.recorded,
        removals,
        same_place=view.is_whole and base_url == plan.destination.base_url,
        occupied=lambda paths: _occupied(source, commit, paths),
        pinned=ground.pinned,
    )
    return found, ledger


def _occupied(source: Source, commit: CommitId, paths: Sequence[RepoPath]) -> frozenset[RepoPath]:
    """Of these paths those where the commit has something: the file itself, or a link or file in a folder's place."""
    places = {path: {path, *_above(path)} for path in paths}
    wanted = {place for several in places.values() for place in several}
    entries = source.entries(commit, wanted)
    if entries is None:
        entries = source.tree(commit)
    there = {entry.path for entry in entries} & wanted
    return frozenset(path for path, several in places.items() if several & there)


def _above(path: str) -> set[RepoPath]:
    parts = path.split("/")[:-1]
    return {RepoPath("/".join(parts[: n + 1])) for n in range(len(parts))}


def looks(plan: Plan, reader: RecordReader) -> int:
    """Pages of the list of items that are read before a stimulus is deleted, if the API has about what is recorded."""
    if not any(row.key.kind is Kind.STIMULUS for row in plan.removals):
        return 0
    from qtisync.delivery.pages import PAGE  # noqa: PLC0415 - a plan rarely needs it

    return -(-sum(reader.counts().values()) // PAGE)


def keep(store: Store, plan: Plan, ledger: Ledger | None, *, approved: bool) -> None:
    """Write the ledger down, or end it where deleting was switched off: switched on again, it begins anew.

    ``approved``: a person let the plan pass a rule about deleting.
    """
    if plan.partial:
        return
    if ledger is not None and approved:
        ledger = ledger.allow(plan.removals)
    value = None if ledger is None else ledger.json
    if store.setting(SETTING) != value:
        store.put_setting(SETTING, value)
