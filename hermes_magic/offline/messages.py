"""What goes over the offline server's wire: requests, scripted responses, and their record."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

JSON_TYPE: Final = "application/json"
SSE_TYPE: Final = "text/event-stream"
MASK: Final = "Bearer ***"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait, and stop the response at once if the client leaves meanwhile."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Drop the connection in the middle of a chunk: with a FIN, or with a RST if `reset`."""

    reset: bool = False


Step: TypeAlias = bytes | Pause | Cut
Event: TypeAlias = Mapping[str, object] | str | Step


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the server read it.

    `path` is the request target with its query; `headers` has lower-case names. The value of
    Authorization is not kept: only whether there was a key (``Bearer ***``) and its digest.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    key_digest: bytes = field(default=b"", repr=False)

    @classmethod
    def received(cls, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Request:
        """Build a request from raw headers, forgetting the key."""
        masked = {name.lower(): value for name, value in headers.items()}
        _, _, key = masked.get("authorization", "").partition(" ")
        if "authorization" in masked:
            masked["authorization"] = MASK if key.strip() else "Bearer"
        return cls(method, path, masked, body, _digest(key.strip()))

    @property
    def json(self) -> object:
        """Decode the body. Raises json.JSONDecodeError, a ValueError."""
        return json.loads(self.body)

    @property
    def has_key(self) -> bool:
        """Tell whether the request carried a non-empty key."""
        return self.headers.get("authorization") == MASK

    def carries_key(self, key: str) -> bool:
        """Tell whether the request carried exactly this key."""
        return hmac.compare_digest(self.key_digest, _digest(key))


@dataclass(frozen=True, slots=True)
class Response:
    """A status, headers and a script of what to send when.

    Without a Content-Length header each bytes step goes out as one chunk, otherwise verbatim.
    """

    status: int
    headers: Mapping[str, str]
    steps: Iterable[Step]

    @classmethod
    def json(
        cls, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer with one JSON body of known length; Decimals become plain numbers."""
        body = encode_json(value).encode()
        length = {"Content-Type": JSON_TYPE, "Content-Length": str(len(body))}
        return cls(status, length | dict(headers or {}), (body,))

    @classmethod
    def sse(
        cls,
        events: Iterable[Event],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        done: bool = True,
    ) -> Response:
        """Answer with an event stream.

        A mapping becomes a ``data:`` event of JSON, a str a comment, bytes go out verbatim;
        ``data: [DONE]`` follows unless `done` is false.
        """
        own = {"Content-Type": SSE_TYPE, "Cache-Control": "no-cache"}
        return cls(status, own | dict(headers or {}), _frames(events, done=done))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One ended exchange; neither `finished` nor `client_left` means that the server cut it."""

    request: Request
    status: int
    finished: bool
    client_left: bool


def encode_json(value: object) -> str:
    """Encode as compact JSON, a Decimal as a plain number such as ``0.000054``."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, Mapping):
        members = (f"{encode_json(str(key))}:{encode_json(item)}" for key, item in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(encode_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _frames(events: Iterable[Event], *, done: bool) -> Iterator[Step]:
    for event in events:
        if isinstance(event, Mapping):
            yield f"data: {encode_json(event)}\n\n".encode()
        elif isinstance(event, str):
            yield f": {event}\n\n".encode()
        else:
            yield event
    if done:
        yield b"data: [DONE]\n\n"


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
