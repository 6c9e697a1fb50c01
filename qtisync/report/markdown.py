"""The report as Markdown: a comment on a pull request that a job can find again and that always fits, cut with counts.

First what it comes to, then what stands in the way, then the lists, the weightiest first. Long lists are folded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qtisync.report.divergence import Divergence
from qtisync.report.divergence_rows import remarks
from qtisync.report.markup import block, code, escaped
from qtisync.report.text import headline
from qtisync.report.value import Report, ReportItem, ReportOrphan, ReportPin, ReportProblem
from qtisync.report.verdict import Tone, continuation, sentences, verdict

MAX_CHARACTERS = 65_536
"""What GitHub takes as a comment."""
MAX_ROWS = 100  # of one list
FOLD_FROM = 20  # rows of a list that is folded
_ICONS = {"create": "➕", "update": "✏️", "delete": "🗑️", "none": "➡️"}  # noqa: RUF001 - signs that forges render
_TONES = {Tone.GOOD: "✅", Tone.NEWS: "📝", Tone.WARN: "⚠️", Tone.BAD: "❌"}
_SHOWN_NAMES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A list: its title, the lines before its rows, and one line for each row."""

    title: str
    head: tuple[str, ...] = ()
    rows: Sequence[str]


def render_markdown(report: Report) -> str:
    """The whole report, in at most ``MAX_CHARACTERS`` characters."""
    sections = [section for section in _sections(report) if section.rows]
    opening = [marker(report), *_opening(report)]
    shares = _shares(sections, MAX_CHARACTERS - sum(len(line) + 1 for line in opening) - 1)
    lines = [line for section, rows in zip(sections, shares, strict=True) for line in _section(section, rows)]
    return "\n".join([*opening, *lines, ""])


def marker(report: Report) -> str:
    """An invisible line by which a job finds its own comment: the same for each report of a kind and target."""
    target = re.sub(r"[^\w.]+", "-", report.place.target, flags=re.ASCII)[:80].strip("-")
    return f"<!-- qtisync:{report.kind}:{target or '-'} -->"


def _opening(report: Report) -> list[str]:
    tone, words = verdict(report)
    lines = [f"### {_TONES[tone]} {escaped(words)}", "", code(headline(report), 500), ""]
    if report.kind == "status" and report.status:
        lines += [
            f"- **{name}** {rest}" for name, _, rest in (escaped(s).partition(": ") for s in sentences(report)[:30])
        ]
        return lines
    said = [line for line in sentences(report) if not (report.holds and line.startswith("Nothing was written."))]
    lines.append(f"**{escaped(said[0])}**")
    lines += [part for line in said[1:] for part in ("", escaped(line, 1000))]
    for hold in report.holds:
        lines += ["", f"> **Held by {code(hold.rule)}**: {escaped(hold.message)}"]
        lines += [f"> {_names(hold.items)}"] if hold.items else []
    if report.holds:
        lines += ["", "Nothing was written. If this is meant:", "", *block(continuation(report)[:4000])]
    risky = [item.identifier for item in report.items if "answer_key" in item.risk]
    if risky:
        lines += ["", f"⚠️ **{len(risky):,} answer key{'' if len(risky) == 1 else 's'} changed**: {_names(risky)}"]
    return lines


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES:,} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(code(name, 80) for name in names[:_SHOWN_NAMES]) + more


def _sections(report: Report) -> Iterator[_Section]:
    yield _table("Files that cannot be sent", "file | problem | what to do", map(_problem, report.broken))
    troubled = [item for item in report.items if item.outcome.status in {"parked", "blocked", "failed", "altered"}]
    others = [item for item in report.items if item not in troubled]
    columns = " | item | path | what | outcome"
    yield _table("Not accepted", columns, map(_item, troubled))
    for title, found in _divergences(report):
        yield _table(title, "item | path | what | what to do", map(_divergence, found))
    # What decides a score must not be what is cut off.
    weighty = sorted(others, key=lambda item: not item.risk) if len(others) > MAX_ROWS else others
    yield _table("Changes" if report.kind == "plan" else "Objects", columns, map(_item, weighty))
    yield _table("Pinned to an older version", "item | path | commit", map(_pin, report.pins))
    yield _Section(title="Orphans, left alone", rows=[*map(_orphan, report.orphans)])
    yield _Section(title="Warnings", rows=[*map(_warning, report.warnings)])


