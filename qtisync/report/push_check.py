"""What somebody is told whose push is checked before it is accepted: faults refuse it, warnings do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qtisync.model import Broken, Problem, Snapshot
from qtisync.report.cells import visible

MAX_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PushCheck:
    """The verdict on a push, in words."""

    refused: bool
    lines: tuple[str, ...]


def push_check(snapshot: Snapshot, changed: frozenset[str] | None, ref: str) -> PushCheck:
    """The verdict on what a ref will be. ``changed``: the paths that the push changes; ``None``: all of them.

    A file that was broken before, and is not touched, refuses nothing; a new twin of an untouched file does.
    """

    def touched(problem: Problem) -> bool:
        return changed is None or problem.path in changed

    broken = [
        file for file in snapshot.broken if changed is None or file.path in changed or any(map(touched, file.problems))
    ]
    found = [finding for item in snapshot.items.values() for finding in item.findings]
    warnings = sorted(
        filter(touched, (*snapshot.warnings, *found)), key=lambda one: (one.path, one.line or 0, one.code)
    )
    lines = [*_faults(broken), *_lines("warning", warnings)]
    if broken:
        many = "1 file is broken" if len(broken) == 1 else f"{len(broken):,} files are broken"
        lines.append(f"{many}, the push of {ref} is refused. Before a push the same is said by: qtisync validate")
    return PushCheck(refused=bool(broken), lines=tuple(visible(line) for line in lines))


def _faults(broken: Iterable[Broken]) -> list[str]:
    return _lines("error", [problem for file in broken for problem in file.problems])


def _lines(severity: str, problems: list[Problem]) -> list[str]:
    lines = []
    for problem in problems[:MAX_SHOWN]:
        where = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
        lines.append(f"{where}: {severity}: {problem.message} ({problem.code})")
        if problem.hint:
            lines.append(f"    {problem.hint}")
    more = len(problems) - MAX_SHOWN
    return [*lines, f"… and {more:,} more of them"] if more > 0 else lines
