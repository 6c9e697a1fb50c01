"""Reading the next items of the queue by one list request, so that a safe update costs little more than its one write.

What a list shows is kept for ``FRESH`` seconds and used once, in place of the GET that precedes an update. It only ever
says "as we know it" or "write this": an item that it leaves out, and a conflict that it seems to show, is read by GET
before anything is concluded. A list that does not do what is asked of it is recorded as unfit, and GETs are used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from qtisync.delivery.answers import DigestText
from qtisync.delivery.listing import Page, chosen, list_request, read_list
from qtisync.delivery.log_words import for_log
from qtisync.delivery.messages import Purpose, Reply, Request
from qtisync.delivery.outcome import Answer, Missing, NotTheApi, Refused, Shown, Throttled
from qtisync.delivery.wire import Terms, always_reads, needs_reading
from qtisync.engine.batching import FRESH, MAX_BATCH, MIN_BATCH, batch_size, lead
from qtisync.engine.capability import Capability, Fitness, Verdict, note, verdict
from qtisync.engine.exchange import Exchange, is_held, journal_line
from qtisync.engine.pacing import Pacing
from qtisync.engine.ports import Clock, Log, Store
from qtisync.model import Identifier, JournalLine, Key, Kind, Presence, Recorded, Remote

PATIENCE = 3.0  # seconds for which the queue is held back for a list
LOOK_AGAIN = 1.0  # seconds after which the queue is looked at again if there was too little to read
GIVE_UP_AFTER = 2  # lists in a row without a usable answer, after which it is done without them for a while
REST = 15.0  # seconds until another one is tried then
_WAIT = 0.05  # seconds
_TOO_LONG = frozenset({414, 431})  # answers to an address that is too long


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An item as a list showed it; ``read_at``: when the list was asked for."""

    answer: Shown
    line: JournalLine
    read_at: float


@dataclass(slots=True)
class _Fetch:
    """One list request under way."""

    wanted: dict[Identifier, Remote | None]
    began: float


