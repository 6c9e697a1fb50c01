"""doctor: everything that a sync needs, looked at one by one, with what to do about it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import click

from qtisync.app import Setup, SystemClock
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import CONFIGURATION, CREDENTIALS, OK, UNAVAILABLE, UNEXPECTED, strongest
from qtisync.cli.output import painter, write
from qtisync.engine.capability import Capability, Fitness, forget, verdict
from qtisync.engine.preflight import PROBE, judge
from qtisync.errors import QtisyncError
from qtisync.report.cells import visible
from qtisync.report.text import Paint, plain
from qtisync.report.value import FORMAT_VERSION

MAX_SKEW = 60.0  # seconds between our clock and the API's
MIN_WATCHES = 8192  # inotify watches that a working tree of ordinary size needs

_CALLS = {
    Capability.METADATA_ENDPOINT: ("metadata call", "Metadata goes by PUT on this target"),
    Capability.LIST_FILTER: ("list filter", "Items are read one by one on this target"),
}


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
@click.option("--reset-capabilities", is_flag=True, help="First forget what was found out about the target's calls.")
def doctor(*, common: Common, reset_capabilities: bool) -> int:
    """Check configuration, repository, record, credentials, the API, clock and system limits.

    Nothing is written but the mirror of a repository elsewhere, which is fetched. With --reset-capabilities the record
    is: the next sync tries the metadata call and the list's filter anew.
    """
    setup = common.setup()
    if reset_capabilities:
        with closing(setup.open_store("qtisync doctor")) as store:
            forget(store)
        click.echo(
            "What was found out about the metadata call and the list is forgotten; the next sync tries them anew."
        )
    found = []
    for check in checks(setup):
        found.append(check)
        if common.format == "text" and common.output is None:  # one by one, because some take a while
            write(render_check(check, painter(common)), common)
    if common.format in {"json", "ndjson"}:
        document = {"format_version": FORMAT_VERSION, "kind": "doctor", "checks": [asdict(check) for check in found]}
        indent = 2 if common.format == "json" else None
        write(json.dumps(document, ensure_ascii=False, indent=indent) + "\n", common)
    elif common.format != "text" or common.output is not None:
        write("".join(render_check(check, plain) for check in found), common)
    return strongest(check.code for check in found)


def render_check(check: Check, paint: Paint) -> str:
    """One check for a terminal, with what to do below it."""
    sign, style = {"ok": ("ok  ", "add"), "warn": ("warn", "change"), "fail": ("FAIL", "bad")}[check.level]
    hint = f"{'':20} {check.hint}\n" if check.hint else ""
    return f"{paint(sign, style)}  {check.name:<14} {visible(check.words)}\n{hint}"


def checks(setup: Setup) -> Iterator[Check]:
    """All checks, in the order in which one depends on the other."""
    yield Check(name="configuration", level="ok", words=f"{setup.file}, target {setup.name}")
    if setup.settings.repository.url is not None:
        yield _guarded("fetch", _fetch, setup)
    for name, look in (("repository", _repository), ("record", _record)):
        yield _guarded(name, look, setup)
    yield from _api(setup)
    yield _inotify()


def _guarded(name: str, look: Callable[[Setup], Check], setup: Setup) -> Check:
    try:
        return look(setup)
    except QtisyncError as error:
        return _failed(name, error)


def _failed(name: str, error: QtisyncError) -> Check:
    problems = getattr(error, "problems", ())
    words = "; ".join(f"{problem.where}: {problem.message}" for problem in problems) or error.message
    hint = error.hint or "; ".join(problem.hint for problem in problems)
    return Check(name=name, level="fail", words=words, hint=hint, code=error.exit_code)


def _fetch(setup: Setup) -> Check:
    """Whether the repository elsewhere is reached, its host is the right one, and we may read it."""
    clock = SystemClock()
    began, mirror = clock.now(), setup.open_mirror()
    if mirror is None:
        return Check(name="fetch", level="ok", words="the repository is on this machine")
    with closing(mirror):
        mirror.fetch()
    took = clock.now() - began
    known = "" if (setup.settings.repository.url or "").startswith("https://") else ", its host key is known"
    others = sorted(path.name for path in setup.state.glob("mirror-*.git") if path != mirror.path)
    hint = f"Mirrors of other addresses, which may be removed: {', '.join(others)} in {setup.state}" if others else ""
    words = f"{mirror.url} answers{known}; fetched in {took:.1f} s into {mirror.path.name}"
    return Check(name="fetch", level="ok", words=words, hint=hint)


def _repository(setup: Setup) -> Check:
    with closing(setup.open_source()) as source:
        ref = source.full_ref(setup.settings.repository.ref)
        commit = source.resolve(ref)
        files = sum(1 for _ in source.tree(commit))
    return Check(name="repository", level="ok", words=f"{source.location()}, {ref} at {commit[:12]}, {files:,} files")


def _record(setup: Setup) -> Check:
    with closing(setup.open_reader()) as reader:
        last, counts = reader.last_pass(), reader.counts()
        found = {capability: verdict(reader, capability) for capability in Capability}
    if setup.state.exists() and not (setup.state.is_dir() and os.access(setup.state, os.W_OK)):
        hint = "Make it a folder that this user may write to, or set state: to another one."
        words = f"{setup.state} is no folder in which we may write"
        return Check(name="record", level="fail", words=words, hint=hint, code=UNEXPECTED)
    if last is None:
        hint = "If this target was synced before and its record is lost: qtisync state rebuild (nothing is sent)"
        return Check(name="record", level="ok", words=f"none yet in {setup.state}; the first sync makes it", hint=hint)
    calls = ", ".join(f"{_CALLS[capability][0]} {found[capability].fitness}" for capability in Capability)
    words = f"{sum(counts.values()):,} objects, last pass at commit {last.commit[:12]}; {calls}"
    hints = [
        f"{_CALLS[capability][1]}: {one.reason}." for capability, one in found.items() if one.fitness is Fitness.UNFIT
    ]
    if hints:
        hints.append("To try it again: qtisync doctor --reset-capabilities")
        return Check(name="record", level="warn", words=words, hint=f"\n{'':20} ".join(hints))
    return Check(name="record", level="ok", words=words)


def _api(setup: Setup) -> Iterator[Check]:
    host = setup.target.base_url
    try:
        api = setup.open_api()
    except QtisyncError as error:
        yield _failed("credentials", error)
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
        "NotTheApi": ("api", CONFIGURATION, f"Check base_url and token_url: {host}, {setup.target.token_url}"),
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
