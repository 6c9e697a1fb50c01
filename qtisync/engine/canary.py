"""The first use of the metadata call on a target: tried on one item, with a look at that item and at a bystander.

Nobody outside the vendor knows what POST /assessment-items/metadata really does (its documentation says both "updates
metadata" and "resets the approval of all items"), so it is not believed before it was seen to do what it should.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from qtisync.delivery.log_words import for_log
from qtisync.delivery.messages import Purpose, Request
from qtisync.delivery.outcome import Answer, Missing, NotTheApi, Refused, RemoteObject, Shown
from qtisync.delivery.wire import COLLECTIONS, Job, Step, differences, read
from qtisync.engine.capability import Capability, Fitness, Verdict, note, verdict
from qtisync.engine.ports import Bell, Clock, Log, Store
from qtisync.model import ItemStatus, Key, Kind, Metadata, Recorded, same_json

Exchange = Callable[[Request], Answer]
REREADS = 3  # reads before a mismatch is believed: the service may answer from a copy that lags
REREAD_WAIT = 0.5  # seconds between them


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was seen: the call's own answer, and both items before and after."""

    answer: Answer
    item: Answer | None = None
    bystander_before: RemoteObject | None = None
    bystander_after: Answer | None = None


class Canary:
    """Knows whether the metadata call may be used, and finds out when it is not known. Threads share it."""

    def __init__(self, store: Store, clock: Clock, bell: Bell, log: Log) -> None:
        self._store, self._clock, self._bell, self._log = store, clock, bell, log
        self._lock = threading.Lock()
        self._state = verdict(store, Capability.METADATA_ENDPOINT)

    @property
    def state(self) -> Verdict:
        """The verdict so far."""
        return self._state

    def allows(self, key: Key) -> bool:
        """Whether the call may be used for ``key``: it proved fit, or there is a bystander to try it beside."""
        if self._state.fitness is Fitness.UNTESTED:
            return self._store.bystander(key) is not None
        return self._state.fitness is Fitness.FIT

    def try_out(self, job: Job, request: Request, exchange: Exchange) -> tuple[Step, ...]:
        """Send ``request`` for the first time on this target: what was asked for the item, with answers.

        Where the call seemed to be done, its answer is the item as it then was read. Others who come meanwhile wait,
        and go by the verdict.
        """

        def plainly(asked: Request) -> tuple[Step, ...]:
            return ((asked, exchange(asked)),)

        with self._lock:
            if self._state.fitness is not Fitness.UNTESTED:
                return plainly(request if self._state.fitness is Fitness.FIT else _put(job, request))
            bystander = self._store.bystander(job.key)
            if bystander is None:
                return plainly(_put(job, request))
            self._log("canary_started", item=job.key.identifier, bystander=bystander.key.identifier)
            return self._try(job, request, exchange, bystander)

    def condemn(self, reason: str) -> None:
        """Never use the call on this target again."""
        self._decide(Fitness.UNFIT, reason)

    def _try(self, job: Job, request: Request, exchange: Exchange, bystander: Recorded) -> tuple[Step, ...]:
        complete = _put(job, request)
        before = exchange(read(bystander.key, Purpose.CANARY_READ))
        if not isinstance(before, Shown):
            return ((complete, exchange(complete)),)  # nothing to compare with: not today
        answer = exchange(request)
        if isinstance(answer, Missing | NotTheApi | Refused):
            self._decide(Fitness.UNFIT, f"the API refuses the call: {answer.message}")
            return ((complete, exchange(complete)),)
        if not isinstance(answer, Shown):
            return ((request, answer),)  # no usable answer: nothing is known yet
        item = self._reread(job, request, exchange)
        after = exchange(read(bystander.key, Purpose.CANARY_READ))
        if not isinstance(item, Shown):
            # What a read says must not stand for the call: it was done, whatever kept us from looking.
            return (request, answer), (read(job.key, Purpose.CANARY_READ), item)
        if isinstance(after, Shown):  # without the bystander nothing is known yet, but the item is as it was read
            self._judge(job, request, item.remote, before.remote, after.remote, bystander, exchange)
        return ((request, item),)

    def _judge(
        self,
        job: Job,
        request: Request,
        item: RemoteObject,
        before: RemoteObject,
        after: RemoteObject,
        bystander: Recorded,
        exchange: Exchange,
    ) -> None:
        wrong = differences(job, _metadata(request), item)
        touched = bystander_differences(before, after)
        if wrong:
            self._decide(Fitness.UNFIT, f"{job.key} did not get what was meant: {'; '.join(wrong)}")
        if touched and self._undisturbed(bystander):
            what = f"the call for {job.key} also changed {bystander.key}: {'; '.join(touched)}"
            self._decide(Fitness.UNFIT, f"{what}; other items may have been changed as well")
            self._restore(bystander, before, exchange)
        if not wrong and not touched:
            self._decide(Fitness.FIT, f"tried on {job.key} beside {bystander.key}")

    def _reread(self, job: Job, request: Request, exchange: Exchange) -> Answer:
        answer = exchange(read(job.key, Purpose.CANARY_READ))
        for _ in range(REREADS - 1):
            if not isinstance(answer, Shown) or not differences(job, _metadata(request), answer.remote):
                break
            self._bell.wait(REREAD_WAIT)
            answer = exchange(read(job.key, Purpose.CANARY_READ))
        return answer

    def _undisturbed(self, bystander: Recorded) -> bool:
        rows = [row for row in self._store.find(bystander.key.identifier) if row.key == bystander.key]
        return any(row.generation == bystander.generation and row.status is ItemStatus.SYNCED for row in rows)

    def _restore(self, bystander: Recorded, before: RemoteObject, exchange: Exchange) -> None:
        """Give the bystander back what it had, then let the queue look at it again."""
        exchange(
            Request(
                method="PUT",
                segments=(COLLECTIONS[Kind.ITEM], bystander.key.identifier),
                purpose=Purpose.RESTORE,
                body={"format": "xml", "xml": before.xml, "metadata": dict(before.metadata)},
            )
        )
        self._store.doubt(bystander.key)

    def _decide(self, fitness: Fitness, reason: str) -> None:
        self._state = Verdict(fitness=fitness, reason=reason, at=self._clock.now())
        note(self._store, Capability.METADATA_ENDPOINT, self._state)
        self._log("canary_fit" if fitness is Fitness.FIT else "canary_unfit", reason=for_log(reason))


def bystander_differences(before: RemoteObject, after: RemoteObject) -> tuple[str, ...]:
    """In words, what happened to an item that nobody wanted to change."""
    found = ["its XML changed"] if before.content != after.content or before.xml != after.xml else []
    names = sorted(before.metadata.keys() | after.metadata.keys())
    for name in names:
        here, there = name in before.metadata, name in after.metadata
        if here != there or not same_json(before.metadata[name], after.metadata[name]):
            found.append(f'metadata "{name}" changed')
    if not found and before.version != after.version:
        found.append("its version changed")
    return tuple(found)


def _metadata(request: Request) -> Metadata:
    metadata = (request.body or {}).get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _put(job: Job, request: Request) -> Request:
    """The complete call in place of the special one."""
    segments = (COLLECTIONS[job.key.kind], job.key.identifier)
    return Request(method="PUT", segments=segments, purpose=Purpose.UPDATE, body=request.body)
