"""What goes together with ``source: worktree``, and what does not."""

from __future__ import annotations

from pathlib import Path

from qtisync.config.settings import Settings, Target
from qtisync.errors import ConfigError, ConfigProblem, UsageError

WORKTREE = "worktree"
"""The one ref of a working tree, as plans that were made from it name it."""


def authoring_problems(settings: Settings, target: str, chosen: Target) -> tuple[ConfigProblem, ...]:
    """Keys that are at odds with a working tree as source."""
    if settings.repository.source != "worktree":
        return ()
    found = []
    if chosen.production:
        hint = "Let a production target follow a branch: source: commit."
        found.append(ConfigProblem(where="repository.source", message="is worktree, for authoring only", hint=hint))
    if chosen.removal == "delete":
        hint = "A file that an editor moves is gone for a moment: use removal: report, or source: commit."
        message = "is delete, and repository.source is worktree"
        found.append(ConfigProblem(where=f"targets.{target}.removal", message=message, hint=hint))
    if settings.commit_status.forge is not None:
        hint = "What is saved is no commit that a forge knows: remove it, or use source: commit."
        message = "is set, and repository.source is worktree"
        found.append(ConfigProblem(where="commit_status.forge", message=message, hint=hint))
    return tuple(found)


def refuse_commit(settings: Settings, option: str, ref: str | None) -> None:
    """Raise ``UsageError`` if a commit was asked for and files of a working tree are desired."""
    if ref in {None, WORKTREE} or settings.repository.source != "worktree":
        return
    raise UsageError(
        f"{option} {ref} names a commit, and the configuration has source: worktree.",
        hint=f"Leave out {option}, or set source: commit."
        if option == "--ref"
        else f"Write {option} {WORKTREE}, or set source: commit.",
    )


def need_working_tree(repository: Path, file: Path) -> None:
    """Raise ``ConfigError`` if ``repository`` is a bare one, or a ``.git``; one that is not there is told by git."""
    if (repository / ".git").exists() or not all((repository / name).exists() for name in ("HEAD", "objects", "refs")):
        return
    hint = "Name the top folder of a checkout, or use source: commit."
    message = f"is {repository}, which has no working tree, and source is worktree"
    raise ConfigError((ConfigProblem(where="repository.path", message=message, hint=hint),), file=str(file))
