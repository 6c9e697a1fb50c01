"""Which deliveries came before: a webhook that is sent again rings nothing. Bounded in number and in time.

A replay could do no more than ring a bell, so forgetting one is harmless; taking news for a replay is not. Bodies are
therefore remembered for minutes only: a forge may send the same words twice when a branch goes back and forth.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from qtisync.web.signatures import Forge

KEPT = 4096
ID_LIFE = 86_400.0
"""Seconds that a delivery's id is remembered; forges repeat a delivery within hours."""
BODY_LIFE = 300.0
"""Seconds that a body is remembered, under whatever id it comes again: ids are not signed by most forges."""


class Deliveries:
    """A memory of deliveries; used by one thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def is_new(self, keys: tuple[bytes, ...], now: float) -> bool:
        """Whether none of a delivery's keys was remembered; they are from now on."""
        if any(self._until.get(key, now) > now for key in keys):
            return False
        for key in keys:
            self._until[key] = now + (ID_LIFE if key.startswith(b"id:") else BODY_LIFE)
            self._until.move_to_end(key)
        while len(self._until) > self._kept:
            self._until.popitem(last=False)
        return True

    def forget(self, keys: tuple[bytes, ...]) -> None:
        """It could not be dealt with: it may come again."""
        for key in keys:
            self._until.pop(key, None)

    def __len__(self) -> int:
        return len(self._until)


def keys_of(forge: Forge, delivery: str | None, body: bytes) -> tuple[bytes, ...]:
    """By what a delivery is known again: the forge's id of it, and its body. Of equal length, however long they are."""
    name = forge.value.encode()
    keys = [b"body:" + hashlib.sha256(name + b"\0" + body).digest()]
    if delivery is not None:
        keys.append(b"id:" + hashlib.sha256(name + b"\0" + delivery.encode()).digest())
    return tuple(keys)
