"""Deleting at the API what a plan says: after everything else, one object after the other, each read just before."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from qtisync.delivery.answers import DigestText, read_response
from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import (
    Answer,
    Conflicted,
    Denied,
    Missing,
    NotTheApi,
    Outcome,
    Refused,
    Throttled,
    Unavailable,
)
from qtisync.delivery.removal import next_removal_step, removal_job
from qtisync.delivery.retry import backoff
from qtisync.delivery.wire import Step
from qtisync.engine.batching import FRESH
from qtisync.engine.exchange import Exchange, is_held, journal_line
from qtisync.engine.pacing import Pacing
from qtisync.engine.ports import Bell, Clock, Log, Store
from qtisync.engine.push import Manners
from qtisync.engine.referring import Referring
from qtisync.model import CommitId, Identifier, ItemStatus, JournalLine, Kind, Recorded, Standing
from qtisync.planning.removal import NOT_DELETED, SETTING, in_order, ledger_of

TRIES = 4  # attempts for one object without a usable answer, from which a later pass goes on
NOT_THERE = 404
CALLS = 12  # calls of one attempt, which no sequence of answers can exceed


class Verdict(enum.StrEnum):
    """How it ended."""

    DONE = "done"
    HALTED = "halted"
    UNAVAILABLE = "unavailable"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What deleting came to."""

    verdict: Verdict = Verdict.DONE
    reason: str = ""
    calls: int = 0
    writes: int = 0
    wrong_api: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Broom:
    """Everything that deleting needs."""

    store: Store
    exchange: Exchange
    pacing: Pacing
    clock: Clock
    bell: Bell
    log: Log
    digest: DigestText
    manners: Manners
    referring: Callable[[Collection[Identifier]], Referring]
    """Looks which of these stimuli items at the API refer to."""
    may_go_on: Callable[[], bool] = lambda: True
    deadline: float | None = None


