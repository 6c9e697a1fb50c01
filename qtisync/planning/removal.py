"""Which orphans are deleted at the API, and by which right: absence is proven or it is none. Pure.

Every condition must hold; a missing one leaves the orphan where it is and says why. What is proven but not covered by
the limit, or not by a commit that the record followed, is planned and held until a person approves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qtisync.model import ItemStatus, Json, Key, Kind, Presence, Recorded, RepoPath, Snapshot, Standing
from qtisync.ownership import Ownership
from qtisync.planning.comparison import CONFLICT
from qtisync.planning.plan import Orphan, Plan

SETTING = "removals"
"""The setting that keeps the ledger."""
WINDOW = 86_400.0
"""Seconds in which ``max_delete`` may be used up once."""
NOT_DELETED = "not deleted: "
"""How the words of a row begin whose delete was refused: it waits for ``qtisync retry``."""
UNREAD = frozenset({"submodule"})
"""Warnings that say that a part of the tree was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removals:
    """``removal: delete``: what may be deleted."""

    ownership: Ownership = field(default_factory=Ownership)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What must be remembered so that no sequence of commits and edits deletes more than is allowed."""

    commit: str
    """The last commit that was followed, from ``ref`` by the rules of ``fingerprint``."""
    ref: str
    fingerprint: str
    since: float
    """When it was begun. A record that was lost, or a removal switched on anew, has no allowance for ``WINDOW``."""
    suspects: tuple[str, ...] = ()
    """Orphans that did not lose their file by a commit that was followed."""
    spent: tuple[float, ...] = ()
    """When deletes without an approval were sent."""
    begun: tuple[str, ...] = ()
    """Orphans among them: they are counted, and a process that died may have left them unfinished."""

    approved: tuple[str, ...] = ()
    """Orphans that a person let go: they are not counted, and not asked for again."""

    def allow(self, rows: Sequence[Recorded]) -> Ledger:
        """A person let these go."""
        return replace(self, approved=tuple(sorted({*self.approved, *(_name(row.key) for row in rows)})))

    def spend(self, key: Key, now: float) -> Ledger:
        """One more delete; the same one is counted once."""
        name = _name(key)
        if name in self.begun or name in self.approved:
            return self
        return replace(self, begun=(*self.begun, name), spent=(*(t for t in self.spent if now - t < WINDOW), now))

    def left(self, limit: float, now: float, keys: Sequence[Key]) -> int:
        """How many of the deletes of ``keys`` need no approval."""
        fresh = int(limit) - sum(now - at < WINDOW for at in self.spent) if now - self.since >= WINDOW else 0
        return max(0, fresh) + sum(_name(key) in {*self.begun, *self.approved} for key in keys)

    @property
    def json(self) -> Json:
        """As a setting."""
        return {
            "commit": self.commit,
            "ref": self.ref,
            "fingerprint": self.fingerprint,
            "since": self.since,
            "suspects": list(self.suspects),
            "spent": list(self.spent),
            "begun": list(self.begun),
            "approved": list(self.approved),
        }


def ledger_of(value: Json) -> Ledger | None:
    """The reverse of ``Ledger.json``; ``None`` for anything else: then everything needs an approval."""
    if not isinstance(value, dict):
        return None
    suspects, spent, begun, approved = (value.get(name) for name in ("suspects", "spent", "begun", "approved"))
    since = value.get("since")
    if not isinstance(suspects, list) or not isinstance(spent, list):
        return None
    if not isinstance(begun, list) or not isinstance(approved, list):
        return None
    if not isinstance(since, int | float):
        return None
    return Ledger(
        commit=str(value.get("commit")),
        ref=str(value.get("ref")),
        fingerprint=str(value.get("fingerprint")),
        since=float(since),
        suspects=tuple(map(str, suspects)),
        spent=tuple(float(at) for at in spent if isinstance(at, int | float)),
        begun=tuple(map(str, begun)),
        approved=tuple(map(str, approved)),
    )


def following(
    before: Ledger | None, plan: Plan, *, ref: str, fingerprint: str, now: float, descends: Callable[[str], bool]
) -> Ledger:
    """The ledger once ``plan`` is written down. ``descends``: whether its commit descends from another one."""
    orphans = {_name(orphan.recorded.key): orphan.recorded for orphan in plan.orphans}
    here = Ledger(commit=plan.commit, ref=ref, fingerprint=fingerprint, since=now)
    if before is None:
        return replace(here, suspects=tuple(sorted(orphans)))
    suspects = {name for name in before.suspects if name in orphans}
    # Whoever told us to leave an object alone did not ask for its end by removing the file.
    suspects |= {name for name, row in orphans.items() if row.standing is Standing.IGNORED}
    same = (before.ref, before.fingerprint) == (ref, fingerprint)
    if orphans and not (same and (before.commit == plan.commit or descends(before.commit))):
        suspects = set(orphans)
    return replace(
        here,
        since=before.since,
        spent=before.spent,
        begun=tuple(name for name in before.begun if name in orphans),
        approved=tuple(name for name in before.approved if name in orphans),
        suspects=tuple(sorted(suspects)),
    )


def may_be_removed(row: Recorded, removals: Removals) -> bool:
    """Whether nothing in an orphan's row speaks against deleting it."""
    return row.standing is Standing.ORPHAN and not speaks_against(row, removals)


