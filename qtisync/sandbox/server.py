"""The sandbox as a running server, in a thread and an event loop of its own.

with Sandbox(Options(rate=20)) as sandbox:
    client = httpx.Client(base_url=sandbox.base_url)
    sandbox.faults.add("500:5%")
    ...
    assert sandbox.journal.writes() == []
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from qtisync.sandbox.connection import Connection
from qtisync.sandbox.control import Control
from qtisync.sandbox.faults import Faults
from qtisync.sandbox.gate import Gate
from qtisync.sandbox.journal import Journal
from qtisync.sandbox.limits import Bucket
from qtisync.sandbox.options import Options
from qtisync.sandbox.persistence import StateFile
from qtisync.sandbox.routes import Api
from qtisync.sandbox.tokens import Tokens
from qtisync.sandbox.world import World

_DEFAULTS = Options()


class Sandbox:
    """One emulated API. Nothing runs before ``start`` (or ``with``); after ``stop`` nothing is left."""

    def __init__(self, options: Options = _DEFAULTS) -> None:
        self.options = options
        self.world = World()
        self.journal = Journal()
        self.faults = Faults(options.seed)
        self.faults.add(*options.faults)
        self.bucket = Bucket(options.rate, options.burst)
        self.tokens = Tokens(options)
        if options.state_file is not None:
            StateFile(options.state_file).attach(self.world)
        api = Api(options, self.world, self.tokens)
        control = Control(self.world, self.journal, self.bucket, self.faults, self.tokens)
        self._gate = Gate(options, api, self.world, self.journal, self.bucket, self.faults, control)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._crashes: list[BaseException] = []

    @property
    def base_url(self) -> str:
        """Where the API is; ends with ``/api``."""
        return f"{self.origin}/api"

    @property
    def token_url(self) -> str:
        """Where tokens are minted."""
        return f"{self.origin}/oauth2/token"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = "127.0.0.1" if self.options.host == "0.0.0.0" else self.options.host  # noqa: S104 - a comparison
        return f"http://{host}:{self._port}"

    @property
    def client_id(self) -> str:
        """The one client that is known."""
        return self.options.client_id

    @property
    def client_secret(self) -> str:
        """Its secret at the start."""
        return self.options.client_secret

    def set_rate(self, rate: float | None, burst: int | None = None) -> None:
        """Change the real limit from now on; ``None`` lifts it."""
        self.bucket.set_rate(rate, burst)

    def revoke_tokens(self) -> None:
        """Every token that was issued is unknown from now on."""
        self.tokens.revoke_all()

    def start(self) -> None:
        """Listen; returns when the port is open. Raises ``OSError`` if it cannot be."""
        if self._thread is not None:
            raise RuntimeError("this sandbox is running already")
        self._started.clear()
        self._thread = threading.Thread(target=self._run, name="qtisync-sandbox", daemon=True)
        self._thread.start()
        self._started.wait()
        self._raise_failure()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            self.stop()
            raise failure

    def stop(self) -> None:
        """Close every connection, answered or not, and end the thread. Twice is harmless.

        Raises ``RuntimeError`` if the sandbox itself had a bug on the way: such a test proves nothing.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()
        crashes, self._crashes = self._crashes, []
        if crashes:
            raise RuntimeError(f"the sandbox itself failed {len(crashes)} times") from crashes[0]

    def serve_forever(self, ready: Callable[[Sandbox], None] | None = None) -> None:
        """Run in the foreground until Ctrl-C or SIGTERM; ``ready`` is called when the port is open.

        Signals are only minded in the main thread.
        """
        ended = threading.Event()
        in_main = threading.current_thread() is threading.main_thread()

        def end(_number: int, _frame: FrameType | None) -> None:
            ended.set()

        before = signal.signal(signal.SIGTERM, end) if in_main else None
        try:
            with self:
                if ready is not None:
                    ready(self)
                ended.wait()
        except KeyboardInterrupt:
            pass
        finally:
            if in_main:
                signal.signal(signal.SIGTERM, before)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that started us
            self._failure = error
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        port = self._port or self.options.port
        server = await asyncio.start_server(self._accept, self.options.host, port, backlog=1024)
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve in a task of our own: one of asyncio's would complain when it is cancelled at the end."""
        connection = Connection(reader, writer, self.options.body_max, self._gate.handle)
        task = asyncio.create_task(connection.serve())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        crash = None if task.cancelled() else task.exception()
        if crash is not None:
            self._crashes.append(crash)
