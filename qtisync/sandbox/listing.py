"""Lists: search, filter, sort, pages (C15), and the rendered documents that they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from qtisync.sandbox.bodies import RefusedCallError, issues_reply
from qtisync.sandbox.filters import Predicate, parse_filter
from qtisync.sandbox.messages import Call, JsonObject, Reply, encode
from qtisync.sandbox.options import Options
from qtisync.sandbox.rules import interaction_type, parse_shared
from qtisync.sandbox.shelf import Shelf, Stored

KEPT_DOCUMENTS: Final = 5_000
"""Rendered documents that are kept; beyond that they are made again."""


class Catalogue:
    """One shelf as the outside sees it. Used by the server's thread only."""

    def __init__(
        self, shelf: Shelf, options: Options, document: Callable[[Stored], JsonObject], sorts: tuple[str, ...]
    ) -> None:
        self._shelf = shelf
        self._options = options
        self._document = document
        self._sorts = sorts
        self._encoded: dict[str, tuple[Stored, bytes]] = {}
        self._summaries: dict[str, tuple[Stored, JsonObject]] = {}
        self._last: tuple[tuple[object, ...], list[Stored]] | None = None

    def encoded(self, row: Stored) -> bytes:
        """The object's JSON."""
        kept = self._encoded.get(row.identifier)
        if kept is not None and kept[0] is row:
            return kept[1]
        if len(self._encoded) >= KEPT_DOCUMENTS:
            self._encoded.clear()
        body = encode(self._document(row))
        self._encoded[row.identifier] = (row, body)
        return body

    def page(self, call: Call, *, filtered: bool) -> Reply:
        """One page. Unknown parameters are ignored; only the top-level item list honours ``filter`` (1b)."""
        query = call.query
        page, limit = _number(query.get("page", "1"), "page"), _number(query.get("limit", "10"), "limit")
        limit = min(limit, self._options.limit_max)
        sort, order = query.get("sort", "createdAt"), query.get("order", "desc")
        if sort not in self._sorts:
            raise _bad("sort", f"Invalid enum value. Expected {' | '.join(self._sorts)}")
        if order not in {"asc", "desc"}:
            raise _bad("order", "Invalid enum value. Expected asc | desc")
        rows = self._rows(query.get("query", ""), query.get("filter", "") if filtered else "", sort, order)
        shown = rows[(page - 1) * limit : page * limit]
        end = {"total": len(rows), "page": page, "pages": -(-len(rows) // limit), "limit": limit}
        head = f'{{"{self._options.list_key}":['.encode()
        body = head + b",".join(map(self.encoded, shown)) + b"]," + encode(end | {"sort": sort, "order": order})[1:]
        return Reply(status=200, body=body)

    def _rows(self, text: str, expression: str, sort: str, order: str) -> list[Stored]:
        key = (self._shelf.revision, text, expression, sort, order)
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        predicate = _predicate(expression)
        needle = text.casefold()
        found = [
            (summary[sort], row)
            for row in self._shelf.all().values()
            if needle in f"{(summary := self._summary(row))['title']}\n{row.identifier}".casefold()
            and predicate(summary)
        ]
        found.sort(key=lambda pair: (str(pair[0]), pair[1].identifier), reverse=order == "desc")
        rows = [row for _, row in found]
        self._last = (key, rows)
        return rows

    def _summary(self, row: Stored) -> JsonObject:
        kept = self._summaries.get(row.identifier)
        if kept is not None and kept[0] is row:
            return kept[1]
        root = parse_shared(row.model_xml)
        summary: JsonObject = {
            **row.metadata,
            "identifier": row.identifier,
            "title": root.get("title", ""),
            "type": interaction_type(root),
            "qtiVersion": "3.0",
            "metadata": row.metadata,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
        }
        self._summaries[row.identifier] = (row, summary)
        return summary


def _predicate(expression: str) -> Predicate:
    if not expression:
        return lambda _: True
    try:
        return parse_filter(expression)
    except ValueError as error:
        raise _bad("filter", str(error)) from error


def _number(text: str, field: str) -> int:
    """``page`` and ``limit`` are strings in OA."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise _bad(field, "Expected a number of at least 1")
    return int(text)


def _bad(field: str, message: str) -> RefusedCallError:
    return RefusedCallError(issues_reply([{"field": field, "message": message, "code": "invalid_query"}]))