def judged(
    plan: Plan,
    desired: Snapshot,
    recorded: Mapping[Key, Recorded],
    removals: Removals,
    *,
    same_place: bool,
    occupied: Callable[[Sequence[RepoPath]], frozenset[RepoPath]],
    pinned: Collection[Key] = (),
) -> Plan:
    """The plan with its orphans told apart: to be deleted, or kept and why.

    ``same_place``: the record is of this very target. ``occupied``: of these paths those where the commit still has
    something, be it a link in the place of a folder.
    """
    reason = _plan_speaks_against(plan, desired, same_place=same_place)
    if reason or not plan.orphans:
        return replace(plan, orphans=tuple(replace(orphan, kept=reason) for orphan in plan.orphans))
    there = occupied([orphan.recorded.path for orphan in plan.orphans])
    found = [_judged(orphan, removals, there, pinned) for orphan in plan.orphans]
    leaving = {orphan.recorded.key for orphan in found if orphan.delete}
    referred = {key for item in desired.items.values() for key in item.references}
    lingering = any(
        row.key.kind is Kind.ITEM and key not in desired.items and key not in leaving and _may_be_there(row)
        for key, row in recorded.items()
    )
    return replace(plan, orphans=tuple(_unless_needed(orphan, referred, lingering=lingering) for orphan in found))


def _plan_speaks_against(plan: Plan, desired: Snapshot, *, same_place: bool) -> str:
    if plan.partial:
        return "only some objects were asked for"
    if plan.broken:
        return "a file cannot be read, and it may be the one"
    if any(warning.code in UNREAD for warning in plan.warnings):
        return "a part of the tree is a submodule, which is not read"
    if not desired.items:
        return "the commit holds no item at all"
    return "" if same_place else "the record belongs to another target"


def _judged(orphan: Orphan, removals: Removals, there: frozenset[RepoPath], pinned: Collection[Key]) -> Orphan:
    row = orphan.recorded
    reason = speaks_against(row, removals)
    if not reason and orphan.renamed_to is not None:
        reason = "its identifier was changed in place"
    if not reason and row.key in pinned:
        reason = "it is pinned"
    if not reason and row.path in there:
        reason = "the commit still has something at its path"
    return replace(orphan, delete=not reason, kept=reason)


def speaks_against(row: Recorded, removals: Removals) -> str:
    """What an object's row says against deleting it, if it were an orphan; empty: nothing."""
    if row.protect:
        return "it is protected"
    not_ours = removals.ownership.refuses(row.key, row.acknowledged_metadata)
    if not_ours is not None:
        return not_ours.why
    unknown = row.acknowledged.content is None or row.acknowledged.metadata is None
    if row.presence is not Presence.PRESENT or row.remote is None or unknown or row.status is ItemStatus.IN_FLIGHT:
        return "it is not known what the API holds of it"
    refused = row.last_outcome == CONFLICT or (row.last_error or "").startswith(NOT_DELETED)
    if row.status is ItemStatus.PARKED and refused:
        return (row.last_error or "it was changed at the API").removeprefix(NOT_DELETED)
    return ""


def _unless_needed(orphan: Orphan, referred: set[Key], *, lingering: bool) -> Orphan:
    if not orphan.delete or orphan.recorded.key.kind is not Kind.STIMULUS:
        return orphan
    if orphan.recorded.key in referred:
        return replace(orphan, delete=False, kept="items refer to it")
    if lingering:
        return replace(orphan, delete=False, kept="items that no file asks for stay, and may refer to it")
    return orphan


def _may_be_there(row: Recorded) -> bool:
    return row.presence is not Presence.ABSENT or row.status is ItemStatus.IN_FLIGHT


def _name(key: Key) -> str:
    return f"{key.kind}/{key.identifier}"


def suspected(plan: Plan, ledger: Ledger) -> list[Key]:
    """Objects to be deleted whose absence a person must confirm."""
    names = set(ledger.suspects) - set(ledger.approved)
    return [row.key for row in plan.removals if _name(row.key) in names]


def in_order(rows: Sequence[Recorded]) -> list[Recorded]:
    """Dependants first: tests, items, stimuli."""
    kinds = list(Kind)
    return sorted(rows, key=lambda row: (-kinds.index(row.key.kind), row.key))