class Prefetch:
    """Reads ahead of the workers. Threads share it."""

    def __init__(
        self,
        *,
        store: Store,
        exchange: Exchange,
        pacing: Pacing,
        clock: Clock,
        log: Log,
        digest: DigestText,
        terms: Terms,
        on_list: Callable[[Collection[Key], int], None] = lambda _keys, _calls: None,
    ) -> None:
        self._store, self._exchange, self._pacing, self._on_list = store, exchange, pacing, on_list
        self._clock, self._log, self._digest, self._terms = clock, log, digest, terms
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._kept: dict[Identifier, Known] = {}
        self._left_out: set[Identifier] = set()
        self._fetch: _Fetch | None = None
        self._fitness = verdict(store, Capability.LIST_FILTER).fitness
        self._limit = MAX_BATCH
        self._turns, self._look_at = 0, 0.0
        self._rests_until = 0.0
        self._failures = self._shown = self._missed = 0
        self.calls = 0
        """List requests that were sent."""

    def begin(self, now: float) -> bool:
        """Whether ``fetch`` should be run now: the next items are not read yet, and are enough for a list."""
        with self._lock:
            if self._fetch is not None or self._off:
                return False
            rate = self._pacing.current.rate
            size = batch_size(rate, self._limit)
            self._kept = {name: known for name, known in self._kept.items() if now - known.read_at < FRESH}
            self._turns -= 1
            if len(self._kept) > lead(size, rate) or (self._turns > 0 and now < self._look_at):
                return False
            rows = self._store.upcoming(now, size + len(self._kept))
            wanted = {row.key.identifier: row.remote for row in rows if self._wants(row)}
            names = chosen(wanted, size)
            if len(names) < MIN_BATCH:
                self._turns, self._look_at = len(rows) // 2, now + LOOK_AGAIN
                return False
            self._fetch = _Fetch({name: wanted[name] for name in names}, now)
            self._arrived.clear()
            return True

    def fetch(self, deadline: float | None = None) -> None:
        """Ask for what ``begin`` chose, when the pace allows."""
        fetch = self._fetch
        try:
            if fetch is not None and self._pacing.wait(deadline):
                self._read(fetch)
        finally:
            with self._lock:
                self._fetch = None
            self._arrived.set()

    def hold_back(self) -> bool:
        """Wait a moment if nothing is left of what was read and more is on its way; false: there is no reason to."""
        with self._lock:
            fetch = self._fetch
            if fetch is None or self._kept or self._clock.now() - fetch.began > PATIENCE:
                return False
        self._arrived.wait(_WAIT)
        return True

    def take(self, key: Key) -> Known | None:
        """What a list showed of ``key`` just now; each answer is given once."""
        with self._lock:
            if key.kind is not Kind.ITEM:
                return None
            if self._fetch is not None:
                self._fetch.wanted.pop(key.identifier, None)  # what comes for it may be older than what happens now
            known = self._kept.pop(key.identifier, None)
        return known if known is not None and self._clock.now() - known.read_at < FRESH else None

    def found(self, key: Key) -> None:
        """Hear that a GET showed ``key``: a list may have left it out."""
        with self._lock:
            if key.kind is not Kind.ITEM or key.identifier not in self._left_out:
                return
            self._left_out.discard(key.identifier)
            self._missed += 1
            unfit = self._missed >= MIN_BATCH and self._missed > self._shown
        if unfit:
            self._judge(Fitness.UNFIT, f"the list leaves out items that are there, {key.identifier} for one")

    @property
    def _off(self) -> bool:
        if not always_reads(self._terms):
            return True  # only what is in doubt is read, which is too little for a list
        resting = self._clock.now() < self._rests_until
        return self._fitness is Fitness.UNFIT or resting or self._limit < MIN_BATCH

    def _wants(self, row: Recorded) -> bool:
        name = row.key.identifier
        known = row.key.kind is Kind.ITEM and row.presence is Presence.PRESENT
        fresh = name in self._kept or name in self._left_out
        return known and not fresh and needs_reading(row.acknowledged, self._terms)

    def _read(self, fetch: _Fetch) -> None:
        request = list_request(tuple(fetch.wanted))
        wanted, sent_at = dict(fetch.wanted), self._clock.now()

        def read(reply: Reply, now: float) -> Page | Answer:
            return read_list(request, reply, wanted, self._digest, now)

        page = self._exchange.ask(request, read)
        if not is_held(page):
            self.calls += 1
            self._on_list([Key(Kind.ITEM, name) for name in wanted], 1)
        if isinstance(page, Page):
            self._keep(fetch, request, page, sent_at)
        elif isinstance(page, Refused | Missing) or (isinstance(page, NotTheApi) and page.status in _TOO_LONG):
            self._judge(Fitness.UNFIT, f"the API refuses the filter: {page.message}")
        elif not isinstance(page, Throttled):
            self._fail(getattr(page, "message", page.name))

    def _keep(self, fetch: _Fetch, request: Request, page: Page, sent_at: float) -> None:
        late = self._clock.now() - sent_at >= FRESH
        with self._lock:
            shown = {} if late else {name: one for name, one in page.shown.items() if name in fetch.wanted}
            self._kept |= {
                name: Known(
                    answer=(answer := Shown(remote=one)),
                    line=_line(name, request, page, answer, sent_at),
                    read_at=sent_at,
                )
                for name, one in shown.items()
            }
            if page.complete:
                self._left_out |= fetch.wanted.keys() - page.shown.keys()
            self._shown += len(page.shown)
            self._limit = min(self._limit, page.limit or self._limit)
            self._failures = self._failures if late else 0
        if page.complaint:
            self._judge(Fitness.UNFIT, page.complaint)
        elif late:
            self._fail("the list takes longer than what it shows can be trusted")
        elif page.shown and self._fitness is Fitness.UNTESTED:
            self._judge(Fitness.FIT, f"one list showed {len(page.shown)} of {page.asked} items")

    def _judge(self, fitness: Fitness, reason: str) -> None:
        self._fitness = fitness
        note(self._store, Capability.LIST_FILTER, Verdict(fitness=fitness, reason=reason, at=self._clock.now()))
        self._log("list_fit" if fitness is Fitness.FIT else "list_unfit", reason=for_log(reason))

    def _fail(self, reason: str) -> None:
        self._failures += 1
        if self._failures >= GIVE_UP_AFTER:
            self._rests_until = self._clock.now() + REST
        if self._failures == GIVE_UP_AFTER:
            self._log("list_given_up", reason=for_log(reason))


def _line(name: Identifier, request: Request, page: Page, answer: Shown, at: float) -> JournalLine:
    shortened = replace(request, query={"filter": f"identifier='{name}' OR … ({page.asked} items)"})
    return journal_line(Key(Kind.ITEM, name), shortened, answer, at)


def is_shared(line: JournalLine) -> bool:
    """Whether the call of this line was made for several items, and is counted apart."""
    return line.purpose == Purpose.LIST.value
