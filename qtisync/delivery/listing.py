"""Reading many items by one request to the list, sans I/O: which request, and what of its answer may be believed.

A list is a convenience and no proof: what it leaves out may be there, and a row that looks odd is read by itself.
Sources: endpoint table 1 to 1d of the API notes (filter, doubled quotes, list key), C15 (clamped limits).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from qtisync.delivery.answers import DigestText, json_object, read_object, read_response
from qtisync.delivery.messages import Purpose, Reply, Request, Response
from qtisync.delivery.outcome import Answer, RemoteObject, Shown, Unavailable
from qtisync.model import Identifier, Remote

MAX_FILTER = 4_000  # bytes of the percent-encoded filter; proxies refuse addresses beyond 8,000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one answer of the list shows."""

    shown: Mapping[Identifier, RemoteObject]
    """Those that were asked for and can be used, each once."""
    asked: int
    strangers: int = 0
    """Rows that nobody asked for."""
    unusable: int = 0
    """Rows that do not show a whole item, or not one item only."""
    limit: int | None = None
    """Rows of a page, as the API says; it may be fewer than were asked for."""
    complete: bool = True
    """Whether all that match are on this page."""
    name = "listed"

    @property
    def complaint(self) -> str:
        """Why the list does not do what is asked of it; empty: it does, as far as this page tells."""
        if self.strangers:
            return "the list ignores the filter: it shows items that were not asked for"
        if self.unusable and not self.shown:
            return "the rows of the list do not show whole items"
        return ""


def chosen(identifiers: Iterable[Identifier], size: int) -> tuple[Identifier, ...]:
    """The first of ``identifiers`` that fit into one request."""
    found: list[Identifier] = []
    length = 0
    for identifier in identifiers:
        if not identifier.isprintable() or "\\" in identifier:
            continue  # nobody knows how this filter wants them written
        length += len(quote(f" OR {_term(identifier)}"))
        if length > MAX_FILTER or len(found) == size:
            break
        found.append(identifier)
    return tuple(found)


def list_request(identifiers: Sequence[Identifier]) -> Request:
    """The request that shows the items with these identifiers."""
    query = {
        "filter": " OR ".join(map(_term, identifiers)),
        "page": "1",
        "limit": str(len(identifiers)),
        "sort": "identifier",
        "order": "asc",
    }
    return Request(method="GET", segments=("assessment-items",), purpose=Purpose.LIST, query=query)


def _term(identifier: Identifier) -> str:
    return "identifier='" + identifier.replace("'", "''") + "'"


def read_list(
    request: Request, reply: Reply, wanted: Mapping[Identifier, Remote | None], digest: DigestText, now: float
) -> Page | Answer:
    """The page that ``reply`` shows, or what else it means. ``wanted``: what is recorded of what was asked for."""
    document = json_object(reply.body) if isinstance(reply, Response) and 200 <= reply.status < 300 else None
    rows = rows_of(document)
    if document is not None and rows is not None:
        return _page(document, rows, wanted, digest)
    answer = read_response(request, reply, digest, now)
    return Unavailable(message="the answer is no list", status=answer.status) if isinstance(answer, Shown) else answer


def rows_of(document: Mapping[str, Any] | None) -> list[Any] | None:
    """The rows of a list, under either of the keys that were seen; ``None`` if it is none."""
    found = ((document or {}).get(name) for name in ("items", "data"))
    return next((rows for rows in found if isinstance(rows, list)), None)


def _page(
    document: Mapping[str, Any], rows: Sequence[Any], wanted: Mapping[Identifier, Remote | None], digest: DigestText
) -> Page:
    known = {identifier.casefold() for identifier in wanted}
    shown: dict[Identifier, RemoteObject] = {}
    twice: set[Identifier] = set()
    strangers = unusable = 0
    for row in rows:
        name = row.get("identifier") if isinstance(row, dict) else None
        if not isinstance(name, str) or name not in wanted:
            strangers += isinstance(name, str) and name.casefold() not in known
            continue
        remote = _whole(row, wanted[Identifier(name)], digest)
        if remote is None:
            unusable += 1
        elif shown.setdefault(remote.identifier, remote) != remote:
            twice.add(remote.identifier)
    limit, total = _count(document.get("limit")), _count(document.get("total"))
    return Page(
        shown={name: remote for name, remote in shown.items() if name not in twice},
        asked=len(wanted),
        strangers=strangers,
        unusable=unusable + len(twice),
        limit=limit,
        complete=len(rows) >= total if total is not None else len(rows) < (limit or len(wanted)),
    )


def _whole(row: Mapping[str, Any], recorded: Remote | None, digest: DigestText) -> RemoteObject | None:
    if not isinstance(row.get("metadata"), dict):
        return None  # taken for an item without metadata it would be sent back without the keys of others
    stamps = (row.get("__v"), row.get("updatedAt"))
    if recorded is not None and stamps == (recorded.version, recorded.updated_at) and None not in stamps:
        # Untouched since we saw it: its digest is known, and digesting is most of the work of reading a page.
        return read_object(row, lambda _text: recorded.content)
    return read_object(row, digest)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
