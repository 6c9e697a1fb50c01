"""The fault script of a running sandbox: rules (``fault_rules`` has the grammar), and how often each one struck."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from qtisync.sandbox.fault_rules import Rule, parse_rule
from qtisync.sandbox.messages import Call

_XML_IDENTIFIER = re.compile(r"""<qti-assessment-(?:item|stimulus)\b[^>]*?\sidentifier\s*=\s*["']([^"']*)["']""")


@dataclass(slots=True)
class _Counted:
    rule: Rule
    seen: int = 0
    struck: int = 0


class Faults:
    """Rules can be added and cleared while the sandbox runs, from any thread."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._counted: list[_Counted] = []
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def __bool__(self) -> bool:
        return bool(self._counted)

    def add(self, *texts: str) -> None:
        """Add rules at the end; raises ``ValueError`` and adds none if one cannot be read."""
        rules = [parse_rule(text) for text in texts]
        with self._lock:
            self._counted.extend(map(_Counted, rules))

    def clear(self) -> None:
        """No faults from now on."""
        with self._lock:
            self._counted.clear()

    def counts(self) -> dict[str, int]:
        """How often each rule struck."""
        with self._lock:
            return {counted.rule.text: counted.struck for counted in self._counted}

    @property
    def rules(self) -> Sequence[str]:
        """The rules as they were written."""
        with self._lock:
            return [counted.rule.text for counted in self._counted]

    def pick(self, call: Call, identifier: str | None) -> Rule | None:
        """The rule that strikes this call, if any; counts are kept here."""
        with self._lock:
            for counted in self._counted:
                if counted.rule.concerns(call.method, call.path, identifier) and self._strikes(counted):
                    counted.struck += 1
                    return counted.rule
        return None

    def _strikes(self, counted: _Counted) -> bool:
        rule = counted.rule
        counted.seen += 1
        return not (
            (rule.times is not None and counted.struck >= rule.times)
            or (rule.nth is not None and counted.seen != rule.nth)
            or (rule.every is not None and counted.seen % rule.every != 0)
            or (rule.probability is not None and self._random.random() >= rule.probability)
        )


def identifier_of(call: Call) -> str | None:
    """What a call is about: the identifier in its path, else the one that its body names."""
    match call.segments:
        case ("api", "assessment-items" | "stimuli", identifier) if identifier != "metadata":
            return identifier
        case ("api", "assessment-items" | "stimuli", *_) if call.method == "POST":
            return _in_body(call.body)
        case _:
            return None


def _in_body(body: bytes) -> str | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    found = _XML_IDENTIFIER.search(str(value.get("xml", "")))
    named = value.get("identifier")
    return found[1] if found else named if isinstance(named, str) else None
