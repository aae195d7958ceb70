"""A server that sends streams encoded beforehand: `http://127.0.0.1:PORT/FRAMING/EVENTS/v1`.

`evt` sends each event as one HTTP chunk, as OpenRouter does; `big` sends chunks of 16 KB; `plain`
is as `evt`, but for the thought, of which there is none; `slow` is as `plain`, but for a rest
behind the first token, as between any two that a model writes.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from tests.bench.contest import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_CHUNK = 16_384
_REST_SECONDS = 0.03
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_WHO = {
    "id": "gen-1763821800-AbCdEfGhIjKlMnOpQrSt",
    "provider": "Nebius",
    "model": "nousresearch/hermes-4-405b",
    "object": "chat.completion.chunk",
    "created": 1763821800,
}
_USAGE = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21, "cost": 0.000027}
_COMMENT = b": OPENROUTER PROCESSING\n\n"


def streaming() -> AbstractContextManager[str]:
    """Start the server in a process of its own; give its address."""
    return serving("tests.bench.streams")


def events(count: int, thoughts: int) -> Iterator[bytes]:
    """Give a reply of so many tokens, the first of them thought, then finish reason and usage."""
    for place in range(count):
        if place % 500 == 0:
            yield _COMMENT
        text = f" word{place % 97}"
        if place < thoughts:
            detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
            delta: dict[str, object] = {"content": "", "reasoning": text}
            delta["reasoning_details"] = [detail]
        else:
            delta = {"content": text, "reasoning": None}
        yield _event({"index": 0, "delta": {"role": "assistant"} | delta, "finish_reason": None})
    yield _event({"index": 0, "delta": {"content": ""}, "finish_reason": "stop"})
    yield _event({"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}, usage=_USAGE)
    yield b"data: [DONE]\n\n"


def _event(choice: dict[str, object], **more: object) -> bytes:
    choice = choice | {"native_finish_reason": None, "logprobs": None}
    return b"data: " + json.dumps({**_WHO, "choices": [choice], **more}).encode() + b"\n\n"


@cache
def encoded(framing: str, count: int) -> bytes:
    """Give the whole response, as it goes over the wire."""
    parts = list(events(count, 0 if framing in {"plain", "slow"} else count // 3))
    if framing == "big":
        body = b"".join(parts)
        parts = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return _HEAD + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def serve(connection: socket.socket) -> None:
    """Answer the requests of one connection."""
    with connection, suppress(OSError), connection.makefile("rb") as requests:
        while line := requests.readline():
            length = 0
            while (header := requests.readline().strip().lower()) != b"":
                if header.startswith(b"content-length:"):
                    length = int(header[15:])
            requests.read(length)
            _, framing, count, *_ = line.split()[1].decode().split("/")
            sent = encoded(framing, int(count))
            if framing == "slow":
                first = sent.index(b"data: ", sent.index(b"data: ") + 1)
                first = sent.rindex(b"\r\n", 0, first - 2) + 2  # the head of its chunk
                connection.sendall(sent[:first])
                time.sleep(_REST_SECONDS)
                sent = sent[first:]
            connection.sendall(sent)


def listen() -> None:
    """Serve until stdin ends; the port is told on stdout."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


def _accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    listen()
