"""The command line: the only room that prints, and the only place where an error becomes words and an exit code.

Each command lives in a module that is imported when the command is used, so that ``--help`` costs no more than click.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from qtisync import __version__

COMMANDS = {
    "demo": ("demo", "Show everything at once on this machine: a sandbox API, a repository, a sync, an edit."),
    "init": ("start", "Write a commented configuration for an existing content repository."),
    "validate": ("validate", "Check items and sidecars without an API; nothing is written."),
    "plan": ("sync", "Say what would be sent, why, and at what cost; nothing is written."),
    "apply": ("sync", "Carry out a plan (a saved one, or a new one) and wait for it."),
    "sync": ("sync", "One full cycle now: plan, push, report."),
    "check": ("check", "Compare git, record and API; the exit code is the answer, nothing is written."),
    "run": ("run", "The service: keep the API equal to the ref until you are stopped."),
    "status": ("look", "What is synced, what waits and why; or one item with its history."),
    "queue": ("look", "Look at the queue."),
    "retry": ("look", "Queue parked objects again."),
    "audit": ("audit", "What happened, what was live when, from which commit; and whether the journal is untouched."),
    "adopt": ("existing", "Take over objects that are at the API already; nothing is sent."),
    "import": ("existing", "Write what is at the API as files with sidecars, and take it over; nothing is sent."),
    "state": ("state", "Look into the record and mend it: check, rebuild, export, forget, unpin."),
    "pause": ("steer", "Send nothing until you resume, or until a time."),
    "resume": ("steer", "End a pause."),
    "wait": ("waiting", "Wait until a commit is synced: for CI after a push."),
    "doctor": ("doctor", "Check configuration, credentials, git, the API and the record."),
    "hook": ("hook", "Let git tell the daemon of a push and the pusher how it went; refuse broken items."),
    "schema": ("schema", "Print JSON Schemas for editors and scripts."),
    "sandbox": ("start", "Run a QTI API emulator to develop and rehearse against."),
}
"""Command → module of this package that has it as a function of that name, and its line in the help."""


class LazyGroup(click.Group):
    """Finds commands by name in ``COMMANDS`` and imports them when they are used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """All names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported now."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"qtisync.cli.{COMMANDS[name][0]}")
        command = getattr(module, name, None) or getattr(module, f"{name}_")  # import is a word of the language
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - what the command returns
        """As click does, but a reader that went away (``| head``) is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return 0

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help's list, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a mistyped name."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib  # noqa: PLC0415 - only for a mistake

            close = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {close[0]}?" if close else " See qtisync --help."
            raise click.UsageError(f"There is no command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="qtisync", message="%(prog)s %(version)s")
def qtisync() -> None:
    """Keep a QTI API equal to a git commit.

    Start with `qtisync demo`. In a content repository: `qtisync init`, `qtisync plan`, `qtisync sync`.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    # We use no pydantic plug-ins; looking for them would cost every start 15 ms and run foreign code in a service.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        code = qtisync.main(args=args, prog_name="qtisync", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001 - the one place where every error becomes words
        from qtisync.cli.failures import explain  # noqa: PLC0415 - only after a failure

        code = explain(error)
    sys.exit(_flushed(code if isinstance(code, int) else 0))


def _flushed(code: int) -> int:
    """The exit code, once everything is written: a reader that went away is no failure, a full disk is one."""
    if sys.stdout is None:  # closed by the caller
        return code
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would try again at its end
        if not isinstance(error, BrokenPipeError) and code == 0:
            click.echo(f"Error (output): The output could not be written: {error.strerror}.", err=True)
            return 1
    return code
