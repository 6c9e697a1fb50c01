"""What must never happen on the wire or in the record, judged at the moment when it would.

The watch knows nothing of how the engine decides: it sees claims, requests, answers and settlements, and knows from the
authors' side what was wanted when.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

from engine_desk import STIMULUS, Pages, Wanted, kind_of, wanted
from engine_world import EngineWorld
from fake_api import Fault

from qtisync.delivery.messages import FailureKind, Purpose, Reply, Request, Response
from qtisync.delivery.settlement import Claim, Settlement
from qtisync.model import CommitId, ItemStatus, Kind, Presence, Standing

_WORDS = re.compile(r"<qti-prompt>(.*?)</qti-prompt>|<p>(.*?)</p>", re.DOTALL)
_IDENTIFIER = re.compile(r'<qti-assessment-item [^>]*identifier="([^"]*)"')
REFUSED = "REFUSED"
"""Words that this API does not take."""
TRIMMED = "TRIMMED"
"""Words of which this API keeps only the first one."""


def words_of(text: str) -> str:
    found = _WORDS.search(text)
    assert found is not None, text
    return found[1] or found[2]


def kept_of(words: str) -> str:
    """The words that the API keeps of these."""
    return TRIMMED if words.startswith(TRIMMED) else words


def subject(request: Request) -> str | None:
    """Which object a request is about; ``None``: no single one."""
    if len(request.segments) > 1 and request.segments[1] != "metadata":
        return request.segments[1]
    body = request.body or {}
    named = body.get("identifier") or next(iter(_IDENTIFIER.findall(str(body.get("xml", "")))), None)
    return str(named) if named else None


def said(request: Request) -> str:
    body = request.body or {}
    return words_of(str(body.get("xml") or body.get("content")))


def _is_unclear(reply: Reply) -> bool:
    """Whether a create with this answer may have been carried out or not."""
    if not isinstance(reply, Response):
        return reply.kind is FailureKind.LOST
    if reply.status < 300:
        return not reply.body.endswith(b"}")
    return reply.status >= 500 and "retry-after" not in reply.headers


class Watch:
    """Between the engine and the API, and beside the store."""

    def __init__(self, world: EngineWorld, states: Mapping[CommitId, Pages]) -> None:
        self.world, self.states = world, states
        self.wanted: dict[str, Wanted] = {}
        self.faults: list[Fault | None] = []
        """What happens to the next requests; ``None``: nothing."""
        self.faults_of_writes: list[Fault | None] = []
        """The same, for writes that this leaves alone."""
        self.meanwhile: list[tuple[int, Callable[[str | None], None]]] = []
        """What is done before a request is answered, and how many pass before; told which object is written by it."""
        self.pause: Callable[[], None] = lambda: None
        self.sent = 0
        self.drifted: dict[str, int] = {}
        """Objects that a stranger changed or removed at the API, and before which request: git's content is not there."""
        self.record_was_lost = False
        self.created_by_strangers: set[str] = set()
        self._asked_to_wait: tuple[int, float] = (0, 0.0)
        """Until when the API asked this process (of this number) to wait."""
        self._waits_until = 0.0
        """The same as the record has it, for any process."""
        self._flying: set[str] = set()
        self._in_doubt: set[str] = set()
        self._clear: set[str] = set()
        self._refused: dict[str, Wanted] = {}
        self._claims: dict[str, tuple[Claim, int]] = {}
        self._read_at: dict[str, int] = {}
        self._set_by_strangers: dict[str, set[str]] = {}
        self._theirs: dict[str, int] = {}
        self._lock = threading.RLock()
        world.send, world.watch = self.send, self.told
        world.api.faults.append(self._fault)
        world.api.rendition = lambda xml: re.sub(rf"\b{TRIMMED}[\w ]*", TRIMMED, xml)

    # The wire

    def send(self, request: Request) -> Reply:
        name = subject(request)
        with self._lock:
            self.sent += 1
            self._judge_moment()
            due = [action for left, action in self.meanwhile if left <= 0]
            self.meanwhile = [(left - 1, action) for left, action in self.meanwhile if left > 0]
            if name is not None and request.purpose.writes:
                assert name not in self._flying, f"two writes of {name} at once"
                self._flying.add(name)
        try:
            return self._answer(name, request, due)
        finally:
            self._flying.discard(name or "")

    def _answer(self, name: str | None, request: Request, due: Iterable[Callable[[str | None], None]]) -> Reply:
        for action in due:
            action(name)
        self.pause()
        with self._lock:
            if name is not None and request.purpose.writes:
                self._judge_write(name, request)
            before = self._document(name)
            reply = self.world.api.send(request)
            self._note_refusal(reply)
            if name is not None:
                self._judge_answer(name, request, reply, before)
            elif request.purpose is Purpose.LIST and isinstance(reply, Response) and reply.status == 200:
                for row in json.loads(reply.body or b"{}").get("items", ()):
                    self._seen(row["identifier"])
            return reply

    def _judge_moment(self) -> None:
        if self.world.concurrency > 1:
            return  # a thread that was let through may be late: tests/unit/engine/test_exchange.py looks at that moment
        process, until = self._asked_to_wait
        until = max(self._waits_until, until if process == self.world.starts else 0.0)
        assert self.world.clock.now() >= until, "the API asked for a pause, and is asked during it"

    def _note_refusal(self, reply: Reply) -> None:
        if not isinstance(reply, Response) or reply.status not in {429, 503} or "retry-after" not in reply.headers:
            return
        self._asked_to_wait = (self.world.starts, self.world.clock.now() + float(reply.headers["retry-after"]))

    def _seen(self, name: str) -> None:
        self._in_doubt.discard(name)
        self._read_at[name] = self.sent

    def _fault(self, request: Request, _number: int) -> Fault | None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is None and request.purpose.writes and self.faults_of_writes:
            fault = self.faults_of_writes.pop(0)
        if fault is not None:
            return fault
        if request.method != "GET" and said(request).startswith(REFUSED):
            return Fault.answers(400, {"error": "Bad Request", "details": "refused words"})
        return None

    def _judge_write(self, name: str, request: Request) -> None:
        if request.purpose is Purpose.RESTORE:
            return
        assert name in self._claims, f"{name} is written without a claim"
        claim, _ = self._claims[name]
        assert self.world.clock.now() < claim.lease_until, f"{name} is written after the lease ended"
        assert said(request) == self._words(claim), f"{name}: not what was claimed is sent"
        if request.purpose is Purpose.CREATE:
            assert name not in self._in_doubt, f"the create of {name} is repeated blindly"
            self._in_doubt.add(name)
            self._clear.discard(name)
        row, stranger = claim.row, self._theirs.get(name)
        known = row.presence is Presence.PRESENT and row.remote is not None and row.acknowledged.content is not None
        if stranger is not None and known and not row.force and not self.world.manners.terms.overwrite_conflicts:
            assert self._read_at.get(name, -1) <= stranger, f"{name}: a stranger's edit is overwritten silently"
        unknown = row.remote is None and row.presence is not Presence.DOUBTFUL
        if unknown and name in self.world.api.items and request.purpose is Purpose.UPDATE:
            allowed = row.force or self.world.manners.terms.overwrite_conflicts
            assert allowed, f"{name}: what nothing is recorded of is overwritten silently"

    def _judge_answer(self, name: str, request: Request, reply: Reply, before: Any) -> None:
        after = self._document(name)
        applied = before is not after
        answered = isinstance(reply, Response) and (reply.status < 300 or reply.status == 404)
        if request.purpose is Purpose.CREATE and not _is_unclear(reply):
            self._clear.add(name)
        if request.method == "GET" and answered:
            self._seen(name)
        if not applied or request.method == "GET":
            return
        terms = self.world.manners.terms
        unread = terms.overwrite_conflicts and not terms.preserve_foreign and name in self.drifted
        if request.purpose in {Purpose.CREATE, Purpose.UPDATE}:
            self.drifted.pop(name, None)
            self._theirs.pop(name, None)
        same = before is not None and all(before[part] == after[part] for part in ("rawXml", "metadata"))
        # The API's own rendition of a stimulus proves nothing, and a metadata call that merges cannot remove a key.
        # Of words that the API trims nobody can see whether they arrived.
        excused = kind_of(name) is Kind.STIMULUS or request.purpose in {Purpose.RESTORE, Purpose.UPDATE_METADATA}
        # Nor does who overwrites without reading know that a stranger did the same.
        excused = excused or said(request).startswith(TRIMMED) or unread
        assert not same or excused, f"{name}: a write that changes nothing"

    def _document(self, name: str | None) -> Any:
        api = self.world.api
        return (api.stimuli if name == STIMULUS else api.items).get(name or "")

    # The record

    def told(self, method: str, arguments: tuple[Any, ...], result: Any) -> None:
        with self._lock:
            match method:
                case "claim" if result is not None:
                    self._judge_claim(result)
                case "take" if result.claim is not None:
                    self._judge_claim(result.claim)
                case "settle" if result:
                    self._settled(*arguments)
                case "record_pass":
                    self._written_down(arguments[0].record.commit)
                case "retry":
                    self._refused.clear()
                case "update_pace":
                    self._waits_until = result.paused_until
                case "put_setting" if arguments[0] == "synced_commit":
                    self._judge_cursor(arguments[1])

    def _words(self, claim: Claim) -> str:
        assert claim.row.blob is not None
        return words_of(self.world.source.data[claim.row.blob].decode())

    def _target(self, claim: Claim) -> Wanted:
        return Wanted(self._words(claim), {key: str(value) for key, value in claim.row.desired_metadata.items()})

    def _judge_claim(self, claim: Claim) -> None:
        name = claim.row.key.identifier
        target = self._target(claim)
        assert self.wanted.get(name) == target, f"{name}: claimed for what git no longer wants"
        assert self._refused.get(name) != target, f"{name}: a refusal is revived"
        self._claims[name] = (claim, self.sent)

    def _settled(self, claim: Claim, settlement: Settlement) -> None:
        name = claim.row.key.identifier
        if name in self._clear:  # the answer was clear, and the process lived to write it down
            self._in_doubt.discard(name)
        began = self._claims[name][1]
        if settlement.status is ItemStatus.SYNCED and settlement.journal and self.drifted.get(name, began) < began:
            del self.drifted[name]  # the attempt saw the API's copy, and it was as git wants it
        row = self.world.kept.recorded()[claim.row.key]
        if row.status is ItemStatus.PARKED and row.last_outcome == "RequestError":
            self._refused[name] = self._target(claim)

    def _written_down(self, commit: CommitId) -> None:
        pages, now = self.states[commit], wanted(self.states[commit])
        for name in list(self._refused):
            if name not in pages or now.get(name, self._refused[name]) != self._refused[name]:
                del self._refused[name]  # an edit revives it, and so does a file that left and came back
        self.wanted = now

    def _judge_cursor(self, commit: CommitId) -> None:
        rows = {row.key.identifier: row for row in self.world.kept.recorded().values()}
        for name in wanted(self.states[commit]):
            row = rows[name]
            assert row.standing is Standing.WANTED
            assert row.status in {ItemStatus.SYNCED, ItemStatus.PARKED, ItemStatus.BLOCKED}, f"cursor before {name}"
            if row.status is ItemStatus.SYNCED:
                self.judge_object(name, wanted(self.states[commit])[name])

    # The API against git

    def judge_object(self, name: str, target: Wanted) -> None:
        """The API holds what git wants, unless a stranger changed it since."""
        document = self._document(name)
        if name in self.drifted:
            return
        assert document is not None, f"{name} is not at the API"
        assert words_of(document["rawXml"]) == kept_of(target.words), f"{name}: other content at the API"
        others = {"run_time", *self._set_by_strangers.get(name, ())}
        if self.world.api.metadata_mode == "wrong":
            others.add("subject")  # what this API sets by itself when it is first asked
        if self.record_was_lost:  # keys of a time before that are not known to have been ours
            others |= document["metadata"].keys()
        held = {key: value for key, value in document["metadata"].items() if key not in others - target.metadata.keys()}
        assert held == target.metadata, f"{name}: other metadata at the API"

    def is_unfamiliar(self, name: str, target: Wanted) -> bool:
        """Whether the API has something else than git wants, left by a stranger or by a record that is lost."""
        document = self._document(name)
        if document is None or not (self.record_was_lost or name in self.created_by_strangers):
            return False
        held = {key: document["metadata"].get(key) for key in target.metadata}
        return words_of(document["rawXml"]) != target.words or held != dict(target.metadata)

    # Strangers

    def stranger_writes(self, name: str, xml: str) -> None:
        with self._lock:
            self.drifted[name] = self._theirs[name] = self.sent
            if name not in self.world.api.items:
                self.created_by_strangers.add(name)
            self.world.api.store_item(xml, deepcopy(self.world.api.items.get(name, {}).get("metadata", {})))

    def stranger_sets(self, name: str, key: str, value: str) -> None:
        with self._lock:
            self.drifted[name] = self.sent
            self._set_by_strangers.setdefault(name, set()).add(key)
            self.world.api.store_metadata(name, **{key: value})

    def stranger_deletes(self, name: str) -> None:
        with self._lock:
            self.drifted[name] = self.sent
            self._theirs.pop(name, None)
            self._set_by_strangers.pop(name, None)
            (self.world.api.stimuli if name == STIMULUS else self.world.api.items).pop(name, None)

    def forget_the_record(self) -> None:
        self.record_was_lost = True
        self._refused.clear()
        self._in_doubt.clear()
        self._waits_until = 0.0
        self.wanted = {}
