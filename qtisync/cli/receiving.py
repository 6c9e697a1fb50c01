"""What the git hooks of a repository do when somebody pushes: tell the daemon and the pusher, or check what arrives.

A hook makes somebody wait, so what a push of another branch does not need is not imported.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from qtisync.errors import DaemonAbsentError, QtisyncError

if TYPE_CHECKING:
    from qtisync.adapters.control_client import ControlClient
    from qtisync.app import Setup
    from qtisync.config.glance import Glance
    from qtisync.engine.ports import RecordReader
    from qtisync.model import Snapshot

ANSWERS_WITHIN = 3.0  # seconds for an answer that needs no waiting
OK = 200
_STEP = 1.0  # seconds; so often a push that takes longer is looked at
_OBJECTS = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
"""Where the objects of a push lie that is not accepted yet; git tells its hooks, and ours tell our git."""

_TO_BE_TOLD = "to be told how far it comes, set daemon.push_group to a group that pushers are in (docs/triggers.md)."

Job: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One ref of a push, as git tells its hooks."""

    old: str
    new: str
    ref: str

    @property
    def is_deletion(self) -> bool:
        """Whether the ref is removed."""
        return not self.new.strip("0")


def read_updates(told: bytes) -> list[Update]:
    """The refs of a push from a hook's input."""
    words = (line.split(" ", 2) for line in told.decode("utf-8", "surrogateescape").split("\n"))
    return [Update(old=part[0], new=part[1], ref=part[2]) for part in words if len(part) == 3]  # noqa: PLR2004 - three words a line


def concerned(updates: Iterable[Update], ref: str, git_folder: Path) -> list[Update]:
    """Those of the ref that is desired."""
    if ref in {"HEAD", "@"}:
        ref = (git_folder / "HEAD").read_text("utf-8").strip().removeprefix("ref: ")
    names = {ref, f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}"}
    return [update for update in updates if update.ref in names]


def git_folder() -> Path:
    """The repository whose hook we are."""
    return Path(os.environ.get("GIT_DIR", ".")).absolute()


def post_receive(config: Path, target: str | None, wait: float) -> None:
    """Ring the daemons of a configuration, and say how far they came within so many seconds. Never fails a push."""
    try:
        _tell(config, target, wait)
    except QtisyncError as error:
        _say(f"nobody was told of this push: {error.message}", error.hint)
    except KeyboardInterrupt:
        pass
    except Exception as error:  # noqa: BLE001 - a push that arrived must not look like one that failed
        _say(f"nobody was told of this push: {type(error).__name__}: {error}")


def _tell(config: Path, target: str | None, wait: float) -> None:
    from qtisync.config.glance import glance  # noqa: PLC0415 - after click, this is what takes time

    seen = glance(config, os.environ) or _with_care(config)
    updates = concerned(read_updates(sys.stdin.buffer.read()), seen.ref, git_folder())
    if not updates:
        return
    from qtisync.adapters.control_client import ControlClient, socket_file  # noqa: PLC0415 - only if there is news

    names = seen.targets if target is None else (target,)
    until = time.monotonic() + wait
    rung = [(name, client := ControlClient(socket_file(seen.state, name)), _ring(client)) for name in names]
    for name, client, job in rung:
        prefix = f"{name}: " if len(names) > 1 else ""
        lines = [job] if isinstance(job, str) else _follow(client, job, updates[-1].new, until)
        _say(*(prefix + line for line in lines))


def _with_care(config: Path) -> Glance:
    """Read a configuration that a glance could not; it says what is wrong with it."""
    from qtisync.config.file import load_settings  # noqa: PLC0415 - pydantic is heavy
    from qtisync.config.glance import Glance  # noqa: PLC0415 - see above

    settings = load_settings(config, os.environ).settings
    return Glance(ref=settings.repository.ref, state=Path(settings.state), targets=tuple(settings.targets))


def _ring(client: ControlClient) -> Job | str:
    """The job that a ring began, or why there is none."""
    try:
        code, job = client.call("POST", "/api/v1/sync", {"origin": "hook"}, timeout=ANSWERS_WITHIN)
    except DaemonAbsentError as error:
        if isinstance(error.__cause__, PermissionError):
            return f"{error.message} It notices the push by itself; {_TO_BE_TOLD}"
        return f"{error.message} The push is kept, and synced when it runs. {error.hint}"
    except QtisyncError as error:
        return f"{error.message} {error.hint}"
    if code >= 300 or not isinstance(job, dict) or "id" not in job:  # noqa: PLR2004 - not a 2xx
        return f"The daemon answered {code}. See its log."
    return job


