"""Reading everything that the API holds, by list pages, at its pace; reads only.

What comes out is a value that says how far it can be trusted. A walk over the pages that was disturbed (its total
changed, rows came twice, rows are missing) is repeated a few times; what the list does not show whole, and what should
be there and is not listed, is read by itself. What then is still not known is said in ``reasons``, and ``complete`` is
false: nothing may be concluded from what such a survey does not show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from qtisync.delivery.answers import DigestText, read_response
from qtisync.delivery.messages import Purpose, Reply, Request
from qtisync.delivery.outcome import (
    Answer,
    Denied,
    Exists,
    Missing,
    NotTheApi,
    Refused,
    RemoteObject,
    Shown,
    Throttled,
    Unavailable,
)
from qtisync.delivery.pages import ListPage, Row, Sketch, Walk, page_request, read_page
from qtisync.delivery.retry import RetryPolicy, backoff
from qtisync.delivery.wire import read
from qtisync.engine.exchange import Exchange, is_held
from qtisync.engine.health import Health
from qtisync.engine.meter import SilentMeter
from qtisync.engine.pacing import PaceTerms, Pacing
from qtisync.engine.ports import Api, Bell, Clock, Log, Meter, PaceKeeper, Progress
from qtisync.model import Identifier, Key, Kind, Remote

LISTED = (Kind.STIMULUS, Kind.ITEM)
"""The collections that are read."""
MORE_WALKS = 2  # after one that was disturbed
TRIES = 5  # of one request, while there is no usable answer
REFUSALS = 20  # of speed in a row, for one request; each is waited for as the API asks
CONFIRMED = 500  # objects that one survey reads by themselves; all of them when it is deep
NAMED = 3  # objects that a reason names
GIVE_UP_AFTER = 3  # objects in a row of which no usable answer came
_RETRY = RetryPolicy(base=0.5, cap=8.0)

T = TypeVar("T", bound=Answer | ListPage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What reading the API takes. ``pace``: the record of the one writer, or a ``PrivatePace``."""

    api: Api
    pace: PaceKeeper
    terms: PaceTerms
    clock: Clock
    bell: Bell
    log: Log
    digest: DigestText
    concurrency: int = 8
    meter: Meter = field(default_factory=SilentMeter)
    health: Health | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the API held when it was read."""

    at: float
    """When the reading began."""
    rows: Mapping[Key, RemoteObject] = field(default_factory=dict)
    """Every object that was seen, whoever's it is; sorted by key. ``xml`` is empty unless it was asked for."""
    gone: frozenset[Key] = frozenset()
    """Recorded objects that are not there: a GET said so in the API's own words."""
    unread: frozenset[Key] = frozenset()
    """Objects of which nothing can be said: neither seen, nor confirmed to be gone."""
    complete: bool = True
    """Whether the list can be trusted to have shown everything. False: what it lacks proves nothing."""
    reasons: tuple[str, ...] = ()
    """Why it is not complete, in words."""
    calls: int = 0
    trouble: Answer | None = None
    """The answer that ended the reading early, if one did."""
    deep: bool = False


