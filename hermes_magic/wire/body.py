"""A response body's bytes become events: an event stream, or one JSON object.

Which of the two it is shows in its first byte that is not white space, whatever the headers say:
OpenRouter pads JSON with white space while it waits, and some servers ignore `"stream": true`.
"""

from __future__ import annotations

from enum import Enum, auto

from hermes_magic.errors import HermesError, ProtocolError
from hermes_magic.reply import Event, Failed
from hermes_magic.wire.chunks import ChunkDecoder
from hermes_magic.wire.sse import ServerEvent, SSEDecoder

_DONE = b"[DONE]"


class _Kind(Enum):
    UNKNOWN = auto()
    STREAM = auto()
    OBJECT = auto()
    PAGE = auto()


_KINDS = {b"{": _Kind.OBJECT, b"[": _Kind.OBJECT, b"<": _Kind.PAGE}


class BodyDecoder:
    """Eat bytes, cut anywhere, give events. It never raises on what a server sends.

    Args:
        think_tags: whether `<think>` in the content is markup, as with a server that has no field
            for thought.

    Attributes:
        ended: whether the server has marked the end, so that reading can stop.
    """

    def __init__(self, *, think_tags: bool = True) -> None:
        self.ended = False
        self._chunks = ChunkDecoder(think_tags=think_tags)
        self._sse = SSEDecoder()
        self._kind = _Kind.UNKNOWN
        self._object: list[bytes] = []

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the body."""
        if self._kind is _Kind.STREAM:
            return self._events(self._sse.feed(data))
        if self._kind is _Kind.UNKNOWN and (data := self._sniff(data)):
            return self.feed(data)
        if self._kind is _Kind.OBJECT:
            self._object.append(data)
        return []

    def flush(self, cut: HermesError | None = None) -> list[Event]:
        """Take the end of the body; the last event is `Done` or `Failed`.

        Args:
            cut: what broke the connection, if that is why the body ends here.
        """
        if self._kind is _Kind.PAGE:
            self.ended = True
            return [Failed(ProtocolError("A web page came back instead of an answer."))]
        if self._kind is _Kind.OBJECT:
            self.ended = cut is None
            out = self._chunks.feed(b"".join(self._object))
        else:
            out = self._events(self._sse.flush(), cut_off=True)
        return out + self._chunks.flush(ended=self.ended, cut=cut, alive=self._sse.alive)

    def _sniff(self, data: bytes) -> bytes:
        """Give what follows the padding and the byte order mark, which may come in pieces."""
        begin = data.lstrip(b" \t\r\n\xef\xbb\xbf")
        if begin:
            self._kind = _KINDS.get(begin[:1], _Kind.STREAM)
        return begin

    def _events(self, events: list[ServerEvent], *, cut_off: bool = False) -> list[Event]:
        out: list[Event] = []
        for event in events:
            if self.ended:
                break
            data, name = event
            data = data.rstrip()
            # Behind a newline it is the end of a stream without blank lines between its events.
            rest = data.removesuffix(_DONE)
            done = len(rest) < len(data) and (not rest.strip() or rest.endswith(b"\n"))
            data = rest if done else data
            out += self._chunks.feed(data, name, cut_off=cut_off)
            self.ended = done or self._chunks.failed
        return out
