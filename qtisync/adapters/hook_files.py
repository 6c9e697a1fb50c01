"""Hooks of a git repository: put in beside what is there, taken out without a trace. Every change is one rename."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qtisync.adapters.git_process import Extras, GitRunner
from qtisync.adapters.hook_script import command_of, is_ours, previous_name
from qtisync.adapters.whole_file import write_whole
from qtisync.errors import RepositoryError

_MODE = 0o755
_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HookState:
    """How one hook of a repository is."""

    kind: str
    file: Path
    ours: bool = False
    command: tuple[str, ...] = ()
    """What ours runs."""
    there: bool = False
    executable: bool = False
    previous: Path | None = None
    """A hook that was there before."""


def hooks_folder(repository: Path) -> Path:
    """Where git looks for the hooks of a repository: its own folder, or the one that its configuration names.

    Raises ``RepositoryError`` if the user's or the machine's configuration names one for all repositories.
    """
    home = Path(os.environ.get("HOME", "/"))
    named = [home / ".gitconfig", Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git" / "config"]
    users = next((file for file in named if file.is_file()), Path(os.devnull))
    environment = {"GIT_CONFIG_GLOBAL": str(users), "GIT_CONFIG_NOSYSTEM": "0"}
    runner = GitRunner(repository, _SECONDS, Extras(environment=environment))
    common = runner.run("rev-parse", "--git-common-dir")[1].decode("utf-8", "surrogateescape").strip()
    told = runner.run("config", "--show-scope", "-z", "--get-all", "core.hooksPath", accept=(0, 1))[1]
    parts = told.decode("utf-8", "surrogateescape").split("\0")
    scopes = dict(zip(parts[0::2], parts[1::2], strict=False))  # the last of each scope counts; ours is "command"
    git_folder = (repository / common).resolve()
    own = scopes.get("worktree") or scopes.get("local")
    if own:
        return (git_folder / Path(own).expanduser()).resolve()
    everywhere = scopes.get("global") or scopes.get("system")
    if everywhere:
        raise RepositoryError(
            f"core.hooksPath of this user or machine is {everywhere}: a hook there would run for every repository.",
            hint=f"Give this one hooks of its own: git -C '{repository}' config core.hooksPath hooks (relative to its "
            "git folder), then install again.",
            reference="hooks-path",
        )
    return git_folder / "hooks"


def hook_state(folder: Path, kind: str) -> HookState:
    """How a hook is now."""
    file = hook_file(folder, kind)
    previous = file.parent / previous_name(kind)
    kept = previous if os.path.lexists(previous) else None
    if not os.path.lexists(file):
        return HookState(kind=kind, file=file, previous=kept)
    script = _read(file)
    ours = is_ours(script)
    return HookState(
        kind=kind,
        file=file,
        ours=ours,
        command=command_of(script, kind) if ours else (),
        there=True,
        executable=os.access(file, os.X_OK),
        previous=kept,
    )


def hook_file(folder: Path, kind: str) -> Path:
    """The file of our hook: in ``KIND.d`` if the hook that is there runs what lies in it, as forges' own hooks do."""
    parts, main = folder / f"{kind}.d", folder / kind
    if parts.is_dir() and main.exists():
        script = _read(main)
        if not is_ours(script) and b".d/" in script:
            return parts / "qtisync"
    return main


def install_hook(folder: Path, kind: str, script: str) -> bool:
    """Put our script in; whether anything had to be changed. What is there is kept and called first."""
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        state, data = hook_state(folder, kind), script.encode("utf-8", "surrogateescape")
        if state.ours and state.executable and _read(state.file) == data:
            return False
        if state.there and not state.ours:
            _keep(state)
        _put(state.file, data)
    return True


def uninstall_hook(folder: Path, kind: str) -> bool:
    """Take our script out and put back what was there before; whether it was there."""
    with _writing(folder):
        state = hook_state(folder, kind)
        if not state.ours:
            if _is_second_name(state):
                (state.file.parent / previous_name(kind)).unlink()
            return False
        if state.previous is not None:
            os.replace(state.previous, state.file)  # noqa: PTH105 - a link is replaced as it is
        else:
            state.file.unlink()
    return True


def _keep(state: HookState) -> None:
    """A second name for the hook that is there, so that there is never a moment without it."""
    previous = state.file.parent / previous_name(state.kind)
    if state.previous is not None and not _is_second_name(state):
        raise RepositoryError(
            f"{state.file} is not ours, and {previous.name} beside it keeps another hook.",
            hint="Somebody replaced our hook. Look at both, remove the one that is not needed, then install again.",
            reference="hook-foreign",
        )
    if state.previous is not None:
        return
    try:
        os.link(state.file, previous, follow_symlinks=False)
    except (OSError, NotImplementedError):  # a file system without hard links
        shutil.copy2(state.file, previous, follow_symlinks=False)


def _is_second_name(state: HookState) -> bool:
    """Whether an installation was killed when it had given the hook its second name and not yet put ours in."""
    return state.there and state.previous is not None and os.path.samestat(state.previous.lstat(), state.file.lstat())


def _put(file: Path, data: bytes) -> None:
    """Write a hook in one step: a push that comes meanwhile runs the old one or the new one."""
    write_whole(file, data, mode=_MODE)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""  # a link to nothing
    except OSError as exc:
        hint = "Run the command as the owner of the repository."
        raise RepositoryError(f"The hook {file} cannot be read: {exc.strerror}.", hint=hint) from exc


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise RepositoryError(
            f"The hooks in {folder} cannot be changed: {exc.strerror}.",
            hint="Run the command as the owner of the repository. Without a hook a push is noticed, too: by watching "
            "the repository, or by a webhook.",
            reference="hooks-not-writable",
        ) from exc
