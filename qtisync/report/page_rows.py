"""The lists of a report as rows of the HTML page: every text is made visible here, escaped by the template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qtisync.report.cells import visible
from qtisync.report.divergence import Divergence, KeyChange
from qtisync.report.divergence_rows import divergence_rows
from qtisync.report.side_by_side import (
    DiffLine,
    KeyLine,
    diff_lines,
    difference_words,
    key_lines,
    key_sides,
    labels,
    two_bodies,
)
from qtisync.report.value import Report, ReportItem, ReportOrphan, ReportPin, ReportProblem

_ACTIONS = {
    "create": ("add", "+", "create"),
    "update": ("change", "~", "update"),
    "delete": ("bad", "-", "delete"),
}
_STATES = {
    "applied": "add",
    "altered": "change",
    "blocked": "change",
    "failed": "bad",
    "parked": "bad",
    "pending": "calm",
}
_DIVERGENCE_TONES = {"drift": "change", "conflict": "bad", "altered": "change", "difference": "change"}
_VERDICTS = {"report": "left as it is", "overwrite": "git's version is sent", "block": "every pass is held"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table."""

    sort: str
    """What one can filter by: ``create``, ``drift``, ``invalid``…"""
    badge: str
    sign: str
    tone: str
    name: str
    path: str = ""
    previous: str = ""
    folder: str = ""
    author: str = ""
    who: str = ""
    """Author and commit, in words."""
    flags: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    hint: str = ""
    key_sides: tuple[str, ...] = ()
    keys: tuple[KeyLine, ...] = ()
    diff_sides: tuple[str, str] = ("", "")
    diff: tuple[DiffLine, ...] = ()
    diff_words: str = ""
    state: str = ""
    state_tone: str = ""
    error: str = ""


def line_of(text: str | None) -> str:
    """One line that steers nothing."""
    return visible(" ".join(text.split())) if text else ""


def item_rows(report: Report) -> list[Row]:
    """The objects that a commit changes, and those that wait."""
    return [_item(item) for item in report.items]


def _item(item: ReportItem) -> Row:
    moved = item.reason == "moved" and item.action == "none"
    tone, sign, badge = _ACTIONS.get(item.action, ("calm", ">", "move") if moved else ("", "=", "no change"))
    outcome = item.outcome
    words = [" and ".join(item.scope)] if item.scope else [] if moved else [item.reason.replace("_", " ")]
    words += [] if item.keys else list(item.details)
    words += [f"renamed from {item.renamed_from}"] if item.renamed_from else []
    words += ["no call is needed"] if moved else []
    blocked = f"by {item.blocked_by}" if item.blocked_by and outcome.status == "blocked" else ""
    return Row(
        sort=badge,
        badge=badge,
        sign=sign,
        tone=tone,
        name=_name(item.kind, item.identifier),
        path=line_of(item.path),
        previous=line_of(item.previous_path),
        folder=_folder(item.path),
        author=line_of(item.author),
        who=_who(item.author, item.commit),
        flags=tuple(line_of(risk.replace("_", " ")) for risk in item.risk),
        words=tuple(line_of(word) for word in words if word),
        state=outcome.status,
        state_tone=_STATES.get(outcome.status, ""),
        error=line_of(outcome.error or blocked),
        **_sides(item.keys, item.bodies, ("recorded", "git")),
    )


def _sides(keys: Sequence[KeyChange], bodies: Mapping[str, str], usual: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if keys:
        sides = key_sides(keys, usual)
        found |= {"key_sides": labels(sides), "keys": key_lines(keys, sides)}
    both = two_bodies(bodies, usual)
    if both is not None:
        lines = diff_lines(bodies[both[0]], bodies[both[1]])
        found |= {"diff": lines, "diff_sides": labels(both), "diff_words": difference_words(lines)}
    return found


def divergence_page_rows(found: Iterable[Divergence]) -> list[Row]:
    """What is not the same everywhere."""
    return [_divergence(one) for one in found]


def _divergence(found: Divergence) -> Row:
    ((_, sign, _, _, _, _),) = divergence_rows([found])
    versions = [f"version {found.remote_version} at the API"] if found.remote_version is not None else []
    versions += [f"version {found.recorded_version} was ours"] if found.recorded_version is not None else []
    since = ", ".join(word for word in (found.updated_at, f"by {found.by}" if found.by else None) if word)
    words = [" and ".join(found.what), found.message, f'"{found.title}"' if found.title else "", ", ".join(versions)]
    words.append(f"changed there {since}" if since else "")
    return Row(
        sort=found.divergence,
        badge=found.divergence,
        sign=sign,
        tone=_DIVERGENCE_TONES.get(found.divergence, "calm"),
        name=_name(found.kind, found.identifier),
        path=line_of(found.path),
        folder=_folder(found.path or ""),
        author=line_of(found.author),
        who=_who(found.author, found.commit),
        words=tuple(line_of(word) for word in words if word),
        hint=line_of(found.hint),
        error=_VERDICTS.get(found.verdict or "", ""),
        **_sides(found.keys, found.bodies, ("git", "recorded", "remote")),
    )


def problem_rows(problems: Iterable[ReportProblem], sort: str) -> list[Row]:
    """Files that cannot be sent (``invalid``), or warnings."""
    tone, sign = ("bad", "x") if sort == "invalid" else ("change", "!")
    return [
        Row(
            sort=sort,
            badge=sort,
            sign=sign,
            tone=tone,
            name=line_of(problem.identifier or problem.path.rpartition("/")[2]),
            path=line_of(problem.path if problem.line is None else f"{problem.path}:{problem.line}"),
            folder=_folder(problem.path),
            words=(line_of(problem.message),),
            hint=line_of(problem.hint),
            error=line_of(problem.code),
        )
        for problem in problems
    ]


def orphan_rows(orphans: Iterable[ReportOrphan]) -> list[Row]:
    """What no file asks for any more."""
    return [_orphan(orphan) for orphan in orphans]


def _orphan(orphan: ReportOrphan) -> Row:
    words = ["new with this commit" if orphan.new else "known since an earlier commit"]
    words += [f"renamed to {orphan.renamed_to}"] if orphan.renamed_to else []
    words += ["protected"] if orphan.protected else []
    return Row(
        sort="orphan",
        badge="orphan",
        sign="?",
        tone="calm",
        name=_name(orphan.kind, orphan.identifier),
        path=line_of(orphan.path),
        words=tuple(map(line_of, words)),
        error=f"the API keeps it: {line_of(orphan.kept)}" if orphan.kept else "the API keeps it",
    )


def pin_rows(pins: Iterable[ReportPin]) -> list[Row]:
    """What stays at an older version on purpose."""
    return [
        Row(
            sort="pinned",
            badge="pinned",
            sign="=",
            tone="calm",
            name=_name(pin.kind, pin.identifier),
            path=line_of(pin.path),
            words=(f"at commit {line_of(pin.commit[:12])}",),
            hint="until it is unpinned, or edited in git",
        )
        for pin in pins
    ]


def grouped(rows: Iterable[Row], by: Callable[[Row], str]) -> dict[str, list[Row]]:
    """The rows by folder or author, in the order of the names."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(by(row), []).append(row)
    return dict(sorted(found.items()))


def _name(kind: str, identifier: str) -> str:
    return line_of(identifier if kind == "item" else f"{kind} {identifier}")


def _folder(path: str) -> str:
    return line_of(path.rpartition("/")[0]) or "top folder"


def _who(author: str | None, commit: str | None) -> str:
    return line_of(", ".join(word for word in (author, commit[:7] if commit else None) if word))
