"""The HTTP surface at work: uvicorn in one thread, for the socket of this machine's commands and for the network."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtisync.web.admission import Circle, allowed_hosts
from qtisync.web.listening import listen_tcp, listen_unix, remove_unix
from qtisync.web.surface import Surface

if TYPE_CHECKING:  # loaded when the server starts
    from collections.abc import Generator

    from starlette.types import ASGIApp
    from uvicorn import Server

STARTING = 30.0
"""Seconds within which the event loop must have begun."""
CLOSING = 2
"""Seconds that answers under way may take at the end."""
MAX_CONNECTIONS = 512
"""Connections from the network, or of pushers, at one time; further ones are answered with 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushers:
    """The users of a group of this machine, and the socket that is for them."""

    file: Path
    group: str


class WebServer:
    """One daemon's HTTP surface; nothing is open before ``start``, and nothing after ``close``."""

    def __init__(self, *, surface: Surface, file: Path, listen: str | None, pushers: Pushers | None = None) -> None:
        self._surface, self._file, self._listen, self._pushers = surface, file, listen, pushers
        self._thread: threading.Thread | None = None
        self._servers: list[Server] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._started = threading.Event()
        self._address: tuple[str, int] | None = None
        self.error: BaseException | None = None
        """Why it ended by itself."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port on which it listens in the network; ``None``: it does not."""
        return self._address

    @property
    def running(self) -> bool:
        """Whether it answers, as far as its thread shows."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Listen, and answer from a thread of its own; raises ``ListenError``."""
        listening = self._open()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="qtisync-web", daemon=True)
        self._thread.start()
        self._started.wait(STARTING)
        if self.error is not None:
            self.close()
            raise self.error
        shown = None if self._address is None else f"{self._address[0]}:{self._address[1]}"
        self._surface.log("web_listening", address=shown, socket=str(self._file))

    def _open(self) -> list[tuple[socket.socket, Circle]]:
        """Every place where we listen, and who asks there; all of them or none."""
        listening: list[tuple[socket.socket, Circle]] = []
        try:
            listening.append((listen_unix(self._file), Circle.OWNER))
            if self._pushers is not None:
                listening.append((listen_unix(self._pushers.file, self._pushers.group), Circle.PUSHERS))
            if self._listen is not None:
                listening.append((listen_tcp(self._listen), Circle.NETWORK))
                host, port = listening[-1][0].getsockname()[:2]
                self._address = (host, port)
        except BaseException:
            for one, circle in listening:
                one.close()
                self._remove(circle)
            raise
        return listening

    def _remove(self, circle: Circle) -> None:
        if circle is Circle.OWNER:
            remove_unix(self._file)
        elif circle is Circle.PUSHERS and self._pushers is not None:
            remove_unix(self._pushers.file)

    def close(self, seconds: float = CLOSING + 3.0) -> bool:
        """Answer what is under way, then end; false if it still runs after so many seconds. Twice is harmless."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._surface.threads.closing = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._end)
        thread.join(seconds)
        for circle in Circle:
            self._remove(circle)
        return not thread.is_alive()

    def _end(self) -> None:
        for server in self._servers:
            server.should_exit = True
        self._ending.set()

    def _run(self, listening: list[tuple[socket.socket, Circle]]) -> None:
        try:
            asyncio.run(self._serve(listening))
        except BaseException as error:  # noqa: BLE001 - kept for whoever asks; nobody waits for this thread
            self.error = error
        finally:
            for one, _ in listening:
                one.close()
            if not self._surface.threads.closing:
                self._surface.log("web_failed", reason="it ended" if self.error is None else type(self.error).__name__)
            self._started.set()

    async def _serve(self, listening: list[tuple[socket.socket, Circle]]) -> None:
        from qtisync.web.app import build_app  # noqa: PLC0415 - starlette is heavy

        self._loop = asyncio.get_running_loop()
        hosts = allowed_hosts(self._address[0]) if self._address is not None else frozenset[str]()
        work = []
        for one, circle in listening:
            far = circle is Circle.NETWORK
            app = build_app(self._surface, circle=circle, hosts=hosts if far else frozenset())
            server = _server(app, self._ending, connections=MAX_CONNECTIONS if circle is not Circle.OWNER else None)
            self._servers.append(server)
            work.append(asyncio.ensure_future(server.serve(sockets=[one])))
        self._started.set()
        await asyncio.gather(*work)


def _server(app: ASGIApp, ending: asyncio.Event, *, connections: int | None) -> Server:
    from uvicorn import Config, Server  # noqa: PLC0415 - heavy

    from qtisync.web.connection import PatientProtocol  # noqa: PLC0415 - likewise

    class Quiet(Server):
        """Signals belong to the daemon; and nobody looks ten times a second whether it shall end."""

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            """Capture none."""
            yield

        async def main_loop(self) -> None:
            """Until the end; the tick sets the date header."""
            while not await self.on_tick(0):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ending.wait(), 1.0)

    return Quiet(
        Config(
            app,
            loop="asyncio",
            http=PatientProtocol,
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=connections,
            timeout_graceful_shutdown=CLOSING,
        )
    )
