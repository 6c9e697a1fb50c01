"""Reports leave through here: stdout or a file, coloured only on a terminal."""

from __future__ import annotations

import importlib
import importlib.resources
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from qtisync.cli.common_options import REPORTED, Common
from qtisync.errors import QtisyncError
from qtisync.report.text import Paint, render_text
from qtisync.report.validation import render_validation
from qtisync.report.value import Report, as_json

if TYPE_CHECKING:
    from qtisync.report.html import Page

_LONE = re.compile("[\ud800-\udfff]")
_STYLES: dict[str, dict[str, Any]] = {
    "add": {"fg": "green"},
    "change": {"fg": "yellow"},
    "move": {"fg": "cyan"},
    "warn": {"fg": "magenta"},
    "bad": {"fg": "red"},
    "dim": {"dim": True},
    "strong": {"bold": True},
    "good": {"fg": "green", "bold": True},
}


def emit(report: Report, common: Common) -> None:
    """Write the report in the format asked for."""
    text = render(report, common)
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[REPORTED] = True  # also if it cannot be written where it was wanted
    write(text, common)


def render(report: Report, common: Common) -> str:
    """The report in the format asked for. Each format is imported when it is used: most are seldom."""
    match common.format:
        case "json":
            return printable(json.dumps(as_json(report), ensure_ascii=False, indent=2)) + "\n"
        case "text":
            return _text(report, common)
        case "html":
            from qtisync.report.html import render_html  # noqa: PLC0415 - seldom used

            return render_html(report, page())
        case _:
            module = importlib.import_module(f"qtisync.report.{common.format}")
            rendered: str = getattr(module, f"render_{common.format}")(report)
            return rendered


def page() -> Page:
    """Template, style and script of the HTML report."""
    from qtisync.report.html import Page  # noqa: PLC0415 - seldom used

    folder = importlib.resources.files("qtisync.report") / "page"
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("page.html.j2", "page.css", "page.js")]
    return Page(template=texts[0], style=texts[1], script=texts[2])


def _text(report: Report, common: Common) -> str:
    paint, verbose = painter(common), bool(common.verbose)
    if report.kind == "validate" and not report.error:
        return render_validation(report, paint=paint)
    if report.kind == "status" and report.status:
        from qtisync.report.status import render_status  # noqa: PLC0415 - it knows the pace

        return render_status(report, paint=paint, verbose=verbose)
    return render_text(report, paint=paint, verbose=verbose)


def printable(text: str) -> str:
    """JSON that can be written as UTF-8: git allows file names that are none, and Python marks their bytes."""
    return _LONE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def painter(common: Common) -> Paint:
    """Colours on a terminal, none elsewhere."""
    terminal = sys.stdout is not None and sys.stdout.isatty()  # the caller may have closed it
    coloured = terminal and not common.plain and common.output is None

    def paint(text: str, style: str) -> str:
        return click.style(text, **_STYLES[style]) if coloured else text

    return paint


def write(text: str, common: Common) -> None:
    """To the file that was asked for, or to stdout."""
    if common.output is None:
        click.echo(text, nl=False)
        return
    try:
        common.output.write_text(text, encoding="utf-8")
    except OSError as exc:
        click.echo(text, nl=False)  # after a push it is too late to ask for another file
        hint = "It is on stdout instead. Choose another file with --output."
        raise QtisyncError(f"Cannot write the report to {common.output}: {exc.strerror}.", hint=hint) from exc
