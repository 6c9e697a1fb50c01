"""Is the plan safe? Each rule that trips holds the whole plan; nothing is written until a person allows the rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qtisync.model import Key
from qtisync.planning.plan import Action, Hold, Plan

MIN_RECORDED = 10  # below so many recorded objects a share says nothing
SHOWN_KEYS = 20  # keys that a hold names
_ROUNDING = 1e-9  # 29 % of 100 is 28.999… in floating point


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one pass may change. ``max_update``: a share of the recorded objects, or a number."""

    max_update: float | int = 0.30
    max_churn: float = 0.30
    max_delete: float | int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the rules compare a plan with."""

    recorded: int
    """Objects that the API acknowledged before."""
    wanted: int
    """Objects that the commit asks for, readable or not."""
    base_url: str | None
    """Where the recorded objects were sent."""
    deletes_left: Callable[[int, Sequence[Key]], int] = field(default=lambda _limit, _keys: 0)
    """How many of these deletes are covered by ``max_delete`` after what was deleted lately without an approval."""
    suspects: tuple[Key, ...] = ()
    """Objects to be deleted that did not lose their file by a commit that was followed."""
    drifted: tuple[Key, ...] = ()
    """Objects that changed at the API and, by ``on_drift: block``, hold every pass."""


def check(plan: Plan, limits: Limits, observed: Observed) -> tuple[Hold, ...]:
    """The rules that this plan breaks, in a fixed order. A first sync into an empty record breaks none."""
    if observed.recorded == 0:
        return ()
    holds = (rule(plan, limits, observed) for rule in _RULES)
    return tuple(hold for hold in holds if hold is not None)


def _new_target(plan: Plan, _limits: Limits, observed: Observed) -> Hold | None:
    if observed.base_url is None or observed.base_url == plan.destination.base_url:
        return None
    return Hold(
        rule="new-target",
        limit=observed.base_url,
        actual=plan.destination.base_url,
        message=f"the record of {observed.recorded} objects belongs to {observed.base_url}; this plan goes elsewhere",
    )


def _empty_snapshot(_plan: Plan, _limits: Limits, observed: Observed) -> Hold | None:
    if observed.wanted > 0:
        return None
    return Hold(
        rule="empty-snapshot",
        limit="at least 1 item",
        actual=f"0 items, {observed.recorded} recorded",
        message="the commit holds no item at all: a wrong branch, a moved folder or a wrong `content.include`?",
    )


def _mass_update(plan: Plan, limits: Limits, observed: Observed) -> Hold | None:
    updates = [c.item.key for c in plan.changes if c.action is Action.UPDATE and not c.queued]
    share = isinstance(limits.max_update, float)
    limit = limits.max_update * observed.recorded if share else limits.max_update
    if (share and observed.recorded < MIN_RECORDED) or len(updates) <= limit + _ROUNDING:
        return None
    shown = f"{limits.max_update:.0%}" if share else str(limits.max_update)
    return _mass("mass-update", shown, updates, observed, "would be updated at once")


def _identity_churn(plan: Plan, limits: Limits, observed: Observed) -> Hold | None:
    # A plan for some objects alone touches no other, so nothing leaves by it.
    leaving = [orphan.recorded.key for orphan in plan.orphans if orphan.new and not plan.partial]
    if observed.recorded < MIN_RECORDED or len(leaving) <= limits.max_churn * observed.recorded + _ROUNDING:
        return None
    return _mass("identity-churn", f"{limits.max_churn:.0%}", leaving, observed, "would lose their file or identifier")


def _mass_delete(plan: Plan, limits: Limits, observed: Observed) -> Hold | None:
    leaving = [row.key for row in plan.removals]
    share = isinstance(limits.max_delete, float)
    limit = math.floor(limits.max_delete * observed.recorded + _ROUNDING) if share else int(limits.max_delete)
    left = observed.deletes_left(limit, leaving)
    if len(leaving) <= left:
        return None
    shown = f"{limits.max_delete:.0%}" if share else str(limits.max_delete)
    return Hold(
        rule="mass-delete",
        limit=shown,
        actual=f"{len(leaving)} of {observed.recorded}",
        message=f"{len(leaving)} of {observed.recorded} recorded objects would be deleted; "
        f"max_delete is {shown} within 24 hours, of which {left} {'is' if left == 1 else 'are'} left",
        keys=tuple(leaving[:SHOWN_KEYS]),
    )


def _unproven_delete(plan: Plan, _limits: Limits, observed: Observed) -> Hold | None:
    if not observed.suspects:
        return None
    count = f"{len(observed.suspects)} of {len(plan.removals)}"
    return Hold(
        rule="unproven-delete",
        limit="removed by a commit of the branch that was followed",
        actual=count,
        message=f"{count} objects to be deleted did not lose their file by such a commit: history was rewritten, the "
        "ref or the content rules changed, or deleting was switched on only now",
        keys=observed.suspects[:SHOWN_KEYS],
    )


def _drift(_plan: Plan, _limits: Limits, observed: Observed) -> Hold | None:
    if not observed.drifted:
        return None
    count = len(observed.drifted)
    words = "object was" if count == 1 else "objects were"
    return Hold(
        rule="drift",
        limit="on_drift: block",
        actual=str(count),
        message=f"{count} {words} changed at the API and not in git; `qtisync check` shows how",
        keys=observed.drifted[:SHOWN_KEYS],
    )


def _mass(rule: str, limit: str, keys: Sequence[Key], observed: Observed, what: str) -> Hold:
    actual = f"{len(keys)} of {observed.recorded}"
    message = f"{actual} recorded objects {what}; the limit is {limit}"
    return Hold(rule=rule, limit=limit, actual=actual, message=message, keys=tuple(keys[:SHOWN_KEYS]))


_RULES: tuple[Callable[[Plan, Limits, Observed], Hold | None], ...] = (
    _new_target,
    _empty_snapshot,
    _mass_update,
    _identity_churn,
    _mass_delete,
    _unproven_delete,
    _drift,
)
RULES = ("new-target", "empty-snapshot", "mass-update", "identity-churn", "mass-delete", "unproven-delete", "drift")
"""Names that ``--allow`` knows."""
DELETE_RULES = frozenset({"mass-delete", "unproven-delete"})