def _divergences(report: Report) -> Iterable[tuple[str, Sequence[Divergence]]]:
    other = f" and at {report.against}" if report.against else ""
    return (
        ("Conflicts: changed in git and at the API", report.conflicts),
        ("Drift: changed at the API since our last write", report.drift),
        ("Stored differently by the API", report.altered),
        (f"Not the same at {report.place.target}{other}", report.differences),
        ("Unmanaged: ours at the API, not in git", report.unmanaged),
        ("Somebody else's", report.foreign),
    )


def _table(title: str, columns: str, rows: Iterable[str]) -> _Section:
    head = (f"| {columns} |".replace("|  |", "| |"), "|---" * len(columns.split("|")) + "|")
    return _Section(title=title, head=head, rows=[*rows])


def _section(section: _Section, shown: int) -> list[str]:
    count = len(section.rows)
    title = f"{escaped(section.title)} ({count:,})"
    rest = ["", f"… and {count - shown:,} more."] if count > shown else []
    body = [*section.head, *section.rows[:shown]] if shown else []
    if count < FOLD_FROM:
        return ["", f"**{title}**", "", *body, *rest]
    return ["", f"<details><summary><b>{title}</b></summary>", "", *body, *rest, "", "</details>"]


def _shares(sections: Sequence[_Section], room: int) -> list[int]:
    """How many rows of each section fit: the first ones first, and each has place for its title and the count."""
    room -= sum(len("\n".join(_section(section, 0))) + sum(map(len, section.head)) + 5 for section in sections)
    shares = []
    for section in sections:
        shown = 0
        for row in section.rows[:MAX_ROWS]:
            if len(row) + 1 > room:
                break
            room -= len(row) + 1
            shown += 1
        shares.append(shown)
    return shares


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _item(item: ReportItem) -> str:
    path = code(item.path)
    if item.previous_path:
        path = f"{code(item.previous_path)} → {path}"
    what = [", ".join(item.scope), *map(escaped, item.details[:3])]
    what += [f"… {len(item.details) - 3:,} more"] if len(item.details) > 3 else []  # noqa: PLR2004 - what fits
    what += [f"⚠️ {escaped(risk.replace('_', ' '))}" for risk in item.risk]
    what += [f"renamed from {code(item.renamed_from)}"] if item.renamed_from else []
    outcome = item.outcome.status + (f": {escaped(item.outcome.error)}" if item.outcome.error else "")
    outcome += f" by {code(item.blocked_by)}" if item.blocked_by and item.outcome.status == "blocked" else ""
    said = "; ".join(word for word in what if word) or escaped(item.reason.replace("_", " "))
    return _row(_ICONS[item.action], _name(item), path, said, outcome)


def _name(item: ReportItem | Divergence | ReportOrphan | ReportPin) -> str:
    return code(item.identifier) if item.kind == "item" else f"{item.kind} {code(item.identifier)}"


def _problem(problem: ReportProblem) -> str:
    return _row(code(_where(problem)), escaped(problem.message), escaped(problem.hint))


def _divergence(found: Divergence) -> str:
    path = code(found.path) if found.path else "-"
    return _row(_name(found), path, escaped(remarks(found) or found.message), escaped(found.hint))


def _pin(pin: ReportPin) -> str:
    return _row(_name(pin), code(pin.path), code(pin.commit[:12]))


def _orphan(orphan: ReportOrphan) -> str:
    renamed = f", renamed to {code(orphan.renamed_to)}" if orphan.renamed_to else ""
    kept = f": {escaped(orphan.kept)}" if orphan.kept else ""
    return f"- {_name(orphan)} ({'new' if orphan.new else 'known'}{', protected' * orphan.protected}){renamed}{kept}"


def _warning(warning: ReportProblem) -> str:
    return f"- {code(_where(warning))} {escaped(warning.message)}"


def _where(problem: ReportProblem) -> str:
    return problem.path if problem.line is None else f"{problem.path}:{problem.line}"
