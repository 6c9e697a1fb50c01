"""The report as JUnit XML: a suite for the run and one for each folder, a case for each object or file.

There is no standard; this keeps to the elements that Jenkins, GitLab and the usual viewers read. What cannot be sent,
was refused or is not the same at the API fails, what waits for something else is skipped.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qtisync.report.cells import visible
from qtisync.report.divergence import Divergence
from qtisync.report.divergence_rows import remarks
from qtisync.report.text import headline
from qtisync.report.value import Report, ReportItem, ReportProblem, moment
from qtisync.report.verdict import continuation, sentences

_MILD = frozenset({"unmanaged", "foreign"})
ENDS = ("error", "failure", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One test case. ``end``: ``error``, ``failure``, ``skipped``, or empty if it passed."""

    name: str
    path: str = ""
    line: int | None = None
    end: str = ""
    type: str = ""
    message: str = ""
    text: str = ""
    """More words, several lines."""

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0] or "."


def render_junit(report: Report) -> str:
    """The whole document."""
    cases = (*_items(report), *_problems(report), *_divergences(report), *_orphans(report))
    folders: dict[str, list[_Case]] = {}
    for case in cases:
        folders.setdefault(case.folder, []).append(case)
    run = [_run(report)]
    root = ET.Element("testsuites", {"name": visible(headline(report)), **_counts([*run, *cases], report.took)})
    _suite(root, f"qtisync {report.kind}", run, report, report.took)
    for folder, several in sorted(folders.items()):
        _suite(root, folder, sorted(several, key=lambda case: (case.path, case.name)), report, 0.0)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, name: str, cases: Sequence[_Case], report: Report, took: float) -> None:
    attributes = {"name": visible(name), **_counts(cases, took), "timestamp": moment(report.at)[:19]}
    suite = ET.SubElement(root, "testsuite", attributes)
    properties = ET.SubElement(suite, "properties")
    place = report.place
    told = {"commit": place.head, "ref": place.ref, "target": place.target, "base_url": place.base_url}
    for key, value in told.items():
        if value:
            ET.SubElement(properties, "property", {"name": key, "value": visible(value)})
    for case in cases:
        _case(suite, case, name)


def _case(suite: ET.Element, case: _Case, suite_name: str) -> None:
    attributes = {"classname": visible(suite_name), "name": visible(case.name), "time": "0"}
    attributes |= {"file": visible(case.path)} if case.path else {}
    attributes |= {"line": str(case.line)} if case.line is not None else {}
    element = ET.SubElement(suite, "testcase", attributes)
    text = "\n".join(visible(line) for line in case.text.split("\n"))
    if case.end:
        end = ET.SubElement(element, case.end, {"message": _one_line(case.message)})
        if case.end != "skipped":
            end.set("type", visible(case.type))
        end.text = text or None
    elif text:
        ET.SubElement(element, "system-out").text = text


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def _counts(cases: Sequence[_Case], took: float) -> dict[str, str]:
    errors, failures, skipped = (sum(case.end == end for case in cases) for end in ENDS)
    counts = {"tests": len(cases), "failures": failures, "errors": errors, "skipped": skipped}
    return {**{name: str(count) for name, count in counts.items()}, "time": f"{took:.3f}"}


def _run(report: Report) -> _Case:
    """The run itself, so that a report in which all is well has a case, too."""
    text = "\n".join([headline(report), *sentences(report)])
    name = f"{report.kind} as a whole"
    if report.error:
        return _Case(name=name, end="error", type="run", message=report.error, text=text)
    if report.holds:
        rules = "; ".join(f"{hold.rule}: {hold.message}" for hold in report.holds)
        text += f"\nTo go on: {continuation(report)}"
        return _Case(name=name, end="failure", type="held", message=f"held by {rules}", text=text)
    return _Case(name=name, text=text)


def _items(report: Report) -> Iterable[_Case]:
    return [_item(item, report) for item in report.items]


def _item(item: ReportItem, report: Report) -> _Case:
    name = item.identifier if item.kind == "item" else f"{item.kind} {item.identifier}"
    outcome = item.outcome
    lines = [", ".join(item.scope), *item.details, *(f"risk: {risk.replace('_', ' ')}" for risk in item.risk)]
    end, message = "", ""
    if outcome.status in {"parked", "failed", "altered"}:
        end, message = "failure", outcome.error or outcome.status
    elif outcome.status == "blocked":
        end, message = "skipped", f"blocked by {item.blocked_by}" if item.blocked_by else "blocked"
    elif report.holds and item.action != "none":
        end, message = "skipped", "held: " + ", ".join(hold.rule for hold in report.holds)
    elif outcome.status == "superseded" or (outcome.status == "pending" and report.kind != "plan"):
        end, message = "skipped", f"{outcome.status}: not settled in this run"
    text = "\n".join(line for line in lines if line)
    return _Case(name=name, path=item.path, end=end, type=outcome.refusal or outcome.status, message=message, text=text)


def _problems(report: Report) -> Iterable[_Case]:
    """One case for each file: what is wrong with it, and what is only remarkable."""
    files: dict[str, list[ReportProblem]] = {}
    for problem in (*report.broken, *report.warnings):
        files.setdefault(problem.path, []).append(problem)
    broken = {problem.path for problem in report.broken}
    return [_file(path, several, broken=path in broken) for path, several in files.items()]


def _file(path: str, problems: Sequence[ReportProblem], *, broken: bool) -> _Case:
    lines = []
    for problem in problems:
        where = path if problem.line is None else f"{path}:{problem.line}"
        lines.append(f"{where}: {_one_line(problem.message)} ({problem.code})")
        lines += [f"    {_one_line(problem.hint)}"] if problem.hint else []
    first = problems[0]
    name = path.rpartition("/")[2] + (f" ({first.identifier})" if first.identifier else "")
    if not broken:
        return _Case(name=f"{name}: warnings", path=path, line=first.line, text="\n".join(lines))
    return _Case(
        name=name,
        path=path,
        line=first.line,
        end="failure",
        type=first.code,
        message=first.message,
        text="\n".join(lines),
    )


def _divergences(report: Report) -> Iterable[_Case]:
    lists = (report.drift, report.conflicts, report.altered, report.differences, report.unmanaged, report.foreign)
    return [_divergence(found) for several in lists for found in several]


def _divergence(found: Divergence) -> _Case:
    words = found.message or remarks(found) or found.divergence
    return _Case(
        name=f"{found.identifier} ({found.divergence})",
        path=found.path or "",
        end="skipped" if found.divergence in _MILD else "failure",
        type=found.divergence,
        message=words,
        text="\n".join(line for line in (remarks(found), found.hint) if line),
    )


def _orphans(report: Report) -> Iterable[_Case]:
    message = "no file asks for it any more; the API keeps it"
    return [
        _Case(name=f"{orphan.identifier} (orphan)", path=orphan.path, end="skipped", message=message)
        for orphan in report.orphans
    ]
