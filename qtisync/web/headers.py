"""The headers of one request, as bytes and with their repetitions: what was signed is never decoded first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Headers:
    """Name and value of each header line, in the order in which they came."""

    lines: tuple[tuple[bytes, bytes], ...]

    def has(self, name: str) -> bool:
        """Whether there is such a header."""
        wanted = name.lower().encode()
        return any(line[0].lower() == wanted for line in self.lines)

    def only(self, name: str) -> bytes | None:
        """The value of a header that is there exactly once; two of a kind are as good as none."""
        wanted = name.lower().encode()
        values = [value for key, value in self.lines if key.lower() == wanted]
        return values[0].strip() if len(values) == 1 else None

    def text(self, *names: str) -> str | None:
        """The value of the first of these headers that is there once, is plain text and not empty."""
        for name in names:
            value = self.only(name)
            if value and value.isascii():
                return value.decode("ascii")
        return None


def headers_of(lines: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of an ASGI scope."""
    return Headers(tuple(lines))
