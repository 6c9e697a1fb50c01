"""doctor: everything that a sync needs, looked at one by one, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import click

from qtisync.app import Setup, SystemClock
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import CONFIGURATION, CREDENTIALS, OK, UNAVAILABLE, strongest
from qtisync.engine.capability import Fitness, metadata_endpoint
from qtisync.engine.preflight import PROBE, judge
from qtisync.errors import QtisyncError

MAX_SKEW = 60.0  # seconds between our clock and the API's
MIN_WATCHES = 8192  # inotify watches that a working tree of ordinary size needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. ``level``: ok, warn, fail."""

    name: str
    level: str
    words: str
    hint: str = ""
    code: int = OK


@click.command()
@common_options
def doctor(*, common: Common) -> int:
    """Check configuration, repository, record, credentials, the API, clock and system limits. Nothing is written."""
    setup = common.setup()
    codes = []
    for check in checks(setup):
        sign, colour = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}[check.level]
        click.echo(f"{click.style(sign, fg=colour)}  {check.name:<14} {check.words}")
        if check.hint:
            click.echo(f"{'':20} {check.hint}")
        codes.append(check.code)
    return strongest(codes)


def checks(setup: Setup) -> Iterator[Check]:
    """All checks, in the order in which one depends on the other."""
    yield Check(name="configuration", level="ok", words=f"{setup.file}, target {setup.name}")
    for name, look in (("repository", _repository), ("record", _record)):
        yield _guarded(name, look, setup)
    yield from _api(setup)
    yield _inotify()


def _guarded(name: str, look: Callable[[Setup], Check], setup: Setup) -> Check:
    try:
        return look(setup)
    except QtisyncError as error:
        return Check(name=name, level="fail", words=error.message, hint=error.hint, code=error.exit_code)


def _repository(setup: Setup) -> Check:
    with closing(setup.open_source()) as source:
        ref = source.full_ref(setup.settings.repository.ref)
        commit = source.resolve(ref)
        files = sum(1 for _ in source.tree(commit))
    return Check(name="repository", level="ok", words=f"{setup.repository}, {ref} at {commit[:12]}, {files:,} files")


def _record(setup: Setup) -> Check:
    with closing(setup.open_reader()) as reader:
        last, counts = reader.last_pass(), reader.counts()
        capability = metadata_endpoint(reader)
    if last is None:
        return Check(name="record", level="ok", words=f"none yet in {setup.state}; the first sync makes it")
    words = (
        f"{sum(counts.values()):,} objects, last pass at commit {last.commit[:12]}; metadata call {capability.fitness}"
    )
    if capability.fitness is Fitness.UNFIT:
        hint = f"Metadata goes by PUT on this target: {capability.reason}."
        return Check(name="record", level="warn", words=words, hint=hint)
    return Check(name="record", level="ok", words=words)


def _api(setup: Setup) -> Iterator[Check]:
    host = setup.target.base_url
    try:
        api = setup.open_api()
    except QtisyncError as error:
        hint = getattr(error, "problems", ())
        words = "; ".join(f"{problem.where}: {problem.message}" for problem in hint) or error.message
        yield Check(name="credentials", level="fail", words=words, hint=error.hint, code=error.exit_code)
        return
    with closing(api):
        reply = api.send(PROBE)
    now = SystemClock().now()
    complaint = judge(reply, now)
    if complaint is None:
        yield Check(name="credentials", level="ok", words=f"accepted by {setup.target.token_url}")
        yield Check(name="api", level="ok", words=f"{host} answers as the QTI API")
        yield _clock(getattr(reply, "headers", {}).get("date"), now)
        return
    words = f"{complaint.name}: {getattr(complaint, 'message', '')}"
    name, code, hint = {
        "AuthError": ("credentials", CREDENTIALS, "Check client_id, client_secret, token_url and the granted scopes."),
        "NotTheApi": ("api", CONFIGURATION, f"Check base_url: {host}"),
    }.get(complaint.name, ("api", UNAVAILABLE, f"Is {host} up, and reachable from this machine?"))
    yield Check(name=name, level="fail", words=words, hint=hint, code=code)


def _clock(date: str | None, now: float) -> Check:
    try:
        skew = parsedate_to_datetime(date or "").timestamp() - now
    except (ValueError, TypeError):
        return Check(name="clock", level="ok", words="the API does not tell its time")
    if abs(skew) > MAX_SKEW:
        hint = "Tokens and Retry-After dates need a right clock: switch on NTP."
        return Check(name="clock", level="warn", words=f"{abs(skew):.0f} s away from the API's", hint=hint)
    return Check(name="clock", level="ok", words="agrees with the API's")


def _inotify() -> Check:
    file = Path("/proc/sys/fs/inotify/max_user_watches")
    try:
        watches = int(file.read_text())
    except (OSError, ValueError):
        return Check(name="inotify", level="ok", words="not available here; a service would poll")
    if watches < MIN_WATCHES:
        hint = f"sysctl fs.inotify.max_user_watches={MIN_WATCHES * 16}"
        return Check(name="inotify", level="warn", words=f"only {watches:,} watches for a user", hint=hint)
    return Check(name="inotify", level="ok", words=f"{watches:,} watches for a user")
