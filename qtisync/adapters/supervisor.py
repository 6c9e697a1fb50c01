"""Tells systemd how the daemon is: the datagrams of sd_notify(3), without its library.

Nobody may be listening (a terminal, a container), or not keep up: then nothing happens. The daemon must never fail or
wait because of who watches it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

LONGEST = 400
"""Characters of a status that are sent; systemd drops messages over 4096 bytes."""
_USEC = 1_000_000


class Supervisor:
    """The one that started us and wants to know how we are. Threads may share it."""

    def __init__(self, address: str | None, watchdog_seconds: float | None) -> None:
        self._address = address
        self._watchdog_seconds = watchdog_seconds
        self._settled = False  # after READY, until a reload begins
        self._owed = ""  # a READY that could not be sent: without it systemd would wait for ever

    @property
    def listens(self) -> bool:
        """Whether there is anybody to tell."""
        return self._address is not None

    @property
    def watchdog_seconds(self) -> float | None:
        """It restarts us after so long without ``alive()`` (say it twice as often); ``None``: it never does."""
        return self._watchdog_seconds

    def ready(self, status: str) -> None:
        """The start, or a reload, is over."""
        self._settled = True
        self._owed = "READY=1"
        self._send(_status(status))

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(_status(text))

    def reloading(self) -> None:
        """The configuration is being read again; ``ready`` ends that."""
        self._settled = False
        self._owed = ""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """The end has begun."""
        self._settled = True
        self._owed = ""
        self._send("STOPPING=1", _status(status))

    def alive(self) -> None:
        """Work goes on. While it starts or reloads this also asks for more time: a first pass may be long."""
        longer = None if self._settled or self._watchdog_seconds is None else round(self._watchdog_seconds * _USEC)
        self._send("WATCHDOG=1", *([] if longer is None else [f"EXTEND_TIMEOUT_USEC={longer}"]))

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        owed = self._owed
        message = "\n".join((owed, *lines) if owed else lines).encode(errors="replace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as out:
                out.sendto(message, self._address)
        except OSError:
            return  # full, gone, or not for us; what is owed goes with the next message
        if self._owed == owed:
            self._owed = ""


def supervisor_of(environ: Mapping[str, str]) -> Supervisor:
    """Who started this process, by what stands in its environment; a silent one if nobody wants to be told."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address.startswith("@"):
        address = "\0" + address[1:]
    elif not address.startswith("/"):  # unset, or a kind of socket that only virtual machines have
        return Supervisor(None, None)
    return Supervisor(address, _watchdog(environ))


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """The limit that systemd set for this process, and not for the one that it was inherited from."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isascii() or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    return int(microseconds) / _USEC


def _status(text: str) -> str:
    """A status line: what comes from outside must not add lines of its own, nor move a cursor."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return "STATUS=" + (line if len(line) <= LONGEST else line[: LONGEST - 1] + "…")
