"""One rule of the fault script, read from a line of text.

    rule   = name [ "=" value ] [ "@" METHOD { "|" METHOD } ] { ":" clause }
    clause = 5%              strike with this probability (drawn with the sandbox's seed)
           | nth=3           strike on the third matching request only
           | every=10        strike on each tenth matching request
           | times=2         strike no more than twice
           | id=q1           only requests about this identifier
           | path=/stimuli   only paths that contain this text
           | retry-after=2   the header on the answer: text as it is, or none, huge, garbage, date+5

A rule concerns API calls, the token endpoint only where ``path=`` names it (``429:path=/oauth2/token``). The first rule
that strikes wins. The names, *before* or *after* the API did what was asked:

    before   400 ... 599     that status, in the API's own JSON (401: "jwt expired", 500: with a stack trace)
             html-502        that status from 400 on, as a proxy's page
             reset-before    the connection is reset;  close-before  it ends;  hang=5  nothing, it ends after 5 s
             redirect=URL    301 to another place
             e11000          500 with the database's duplicate key error
             no-op           200 with the item as it was: nothing is stored
             vanish          the item is deleted just before the call
             stale           a read answers what was there before the last write
    after    500-after       that status (any of 400 ... 599), though it was done
             lie             the answer as if it were done, but it is undone
             reset-after, close-after, hang-after=5, truncate (half of the body)
             slow=0.3        the answer comes late;  slow-body=2  the body drips
             html-200, empty-200 (any 200 ... 299), empty-object
             wrong-item, enveloped, wrong-type, odd-item, omit=q1 (from lists)

Examples: ``500:5%``, ``429@PUT:retry-after=2:nth=3``, ``reset-before@POST:10%``, ``html-502@PUT|POST:times=2:id=q1``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"})
_CLAUSE_STARTS = re.compile(r":(?=(?:nth|every|times|id|path|retry-after)=|[\d.]+%)")
_STATUS_NAMES = re.compile(r"(?:html-|empty-)?([1-9]\d\d)|([1-9]\d\d)-after")
_PLAIN = frozenset(
    [
        "reset-before",
        "close-before",
        "e11000",
        "no-op",
        "vanish",
        "stale",
        "lie",
        "reset-after",
        "close-after",
        "truncate",
        "empty-object",
        "wrong-item",
        "enveloped",
        "wrong-type",
        "odd-item",
    ]
)
_SECONDS = frozenset({"hang", "hang-after", "slow", "slow-body"})
_WITH_TEXT = frozenset({"redirect", "omit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What strikes, on which requests, how often."""

    text: str
    name: str
    value: str | None = None
    methods: frozenset[str] = frozenset()
    path: str | None = None
    identifier: str | None = None
    probability: float | None = None
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    retry_after: str | None = None

    @property
    def status(self) -> int:
        """The status in the name, 0 if there is none."""
        found = re.search(r"\d\d\d", self.name)
        return int(found[0]) if found and _STATUS_NAMES.fullmatch(self.name) else 0

    @property
    def seconds(self) -> float:
        """The value of a rule about time."""
        return 3600.0 if self.value is None else float(self.value)

    def concerns(self, method: str, path: str, identifier: str | None) -> bool:
        """Whether the rule is about this request at all."""
        if self.path is None and not path.startswith("/api/"):
            return False
        return (
            (not self.methods or method in self.methods)
            and (self.path is None or self.path in path)
            and (self.identifier is None or self.identifier == identifier)
        )


def parse_rule(text: str) -> Rule:
    """Read one rule; a mistake raises ``ValueError`` that says what is wrong and what would be right."""
    head, *clauses = _CLAUSE_STARTS.split(text.strip())
    name_and_value, at, methods = head.rpartition("@") if re.search(r"@[A-Z|]+$", head) else (head, "", "")
    name, equals, value = name_and_value.partition("=")
    if ":" in name:
        wrong = head.partition(":")[2]
        raise ValueError(f"fault {text!r}: {wrong!r} is none of nth=, every=, times=, id=, path=, retry-after=, 5%")
    rule = Rule(text=text.strip(), name=name, value=value if equals else None, methods=_methods(text, at, methods))
    _check_name(rule)
    for clause in clauses:
        rule = _with_clause(rule, clause)
    return rule


def _methods(text: str, at: str, methods: str) -> frozenset[str]:
    found = frozenset(methods.split("|")) if at else frozenset()
    if not found <= METHODS:
        raise ValueError(f"fault {text!r}: {', '.join(sorted(found - METHODS))} is no method; write @PUT or @PUT|POST")
    return found


def _check_name(rule: Rule) -> None:
    if rule.name in _SECONDS:
        if rule.value is not None:
            _number(rule, "seconds", rule.value)
        elif rule.name.startswith("slow"):
            raise ValueError(f"fault {rule.text!r}: say for how many seconds, as in {rule.name}=0.5")
        return
    if rule.name in _WITH_TEXT:
        if not rule.value:
            raise ValueError(f"fault {rule.text!r}: a value is missing, as in {rule.name}=...")
        return
    if rule.name not in _PLAIN and not _is_status_name(rule.name):
        raise ValueError(
            f"fault {rule.text!r}: {rule.name!r} is no fault; see the names in qtisync.sandbox.fault_rules"
        )
    if rule.value is not None:
        raise ValueError(f"fault {rule.text!r}: {rule.name} takes no value")


def _is_status_name(name: str) -> bool:
    found = _STATUS_NAMES.fullmatch(name)
    if found is None:
        return False
    status = int(found[1] or found[2])
    if name.startswith("html-"):
        return 200 <= status <= 599
    return 200 <= status <= 299 if name.startswith("empty-") else 400 <= status <= 599


def _with_clause(rule: Rule, clause: str) -> Rule:
    if clause.endswith("%"):
        percent = _number(rule, "percentage", clause[:-1])
        if percent > 100:
            raise ValueError(f"fault {rule.text!r}: {clause} is more than always")
        return replace(rule, probability=percent / 100)
    name, _, value = clause.partition("=")
    if not value:
        raise ValueError(f"fault {rule.text!r}: {name}= has no value")
    match name:
        case "id":
            return replace(rule, identifier=value)
        case "path":
            return replace(rule, path=value)
        case "retry-after":
            if value.startswith("date+"):
                _number(rule, "seconds ahead", value.removeprefix("date+"))
            return replace(rule, retry_after=value)
        case _:
            return _with_count(rule, name, value)


def _with_count(rule: Rule, name: str, value: str) -> Rule:
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise ValueError(f"fault {rule.text!r}: {name}={value} is not a whole number of at least 1")
    match name:
        case "nth":
            return replace(rule, nth=int(value))
        case "every":
            return replace(rule, every=int(value))
        case _:
            return replace(rule, times=int(value))


def _number(rule: Rule, what: str, value: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?|\.\d+", value):
        raise ValueError(f"fault {rule.text!r}: {value!r} is not a number ({what})")
    return float(value)
