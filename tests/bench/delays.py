"""A server that answers each question after a time: `http://127.0.0.1:PORT/MILLISECONDS/v1`.

`GET /connections` tells how many connections were opened since it was last asked, in JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from tests.bench.contest import serving

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

PRICING = {"data": {"pricing": {"prompt": "0.000001", "completion": "0.000003"}}}
_USAGE = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21, "cost": 0.000027}
_MESSAGE = {"role": "assistant", "content": "It is positive. " * 10}


class _Connections:
    opened = 0


class _Answers(asyncio.Protocol):
    """One connection: a request in, after its time an answer out."""

    def __init__(self, connections: _Connections) -> None:
        self._connections = connections
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.opened += 1

    def data_received(self, data: bytes) -> None:
        self._rest += data
        head, end, body = self._rest.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._rest = b""
        method, path, _ = head.split(b" ", 2)
        if path == b"/connections":
            self._connections.opened -= 1  # this one
            opened, self._connections.opened = self._connections.opened, 0
            self._send(json.dumps(opened).encode())
        elif method == b"GET":
            self._send(json.dumps(PRICING).encode())
        else:
            delay = int(path.split(b"/")[1]) / 1000
            streams = b'"stream":true' in body.replace(b" ", b"")
            answer = (_STREAM, "text/event-stream") if streams else (_BODY,)
            asyncio.get_running_loop().call_later(delay, self._send, *answer)

    def _send(self, body: bytes, kind: str = "application/json") -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
        self._transport.write(head.encode() + b"\r\n\r\n" + body)


def _reply(kind: str, key: str) -> bytes:
    choice = {"index": 0, key: _MESSAGE, "finish_reason": "stop", "logprobs": None}
    reply = {
        "id": "gen-1763821800-AbCdEfGhIjKlMnOpQrSt",
        "object": kind,
        "created": 1763821800,
        "provider": "Nebius",
        "model": "nousresearch/hermes-4-405b",
        "choices": [choice],
        "usage": _USAGE,
    }
    return json.dumps(reply).encode()


_BODY = _reply("chat.completion", "message")
_STREAM = b"data: " + _reply("chat.completion.chunk", "delta") + b"\n\ndata: [DONE]\n\n"


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def delaying() -> AbstractContextManager[str]:
    """Start the server in a process of its own; give its address."""
    return serving("tests.bench.delays")


async def serve() -> None:
    """Serve until stdin ends."""
    loop, connections = asyncio.get_running_loop(), _Connections()
    server = await loop.create_server(lambda: _Answers(connections), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