class Sweep:
    """One sweep."""

    def __init__(self, broom: Broom, commit: CommitId) -> None:
        self._broom, self._commit = broom, commit
        self._calls = self._writes = 0
        self._left = False

    def run(self, rows: tuple[Recorded, ...]) -> Swept:
        """Delete these objects, dependants first. A stimulus stays as long as an item that should have gone does."""
        stimuli = [row for row in in_order(rows) if row.key.kind is Kind.STIMULUS]
        end = self._run([row for row in in_order(rows) if row.key.kind is not Kind.STIMULUS])
        if end is None and stimuli and not self._left:
            end = self._run_stimuli(stimuli)
        return end or self._swept(Verdict.DONE)

    def _run(self, rows: Sequence[Recorded]) -> Swept | None:
        """Delete these; ``None``: it may go on."""
        for row in rows:
            outcome = self._remove(row)
            end = self._end(outcome)
            if end is not None:
                return end
            self._left = self._left or not isinstance(outcome, Missing)
        return None

    def _run_stimuli(self, rows: Sequence[Recorded]) -> Swept | None:
        """Delete those that no item at the API refers to: it may be one of others, whom nobody here knows."""
        seen = self._broom.referring([row.key.identifier for row in rows])
        self._calls += seen.calls
        end = self._swept(Verdict.INTERRUPTED) if self._is_over() else self._end(seen.trouble)
        if end is not None:
            return end
        if seen.reasons:
            words = f"whether an item at the API refers to {rows[0].key} cannot be told: {'; '.join(seen.reasons)}"
            return self._swept(Verdict.UNAVAILABLE, words)
        for row in rows:
            item = seen.items.get(row.key.identifier)
            if item is not None and self._is_meant(row):
                refused = Refused(status=0, message=f'item "{item}" at the API refers to it')
                self._park(row, refused)
                self._tell("item_parked", row, refused)
        return self._run([row for row in rows if row.key.identifier not in seen.items])

    def _end(self, outcome: Outcome | Answer | None) -> Swept | None:
        match outcome:
            case Denied() | NotTheApi():
                words = f"{outcome.name}: {outcome.message}"
                return self._swept(Verdict.HALTED, words, wrong_api=isinstance(outcome, NotTheApi))
            case Unavailable() | Throttled():
                return self._swept(Verdict.UNAVAILABLE, outcome.message)
            case None if self._is_over():
                return self._swept(Verdict.INTERRUPTED)
        return None

    def _swept(self, verdict: Verdict, reason: str = "", *, wrong_api: bool = False) -> Swept:
        return Swept(verdict=verdict, reason=reason, calls=self._calls, writes=self._writes, wrong_api=wrong_api)

    def _is_over(self) -> bool:
        deadline = self._broom.deadline
        late = deadline is not None and self._broom.clock.now() >= deadline
        return self._broom.bell.stopped or late or not self._broom.may_go_on()

    def _remove(self, row: Recorded) -> Outcome | None:
        """One object; ``None``: it is no orphan any more, or we were stopped."""
        broom, outcome = self._broom, None
        for attempt in range(TRIES):
            outcome = self._attempt(row)
            if not isinstance(outcome, Unavailable | Throttled):
                break
            if isinstance(outcome, Unavailable) and attempt + 1 < TRIES:
                broom.bell.wait(backoff(attempt, broom.manners.retry, broom.clock.jitter()))
        return outcome

    def _attempt(self, row: Recorded) -> Outcome | None:
        journal: list[JournalLine] = []
        steps: tuple[Step, ...] = ()
        read_at = 0.0
        job = removal_job(row, self._broom.manners.terms.ownership)
        found: Request | Outcome | None = next_removal_step(job, steps)
        while isinstance(found, Request):
            if len(journal) >= CALLS:
                found = Unavailable(message="the API answers in circles; trying again later", in_doubt=False)
                break
            if self._is_over() or not self._broom.pacing.wait(self._broom.deadline) or not self._is_meant(row):
                found = None
                break
            now = self._broom.clock.now()
            if found.purpose is Purpose.DELETE and now - read_at >= FRESH:
                found, steps = steps[-1][0], steps[:-1]  # read too long ago: somebody may have changed it since
            if found.purpose is Purpose.DELETE:
                self._spend(row, now)
            answer = self._ask(row, found, journal)
            if is_held(answer):
                continue
            read_at = now
            steps = (*steps, (found, answer))
            found = next_removal_step(job, steps)
        self._settle(row, found, journal)
        return found

    def _is_meant(self, row: Recorded) -> bool:
        """Whether it is still the orphan that the plan was made from."""
        now = self._broom.store.recorded_some([row.key]).get(row.key)
        if now is None or now.protect or now.status is ItemStatus.IN_FLIGHT:
            return False
        return (now.standing, now.generation) == (Standing.ORPHAN, row.generation)

    def _spend(self, row: Recorded, now: float) -> None:
        """Count it before it is sent: what a kill leaves behind is never more than what was counted."""
        ledger = ledger_of(self._broom.store.setting(SETTING))
        if ledger is None:
            raise ValueError("a delete without a ledger")
        spent = ledger.spend(row.key, now)
        if spent is not ledger:
            self._broom.store.put_setting(SETTING, spent.json)

    def _ask(self, row: Recorded, request: Request, journal: list[JournalLine]) -> Answer:
        broom = self._broom
        answer = broom.exchange.ask(request, lambda reply, now: read_response(request, reply, broom.digest, now))
        if is_held(answer):
            return answer
        line = journal_line(row.key, request, answer, broom.clock.now())
        journal.append(replace(line, commit=self._commit))
        self._calls += 1
        self._writes += request.purpose.writes
        return answer

    def _settle(self, row: Recorded, outcome: Outcome | None, journal: list[JournalLine]) -> None:
        broom = self._broom
        if isinstance(outcome, Missing) and journal:
            journal[-1] = replace(journal[-1], message=_epitaph(row, outcome, self._commit))
            broom.store.bury(row.key, row.generation, journal)
            self._tell("item_deleted", row, outcome)
            return
        if journal:
            broom.store.note(journal)
        if isinstance(outcome, Conflicted | Refused):
            self._park(row, outcome)
            self._tell("item_parked", row, outcome)

    def _park(self, row: Recorded, outcome: Conflicted | Refused) -> None:
        now = self._broom.store.recorded_some([row.key])[row.key]  # the plan's row is older: it was no orphan yet
        parked = replace(
            now,
            status=ItemStatus.PARKED,
            blocker=None,
            last_outcome=outcome.name,
            last_error=NOT_DELETED + outcome.message,
            http_status=outcome.status,
        )
        self._broom.store.plant([parked])

    def _tell(self, event: str, row: Recorded, outcome: Outcome) -> None:
        self._broom.log(
            event,
            item=row.key.identifier,
            kind=row.key.kind.value,
            path=row.path,
            outcome=outcome.name,
            message=getattr(outcome, "message", None),
        )


def _epitaph(row: Recorded, outcome: Missing, commit: CommitId) -> str:
    """What the record keeps of it: that, when and for which commit it went is in the line itself."""
    how = "deleted" if outcome.status != NOT_THERE else "it was gone already"
    version = row.remote.version if row.remote is not None else None
    was = f"content {row.acknowledged.content}, metadata {row.acknowledged.metadata}, version {version}"
    return f"{how}: {row.path} is not in {commit[:7]}; the API had {was}"