def _follow(client: ControlClient, job: Job, commit: str, until: float) -> list[str]:
    """What became of a push until then."""
    from qtisync.report.push_answer import first_job_of, left_to_push, push_answer  # noqa: PLC0415 - a daemon runs

    total: int | None = None

    def wait_for(job: Job) -> Job:
        nonlocal total
        while not job.get("ended") and (left := until - time.monotonic()) > 0:
            if job.get("state") == "pushing" and total is None:
                total = left_to_push(_status(client))
            step = min(left, _STEP)
            job = client.call("GET", f"/api/v1/jobs/{job['id']}?wait={step:.2f}", timeout=step + ANSWERS_WITHIN)[1]
        return job

    try:
        job = wait_for(job)
        # The watch of the refs is quicker than Python starts: mostly its pass found what was pushed, and ours nothing.
        status = _status(client)
        first = first_job_of(status, commit)
        if first is not None and first != job["id"]:
            code, found = client.call("GET", f"/api/v1/jobs/{first}", timeout=ANSWERS_WITHIN)
            job = wait_for(found) if code == OK else job
            status = _status(client)
        return push_answer(job, status, total)
    except QtisyncError as error:
        return [f"noticed; {error.message} Follow with: qtisync status"]


def _status(client: ControlClient) -> Mapping[str, Any] | None:
    code, status = client.call("GET", "/api/v1/status", timeout=ANSWERS_WITHIN)
    return status if code == OK and isinstance(status, dict) else None


def _say(*lines: str) -> None:
    for line in lines:
        if line:
            click.echo(f"qtisync: {line}")


class _TooLongError(QtisyncError):
    """The check took too long."""


def pre_receive(config: Path, target: str | None, limit: float) -> bool:
    """Check what is pushed; false refuses it. What keeps us from checking lets it pass, and is said.

    The daemon checks again before anything is sent, so a push that passes unchecked harms nobody; a check that could
    lock everybody out of their repository would.
    """
    try:
        with _within(limit):
            return _check(config, target)
    except QtisyncError as error:
        problems = "; ".join(f"{problem.where}: {problem.message}" for problem in getattr(error, "problems", ()))
        _say(f"the check did not run, the push passes unchecked: {error.message} {problems}".rstrip(), error.hint)
    except Exception as error:  # noqa: BLE001 - see above
        _say(f"the check did not run, the push passes unchecked: {type(error).__name__}: {error}")
    return True


def _check(config: Path, target: str | None) -> bool:
    from qtisync.config.glance import glance  # noqa: PLC0415 - after click, this is what takes time

    seen = glance(config, os.environ)
    updates = read_updates(sys.stdin.buffer.read())
    if seen is not None and not concerned(updates, seen.ref, git_folder()):
        return True
    from qtisync.app import load_setup  # noqa: PLC0415 - only if there is something to check

    name = target or (seen.targets[0] if seen is not None else None)
    setup = load_setup(config, name, os.environ)
    wanted = concerned(updates, setup.settings.repository.ref, git_folder())
    checked = [_good(setup, update) for update in wanted if not update.is_deletion]
    return all(checked)


def _good(setup: Setup, update: Update) -> bool:
    """Whether what a ref will be is in order, as far as the push changes it; says what is not."""
    from qtisync.adapters.git_process import Extras  # noqa: PLC0415 - only if there is something to check
    from qtisync.adapters.git_source import GitSource  # noqa: PLC0415 - likewise
    from qtisync.engine.reading import Caps, read_snapshot  # noqa: PLC0415 - likewise
    from qtisync.model import CommitId  # noqa: PLC0415 - likewise

    objects = {name: os.environ[name] for name in _OBJECTS if name in os.environ}
    content = setup.settings.content
    caps = Caps(item=content.max_item_bytes, sidecar=content.max_sidecar_bytes)
    source = GitSource(git_folder(), extras=Extras(environment=objects))
    with closing(source), closing(_record(setup)) as record:
        commit = source.resolve(update.new)  # a tag names its commit
        paths = source.changed(CommitId(update.old), commit)
        snapshot = read_snapshot(source, record, commit, setup.rules(), caps, _NoProgress()).snapshot
    return _told(snapshot, None if paths is None else frozenset(paths), update.ref)


class _NoProgress:
    """``engine.ports.Progress`` for somebody who only sees lines."""

    def step(self, _label: str, _total: int | None) -> AbstractContextManager[Callable[[int], None]]:
        """Nothing is shown."""
        return nullcontext(lambda _units: None)


def _record(setup: Setup) -> RecordReader:
    """What the record knows of files that did not change, so that they are not read again; it may be out of reach."""
    from qtisync.adapters.empty_record import EmptyReader  # noqa: PLC0415 - only if there is something to check

    try:
        return setup.open_reader()
    except (QtisyncError, OSError):
        return EmptyReader()


def _told(snapshot: Snapshot, changed: frozenset[str] | None, ref: str) -> bool:
    """Say what is wrong with what was changed (``None``: everything was); whether all of it may pass."""
    from qtisync.report.push_check import push_check  # noqa: PLC0415 - only if there is something to check

    check = push_check(snapshot, changed, ref)
    _say(*check.lines)
    return not check.refused


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    def late(_number: int, _frame: FrameType | None) -> None:
        raise _TooLongError(f"It took longer than {seconds:g} s.", hint="`qtisync hook install --limit` allows more.")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
