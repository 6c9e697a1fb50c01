"""A saved plan: what a person reviewed, bound by its checksum to the world it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qtisync.planning.plan import Plan
from qtisync.report.divergence import Divergence
from qtisync.report.value import FORMAT_VERSION, Report, as_json

SHOWN = 10  # names of each sort that tell what changed


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """What ``apply`` needs to know of a reviewed plan."""

    checksum: str
    commit: str
    ref: str
    target: str
    base_url: str
    only: tuple[str, ...] = ()
    refresh: bool = False
    """The API was read for it, and is read again before it is carried out."""
    bound: Mapping[str, str] = field(default_factory=dict)
    """What its checksum covers, object by object."""


def dump_plan(report: Report, only: tuple[str, ...]) -> str:
    """The file that ``plan --out`` writes: the binding, and the report for people and scripts."""
    place = report.place
    document = {
        "format_version": FORMAT_VERSION,
        "kind": "saved_plan",
        "checksum": report.checksum,
        "commit": place.head,
        "ref": place.ref,
        "target": place.target,
        "base_url": place.base_url,
        "only": list(only),
        "refresh": report.observed is not None,
        "bound": dict(report.bound),
        "report": as_json(without_bodies(report)),
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def without_bodies(report: Report) -> Report:
    """The report as a file may keep it: ``--show-content`` is for the eyes of whoever asked."""

    def bare(found: tuple[Divergence, ...]) -> tuple[Divergence, ...]:
        return tuple(replace(one, bodies={}) for one in found)

    return replace(
        report,
        items=tuple(replace(item, bodies={}) for item in report.items),
        drift=bare(report.drift),
        conflicts=bare(report.conflicts),
        altered=bare(report.altered),
    )


def load_plan(text: str) -> SavedPlan:
    """The reverse; raises ``ValueError`` with words if it is no saved plan."""
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError("it is not JSON") from exc
    if not isinstance(document, Mapping) or document.get("kind") != "saved_plan":
        raise ValueError("it was not written by `qtisync plan --out`")
    major = str(document.get("format_version", "")).partition(".")[0]
    if major != FORMAT_VERSION.partition(".")[0]:
        raise ValueError(f"its format is {document.get('format_version')}, this version reads {FORMAT_VERSION}")
    names = ("checksum", "commit", "ref", "target", "base_url")
    if not all(isinstance(document.get(name), str) for name in names):
        raise ValueError("it is incomplete")
    only = document.get("only", [])
    if not isinstance(only, list):
        raise ValueError("it is incomplete")  # noqa: TRY004 - a wrong file, not a wrong call
    bound = document.get("bound", {})
    return SavedPlan(
        **{name: document[name] for name in names},
        only=tuple(map(str, only)),
        refresh=document.get("refresh") is True,
        bound={str(name): str(seen) for name, seen in bound.items()} if isinstance(bound, Mapping) else {},
    )


def why_stale(saved: SavedPlan, now: Plan) -> str | None:
    """What changed since the plan was saved; ``None`` if the world is the one it was made from."""
    if saved.base_url != now.destination.base_url or saved.target != now.destination.target:
        return f"it was made for {saved.target} at {saved.base_url}"
    if saved.commit != now.commit:
        reason = f"it was made for commit {saved.commit[:12]}, and {saved.ref} is at {now.commit[:12]} now"
        return reason + _since(saved, now)
    if saved.checksum != now.checksum:
        what = "the record, the API or the configuration" if saved.refresh else "the record or the configuration"
        return f"{what} changed since it was made{_since(saved, now)}"
    return None


def differences(saved: SavedPlan, now: Plan) -> Mapping[str, tuple[str, ...]]:
    """What a new plan would do otherwise: ``new`` in it, ``gone`` from it, and ``changed``. Each sorted by name."""
    bound = now.bound
    return {
        "new": tuple(sorted(bound.keys() - saved.bound.keys())),
        "gone": tuple(sorted(saved.bound.keys() - bound.keys())),
        "changed": tuple(
            sorted(name for name in bound.keys() & saved.bound.keys() if bound[name] != saved.bound[name])
        ),
    }


def _since(saved: SavedPlan, now: Plan) -> str:
    found = {word: names for word, names in differences(saved, now).items() if names}
    if not found or not saved.bound:
        return ""
    return "; " + "; ".join(f"{word}: {_some(names)}" for word, names in found.items())


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