class Surveyor:
    """Reads the API for one survey. ``known``: what is recorded to be there, with what the API showed then.

    ``keep_xml``: keep the XML of every object (for an import); otherwise only its digest is kept.
    """

    def __init__(
        self, eyes: Eyes, known: Mapping[Key, Remote | None], *, deep: bool = False, keep_xml: bool = False
    ) -> None:
        self._eyes, self._known, self._deep, self._keep_xml = eyes, known, deep, keep_xml
        self._pacing = Pacing(eyes.pace, eyes.clock, eyes.bell, eyes.log, eyes.terms, eyes.meter)
        self._exchange = Exchange(eyes.api, eyes.clock, self._pacing, eyes.meter, eyes.health)
        self._calls = self._failures = 0
        self._left = CONFIRMED
        self._reasons: list[str] = []
        self._trouble: Answer | None = None
        self._advance: Callable[[int], None] = lambda _count: None

    def survey(self, kinds: Sequence[Kind] = LISTED) -> Survey:
        """Walk over the lists, then read by themselves the objects that they do not settle."""
        if self._eyes.progress is None:
            return self._survey(kinds)
        with self._eyes.progress.step("reading the API", len(self._known) or None) as self._advance:
            return self._survey(kinds)

    def _survey(self, kinds: Sequence[Kind]) -> Survey:
        at = self._eyes.clock.now()
        seen: dict[Key, RemoteObject] = {}
        gone: set[Key] = set()
        unread: set[Key] = set()
        for kind in kinds:
            if self._trouble is not None:
                break
            listed = self._listed(kind)
            missing = {key for key in self._known if key.kind is kind and key.identifier not in listed}
            due = sorted(missing | {Key(kind, name) for name, row in listed.items() if self._needs_a_look(kind, row)})
            found = self.read_each(due)
            seen |= {Key(kind, name): _as_object(row) for name, row in listed.items()}
            seen |= {key: row for key, row in found.items() if row is not None}
            gone |= {key for key, row in found.items() if row is None}
            unread |= set(due) - found.keys()
            self._note_left_out(kind, missing, found)
        if unread and self._trouble is None:
            self._reasons.append(f"{_named(unread)} could not be read")
        return Survey(
            at=at,
            rows={key: row for key, row in sorted(seen.items()) if key not in gone},
            gone=frozenset(gone & self._known.keys()),
            unread=frozenset(unread),
            complete=not self._reasons and self._trouble is None,
            reasons=tuple(self._reasons),
            calls=self._calls,
            trouble=self._trouble,
            deep=self._deep,
        )

    def _needs_a_look(self, kind: Kind, row: Row) -> bool:
        """Whether an object must be read by itself: ours and not shown whole, or everything of ours."""
        recorded = Key(kind, row.identifier) in self._known
        return (self._deep and recorded) or (isinstance(row, Sketch) and (recorded or self._keep_xml))

    def read_each(self, keys: Sequence[Key]) -> dict[Key, RemoteObject | None]:
        """Each object by a GET: what it is, or ``None`` if it is not there; left out if that could not be learned."""
        chosen = keys if self._deep else keys[: self._left]
        self._left -= len(chosen)
        if not chosen or self._trouble is not None:
            return {}
        workers = min(len(chosen), max(1, self._eyes.concurrency))
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="survey") as pool:
            answers = dict(zip(chosen, pool.map(self._get, chosen), strict=True))
        return {
            key: answer.remote if isinstance(answer, Shown) else None
            for key, answer in answers.items()
            if isinstance(answer, Shown | Missing)
        }

    @property
    def calls(self) -> int:
        """Requests that were sent."""
        return self._calls

    @property
    def trouble(self) -> Answer | None:
        """The answer that ended the reading early, if one did."""
        return self._trouble

    def _listed(self, kind: Kind) -> dict[Identifier, Row]:
        """The rows of one collection. A walk that was disturbed is repeated, and what any walk saw is kept."""
        union: dict[Identifier, Row] = {}
        doubts: tuple[str, ...] = ()
        for _ in range(1 + MORE_WALKS):
            walk = self._walk(kind)
            if walk is None:
                return union
            before, doubts = union.keys() | set(), walk.doubts
            union |= walk.rows
            if not doubts:
                return walk.rows  # what only a disturbed walk saw may be gone by now
            if before == walk.rows.keys():
                break  # it is not the world that moves: the list is as it is
        self._reasons += [f"the list of {_plural(kind)} is doubtful: {doubt}" for doubt in doubts]
        return union

    def _walk(self, kind: Kind) -> Walk | None:
        known = {} if self._deep else {key.identifier: seen for key, seen in self._known.items() if key.kind is kind}
        walk, number = Walk(), 1
        while True:
            request = page_request(kind, number)

            def read(reply: Reply, now: float, asked: Request = request) -> ListPage | Answer:
                return read_page(asked, reply, known, self._eyes.digest, now)

            page = self._ask(request, read)
            if not isinstance(page, ListPage):
                reason = f"the list of {_plural(kind)} could not be read: {_words(page)}"
                if isinstance(page, Refused | Missing | Exists):
                    self._reasons.append(reason)  # it is this list: what is recorded is read one by one
                else:
                    self._give_up(reason, page)
                return None
            self._advance(len(page.rows))
            following = walk.add(page if self._keep_xml else _without_xml(page))
            if following is None:
                return walk
            number = following

    def _get(self, key: Key) -> Answer:
        request = read(key, Purpose.CHECK)
        if self._trouble is not None:
            return Unavailable(message="given up")
        answer = self._ask(request, lambda reply, now: read_response(request, reply, self._eyes.digest, now))
        self._failures = self._failures + 1 if isinstance(answer, NotTheApi | Unavailable) else 0
        if isinstance(answer, Denied | Throttled) or self._failures >= GIVE_UP_AFTER:
            self._give_up(f"{key} could not be read: {_words(answer)}", answer)
        if isinstance(answer, Shown) and not self._keep_xml:
            return replace(answer, remote=replace(answer.remote, xml=""))
        return answer

    def _ask(self, request: Request, read: Callable[[Reply, float], T]) -> T | Answer:
        """One request, again while there is no usable answer; the pace waits for what the API asks for."""
        tries = refusals = 0
        while True:
            if not self._pacing.wait():
                return Unavailable(message="stopped")
            answer = self._exchange.ask(request, read)
            if is_held(answer):
                continue
            self._calls += 1
            if isinstance(answer, Throttled) and refusals < REFUSALS:
                refusals += 1
            elif isinstance(answer, Unavailable) and tries < TRIES - 1:
                tries += 1
                self._eyes.bell.wait(backoff(tries, _RETRY, self._eyes.clock.jitter()))
            else:
                return answer

    def _give_up(self, reason: str, answer: Answer) -> None:
        """Go no further: the API as a whole does not answer, or does not answer us."""
        if self._trouble is None:
            self._trouble = answer
            self._reasons.append(reason)

    def _note_left_out(self, kind: Kind, missing: Iterable[Key], found: Mapping[Key, RemoteObject | None]) -> None:
        there = {key for key in missing if found.get(key) is not None}
        if there:
            self._reasons.append(f"the list of {_plural(kind)} leaves out {_named(there)}")


def _as_object(row: Row) -> RemoteObject:
    """A row that nobody needs to know whole is still there."""
    if isinstance(row, RemoteObject):
        return row
    return RemoteObject(identifier=row.identifier, xml="", content=None, version=row.version, updated_at=row.updated_at)


def _without_xml(page: ListPage) -> ListPage:
    rows = tuple(replace(row, xml="") if isinstance(row, RemoteObject) else row for row in page.rows)
    return replace(page, rows=rows)


def _plural(kind: Kind) -> str:
    return "stimuli" if kind is Kind.STIMULUS else f"{kind}s"


def _named(keys: Iterable[Key]) -> str:
    names = [str(key) for key in sorted(keys)]
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _words(answer: Answer) -> str:
    message = "" if isinstance(answer, Shown) else answer.message
    return f"{answer.name}: {message}" if message else answer.name
