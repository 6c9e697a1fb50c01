"""Who last touched what a plan changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qtisync.model import CommitInfo, RepoPath, Scope
from qtisync.planning.plan import Plan

if TYPE_CHECKING:
    from qtisync.engine.ports import Source


def authors(source: Source, plan: Plan, changed: frozenset[RepoPath] | None = None) -> Mapping[RepoPath, CommitInfo]:
    """Who last touched what a plan changes, by the item's path. ``changed``: what differs from its base, if known."""
    watched: dict[RepoPath, RepoPath] = {}
    watched.update((row.path, row.path) for row in plan.removals)
    for change in plan.changes:
        only_metadata = change.scope == {Scope.METADATA} and change.item.sidecar is not None
        path = change.item.sidecar if only_metadata else change.item.path
        watched[change.item.path] = path or change.item.path
    if not watched:
        return {}
    if changed is not None and plan.base is not None:
        sole = source.sole_author(plan.base, plan.commit)
        if sole is not None:  # most pushes are one commit, and looking it up costs less than starting a git
            return {item: sole for item, path in watched.items() if path in changed}
    base = plan.base if plan.base is not None and source.is_ancestor(plan.base, plan.commit) else None
    touched = source.last_touched(base, plan.commit, sorted(set(watched.values())))
    return {item: touched[path] for item, path in watched.items() if path in touched}
