"""One object: claim → send → read the answer → decide → settle. The rules are in ``delivery``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from qtisync.delivery.answers import DigestText, read_response
from qtisync.delivery.landing import settle
from qtisync.delivery.ledger import signed
from qtisync.delivery.log_words import for_log
from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import (
    Altered,
    Answer,
    Conflicted,
    Outcome,
    Refused,
    Shown,
    Unavailable,
)
from qtisync.delivery.retry import Decision, Finish, Halt, Park, Pause, RetryAt, RetryPolicy, decide
from qtisync.delivery.settlement import Claim, Settlement
from qtisync.delivery.wire import Job, Step, Terms, differences, next_step
from qtisync.engine.batching import FRESH
from qtisync.engine.bodies import shows
from qtisync.engine.canary import Canary
from qtisync.engine.capability import Fitness
from qtisync.engine.exchange import Exchange, is_held, journal_line
from qtisync.engine.pacing import Pacing
from qtisync.engine.ports import Clock, Log, Source, Store
from qtisync.engine.prefetch import Prefetch, is_shared
from qtisync.engine.read_ahead import ReadAhead
from qtisync.errors import BlobMissingError, RepositoryError
from qtisync.model import Digest, Facets, JournalLine, Json, Kind, RepoPath, Scope
from qtisync.planning.comparison import OnDrift

REREADS = 3  # times that what became old while we waited for a slot is read again; a slow pace must not stop for ever
ASK_AGAIN = 60.0  # seconds after which an API in trouble is asked again at the latest
BLOB_TRIES = 4  # looks for a blob that is not there, each after a longer wait
LINES_PER_ATTEMPT = 10  # calls of one attempt, about as many as there can be
SERVER_ERROR = 500
_FAILED = {"ServerError", "NoAnswer"}
LAST_CALL = 120.0  # seconds that one call may take with all its timeouts; none begins so shortly before the lease ends
_FACETS = {Scope.CONTENT: "content", Scope.METADATA: "metadata"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a target wants to be treated: the part of its configuration that delivery needs."""

    terms: Terms = Terms()
    use_metadata_endpoint: bool = True
    retry: RetryPolicy = RetryPolicy()
    on_drift: Callable[[RepoPath], OnDrift] = field(default=lambda _path: OnDrift.REPORT)
    """What to do about an object with this path that changed at the API only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt came to."""

    claim: Claim
    outcome: Outcome | None
    """``None``: it was abandoned before anything was sent."""
    decision: Decision | None
    calls: int
    """Requests of this attempt alone: a list that was read for several objects is not among them."""
    writes: int


BodyOf = Callable[[Kind, bytes], dict[str, Json]]
"""The content of a blob in the form in which it is sent."""


