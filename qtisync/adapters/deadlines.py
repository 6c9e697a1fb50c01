"""A hard end for every exchange.

The time limits of an HTTP library begin anew with each byte that arrives, so a server that lets an answer drip could
hold a worker for ever. Here one thread shuts the connection of whatever is overdue; the worker then sees it broken.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator


class Leash:
    """One connection that can be cut off from another thread."""

    __slots__ = ("_socket", "cut_off", "until")

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self.until = 0.0
        self.cut_off = False

    def tie(self, connected: socket.socket) -> None:
        """From now on this is the socket to cut."""
        self._socket = connected
        if self.cut_off:  # it was overdue while it still connected
            self.cut()

    def cut(self) -> None:
        """End the connection in both directions; whoever waits for it wakes up."""
        self.cut_off = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is closed already
                # Not the TLS socket's own method: that one changes its state under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Deadlines:
    """Cuts leashes whose time is over. Its thread starts with the first one and ends with ``close``."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[Leash] = set()
        self._thread: threading.Thread | None = None
        self._next_look: float | None = None

    @contextlib.contextmanager
    def hold(self, leash: Leash, seconds: float) -> Iterator[None]:
        """Cut ``leash`` if the block takes longer than ``seconds``."""
        leash.cut_off = False
        leash.until = time.monotonic() + seconds
        with self._changed:
            self._held.add(leash)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="qtisync-deadlines", daemon=True)
                self._thread.start()
            elif self._next_look is None or leash.until < self._next_look:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._held.discard(leash)

    def close(self) -> None:
        """Cut everything that is held, and end the thread."""
        with self._changed:
            for leash in self._held:
                leash.cut()
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _watch(self) -> None:
        me = threading.current_thread()
        with self._changed:
            while self._thread is me:
                now = time.monotonic()
                for leash in self._held:
                    if leash.until <= now and not leash.cut_off:
                        leash.cut()
                self._next_look = min((leash.until for leash in self._held if not leash.cut_off), default=None)
                self._changed.wait(None if self._next_look is None else self._next_look - now)
