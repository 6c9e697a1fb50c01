"""The journal as a chain: each entry carries a digest of itself and of the digest before it.

Whoever changes, removes, moves or inserts an entry afterwards breaks the chain at that place. Entries are numbered
without gaps from 1; what retention dropped is always the beginning, of which the last number and digest are kept. A
chain proves nothing against somebody who writes all of it anew: for that, note the newest digest elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from qtisync.model import CommitId, Digest, Facets, Identifier, JournalLine, Key, Kind, Recorded

ORIGIN = "0" * 64
"""The digest before the first entry."""
FIELDS = (
    *("at", "kind", "identifier", "method", "path", "purpose", "outcome", "commit_id", "author", "actor"),
    *("content", "metadata", "http_status", "remote_version", "message"),
)
"""The fields of an entry in the order in which they are digested; an entry of this order is for ever."""
CARRIED = "carried"
"""Purpose of an entry that says again what an entry said that was dropped, because it is still the newest one."""

Value: TypeAlias = "str | int | float | bytes | None"
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=repr).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as it is kept. ``values``: those of ``FIELDS``, which need not make sense after a tampering."""

    number: int
    values: tuple[Value, ...]
    digest: str

    @property
    def line(self) -> JournalLine:
        """What it says; raises ``ValueError`` if that makes no sense."""
        return line_of(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in the chain: just behind the entry with this number."""

    number: int = 0
    digest: str = ORIGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Both ends of the chain."""

    dropped: Place = Place()
    """What retention dropped ends here."""
    dropped_until: float | None = None
    """When the newest entry was written that retention dropped."""
    newest: Place = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A sign of tampering. ``number``: the entry it concerns, 0 if none."""

    number: int
    message: str


def values_of(line: JournalLine) -> tuple[Value, ...]:
    """A line as it is kept."""
    key = line.key
    return (
        float(line.at),
        None if key is None else str(key.kind),
        None if key is None else key.identifier,
        line.method,
        plain(line.path),
        line.purpose,
        line.outcome,
        line.commit,
        plain(line.author),
        plain(line.actor),
        line.content,
        line.metadata,
        line.http_status,
        line.remote_version,
        plain(line.message),
    )


def line_of(values: tuple[Value, ...]) -> JournalLine:
    """The reverse of ``values_of``; raises ``ValueError`` for what no line can be."""
    at, kind, identifier, method, path, purpose, outcome, commit, author, actor, content, metadata, *rest = values
    http_status, remote_version, message = rest
    if not isinstance(at, float | int):
        raise ValueError("an entry without a time")  # noqa: TRY004 - the value is wrong, not the caller's type
    return JournalLine(
        at=at,
        key=None if kind is None else Key(Kind(str(kind)), Identifier(str(identifier))),
        method=str(method),
        path=str(path),
        purpose=str(purpose),
        outcome=str(outcome),
        commit=None if commit is None else CommitId(str(commit)),
        author=_text(author),
        actor=_text(actor),
        content=None if content is None else Digest(str(content)),
        metadata=None if metadata is None else Digest(str(metadata)),
        http_status=http_status if isinstance(http_status, int) else None,
        remote_version=remote_version if isinstance(remote_version, int) else None,
        message=_text(message),
    )


def plain(text: str | None) -> str | None:
    """Foreign words as storable text: a server (or a file name) can contain lone surrogates."""
    return text if text is None or text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def digest_of(previous: str, number: int, values: Iterable[Value]) -> str:
    """The digest of an entry that follows ``previous``."""
    return hashlib.sha256(_encode(["journal/1", previous, number, *values]).encode()).hexdigest()


def chained(last: Place, lines: Iterable[JournalLine]) -> Iterator[Entry]:
    """The entries that ``lines`` become behind ``last``."""
    number, digest = last.number, last.digest
    for line in lines:
        number, values = number + 1, values_of(line)
        digest = digest_of(digest, number, values)
        yield Entry(number=number, values=values, digest=digest)


def signed(
    lines: Iterable[JournalLine], row: Recorded, confirmed: Facets | None, words: str | None = None
) -> tuple[JournalLine, ...]:
    """The lines of an attempt with whose change they carried; the last one with what the API confirmed by it."""
    found = [replace(line, commit=row.commit, author=row.author) for line in lines]
    if found and confirmed is not None:
        found[-1] = replace(
            found[-1], content=confirmed.content, metadata=confirmed.metadata, message=words or found[-1].message
        )
    return tuple(found)


def decided(
    what: str,
    actor: str,
    at: float,
    *,
    key: Key | None = None,
    commit: CommitId | None = None,
    words: str | None = None,
) -> JournalLine:
    """A decision of a person, such as ``retry``; ``key``: the object that it concerns, if it is one."""
    return JournalLine(
        at=at, key=key, method="", path="", purpose=what, outcome="decided", commit=commit, actor=actor, message=words
    )


def carried(entry: Entry) -> JournalLine:
    """What an entry that is dropped said, to be said again at the end."""
    line = entry.line
    return line if line.purpose == CARRIED else replace(line, purpose=CARRIED, message=f"was entry {entry.number}")


def faults(entries: Iterable[Entry], begin: Place, ends: Callable[[], Chain | None]) -> Iterator[Fault]:
    """Every sign of tampering in ``entries``, which are all there are, in their order.

    ``begin``: what was dropped, as it was known before; ``ends``: the chain's ends as they are after the last entry was
    read, so that a writer at work beside is no fault.
    """
    last = begin
    for entry in entries:
        if entry.number <= begin.number:
            yield Fault(number=entry.number, message="stands where everything was dropped: it was inserted")
            continue
        if entry.number != last.number + 1:
            yield _gap(last.number + 1, entry.number - 1)
        elif entry.digest != digest_of(last.digest, entry.number, entry.values):
            yield Fault(number=entry.number, message="was changed, or is not the entry that stood there")
        last = Place(number=entry.number, digest=entry.digest)
    chain = ends()
    if chain is None:
        yield Fault(number=0, message="the ends of the chain are gone")
    elif last.number > chain.newest.number:
        yield Fault(number=last.number, message=f"stands behind the end, entry {chain.newest.number}: it was inserted")
    elif last.number < chain.newest.number:
        yield _gap(last.number + 1, chain.newest.number)
    elif last.digest != chain.newest.digest:
        yield Fault(number=last.number, message="is not the end that was written: it, or the end's digest, was changed")


def _gap(first: int, last: int) -> Fault:
    if last < first:
        return Fault(number=first, message="stands at the wrong place")
    which = "is missing" if first == last else f"and all up to {last} are missing"
    return Fault(number=first, message=f"{which}: removed")
