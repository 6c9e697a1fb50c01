"""The exceptions: only for what a pass cannot go on with.

Faults of content and answers of the API are values (``model.Broken``, ``delivery.outcome``). Every exception here has a
``reference`` (stable, kebab-case), a ``hint`` (what to do next) and the exit code with which the command line leaves.
Words for people are put together in ``cli`` only.
"""

from __future__ import annotations

from dataclasses import dataclass


class QtisyncError(Exception):
    """Something a pass cannot go on with.

    ``message`` says what happened and to what; ``hint`` says what to do next.
    """

    reference = "unexpected-error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", reference: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if reference is not None:
            self.reference = reference


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigProblem:
    """One fault of a configuration: where it stands, what is wrong, what to write instead."""

    where: str
    message: str
    hint: str = ""
    line: int | None = None


class ConfigError(QtisyncError):
    """The configuration cannot be used; all faults are listed at once."""

    reference = "config-invalid"
    exit_code = 78

    def __init__(self, problems: tuple[ConfigProblem, ...], *, file: str = "") -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the configuration{f' {file}' if file else ''}")
        self.problems = problems
        self.file = file


class RepositoryError(QtisyncError):
    """The content repository cannot be read: missing, no such ref, git failed or took too long."""

    reference = "repository-unreadable"


class BlobMissingError(RepositoryError):
    """A blob that was recorded is no longer in the repository (a forced push and gc); a newer pass replaces it."""

    reference = "blob-missing"


class StoreError(QtisyncError):
    """The record cannot be used: corrupt, or its schema is of another version."""

    reference = "record-unusable"


class RecordLockedError(StoreError):
    """Another instance holds the record; the message names it."""

    reference = "record-locked"
    exit_code = 6


class DaemonAbsentError(QtisyncError):
    """No daemon of this target listens on this machine."""

    reference = "daemon-absent"


class DaemonSilentError(QtisyncError):
    """A daemon listens and does not answer in time, or not completely."""

    reference = "daemon-silent"
    exit_code = 8


class ListenError(QtisyncError):
    """The daemon cannot listen where it is told to."""

    reference = "cannot-listen"


class PausedError(QtisyncError):
    """A person wants that nothing is sent."""

    reference = "paused"
    exit_code = 6


class CredentialsError(QtisyncError):
    """The API or its token endpoint refused our credentials."""

    reference = "credentials-refused"
    exit_code = 7


class ApiUnavailableError(QtisyncError):
    """The API could not be reached or a deadline is over; the queue is kept."""

    reference = "api-unavailable"
    exit_code = 8


class WrongApiError(QtisyncError):
    """What answers at the base URL is not recognisably the QTI API."""

    reference = "not-the-api"


class HeldPlanError(QtisyncError):
    """A safety rule holds the plan; nothing was written."""

    reference = "plan-held"
    exit_code = 4


class StalePlanError(QtisyncError):
    """A saved plan no longer fits the repository, the configuration or the record."""

    reference = "plan-stale"
    exit_code = 5


class UsageError(QtisyncError):
    """The command line was used in a way that cannot be carried out."""

    reference = "usage"
    exit_code = 64


class IllegalTransitionError(Exception):
    """A state machine was asked for a move it does not have: a bug of ours, so it crashes (exit 70)."""