class Pusher:
    """Brings claimed objects to their target. Threads share it."""

    def __init__(
        self,
        *,
        store: Store,
        exchange: Exchange,
        prefetch: Prefetch,
        source: Source,
        clock: Clock,
        log: Log,
        pacing: Pacing,
        canary: Canary,
        manners: Manners,
        digest: DigestText,
        body_of: BodyOf,
    ) -> None:
        self._store, self._clock, self._log = store, clock, log
        self._blobs = ReadAhead(source, store, clock)
        self._exchange, self._prefetch = exchange, prefetch
        self._pacing, self._canary, self._manners = pacing, canary, manners
        self._digest, self._body_of = digest, body_of
        self._terms = {endpoint: replace(manners.terms, metadata_endpoint=endpoint) for endpoint in (False, True)}
        self._halted = False

    def push(self, claim: Claim) -> Attempt:
        """One attempt for ``claim``, settled. The caller has waited for the slot of its first request."""
        try:
            job = self._job(claim)
        except BlobMissingError as error:
            return self._settle(claim, None, (), _blob_missing(error, claim.row.attempts), ())
        except RepositoryError:
            self._store.release(claim)  # nothing was sent, and the repository may be back soon
            raise
        journal: list[JournalLine] = []
        steps, read_at = self._read_ahead(job, journal)
        outcome = next_step(job, steps)
        has_slot, rereads = True, 0
        while isinstance(outcome, Request):
            halted = self._halted and not any(request.purpose.writes for request, _ in steps)
            # A pause that would outlast the lease ends the attempt: by then the object may be somebody else's.
            if halted or not (has_slot or self._pacing.wait(claim.lease_until - LAST_CALL)):
                return self._abandon(claim, job, steps, journal)
            has_slot = False
            if outcome.purpose.writes and rereads < REREADS and self._is_old(steps, read_at):
                outcome, steps, rereads = steps[-1][0], steps[:-1], rereads + 1
            if outcome.purpose is Purpose.PRE_READ:
                read_at = self._clock.now()
            asked = self._ask(job, outcome, journal, claim.lease_until - LAST_CALL)
            if is_held(asked[-1][1]):
                continue  # it did not leave: it takes another slot, behind the pause
            steps += asked
            self._notice(job, steps)
            outcome = next_step(job, steps)
        return self._settle(claim, job, steps, outcome, journal)

    def _read_ahead(self, job: Job, journal: list[JournalLine]) -> tuple[tuple[Step, ...], float]:
        """The first step if a list answered it already, and when it was asked."""
        request = next_step(job, ())
        known = self._prefetch.take(job.key)
        if known is None or not isinstance(request, Request) or request.purpose is not Purpose.PRE_READ:
            return (), 0.0
        if isinstance(next_step(job, ((request, known.answer),)), Conflicted):
            return (), 0.0  # a list is not enough to accuse somebody: it is read by GET
        journal.append(known.line)
        return ((request, known.answer),), known.read_at

    def _is_old(self, steps: tuple[Step, ...], read_at: float) -> bool:
        """Whether a write would act on what was read too long ago: somebody may have changed it while we waited."""
        read = bool(steps) and steps[-1][0].purpose is Purpose.PRE_READ
        return read and self._clock.now() - read_at >= FRESH

    def _job(self, claim: Claim) -> Job:
        row = claim.row
        data = self._blobs.blob(row.blob) if row.blob is not None else None
        body = self._body_of(row.key.kind, data) if data is not None else {}
        content = row.desired.content
        if content is None:
            raise ValueError(f"{row.key} was claimed without a desired content")
        scope = frozenset(s for s, name in _FACETS.items() if _differs(row.desired, row.acknowledged, name))
        # Whether the canary allows it is a look at the record, which only a change of metadata alone is worth.
        special = scope == {Scope.METADATA} and self._manners.use_metadata_endpoint
        endpoint = special and self._canary.allows(row.key)
        return Job(
            key=row.key,
            content=content,
            metadata=row.desired_metadata,
            body=body,
            scope=scope or frozenset(Scope),
            presence=row.presence,
            acknowledged=row.acknowledged,
            acknowledged_metadata=row.acknowledged_metadata,
            remote=row.remote,
            force=row.force,
            terms=self._terms[endpoint],
            shows_ours=shows(data) if data is not None and row.key.kind is Kind.STIMULUS else _shows_nothing,
        )

    def _ask(self, job: Job, request: Request, journal: list[JournalLine], deadline: float) -> tuple[Step, ...]:
        def exchange(asked: Request) -> Answer:
            return self.exchange(job, asked, journal)

        def paced(asked: Request) -> Answer:
            while self._pacing.wait(deadline):
                answer = exchange(asked)
                if not is_held(answer):
                    return answer
            return Unavailable(message="stopped before the next call", in_doubt=False)

        if request.purpose is Purpose.UPDATE_METADATA and self._canary.state.fitness is Fitness.UNTESTED:
            return self._canary.try_out(job, request, paced)
        return ((request, exchange(request)),)

    def exchange(self, job: Job, request: Request, journal: list[JournalLine]) -> Answer:
        """Send one request, read its answer, and note it in ``journal``."""
        sent = job.body.get("xml")

        def digest(xml: str) -> Digest | None:
            return job.content if xml == sent else self._digest(xml)  # what came back as it was sent is not parsed

        answer = self._exchange.ask(request, lambda reply, now: read_response(request, reply, digest, now))
        if not is_held(answer):
            journal.append(journal_line(job.key, request, answer, self._clock.now()))
        return answer

    def _notice(self, job: Job, steps: tuple[Step, ...]) -> None:
        """What an answer says about the target's capabilities."""
        request, answer = steps[-1]
        if request.purpose is Purpose.PRE_READ and isinstance(answer, Shown):
            self._prefetch.found(job.key)
        if request.purpose is not Purpose.UPDATE_METADATA or not isinstance(answer, Shown):
            return
        if self._canary.state.fitness is not Fitness.FIT or job.terms.read_back:
            return
        metadata = (request.body or {}).get("metadata")
        different = differences(job, metadata if isinstance(metadata, dict) else {}, answer.remote)
        if different:
            self._canary.condemn(f"{job.key}: {'; '.join(different)}")

    def _abandon(self, claim: Claim, job: Job, steps: tuple[Step, ...], journal: list[JournalLine]) -> Attempt:
        if any(request.purpose.writes for request, _ in steps):
            return self._settle(claim, job, steps, Unavailable(message="stopped in the middle of an attempt"), journal)
        self._store.release(claim)
        calls = sum(not is_shared(line) for line in journal)
        return Attempt(claim=claim, outcome=None, decision=None, calls=calls, writes=0)

    def _settle(
        self,
        claim: Claim,
        job: Job | None,
        steps: tuple[Step, ...],
        outcome: Outcome,
        journal: list[JournalLine] | tuple[()],
    ) -> Attempt:
        now = self._clock.now()
        failures = self._failures(claim, outcome)
        policy = self._manners.retry
        if self._exchange.health.trouble is not None:  # it is not this object's fault, and nobody tells when it is over
            policy = replace(policy, cap=min(policy.cap, ASK_AGAIN))
        decision = decide(outcome, claim.row.attempts, policy, now, self._clock.jitter(), failures)
        self._halted = self._halted or isinstance(decision, Halt)
        words = outcome.message if isinstance(outcome, Altered) else None
        settlement = settle(
            claim, job, steps, outcome, decision, lambda confirmed: signed(journal, claim.row, confirmed, words)
        )
        lines = settlement.journal
        self._store.settle(claim, settlement)
        self._log_attempt(claim, outcome, decision, settlement)
        writes = sum(line.purpose in WRITING for line in lines)
        calls = sum(not is_shared(line) for line in lines)
        return Attempt(claim=claim, outcome=outcome, decision=decision, calls=calls, writes=writes)

    def _failures(self, claim: Claim, outcome: Outcome) -> int | None:
        """How many of the attempts that were counted ended with a 500: the journal knows, the row has one counter."""
        attempts = claim.row.attempts
        if not isinstance(outcome, Unavailable) or outcome.status != SERVER_ERROR or not attempts:
            return None
        lines = self._store.history(claim.row.key.identifier, LINES_PER_ATTEMPT * attempts)
        failed = [line for line in lines if line.key == claim.row.key and line.outcome in _FAILED]
        return sum(line.http_status == SERVER_ERROR for line in failed[:attempts])

    def _log_attempt(self, claim: Claim, outcome: Outcome, decision: Decision, settlement: Settlement) -> None:
        if isinstance(decision, Pause | Halt):
            return  # told once for the whole queue
        row, message = claim.row, settlement.message
        if not isinstance(outcome, Altered | Conflicted):  # these are our words, and quote names only
            foreign = row.remote.foreign if row.remote is not None else {}
            message = for_log(message, (dict(row.desired_metadata), dict(row.acknowledged_metadata), dict(foreign)))
        event = {Finish: "item_settled", Park: "item_parked", RetryAt: "item_retry"}[type(decision)]
        self._log(
            event,
            item=row.key.identifier,
            kind=row.key.kind.value,
            path=row.path,
            outcome=outcome.name,
            message=message,
            attempts=settlement.attempts,
        )


def _blob_missing(error: BlobMissingError, attempts: int) -> Outcome:
    """A gc or a fetch under way may be the reason: it is looked for a few times before the object is parked."""
    words = f"{error.message}; {error.hint}"
    if attempts + 1 < BLOB_TRIES:
        return Unavailable(message=words, in_doubt=False)
    return Refused(status=0, message=words)


WRITING = frozenset(purpose.value for purpose in Purpose if purpose.writes)


def _shows_nothing(_xml: str) -> bool:
    return False


def _differs(desired: Facets, acknowledged: Facets, name: str) -> bool:
    return bool(getattr(desired, name) != getattr(acknowledged, name))
