"""Why git could not do what it was asked, in words for people. Values in, exceptions out; nothing is started here."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from qtisync.errors import RepositoryError

OLDEST_GIT = (2, 32)
"""The first git that can be told to read no configuration but the repository's own (``GIT_CONFIG_GLOBAL``)."""

_PROGRAM_HINT = f"Install git {OLDEST_GIT[0]}.{OLDEST_GIT[1]} or newer and make sure that `git` is found on PATH."
_PATH_HINT = (
    "Check the path of the repository in the configuration; it must be the top folder of a checkout or a bare one."
)

_FAULTS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("must be run in a work tree",),
        "The repository {path} has no working tree.",
        "With source: worktree, repository.path must be the top folder of a checkout.",
    ),
    (
        ("dubious ownership", "unsafe repository"),
        "git does not trust the repository {path}: its folder belongs to another user.",
        "Run qtisync as the owner of the folder, or change the owner with chown.",
    ),
    (
        ("Permission denied",),
        "The repository {path} may not be read: permission denied.",
        "Let the user that qtisync runs as read the whole folder, `.git` included.",
    ),
    (
        ("Too many open files", "Cannot allocate memory", "cannot fork"),
        "This machine had no room left for git in {path}: {words}",
        "Free memory or raise the limits of the service, then try again.",
    ),
    (
        ("unknown repository extension", "unknown object format", "unknown value for 'extensions", "repo version is"),
        "The repository {path} uses a format that this git does not know: {words}",
        "Install a newer git.",
    ),
    (
        (
            "corrupt",
            "inflate",
            "unable to unpack",
            "unable to read",
            "Could not read",
            "hash mismatch",
            "bad object",
            "broken ref",
            "object file",
            "bad signature",
            "packfile",
        ),
        "The repository {path} is damaged: {words}",
        "Look at it with `git -C {path} fsck`, then fetch the missing objects again or replace it by a fresh clone.",
    ),
)
"""What git's own words (always English: LC_ALL=C) mean; git has one exit code for all. The first row that fits."""


class GitTimeoutError(RepositoryError):
    """Git was ended because it took too long."""

    reference = "git-timeout"


def no_program(reason: str = "") -> RepositoryError:
    """Git itself is missing."""
    return RepositoryError(
        f"The program git cannot be started{f': {reason}' if reason else ''}.",
        hint=_PROGRAM_HINT,
        reference="git-missing",
    )


def too_old(found: str) -> RepositoryError:
    """Git is there but cannot do what is needed."""
    return RepositoryError(f"This git is too old: {found}.", hint=_PROGRAM_HINT, reference="git-too-old")


def too_slow(path: Path, command: str, seconds: float) -> GitTimeoutError:
    """Git was ended because it took too long."""
    return GitTimeoutError(
        f"git {command} did not answer within {seconds:g} s in {path}.",
        hint=f"Is the disk or the network share slow? Try again; `git -C {path} gc` makes a large repository faster.",
    )


def no_commit(path: Path, commit: str) -> RepositoryError:
    """A commit that was asked for is not there."""
    return RepositoryError(
        f"The commit {commit} is not in the repository {path}.",
        hint="It was rewritten or never fetched. Fetch it, or start again from a branch.",
        reference="commit-missing",
    )


class Fault(NamedTuple):
    """What an exception says: message, hint and reference."""

    message: str
    hint: str
    reference: str = RepositoryError.reference


def explain(path: Path, command: str, code: int, errors: bytes) -> Fault:
    """What to say of a git that ended with ``code`` after writing ``errors``."""
    words = _words(errors)
    if code == 127:  # noqa: PLR2004 - what a shell and `env` answer if the program does not exist
        return Fault(str(no_program(words)), _PROGRAM_HINT, "git-missing")
    if "not a git repository" in words or "invalid gitfile format" in words:
        return Fault(_no_repository(path), _PATH_HINT)
    text = errors.decode("utf-8", "replace")
    for needles, message, hint in _FAULTS:
        if any(needle in text for needle in needles):
            return Fault(message.format(path=path, words=words), hint.format(path=path))
    if code < 0 and not words:
        message = f"git {command} was ended by signal {-code} in {path}."
        return Fault(message, "Try again. If it happens again, look for a memory limit of the service.")
    message = f"git {command} failed in {path}: {words or f'exit code {code}'}"
    return Fault(message, f"Look at the repository with `git -C {path} fsck`.")


def _words(errors: bytes) -> str:
    """Git's most telling line: the first fatal one, else the first error, else the first."""
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    for start in ("fatal: ", "error: ", ""):
        for line in lines:
            if line.startswith(start):
                return "".join(sign for sign in line.removeprefix(start) if sign.isprintable())
    return ""


def _no_repository(path: Path) -> str:
    try:
        if not path.exists():
            return f"There is no folder {path}."
        for parent in path.resolve().parents:
            if (parent / ".git").exists():
                return f"{path} is not a git repository itself, but a folder inside the repository {parent}."
    except OSError as exc:
        return f"The folder {path} cannot be read: {exc.strerror}."
    return f"{path} is not a git repository."
