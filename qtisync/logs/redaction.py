"""Takes secrets out of everything that is shown: log lines, reports, error messages.

Three nets: values that were registered as secrets, wherever they occur; texts that look like credentials; and fields
whose name says that they hold a secret or an item's body.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import functools
import json
import re
import threading
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
SHORTEST = 4
"""A registered value with fewer characters is not masked: it would occur everywhere by chance."""
MAX_DEPTH = 20
NAMES = 500

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

_SECRET_WORDS = frozenset({"secret", "secrets", "password", "passphrase", "authorization", "cookie"})
_SECRET_ENDINGS = frozenset({"token", "tokens", "xml", "rawxml", "body", "credentials", "apikey"})
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_PATTERNS = (
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}"), rf"\1{MASK}"),
    (re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic)\s+)?[^\s\"',}]+"), rf"\1{MASK}"),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?"), MASK),
    (re.compile(r"(?i)((?:client_secret|access_token|password)[\"']?\s*[:=]\s*[\"']?)[^\s\"'&,}]+"), rf"\1{MASK}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@"), rf"\1{MASK}@"),
)
_HINT = re.compile(r"(?i)bearer|authorization|secret|_token|password|eyj|://")
"""Every pattern needs one of these: most texts are short words, and one search tells that they hold nothing."""


class Redactor:
    """Remembers secrets and masks them. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self._clean: frozenset[str] = frozenset()
        """Names of fields that hold nothing of a secret: a few dozen, which come again with every event."""

    def register(self, value: str) -> None:
        """From now on mask this value and its usual encodings."""
        if len(value) < SHORTEST:
            return
        with self._lock:
            if value not in self._forms:
                self._forms |= _forms(value)
                longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
                self._known = re.compile("|".join(map(re.escape, longest_first)))
                self._clean = frozenset()

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if _HINT.search(text) is not None:
            for pattern, replacement in _PATTERNS:
                text = pattern.sub(replacement, text)
        return text

    def name(self, name: str) -> str:
        """The name of a field without secrets."""
        clean = self._clean
        if name in clean:
            return name
        shown = self.text(name)
        if shown == name and len(clean) < NAMES:
            with self._lock:
                if self._clean is clean:  # else another secret may have come meanwhile
                    self._clean = clean | {name}
        return shown

    def field(self, name: str, value: object) -> Plain:
        """The value of a named field: all of it is masked if the name says so."""
        return MASK if is_secret_name(name) and value is not None else self.value(value)

    def value(self, value: object, depth: int = 0) -> Plain:
        """Any value as a plain one without secrets; what is neither text, number nor collection becomes its text."""
        if type(value) is str:
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float) and not isinstance(value, enum.Enum):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return f"[{len(value)} bytes]"
        if depth >= MAX_DEPTH:
            return "[nested too deeply]"
        if dataclasses.is_dataclass(value) and not isinstance(value, type) and type(value).__str__ is object.__str__:
            value = {part.name: getattr(value, part.name) for part in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._entry(key, below, depth) for key, below in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(below, depth + 1) for below in value]
        return self.text(str(value))

    def _entry(self, key: object, value: object, depth: int) -> Plain:
        return MASK if is_secret_name(str(key)) and value is not None else self.value(value, depth + 1)


@functools.lru_cache(maxsize=512)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret or a body: ``client_secret``, ``accessToken``, ``rawXml``."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return bool(words) and (words[-1] in _SECRET_ENDINGS or not _SECRET_WORDS.isdisjoint(words))


def _forms(value: str) -> frozenset[str]:
    """A secret as it may be spelled: itself, in a URL, in JSON, in Python's ``repr``, in base64."""
    encoded = base64.b64encode(value.encode(errors="surrogatepass")).decode().rstrip("=")
    return frozenset(
        {
            value,
            quote(value, safe="", errors="replace"),
            quote_plus(value, errors="replace"),
            json.dumps(value)[1:-1],
            json.dumps(value, ensure_ascii=False)[1:-1],
            repr(value)[1:-1],
            encoded,
        }
    )


_SHARED = Redactor()


def register_secret(value: str) -> None:
    """Mask this value in everything that this process shows from now on."""
    _SHARED.register(value)


def redact(text: str) -> str:
    """``text`` without the secrets of this process."""
    return _SHARED.text(text)


def shared_redactor() -> Redactor:
    """The redactor that ``register_secret`` feeds."""
    return _SHARED
