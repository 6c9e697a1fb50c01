"""An in-memory QTI API with a fault script: the twin of ``HttpApi`` for tests of the engine.

Answers are shaped as the real API's (design notes, C2, C3, C7, C14): POST creates and never updates, PUT updates and never
creates, PUT replaces the metadata, every write mints a version.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeAlias
from xml.sax.saxutils import quoteattr

from lxml import etree

from qtisync.delivery.messages import Failure, FailureKind, MayLeave, Reply, Request, Response

Document: TypeAlias = dict[str, Any]
MetadataMode: TypeAlias = Literal["merge", "replace", "ignore", "wrong", "reset_all"]
_EPOCH = 1_780_000_000.0
_TERM = re.compile(r"identifier\s*(=|~)\s*'((?:[^']|'')*)'")
_STIMULUS_FIELDS = ("identifier", "title", "content", "label", "language", "stylesheet", "catalogInfo", "toolName")


class HasNow(Protocol):
    """What the fake wants of a clock."""

    def now(self) -> float:
        """Seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one request: whether it is carried out, and what the client sees."""

    reply: Reply
    applied: bool = False

    @classmethod
    def answers(cls, status: int, document: object = None, *, body: bytes = b"", **headers: str) -> Fault:
        """This answer, and nothing is done. ``retry_after="2"`` becomes the header ``retry-after``."""
        return cls(reply=_answer(status, document, body=body, **headers))

    @classmethod
    def applies_then(cls, status: int, document: object = None, *, body: bytes = b"", **headers: str) -> Fault:
        """It is done, but this is the answer."""
        return cls(reply=_answer(status, document, body=body, **headers), applied=True)

    @classmethod
    def lost(cls, *, applied: bool) -> Fault:
        """No answer; it was done or not."""
        return cls(reply=Failure(kind=FailureKind.LOST, message="the connection broke"), applied=applied)

    @classmethod
    def unreachable(cls) -> Fault:
        """Nothing was sent."""
        return cls(reply=Failure(kind=FailureKind.UNREACHABLE, message="fake.test refuses connections"))


FaultScript: TypeAlias = Callable[[Request, int], Fault | None]
"""Asked for each request with its number, counting from 1."""


def _answer(status: int, document: object = None, *, body: bytes = b"", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if document is not None:
        body = json.dumps(document, ensure_ascii=False).encode()
        named = {"content-type": "application/json; charset=utf-8"} | named
    return Response(status=status, headers=named, body=body)


class FakeApi:
    """An ``Api``. ``items`` and ``stimuli`` hold complete documents by identifier and may be changed by a test."""

    def __init__(self, clock: HasNow | None = None, *, metadata_mode: MetadataMode = "merge") -> None:
        self.items: dict[str, Document] = {}
        self.stimuli: dict[str, Document] = {}
        self.metadata_mode: MetadataMode = metadata_mode
        self.faults: list[FaultScript] = []
        self.requests: list[Request] = []
        self.closed = 0
        self.max_limit = 100
        self.rendition: Callable[[str], str] = lambda xml: xml
        """What this API makes of an XML text that it is given."""
        self._clock = clock
        self._ticks = 0
        self._lock = threading.RLock()

    def send(self, request: Request, may_leave: MayLeave | None = None) -> Reply:
        """Carry out one request, or what the first fault that answers says."""
        _check_path(request)
        if may_leave is not None and not may_leave():
            return Failure(kind=FailureKind.HELD, message="held")
        body = None if request.body is None else json.loads(json.dumps(dict(request.body), allow_nan=False))
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
            fault = next(filter(None, (script(request, number) for script in self.faults)), None)
            if fault is None:
                return self._route(request, body)
            if fault.applied:
                self._route(request, body)
            return fault.reply

    def close(self) -> None:
        """Count the call."""
        self.closed += 1

    def writes(self) -> list[Request]:
        """The requests that may change something, in order."""
        return [request for request in self.requests if request.method not in {"GET", "HEAD"}]

    def store_item(self, xml: str, metadata: Mapping[str, Any] | None = None) -> Document:
        """Another writer creates or replaces an item, without a request."""
        with self._lock:
            root = _root(xml)
            assert root is not None
            return self._keep(self.items, _item_fields(root, xml), dict(metadata or {}))

    def store_metadata(self, identifier: str, **changes: Any) -> None:
        """Another writer merges keys into an item's metadata."""
        with self._lock:
            document = self.items[identifier]
            self._keep(self.items, document, document["metadata"] | changes)

    def _route(self, request: Request, body: Any) -> Response:
        match request.method, request.segments:
            case "POST", ("assessment-items",):
                return self._create_item(body)
            case "POST", ("assessment-items", "metadata"):
                return self._update_metadata(body)
            case "PUT", ("assessment-items", identifier):
                return self._update_item(identifier, body)
            case "POST", ("stimuli",):
                return self._create_stimulus(body)
            case "PUT", ("stimuli", identifier):
                return self._update_stimulus(identifier, body)
            case "GET" | "DELETE", ("assessment-items" | "stimuli" as shelf, identifier):
                return self._read_or_delete(request.method, shelf, identifier)
            case "GET", ("assessment-items" | "stimuli" as shelf,):
                return self._list(shelf, request.query)
        return _answer(404, body=b"<html><body>Cannot find that</body></html>", content_type="text/html")

    def _create_item(self, body: Any) -> Response:
        root = _sent_root(body)
        if root is None:
            return _invalid()
        identifier = root.get("identifier", "")
        if identifier in self.items:
            return _answer(409, {"error": "Conflict", "message": f"Item {identifier} already exists"})
        return _answer(201, self._keep(self.items, _item_fields(root, body["xml"]), body.get("metadata") or {}))

    def _update_item(self, identifier: str, body: Any) -> Response:
        root = _sent_root(body)
        if root is None or root.get("identifier") != identifier:
            return _invalid()
        if identifier not in self.items:
            return _missing(identifier)
        return _answer(200, self._keep(self.items, _item_fields(root, body["xml"]), body.get("metadata") or {}))

    def _update_metadata(self, body: Any) -> Response:
        root = _sent_root(body)
        if root is None:
            return _invalid()
        identifier = root.get("identifier", "")
        document = self.items.get(identifier)
        if document is None:
            return _missing(identifier)
        sent = body.get("metadata") or {}
        match self.metadata_mode:
            case "ignore":
                return _answer(201, document)
            case "replace":
                meant = sent
            case "wrong":
                meant = {"subject": "something else"}
            case "merge" | "reset_all":
                meant = document["metadata"] | sent
        answer = _answer(201, self._keep(self.items, document, meant))
        if self.metadata_mode == "reset_all":
            for other in list(self.items.values()):
                self._keep(self.items, other, other["metadata"] | {"humanApproved": False})
        return answer

    def _create_stimulus(self, body: Any) -> Response:
        fields = _stimulus_fields(body)
        if fields is None:
            return _invalid()
        if fields["identifier"] in self.stimuli:
            return _answer(409, {"error": f"Stimulus {fields['identifier']} already exists"})
        return _answer(201, self._keep(self.stimuli, fields, body.get("metadata") or {}))

    def _update_stimulus(self, identifier: str, body: Any) -> Response:
        fields = _stimulus_fields(body)
        if fields is None or fields["identifier"] != identifier:
            return _invalid()
        if identifier not in self.stimuli:
            return _answer(404, {"error": "Stimulus not found or failed to update"})
        return _answer(200, self._keep(self.stimuli, fields, body.get("metadata") or {}))

    def _read_or_delete(self, method: str, shelf: str, identifier: str) -> Response:
        held = self._shelf(shelf)
        if identifier not in held:
            return _missing(identifier)
        if method == "GET":
            return _answer(200, held[identifier])
        del held[identifier]
        return _answer(204)

    def _list(self, shelf: str, query: Mapping[str, str]) -> Response:
        page, limit = int(query.get("page", "1")), min(int(query.get("limit", "10")), self.max_limit)
        sort, order = query.get("sort", "createdAt"), query.get("order", "desc")
        wanted = query.get("filter") if shelf == "assessment-items" else None  # stimuli ignore it
        found: list[Document] = list(self._shelf(shelf).values())
        if wanted is not None:
            terms = [(sign, text.replace("''", "'")) for sign, text in _TERM.findall(wanted)]
            found = [document for document in found if _matches(document["identifier"], terms)]
        found.sort(key=lambda document: str(document.get(sort, "")), reverse=order == "desc")
        shown = found[(page - 1) * limit : page * limit]
        sizes = {"total": len(found), "page": page, "pages": math.ceil(len(found) / limit), "limit": limit}
        return _answer(200, {"items": shown, **sizes, "sort": sort, "order": order})

    def _shelf(self, shelf: str) -> dict[str, Document]:
        return self.items if shelf == "assessment-items" else self.stimuli

    def _keep(self, shelf: dict[str, Document], fields: Document, metadata: Document) -> Document:
        before = shelf.get(fields["identifier"])
        stamp = self._stamp()
        fields = {**fields, "rawXml": self.rendition(fields["rawXml"])}
        document = {**fields, "metadata": json.loads(json.dumps(metadata)), "updatedAt": stamp}
        document["createdAt"] = stamp if before is None else before["createdAt"]
        document["__v"] = 0 if before is None else before["__v"] + 1
        shelf[fields["identifier"]] = document
        return document

    def _stamp(self) -> str:
        self._ticks += 1  # milliseconds, so that no two writes look the same
        seconds = (_EPOCH if self._clock is None else self._clock.now()) + self._ticks / 1000
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check_path(request: Request) -> None:
    segments = request.segments
    if not segments or any(not segment.strip() or segment in {".", ".."} for segment in segments):
        raise ValueError(f"not a path: {segments}")
    if request.method == "DELETE" and len(segments) < 2:
        raise ValueError("DELETE at the root of the API")


