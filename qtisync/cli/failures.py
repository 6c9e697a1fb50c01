"""Errors become words and exit codes, here only."""

from __future__ import annotations

import errno
import traceback

import click

from qtisync.errors import ConfigError, IllegalTransitionError, QtisyncError

USAGE = 64
BUG = 70
INTERRUPTED = 130
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def explain(error: BaseException) -> int:
    """Say what happened on stderr; the exit code."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1
        case click.UsageError():
            error.show()
            return USAGE
        case click.Abort() | KeyboardInterrupt():
            click.echo("Interrupted.", err=True)
            return INTERRUPTED
        case click.ClickException():
            error.show()
            return 1
        case BrokenPipeError():
            return 0
        case QtisyncError():
            click.echo(words(error), err=True)
            return error.exit_code
        case OSError() if error.errno in _DISK:
            click.echo(f"Error (output): The output could not be written: {error.strerror}.", err=True)
            return 1
        case _:
            traceback.print_exception(error)
            click.echo("This is a bug in qtisync. Please report it with the lines above.", err=True)
            return BUG if isinstance(error, IllegalTransitionError) else 1


def words(error: QtisyncError) -> str:
    """What happened, to what, and what to do next."""
    lines = [f"{click.style('Error', fg='red', bold=True)} ({error.reference}): {error.message}"]
    if isinstance(error, ConfigError):
        for problem in error.problems:
            line = f" (line {problem.line})" if problem.line is not None else ""
            lines.append(f"  {problem.where}{line}: {problem.message}")
            if problem.hint:
                lines.append(f"      {problem.hint}")
    if error.hint:
        lines.append(f"  {error.hint}")
    return "\n".join(lines)
