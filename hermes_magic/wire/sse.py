"""Server-sent events: bytes, cut anywhere, become the data of each event.

WHATWG's grammar, not httpx's `iter_lines`, which also splits at U+2028 inside JSON. Lines end in
LF, CRLF or CR; several `data:` lines of one event are joined by LF; comments are dropped.
"""

from __future__ import annotations

from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """One event: the bytes of its data, and its name where the server gave one."""

    data: bytes
    name: str = ""


class SSEDecoder:
    """Eat bytes, give events. Memory: the one event that is not whole yet.

    Attributes:
        alive: whether a comment has come, by which servers keep a connection open.
    """

    def __init__(self) -> None:
        self.alive = False
        self._parts: list[bytes] = []
        self._data: list[bytes] = []
        self._name = ""
        self._started = False
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Take the next bytes of the body; give the events that they complete."""
        if not self._started and chunk:
            chunk = self._skip_bom(chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\n" not in chunk and b"\r" not in chunk:
            if chunk:
                self._parts.append(chunk)
            return []
        return self._lines(self._whole_lines(chunk))

    def flush(self) -> list[ServerEvent]:
        """Take the end of the body; give an event that only lacked its blank line."""
        last, self._parts = b"".join(self._parts), []
        return self._lines([last, b""] if last else [b""])

    def _skip_bom(self, chunk: bytes) -> bytes:
        chunk = b"".join(self._parts) + chunk
        self._parts = []
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._parts = [chunk]
            return b""
        self._started = True
        return chunk.removeprefix(_BOM)

    def _whole_lines(self, chunk: bytes) -> list[bytes]:
        if self._parts:
            self._parts.append(chunk)
            chunk = b"".join(self._parts)
        if b"\r" in chunk:
            lines = chunk.splitlines()
            self._after_cr = chunk.endswith(b"\r")
            self._parts = [] if chunk.endswith((b"\r", b"\n")) else [lines.pop()]
        else:
            lines = chunk.split(b"\n")
            rest = lines.pop()
            self._parts = [rest] if rest else []
        return lines

    def _lines(self, lines: list[bytes]) -> list[ServerEvent]:
        events: list[ServerEvent] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data: "):
                data.append(line[6:])
            elif line.startswith(b"data:"):
                data.append(line[5:])
            elif line:
                self._field(line)
            else:
                if data:
                    events.append(ServerEvent(b"\n".join(data), self._name))
                    data.clear()
                self._name = ""
        return events

    def _field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        if field == b"event":
            self._name = value.removeprefix(b" ").decode(errors="replace")
        elif field == b"data":
            self._data.append(b"")
        elif not field:
            self.alive = True
