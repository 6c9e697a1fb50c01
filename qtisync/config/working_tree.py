"""Whether a repository on this machine has a working tree, before anything is read from it."""

from __future__ import annotations

from pathlib import Path

from qtisync.errors import ConfigError, ConfigProblem


def need_working_tree(repository: Path, file: Path) -> None:
    """Raise ``ConfigError`` if ``repository`` is a bare one, or a ``.git``; one that is not there is told by git."""
    if (repository / ".git").exists() or not all((repository / name).exists() for name in ("HEAD", "objects", "refs")):
        return
    hint = "Name the top folder of a checkout, or use source: commit."
    message = f"is {repository}, which has no working tree, and source is worktree"
    raise ConfigError((ConfigProblem(where="repository.path", message=message, hint=hint),), file=str(file))
