r"""The list's ``filter`` expression: a subset of the API's grammar (1a: OA, 1b: SDK-Q).

    expression = term { OR term } ;  term = factor { AND factor }
    factor     = "(" expression ")" | name operator value
    operator   = "=" | "!=" | ">" | ">=" | "<" | "<=" | "~"
    value      = 'text' ('' inside means one quote) | a bare word without spaces

``name`` is a field of the item, or a path into it with dots (``metadata.subject``); ``~`` is a case-insensitive regular
expression that may match anywhere. Comparison is that of text. A mistake raises ``ValueError``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from qtisync.sandbox.messages import JsonObject

Predicate: TypeAlias = Callable[[JsonObject], bool]

_TOKEN = re.compile(
    r"""\s*(?: (?P<text>'(?:[^']|'')*') | (?P<sign>!=|>=|<=|[=<>~()]) | (?P<word>[^\s'()=<>~!]+) )""", re.VERBOSE
)
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def parse_filter(text: str) -> Predicate:
    """The expression as a function of one item's document."""
    parser = _Parser(_tokens(text))
    predicate = parser.expression()
    if parser.rest:
        raise ValueError(f"filter: unexpected {parser.rest[0][1]!r}")
    return predicate


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError(f"filter: cannot read {text[position:].strip()[:20]!r}")
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.rest = tokens

    def expression(self) -> Predicate:
        terms = [self._term()]
        while self._skip_word("OR"):
            terms.append(self._term())
        same = terms[0]
        if isinstance(same, _Equals) and all(isinstance(term, _Equals) and term.path == same.path for term in terms):
            values = {term.value for term in terms if isinstance(term, _Equals)}
            return lambda item: _field(item, same.path) in values  # long lists of identifiers are looked up at once
        return lambda item: any(term(item) for term in terms)

    def _term(self) -> Predicate:
        factors = [self._factor()]
        while self._skip_word("AND"):
            factors.append(self._factor())
        if len(factors) == 1:
            return factors[0]
        return lambda item: all(factor(item) for factor in factors)

    def _factor(self) -> Predicate:
        kind, name = self._next("a field name")
        if (kind, name) == ("sign", "("):
            inner = self.expression()
            if self._next("a closing bracket") != ("sign", ")"):
                raise ValueError("filter: a bracket is not closed")
            return inner
        if kind != "word":
            raise ValueError(f"filter: expected a field name, not {name!r}")
        sign_kind, sign = self._next("an operator")
        if sign_kind != "sign" or sign in "()":
            raise ValueError(f"filter: expected an operator, not {sign!r}")
        return _comparison(name, sign, self._value())

    def _value(self) -> str:
        kind, text = self._next("a value")
        if kind == "sign":
            raise ValueError(f"filter: expected a value, not {text!r}")
        return text[1:-1].replace("''", "'") if kind == "text" else text

    def _next(self, wanted: str) -> tuple[str, str]:
        if not self.rest:
            raise ValueError(f"filter: expected {wanted} at the end")
        return self.rest.pop(0)

    def _skip_word(self, word: str) -> bool:
        if self.rest and self.rest[0][0] == "word" and self.rest[0][1].upper() == word:
            self.rest.pop(0)
            return True
        return False


class _Equals:
    """A field has this value."""

    def __init__(self, path: list[str], value: str) -> None:
        self.path, self.value = path, value

    def __call__(self, item: JsonObject) -> bool:
        return _field(item, self.path) == self.value


def _comparison(name: str, sign: str, value: str) -> Predicate:
    path = name.split(".")
    if sign == "~":
        try:
            pattern = re.compile(value, re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"filter: {value!r} is not a regular expression: {error}") from error
        return lambda item: pattern.search(_field(item, path)) is not None
    if sign == "=":
        return _Equals(path, value)
    compare = _COMPARE[sign]
    return lambda item: compare(_field(item, path), value)


def _field(item: JsonObject, path: list[str]) -> str:
    value: Any = item
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
