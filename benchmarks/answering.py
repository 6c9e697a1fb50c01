"""An API that answers every PUT with the item's document at once, in a process of its own.

It is no emulator (``qtisync.sandbox`` is): it checks nothing, so that it costs a few dozen microseconds per request and
is never what a benchmark waits for. The answer is as large as the real API's: the XML as it was sent, a parsed form of
about the same size beside it, the metadata, a version and stamps.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TOKEN = json.dumps({"access_token": "t" * 40, "token_type": "Bearer", "expires_in": 3600}).encode()
_LIST = json.dumps({"items": [], "total": 0, "page": 1, "pages": 0, "limit": 1}).encode()
_PARSED = {"qti-item-body": [{"_attributes": {"identifier": f"c{n}"}, "_text": "x" * 150} for n in range(12)]}
_STAMPS = {"createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-02T00:00:00.000Z"}


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._read = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._read[:end])
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._read) < end + 4 + length:
                return
            body = bytes(self._read[end + 4 : end + 4 + length])
            del self._read[: end + 4 + length]
            answer = _answer(head, body)
            start = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(answer)}\r\n\r\n"
            assert self._transport is not None
            self._transport.write(start.encode() + answer)


def _answer(head: bytes, body: bytes) -> bytes:
    method, target, _ = head.split(b" ", 2)
    if method == b"PUT":
        sent = json.loads(body)
        identifier = target.rpartition(b"/")[2].decode()
        document = {
            "identifier": identifier,
            "title": "A question",
            "type": "choice",
            "qtiVersion": "3.0",
            "timeDependent": False,
            "adaptive": False,
            "rawXml": sent["xml"],
            "content": _PARSED,
            "metadata": sent["metadata"],
            "__v": 2,
            **_STAMPS,
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return _LIST if method == b"GET" else _TOKEN


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def answering() -> Iterator[str]:
    """The origin of a running one, such as ``http://127.0.0.1:40123``."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
