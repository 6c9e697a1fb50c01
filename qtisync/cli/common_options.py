"""Flags that every command has, and what they add up to."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qtisync.errors import QtisyncError, UsageError

if TYPE_CHECKING:
    from qtisync.app import Setup
    from qtisync.engine.ports import Log

FORMATS = ("text", "json", "ndjson", "markdown", "html", "github", "junit")

REPORTING = frozenset({"plan", "apply", "sync", "status", "validate", "check", "run"})
"""Commands that end with a report, whatever happens."""
REPORTED = "qtisync.reported"
"""Set in click's context once a report was written."""
_NO_FAILURES = (BrokenPipeError, click.exceptions.Exit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The flags that every command has."""

    config: Path | None
    target: str | None
    format: str
    output: Path | None
    no_color: bool
    verbose: int
    quiet: bool
    show_content: bool

    @property
    def plain(self) -> bool:
        """Whether colours are unwanted, wherever the output goes."""
        return self.no_color or bool(os.environ.get("NO_COLOR"))

    def setup(self, target: str | None = None) -> Setup:
        """The chosen target of the configuration; without ``--target`` the one that is named here."""
        from qtisync.app import load_setup  # noqa: PLC0415 - pydantic is heavy

        return load_setup(self.config, self.target or target, os.environ)

    def setup_of(self, target: str) -> Setup:
        """Another target of the configuration."""
        from qtisync.app import load_setup  # noqa: PLC0415 - pydantic is heavy

        return load_setup(self.config, target, os.environ)

    def log(self) -> Log:
        """Structured events on stderr: JSON lines, or on a terminal words, and there only with -v."""
        import logging  # noqa: PLC0415 - only when something is sent

        from qtisync.logs.setup import configure, event_log, is_journal  # noqa: PLC0415 - structlog is heavy

        terminal = sys.stderr.isatty()
        level = logging.WARNING if self.quiet or (terminal and not self.verbose) else logging.INFO
        configure(
            sys.stderr,
            json=not terminal,
            level=logging.DEBUG if self.verbose > 1 else level,
            journal=is_journal(sys.stderr, os.environ),
        )
        return event_log()


def refuse_output(file: Path | None) -> None:
    """Raise ``UsageError`` if no report can be written there: better before the work than after it."""
    if file is None or (file.parent.is_dir() and not file.is_dir()):
        return
    why = "it is a folder" if file.is_dir() else f"there is no folder {file.parent}"
    raise UsageError(f"Cannot write the report to {file}: {why}.", hint="Choose another file with --output.")


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags; the command gets them as its first argument ``common``."""

    @functools.wraps(command)
    def wrapped(**values: Any) -> Any:  # noqa: ANN401 - click decides what a command takes
        names = Common.__dataclass_fields__.keys()
        common = Common(**{name: values.pop(name) for name in names})
        refuse_output(common.output)
        try:
            return command(common=common, **values)
        except (Exception, KeyboardInterrupt) as error:
            report_failure(command.__name__, common, error)
            raise

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def report_failure(name: str, common: Common, error: BaseException) -> None:
    """Scripts get their report however a command ends, unless it has written one already: a held plan has."""
    context = click.get_current_context()
    wanted = common.format != "text" or common.output is not None
    if not wanted or name not in REPORTING or context.meta.get(REPORTED) or isinstance(error, _NO_FAILURES):
        return
    from qtisync.app import SystemClock  # noqa: PLC0415 - only after a failure
    from qtisync.cli.output import emit  # noqa: PLC0415 - it imports this module
    from qtisync.report.value import Place, Report  # noqa: PLC0415 - only after a failure

    target = common.target or ""
    place = Place(repository="", ref="", head="", base=None, target=target, base_url="", capabilities={})
    report = Report(
        kind="status" if name == "run" else name,
        at=SystemClock().now(),
        place=place,
        applyable=False,
        complete=False,
        errored=True,
        error=words_of_failure(error),
    )
    emit(report, common)


def words_of_failure(error: BaseException) -> str:
    """What a report may say of an error: our own words, never those of foreign code."""
    match error:
        case QtisyncError():
            return f"{error.reference}: {error.message}"
        case KeyboardInterrupt():
            return "interrupted: Run the command again."
        case click.ClickException():
            return f"usage: {error.format_message()}"
        case _:
            return f"unexpected-error: {type(error).__name__}; stderr says more"


_PATH = click.Path(path_type=Path)
_OPTIONS = (
    click.option("--config", "-c", type=_PATH, metavar="FILE", help="Configuration [default: qtisync.yaml]."),
    click.option("--target", "-t", metavar="NAME", help="Target, if the configuration has several."),
    click.option(
        "--format", "-f", type=click.Choice(FORMATS), default="text", show_default=True, help="Report format."
    ),
    click.option("--output", "-o", type=_PATH, metavar="FILE", help="Write the report there instead of stdout."),
    click.option("--no-color", is_flag=True, help="No colours (NO_COLOR works too)."),
    click.option("--verbose", "-v", count=True, help="More: everything in reports, logs on a terminal."),
    click.option("--quiet", "-q", is_flag=True, help="Less: no progress, only warnings in the log."),
    click.option("--show-content", is_flag=True, help="Allow item bodies in reports (never in logs)."),
)
