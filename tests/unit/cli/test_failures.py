"""Errors become words and exit codes in one place; a traceback only for our own bugs."""

from __future__ import annotations

import click
import pytest

from qtisync.cli.failures import explain
from qtisync.errors import (
    ConfigError,
    ConfigProblem,
    CredentialsError,
    HeldPlanError,
    IllegalTransitionError,
    QtisyncError,
    RecordLockedError,
    RepositoryError,
    StalePlanError,
    UsageError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (QtisyncError("m"), 1),
        (RepositoryError("m"), 1),
        (HeldPlanError("m"), 4),
        (StalePlanError("m"), 5),
        (RecordLockedError("m"), 6),
        (CredentialsError("m"), 7),
        (UsageError("m"), 64),
        (ConfigError(()), 78),
        (click.UsageError("m"), 64),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
    ],
)
def test_every_error_has_its_code_and_no_traceback(
    error: BaseException, code: int, capsys: pytest.CaptureFixture
) -> None:
    assert explain(error) == code
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_says_what_happened_its_reference_and_what_to_do(capsys: pytest.CaptureFixture) -> None:
    explain(RepositoryError("There is no repository at x.", hint="Set repository.path."))
    assert capsys.readouterr().err == (
        "Error (repository-unreadable): There is no repository at x.\n  Set repository.path.\n"
    )


def test_all_faults_of_a_configuration_are_listed_with_their_lines(capsys: pytest.CaptureFixture) -> None:
    problems = (
        ConfigProblem(where="targets.a.pace", message="is 'fast'", hint="adaptive or fixed", line=7),
        ConfigProblem(where="repository", message="is missing"),
    )
    explain(ConfigError(problems, file="qtisync.yaml"))
    assert capsys.readouterr().err == (
        "Error (config-invalid): 2 problems in the configuration qtisync.yaml\n"
        "  targets.a.pace (line 7): is 'fast'\n"
        "      adaptive or fixed\n"
        "  repository: is missing\n"
    )


def test_our_own_bug_shows_a_traceback_and_asks_for_a_report(capsys: pytest.CaptureFixture) -> None:
    assert explain(IllegalTransitionError("synced has no move park")) == 70
    assert explain(ZeroDivisionError("x")) == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError" in shown
    assert "bug in qtisync" in shown
