"""Starts git: the one place that imports GitPython, which is used to run plumbing and for nothing else.

Every git gets the same environment, which no user's or system's configuration, no hook and no inherited variable can
change, and every answer is bounded in time: a git that takes too long is killed with all that it started.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qtisync.adapters.git_child import GitChild
from qtisync.adapters.git_faults import OLDEST_GIT, no_program, too_old
from qtisync.errors import RepositoryError

if TYPE_CHECKING:
    from git.cmd import Git

_ENV = "/usr/bin/env"
_CONFIG = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.warnAmbiguousRefs", "false"),
    ("core.alternateRefsCommand", "true"),
    ("protocol.allow", "never"),
    ("log.showSignature", "false"),
    ("log.showRoot", "true"),
    ("i18n.logOutputEncoding", "UTF-8"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What some gits get beyond that: to fetch, or to see the objects of a push that is not accepted yet."""

    config: tuple[tuple[str, str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    keeps_open: tuple[int, ...] = ()
    """Descriptors that it and all that it starts inherit: a lock that lasts as long as any of them."""


NO_EXTRAS = Extras()


class GitRunner:
    """Starts git for one repository; threads may share it. ``timeout`` in seconds."""

    def __init__(self, path: Path, timeout: float, extras: Extras = NO_EXTRAS) -> None:
        self.path = path
        self.timeout = timeout
        self._extras = extras
        self._lock = threading.Lock()
        self._checked = False
        self._children: set[GitChild] = set()

    def run(
        self, *arguments: str, accept: tuple[int, ...] = (0,), timeout: float | None = None
    ) -> tuple[int, bytearray]:
        """Run one git to its end: exit code (one of ``accept``) and output."""
        child = self.start(*arguments, timeout=timeout)
        try:
            return child.finish(accept)
        finally:
            self.release(child)

    def start(self, *arguments: str, speaks: bool = False, timeout: float | None = None) -> GitChild:
        """Start a git; with ``speaks`` it has an input. It must be given back with ``release``."""
        limit = self.timeout if timeout is None else timeout
        git, environment = self._git(), _environment(self.path, self._extras)  # checks git first: see `_check`
        from git.exc import GitCommandNotFound  # noqa: PLC0415 - 80 to 145 ms, which `--help` need not pay

        try:
            owner = git.execute(
                [*_without_inherited(environment), "git", *arguments],
                istream=subprocess.PIPE if speaks else None,
                as_process=True,
                env=environment,
                start_new_session=True,
                pass_fds=self._extras.keeps_open,
            )
        except (GitCommandNotFound, OSError) as exc:
            raise no_program(str(exc) if isinstance(exc, OSError) else "") from exc
        process = owner.proc
        if process is None:
            raise no_program()
        child = GitChild(owner, process, self.path, arguments[0], limit)
        with self._lock:
            self._children.add(child)
        return child

    def release(self, child: GitChild) -> None:
        """End a child and forget it."""
        child.close()
        with self._lock:
            self._children.discard(child)

    def stop_all(self) -> None:
        """Kill every child that is still there; their users learn it by ``GitEndedError``."""
        with self._lock:
            children = tuple(self._children)
        for child in children:
            child.stop()

    def _git(self) -> Git:
        with self._lock:
            if not self._checked:
                self._check()
                self._checked = True
        from git.cmd import Git  # noqa: PLC0415 - see `start`

        return Git(str(self.path if self.path.is_dir() else self.path.parent))

    def _check(self) -> None:
        """Find out whether there is a git that is new enough.

        Importing GitPython runs `git version` without a time limit: with a git that hangs, so would the import. That is
        why this one is started without it.
        """
        environment = {k: v for k, v in os.environ.items() if not _inherited(k)} | {"LC_ALL": "C"}
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                ["git", "version"],
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                env=environment,
                start_new_session=True,
            )
        except OSError as exc:
            raise no_program(exc.strerror or "") from exc
        child = GitChild(process, process, self.path, "version", self.timeout)
        try:
            answer = child.finish()[1].decode("utf-8", "replace").strip()
        finally:
            child.close()
        version = re.search(r"(\d+)\.(\d+)", answer)
        if version is None or (int(version[1]), int(version[2])) < OLDEST_GIT:
            raise too_old(answer)


def _environment(path: Path, extras: Extras) -> dict[str, str]:
    """What every git is told. The repository is named, not searched for: a parent folder's is never used instead."""
    try:
        directory = path.resolve()
        inner = directory / ".git"
        directory = inner if inner.exists() else directory
    except OSError as exc:
        raise RepositoryError(
            f"The folder {path} cannot be read: {exc.strerror}.", hint="Let the user that qtisync runs as read it."
        ) from exc
    safe = ("safe.directory", str(directory)), ("safe.directory", str(directory.parent))
    config = (*_CONFIG, *safe, *extras.config)
    environment = {
        "GIT_DIR": str(directory),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",  # beats `protocol.<name>.allow` of the repository's own configuration
        "GIT_CONFIG_COUNT": str(len(config)),
        "LC_ALL": "C",
    }
    for number, (key, value) in enumerate(config):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**environment, **extras.environment}


def _inherited(name: str) -> bool:
    return name.startswith("GIT_") and not name.startswith("GIT_PYTHON_")


def _without_inherited(environment: dict[str, str]) -> list[str]:
    """The start of a command line that drops git's variables of our own environment: a hook has GIT_DIR and more.

    GitPython can add variables but not remove any. Outside a hook there are none, and nothing is put in front.
    """
    names = sorted(name for name in os.environ if _inherited(name) and name not in environment)
    return [_ENV, *(part for name in names for part in ("-u", name))] if names else []
