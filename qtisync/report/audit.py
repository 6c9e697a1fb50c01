"""The journal for people and scripts: what happened, and what was live at a point in time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qtisync.delivery.ledger import CARRIED, Chain, Entry, Fault
from qtisync.delivery.messages import Purpose
from qtisync.model import CommitId, Digest, JournalLine, Key
from qtisync.report.cells import padded, visible
from qtisync.report.value import moment

GONE = frozenset({"Missing", "Removed"})
"""Outcomes that say that the object is not there."""
_WRITING = frozenset(purpose.value for purpose in Purpose if purpose.writes)
_UNCLEAR = frozenset({"NoAnswer", "ServerError"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What learners got of one object at a point in time, as far as the API had confirmed it."""

    key: Key
    content: Digest
    metadata: Digest | None
    commit: CommitId | None
    """``None``: it did not come from git; it was adopted."""
    author: str | None
    version: int | None
    since: float
    """When the API first confirmed it."""
    confirmed: float
    """When it did so last, until then."""
    note: str | None = None
    doubt: float | None = None
    """When a later write was sent whose answer never came: it may be that one that was live."""


def live_at(lines: Iterable[JournalLine], at: float) -> tuple[Live, ...]:
    """What was live then, by key. ``lines`` in the order of the journal.

    Times are shown by the millisecond, so the one that is asked for is meant with all of it.
    """
    found: dict[Key, Live] = {}
    at += 0.000999
    for line in lines:
        key = line.key
        if key is None or line.at > at:
            continue
        before = found.get(key)
        if line.content is not None:
            found[key] = _confirmed(key, line, line.content, before)
        elif line.outcome in GONE:
            found.pop(key, None)
        elif before is not None and line.purpose in _WRITING and line.outcome in _UNCLEAR:
            found[key] = replace(before, doubt=line.at)
    return tuple(found[key] for key in sorted(found))


def _confirmed(key: Key, line: JournalLine, content: Digest, before: Live | None) -> Live:
    if before is not None and (before.content, before.metadata) == (content, line.metadata):
        version = before.version if line.remote_version is None else line.remote_version
        return replace(before, confirmed=max(before.confirmed, line.at), version=version, doubt=None)
    return Live(
        key=key,
        content=content,
        metadata=line.metadata,
        commit=line.commit,
        author=line.author,
        version=line.remote_version,
        since=line.at,
        confirmed=line.at,
        note=None if line.purpose == CARRIED else line.message,
    )


def live_as_json(live: Live) -> dict[str, Any]:
    """One object that was live, for scripts."""
    return {
        "kind": live.key.kind.value,
        "identifier": live.key.identifier,
        "content": live.content,
        "metadata": live.metadata,
        "commit": live.commit,
        "author": live.author,
        "remote_version": live.version,
        "since": moment(live.since),
        "confirmed": moment(live.confirmed),
        "note": live.note,
        "in_doubt_since": None if live.doubt is None else moment(live.doubt),
    }


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """One entry, for scripts; ``entry`` and ``digest`` let them check the chain themselves."""
    line = entry.line
    return {
        "entry": entry.number,
        "at": moment(line.at),
        "kind": None if line.key is None else line.key.kind.value,
        "identifier": None if line.key is None else line.key.identifier,
        "purpose": line.purpose,
        "outcome": line.outcome,
        "method": line.method,
        "path": line.path,
        "http_status": line.http_status,
        "remote_version": line.remote_version,
        "commit": line.commit,
        "author": line.author,
        "actor": line.actor,
        "content": line.content,
        "metadata": line.metadata,
        "message": line.message,
        "digest": entry.digest,
    }


def render_entry(line: JournalLine) -> str:
    """One entry as a line for people."""
    name = "-" if line.key is None else visible(str(line.key))
    did = f"{line.method} {line.purpose}" if line.method else line.purpose
    words = [moment(line.at), padded(name, 20), f"{did:<20}", line.outcome]
    if line.remote_version is not None:
        words.append(f"→ version {line.remote_version}")
    if line.content is not None:
        words.append("confirmed")
    words += _origin(line.commit, line.author)
    words += [f"[{line.actor}]"] if line.actor else []
    words += [line.message] if line.message else []
    return visible("  ".join(words)).rstrip()


def render_live(live: Live) -> str:
    """One object that was live, as a line for people."""
    words = [padded(visible(str(live.key)), 24), f"since {moment(live.since)}"]
    words += [f"version {live.version}"] if live.version is not None else []
    words += _origin(live.commit, live.author) if live.commit is not None else ["not from git"]
    words += [live.note] if live.note else []
    words += [f"in doubt since {moment(live.doubt)}: the answer to a later write was lost"] if live.doubt else []
    return visible("  ".join(words))


def _origin(commit: CommitId | None, author: str | None) -> list[str]:
    if commit is None:
        return []
    return [f"commit {commit[:9]}" + (f" by {author}" if author else "")]


def verdict_as_json(faults: Sequence[Fault], chain: Chain | None) -> dict[str, Any]:
    """What verifying the journal came to, for scripts."""
    until = None if chain is None or chain.dropped_until is None else moment(chain.dropped_until)
    return {
        "intact": not faults,
        "faults": [{"entry": fault.number, "message": fault.message} for fault in faults],
        "first_entry": None if chain is None else chain.dropped.number + 1,
        "last_entry": None if chain is None else chain.newest.number,
        "digest": None if chain is None else chain.newest.digest,
        "dropped_until": until,
    }


def render_verdict(faults: Sequence[Fault], chain: Chain | None) -> str:
    """What verifying the journal came to, for people."""
    lines = []
    if chain is not None and chain.dropped.number:
        until = moment(chain.dropped_until) if chain.dropped_until is not None else "?"
        lines.append(f"Entries 1 to {chain.dropped.number:,} (until {until}) were dropped by retention (keep_journal).")
    if faults:
        lines.append(f"The journal was tampered with: {len(faults):,} sign{'s' if len(faults) != 1 else ''}.")
        lines += [
            f"  entry {fault.number}: {fault.message}" if fault.number else f"  {fault.message}" for fault in faults
        ]
        lines.append("Compare it with a backup of the state directory; the entries around these places tell when.")
    elif chain is not None and chain.newest.number == chain.dropped.number:
        lines.append("The journal is intact; it has no entries.")
    elif chain is not None:
        first, last = chain.dropped.number + 1, chain.newest.number
        lines.append(f"The journal is intact: entries {first:,} to {last:,}, no gap, nothing changed.")
        lines.append(f"Note elsewhere, to prove it later: entry {last} has digest {chain.newest.digest}")
    return "\n".join(lines) + "\n"