def _root(xml: str) -> etree._Element | None:
    try:
        return etree.fromstring(xml.encode())
    except etree.XMLSyntaxError:
        return None


def _sent_root(body: Any) -> etree._Element | None:
    if not isinstance(body, dict) or body.get("format") != "xml" or not isinstance(body.get("xml"), str):
        return None
    root = _root(body["xml"])
    return root if root is not None and root.get("identifier") else None


def _item_fields(root: etree._Element, xml: str) -> Document:
    name = etree.QName(root).localname
    return {
        "identifier": root.get("identifier", ""),
        "title": root.get("title", ""),
        "type": "choice",
        "qtiVersion": "3.0",
        "timeDependent": root.get("time-dependent") == "true",
        "adaptive": root.get("adaptive") == "true",
        "rawXml": xml,
        "content": {name: {"_attributes": {str(key): str(value) for key, value in root.attrib.items()}}},
    }


def _stimulus_fields(body: Any) -> Document | None:
    if not isinstance(body, dict) or not all(body.get(name) for name in ("identifier", "title", "content")):
        return None
    fields = {name: body[name] for name in _STIMULUS_FIELDS if name in body}
    names = f"identifier={quoteattr(body['identifier'])} title={quoteattr(body['title'])}"
    root = f'<qti-assessment-stimulus xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" {names}>'
    xml = f"{root}<qti-stimulus-body>{body['content']}</qti-stimulus-body></qti-assessment-stimulus>"
    return {"catalogInfo": [], **fields, "rawXml": xml, "content": {"qti-assessment-stimulus": {}}}


def _matches(identifier: str, terms: Iterable[tuple[str, str]]) -> bool:
    return any(
        identifier == text if sign == "=" else re.search(text, identifier, re.IGNORECASE) is not None
        for sign, text in terms
    )


def _invalid() -> Response:
    return _answer(400, {"error": "Bad Request", "details": "Invalid XML format"})


def _missing(identifier: str) -> Response:
    return _answer(404, {"error": "Not Found", "details": f"{identifier} was not found"})
