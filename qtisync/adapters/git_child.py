"""One running git: its pipes, read with deadlines by a single thread, so that neither side can wait for the other."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

from qtisync.adapters.git_faults import explain, too_slow
from qtisync.errors import RepositoryError

_CHUNK = 1 << 18
_KEPT_ERRORS = 8192  # bytes of standard error that are kept
_LAST_WAIT = 5.0  # seconds that a killed process may take to go


class GitEndedError(RepositoryError):
    """Git ended before it had answered, or with an exit code that says it could not.

    ``said``: what it wrote to standard error, for those who know more about the cause than ``git_faults``.
    """

    said: bytes = b""


class GitChild:
    """One running git. For one thread at a time, except ``stop``; ``close`` must be called.

    Each wait is bounded by a deadline, ``timeout`` seconds after the start or after the last ``restart_clock``.
    """

    def __init__(
        self, owner: object, process: subprocess.Popen[bytes], path: Path, command: str, timeout: float
    ) -> None:
        self._owner = owner  # GitPython ends the process when it drops its own wrapper: keep that as long as we live
        self._process = process
        self._path = path
        self._command = command
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._buffer = bytearray()
        self._at = 0
        self._errors = bytearray()
        self._signalling = threading.Lock()
        self._output = process.stdout.fileno() if process.stdout else -1
        self._error_output = process.stderr.fileno() if process.stderr else -1
        self._poll = select.poll()
        for descriptor in (self._output, self._error_output):
            self._poll.register(descriptor, select.POLLIN)
        self._open = {self._output, self._error_output}

    @property
    def pid(self) -> int:
        """Its process id; its whole process group has the same."""
        return self._process.pid

    @property
    def errors(self) -> bytes:
        """What it wrote to standard error since this was asked last; only what has been read by now."""
        if self._error_output in self._open and any(fd == self._error_output for fd, _ in self._poll.poll(0)):
            self._read_errors()
        text = bytes(self._errors)
        self._errors.clear()
        return text

    def restart_clock(self) -> None:
        """Allow the full time again."""
        self._deadline = time.monotonic() + self._timeout

    def write(self, data: bytes) -> None:
        """Send to its standard input. At most 4,096 unread bytes may be under way: more could block for ever."""
        if self._process.stdin is None:
            raise ValueError("this git was started without an input")
        try:
            while data:
                data = data[os.write(self._process.stdin.fileno(), data) :]
        except BrokenPipeError as exc:
            raise self._ended() from exc

    def line(self) -> bytes:
        """The next line of its output, without the line break."""
        start = self._at
        while (end := self._buffer.find(b"\n", start)) < 0:
            size = self._fill()
            start = len(self._buffer) - size
        text = bytes(self._buffer[self._at : end])
        self._at = end + 1
        return text

    def exactly(self, size: int) -> bytes:
        """The next ``size`` bytes of its output."""
        while len(self._buffer) - self._at < size:
            self._fill()
        data = bytes(self._buffer[self._at : self._at + size])
        self._at += size
        return data

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes of its output without keeping them."""
        while size > (there := len(self._buffer) - self._at):
            size -= there
            self._at = len(self._buffer)
            self._fill()
        self._at += size

    def until(self, end: bytes) -> bytes:
        """All output up to ``end``, which must be the last that it says for now."""
        while not self._buffer.endswith(end):
            self._fill()
        data = bytes(self._buffer[self._at : -len(end)])
        self._at = len(self._buffer)
        return data

    def chunk(self) -> bytes:
        """Whatever it says next; empty at the end of its output."""
        if self._at == len(self._buffer) and not self._receive():
            return b""
        data = bytes(self._buffer[self._at :])
        self._at = len(self._buffer)
        return data

    def finish(self, accept: tuple[int, ...] = (0,)) -> tuple[int, bytearray]:
        """Wait for its end: exit code and all output; raises unless the code is one of ``accept``."""
        while self._receive():
            pass
        code = self._wait()
        if code not in accept:
            raise self._failure(code)
        return code, self._buffer

    def stop(self) -> None:
        """Kill it with everything that it started. Any thread may do so; who reads from it gets ``GitEndedError``."""
        with self._signalling:
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_LAST_WAIT)

    def close(self) -> None:
        """Kill it if it still runs, and let go of its pipes."""
        self.stop()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _fill(self) -> int:
        size = self._receive()
        if not size:
            raise self._ended()
        return size

    def _receive(self) -> int:
        """Append what it says next to the buffer and return the size; 0: it will not say more."""
        while self._output in self._open:
            for descriptor, _ in self._poll.poll(self._left() * 1000):
                if descriptor == self._error_output:
                    self._read_errors()
                    continue
                data = os.read(descriptor, _CHUNK)
                if not data:
                    self._forget(descriptor)
                    return 0
                if self._at:
                    del self._buffer[: self._at]
                    self._at = 0
                self._buffer += data
                return len(data)
        return 0

    def _read_errors(self) -> None:
        data = os.read(self._error_output, _CHUNK)
        if not data:
            self._forget(self._error_output)
        self._errors += data[: _KEPT_ERRORS - len(self._errors)]

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        self._open.discard(descriptor)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            self.stop()
            raise too_slow(self._path, self._command, self._timeout)
        return left

    def _wait(self) -> int:
        while self._error_output in self._open:
            for descriptor, _ in self._poll.poll(self._left() * 1000):
                if descriptor == self._error_output:
                    self._read_errors()
                elif not os.read(descriptor, _CHUNK):
                    self._forget(descriptor)
        try:
            return self._process.wait(timeout=self._left())
        except subprocess.TimeoutExpired as exc:
            self.stop()
            raise too_slow(self._path, self._command, self._timeout) from exc

    def _ended(self) -> GitEndedError:
        return self._failure(self._wait())

    def _failure(self, code: int) -> GitEndedError:
        fault = explain(self._path, self._command, code, bytes(self._errors))
        error = GitEndedError(fault.message, hint=fault.hint, reference=fault.reference)
        error.said = bytes(self._errors)
        return error
