"""Reading a whole collection by the pages of its list, sans I/O: which request, and what of its answer may be believed.

A list is a convenience and no proof. Its limit may be clamped, its key is ``items`` or ``data``, its pages shift while
others write, and it may leave something out; a page that is short says nothing (C15 of the API notes). So a walk over
the pages keeps what makes it doubtful, and whoever walks decides whether to walk again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from qtisync.delivery.answers import DigestText, json_object, read_object, read_response
from qtisync.delivery.listing import rows_of
from qtisync.delivery.messages import Purpose, Reply, Request, Response
from qtisync.delivery.outcome import Answer, RemoteObject, Shown, Unavailable
from qtisync.delivery.wire import COLLECTIONS
from qtisync.model import Identifier, Kind, Remote

PAGE = 50  # rows of a page: they carry all of their XML, and what a larger limit does is not known
MOST_PAGES = 100_000  # an end, for an API whose pages have none


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A row that does not show a whole object: it is there, and only a GET can say what it is."""

    identifier: Identifier
    version: int | None = None
    updated_at: str | None = None


Row: TypeAlias = RemoteObject | Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """What one page shows."""

    asked: int
    """The number of the page that was asked for."""
    rows: tuple[Row, ...]
    nameless: int = 0
    """Rows without an identifier."""
    number: int | None = None
    """The number of the page, as the answer says."""
    pages: int | None = None
    total: int | None = None
    limit: int | None = None
    name = "listed"

    @property
    def last(self) -> int | None:
        """The number of the last page, as far as the answer tells."""
        if self.pages is not None:
            return self.pages
        if self.total is not None and self.limit:
            return -(-self.total // self.limit)
        return None


def page_request(kind: Kind, number: int, limit: int = PAGE) -> Request:
    """The request for one page, in an order that inserts do not turn round."""
    query = {"page": str(number), "limit": str(limit), "sort": "identifier", "order": "asc"}
    return Request(method="GET", segments=(COLLECTIONS[kind],), purpose=Purpose.LIST, query=query)


def read_page(
    request: Request, reply: Reply, known: Mapping[Identifier, Remote | None], digest: DigestText, now: float
) -> ListPage | Answer:
    """The page that ``reply`` shows, or what else it means.

    ``known``: what is recorded. A row with the version and the time that we recorded is untouched, and its XML is not
    digested again; with an empty mapping everything is.
    """
    document = json_object(reply.body) if isinstance(reply, Response) and 200 <= reply.status < 300 else None
    rows = rows_of(document)
    if document is not None and rows is not None:
        return _page(request, document, rows, known, digest)
    answer = read_response(request, reply, digest, now)
    return Unavailable(message="the answer is no list", status=answer.status) if isinstance(answer, Shown) else answer


def _page(
    request: Request,
    document: Mapping[str, Any],
    rows: Sequence[Any],
    known: Mapping[Identifier, Remote | None],
    digest: DigestText,
) -> ListPage:
    found = [_row(row, known, digest) for row in rows]
    return ListPage(
        asked=int(request.query["page"]),
        rows=tuple(row for row in found if row is not None),
        nameless=found.count(None),
        number=_number(document.get("page")),
        pages=_number(document.get("pages")),
        total=_number(document.get("total")),
        limit=_number(document.get("limit")),
    )


def _row(row: object, known: Mapping[Identifier, Remote | None], digest: DigestText) -> Row | None:
    if not isinstance(row, dict):
        return None
    inner = next((row[name] for name in ("assessmentItem", "stimulus") if isinstance(row.get(name), dict)), row)
    document: Mapping[str, Any] = row if "identifier" in row else inner
    name = document.get("identifier")
    if not isinstance(name, str) or not name:
        return None
    stamps = (_number(document.get("__v")), _text(document.get("updatedAt")))
    if isinstance(document.get("metadata"), dict):
        recorded = known.get(Identifier(name))
        untouched = recorded is not None and is_untouched(recorded, *stamps)
        whole = read_object(document, (lambda _text: recorded.content) if recorded and untouched else digest)
        if whole is not None:
            return whole
    return Sketch(identifier=Identifier(name), version=stamps[0], updated_at=stamps[1])


def is_untouched(recorded: Remote, version: int | None, updated_at: str | None) -> bool:
    """Whether the API's copy is the one that we recorded, by its own stamps: both are there, and both are the same."""
    return None not in (version, updated_at) and (version, updated_at) == (recorded.version, recorded.updated_at)


def _number(value: object) -> int | None:
    """A count; some answers say it as a text, as they want it in the query."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:18])
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(slots=True)
class Walk:
    """One walk over all pages of a collection; ``add`` takes a page and says which one comes next."""

    rows: dict[Identifier, Row] = field(default_factory=dict)
    totals: list[int] = field(default_factory=list)
    repeated: int = 0
    """Rows that were seen on an earlier page already: the pages shifted meanwhile."""
    nameless: int = 0
    pages: int = 0
    stuck: bool = False
    """A page answered as another one, or the pages have no end."""
    cut: bool = False
    """A page before the last one was empty."""

    def add(self, page: ListPage) -> int | None:
        """Keep a page; the number of the next, ``None`` if this was the last."""
        before = len(self.rows)
        for row in page.rows:
            self.repeated += row.identifier in self.rows
            self.rows[row.identifier] = row  # a later answer is the newer one
        self.pages += 1
        self.nameless += page.nameless
        if page.total is not None:
            self.totals.append(page.total)
        if page.number is not None and page.number != page.asked:
            self.stuck = True
            return None
        new = len(self.rows) > before
        more = page.asked < page.last if page.last is not None else new
        if more and not page.rows and not page.nameless:
            self.cut = True
            return None
        if more and self.pages >= MOST_PAGES:
            self.stuck = True
            return None
        # Pages that were counted with another limit than the one in force are more than they say.
        uncounted = new and page.total is not None and len(self.rows) + self.nameless < page.total
        return page.asked + 1 if more or uncounted else None

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the walk may not have seen everything, in words; empty: there is no reason to think so."""
        found = []
        if len(set(self.totals)) > 1:
            found.append(f"its total changed from {self.totals[0]:,} to {self.totals[-1]:,} meanwhile")
        if self.repeated:
            found.append(f"{_rows(self.repeated)} came twice: its pages shifted meanwhile")
        if self.stuck:
            found.append("it does not turn its pages")
        if self.cut:
            found.append("a page before its last one is empty")
        if self.nameless:
            found.append(f"{_rows(self.nameless)} without an identifier")
        seen = len(self.rows) + self.nameless
        if self.totals and not found and self.totals[-1] != seen:
            found.append(f"it shows {seen:,} of {self.totals[-1]:,}")
        return tuple(found)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
