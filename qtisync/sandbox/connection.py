"""One connection: bytes to calls, answers to bytes, exactly as whole or as broken as wanted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, unquote

import h11

from qtisync.sandbox.messages import Call, Manner, Reply, error_reply

_CHUNK: Final = 65_536
_PIECES: Final = 10
"""A dripping body comes in so many pieces."""

Send: TypeAlias = Callable[[Reply], Awaitable[None]]
Handle: TypeAlias = Callable[[Call, bool, Send], Awaitable[None]]
"""Called with the call, whether its body was too large (and was dropped), and a way to answer."""


class Connection:
    """Reads requests one after the other and has each handled before the next is read."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body_max: int, handle: Handle
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._body_max = body_max
        self._handle = handle
        self._protocol = h11.Connection(h11.SERVER)
        self._bodiless = False

    async def serve(self) -> None:
        """Serve until either side ends the connection."""
        try:
            while await self._serve_one():
                pass
        except (ConnectionError, TimeoutError):
            pass
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._writer.wait_closed()

    async def _serve_one(self) -> bool:
        try:
            event = await self._next_event()
            if not isinstance(event, h11.Request):
                return False
            self._bodiless = event.method == b"HEAD"
            body, too_large = await self._body()
        except h11.RemoteProtocolError:
            if self._protocol.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                await self._send(error_reply(400, "Bad Request"))
            return False
        if body is None:
            return False
        await self._handle(_call(event, body), too_large, self._send)
        if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
            return False
        self._protocol.start_next_cycle()
        return True

    async def _next_event(self) -> object:
        while True:
            event = self._protocol.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._protocol.they_are_waiting_for_100_continue:
                self._writer.write(self._protocol.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            self._protocol.receive_data(await self._reader.read(_CHUNK))

    async def _body(self) -> tuple[bytes | None, bool]:
        """The whole body; ``None`` if the client went away. What is too large is read and dropped."""
        pieces: list[bytes] = []
        size = 0
        while True:
            event = await self._next_event()
            if isinstance(event, h11.EndOfMessage):
                return b"".join(pieces), size > self._body_max
            if not isinstance(event, h11.Data):
                return None, False
            size += len(event.data)
            if size <= self._body_max:
                pieces.append(bytes(event.data))
            else:
                pieces.clear()

    async def _send(self, reply: Reply) -> None:
        if not reply.answered:
            self._drop(reset=reply.manner is Manner.RESET)
            return
        head = self._protocol.send(h11.Response(status_code=reply.status, headers=_headers(reply))) or b""
        match reply.manner:
            case Manner.TRUNCATED:
                self._writer.write(head + reply.body[: len(reply.body) // 2])
                await self._writer.drain()
                self._writer.close()
            case Manner.DRIBBLED:
                await self._drip(head, reply)
            case _:
                self._writer.write(head + self._data(reply.body) + self._end())
                await self._writer.drain()

    async def _drip(self, head: bytes, reply: Reply) -> None:
        self._writer.write(head)
        step = max(1, -(-len(reply.body) // _PIECES))
        for start in range(0, len(reply.body), step):
            await self._writer.drain()
            await asyncio.sleep(reply.seconds / _PIECES)
            self._writer.write(self._data(reply.body[start : start + step]))
        self._writer.write(self._end())
        await self._writer.drain()

    def _data(self, body: bytes) -> bytes:
        return (self._protocol.send(h11.Data(data=body)) or b"") if body and not self._bodiless else b""

    def _end(self) -> bytes:
        return self._protocol.send(h11.EndOfMessage()) or b""

    def _drop(self, *, reset: bool) -> None:
        """End without an answer: with a reset, or in good order."""
        if not reset:
            self._writer.close()
            return
        handle: socket.socket | None = self._writer.get_extra_info("socket")
        if handle is not None:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _headers(reply: Reply) -> list[tuple[str, str]]:
    if reply.status == 204:
        return list(reply.headers)
    return [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body))), *reply.headers]


def _call(request: h11.Request, body: bytes) -> Call:
    path, _, query = request.target.decode("latin-1").partition("?")
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key = name.decode("latin-1")
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Call(
        method=request.method.decode("latin-1"),
        path=path,
        segments=tuple(unquote(segment) for segment in path.split("/") if segment),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        query_text=query,
        headers=headers,
        body=body,
    )
