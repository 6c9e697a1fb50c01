"""One connection as uvicorn serves it, with an end to its patience: whoever never finishes asking is hung up on."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

ASKING = 15.0
"""Seconds from the first byte (or from connecting) within which the head of a request must be there."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 by h11. Without this, connections that say nothing would pile up until nobody else gets one."""

    def __init__(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **more)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Somebody connected."""
        super().connection_made(transport)
        self._mind()

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request came."""
        super().data_received(data)
        self._mind()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._forget()
        super().connection_lost(exc)

    def _mind(self) -> None:
        """Start the clock if a request is owed to us; stop it while one is being answered."""
        if not self._is_owed():
            self._forget()
        elif self._patience is None:
            self._patience = self.loop.call_later(ASKING, self._hang_up)

    def _is_owed(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _hang_up(self) -> None:
        self._patience = None
        if self._is_owed() and not self.transport.is_closing():
            self.transport.close()
