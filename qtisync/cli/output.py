"""Reports leave through here: stdout or a file, coloured only on a terminal."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from qtisync.cli.common_options import Common
from qtisync.errors import QtisyncError
from qtisync.report.text import Paint, render_text
from qtisync.report.value import Report, as_json

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
    write(render(report, common), common)


def render(report: Report, common: Common) -> str:
    """The report as text."""
    if common.format == "json":
        return json.dumps(as_json(report), ensure_ascii=False, indent=2) + "\n"
    if common.format == "markdown":
        from qtisync.report.markdown import render_markdown  # noqa: PLC0415 - seldom used

        return render_markdown(report)
    return render_text(report, paint=painter(common), verbose=bool(common.verbose))


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
