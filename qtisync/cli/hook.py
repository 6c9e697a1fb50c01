"""hook: git hooks that tell the daemon of a push, and that refuse broken content."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qtisync.cli.common_options import Common, common_options
from qtisync.cli.durations import Duration
from qtisync.errors import UsageError

if TYPE_CHECKING:
    from qtisync.adapters.hook_files import HookState

_PATH = click.Path(path_type=Path)
_CONFIG = click.option("--config", type=_PATH, required=True)
_TARGET = click.option("--target")
_REPOSITORY = click.option(
    "--repository", type=_PATH, metavar="PATH", help="The repository that is pushed to [default: repository.path]."
)


@click.group()
def hook() -> None:
    """Let the git repository that is pushed to tell the daemon, and the pusher how it went.

    post-receive rings the daemon and answers the pusher in their terminal; it never fails a push. pre-receive refuses
    a push with broken items. Hooks that are there already are kept and called first.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Which configuration, and which repository's hooks."""

    config: Path
    folder: Path


def _place(common: Common, repository: Path | None) -> _Place:
    from qtisync.adapters.hook_files import hooks_folder  # noqa: PLC0415 - the hooks themselves need no such thing
    from qtisync.config.file import load_settings  # noqa: PLC0415 - pydantic is heavy
    from qtisync.config.settings import choose_target  # noqa: PLC0415 - likewise

    loaded = load_settings(common.config, os.environ)
    if common.target is not None:
        choose_target(loaded.settings, common.target)
    path = repository.absolute() if repository is not None else loaded.settings.repository.path
    if path is None:
        hint = "If the folder of the repository is on this machine, name it: --repository PATH. Else use a webhook."
        raise UsageError("The configuration has a url: its hooks are elsewhere.", hint=hint)
    return _Place(config=loaded.file, folder=hooks_folder(Path(path)))


def program() -> tuple[str, ...]:
    """This qtisync as a command with a full path, good for any folder and any PATH."""
    script = Path(sys.executable).parent / "qtisync"
    return (str(script),) if os.access(script, os.X_OK) else (sys.executable, "-P", "-m", "qtisync")


@hook.command()
@common_options
@_REPOSITORY
@click.option("--pre-receive", is_flag=True, help="Also refuse pushes with broken items.")
@click.option(
    "--wait",
    type=Duration(least=0, most=600),
    default=5.0,
    show_default="5s",
    metavar="TIME",
    help="How long a pusher may wait.",
)
@click.option(
    "--limit",
    type=Duration(least=1, most=600),
    default=60.0,
    show_default="1m",
    metavar="TIME",
    help="How long a check may take.",
)
def install(*, common: Common, repository: Path | None, pre_receive: bool, wait: float, limit: float) -> int:
    """Write the hooks. A second time changes nothing, unless with other options."""
    from qtisync.adapters.hook_files import hook_file, install_hook  # noqa: PLC0415 - see above
    from qtisync.adapters.hook_script import hook_script  # noqa: PLC0415 - see above

    place = _place(common, repository)
    flags = ["--config", str(place.config), *(("--target", common.target) if common.target is not None else ())]
    wanted = {"post-receive": [*flags, "--wait", f"{wait:g}"]}
    if pre_receive:
        wanted["pre-receive"] = [*flags, "--limit", f"{limit:g}"]
    for kind, own in wanted.items():
        changed = install_hook(place.folder, kind, hook_script(kind, program(), own))
        click.echo(f"{kind}: {'installed' if changed else 'is installed already'} in {hook_file(place.folder, kind)}")
    return 0


@hook.command()
@common_options
@_REPOSITORY
def uninstall(*, common: Common, repository: Path | None) -> int:
    """Take our hooks out and put back what was there before, byte for byte."""
    from qtisync.adapters.hook_files import hook_file, uninstall_hook  # noqa: PLC0415 - see above
    from qtisync.adapters.hook_script import KINDS  # noqa: PLC0415 - see above

    place = _place(common, repository)
    for kind in KINDS:
        removed = uninstall_hook(place.folder, kind)
        back = removed and hook_file(place.folder, kind).exists()
        words = "removed; the hook that was there before is back" if back else "removed" if removed else "was not there"
        click.echo(f"{kind}: {words}")
    return 0


@hook.command()
@common_options
@_REPOSITORY
def status(*, common: Common, repository: Path | None) -> int:
    """Say which hooks are there and whether they can do their work. Leaves with 1 if one of ours cannot."""
    from qtisync.adapters.hook_files import hook_state  # noqa: PLC0415 - see above
    from qtisync.adapters.hook_script import KINDS  # noqa: PLC0415 - see above
    from qtisync.cli.output import write  # noqa: PLC0415 - the hooks themselves print no report

    place = _place(common, repository)
    states = [hook_state(place.folder, kind) for kind in KINDS]
    found = [(state, _trouble(state, place.config)) for state in states]
    if common.format == "json":
        rows = [{"kind": s.kind, "file": str(s.file), "installed": s.ours, "trouble": t} for s, t in found]
        write(json.dumps({"hooks": rows}, ensure_ascii=False, indent=2) + "\n", common)
    else:
        write("".join(_words(state, trouble) for state, trouble in found), common)
    return int(any(state.ours and trouble for state, trouble in found))


def _trouble(state: HookState, config: Path) -> str:
    """Why a hook of ours does not do what it should; empty: it does, or it is not ours."""
    if not state.ours:
        return ""
    if not state.executable:
        return "it is not executable, so git ignores it; install it again"
    if not state.command or not os.access(state.command[0], os.X_OK):
        return "it was edited, or the qtisync that it calls is gone; install it again"
    named = state.command[state.command.index("--config") + 1] if "--config" in state.command else ""
    return "" if named == str(config) else f"it uses another configuration: {named}"


def _words(state: HookState, trouble: str) -> str:
    if state.ours:
        previous = f"; {state.previous.name} runs first" if state.previous is not None else ""
        return f"{state.kind}: installed in {state.file}{previous}{f'; {trouble}' if trouble else ''}\n"
    if state.there:
        kept = f"; {state.previous.name} beside it is what our hook had kept" if state.previous is not None else ""
        return f"{state.kind}: not installed; {state.file} is another hook{kept}\n"
    return f"{state.kind}: not installed\n"


@hook.command("post-receive", hidden=True)
@_CONFIG
@_TARGET
@click.option("--wait", type=float, default=5.0)
def post_receive(config: Path, target: str | None, wait: float) -> int:
    """Called by the hook of that name."""
    from qtisync.cli import receiving  # noqa: PLC0415 - the other commands do not need it

    receiving.post_receive(config, target, wait)
    return 0


@hook.command("pre-receive", hidden=True)
@_CONFIG
@_TARGET
@click.option("--limit", type=float, default=60.0)
def pre_receive(config: Path, target: str | None, limit: float) -> int:
    """Called by the hook of that name; 9 refuses the push."""
    from qtisync.adapters.hook_script import REFUSED  # noqa: PLC0415 - see above
    from qtisync.cli import receiving  # noqa: PLC0415 - see above

    return 0 if receiving.pre_receive(config, target, limit) else REFUSED
