"""The report as annotations of GitHub Actions: workflow commands on stdout, which the runner turns into remarks.

The runner takes a line that begins with ``::`` as a command. In the message ``%``, CR and LF are escaped, in properties
``:`` and ``,`` as well. GitHub shows ten annotations of each level for a step: the worst come first, the rest stay in
the log, and the last line says how many there were.
"""

from __future__ import annotations

from collections.abc import Sequence

from qtisync.report.cells import visible
from qtisync.report.findings import LEVELS, Finding, findings
from qtisync.report.text import headline
from qtisync.report.value import Report
from qtisync.report.verdict import sentences

SHOWN = 10
"""Annotations of one level that GitHub shows for a step."""


def render_github(report: Report) -> str:
    """One command for each finding, and a notice that sums up."""
    found = findings(report)
    notices = [one for one in found if one.level == "notice"][: SHOWN - 1]  # the summary must be among those shown
    lines = [_command(one) for one in (*(one for one in found if one.level != "notice"), *notices)]
    return "\n".join([*lines, _command(_summary(report, found)), ""])


def _summary(report: Report, found: Sequence[Finding]) -> Finding:
    levels = [one.level for one in found]
    cut = [f"{levels.count(level):,} {level}s" for level in LEVELS if levels.count(level) > SHOWN - (level == "notice")]
    more = f" GitHub shows the first {SHOWN} of {' and of '.join(cut)}." if cut else ""
    return Finding(level="notice", title=headline(report), message=" ".join(sentences(report)) + more)


def _command(found: Finding) -> str:
    properties = {"file": found.path, "line": found.line, "title": found.title}
    said = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None)
    message = "\n".join(_one_line(part) for part in (found.message, found.hint) if part)
    return f"::{found.level} {said}::{_data(message)}"


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")
