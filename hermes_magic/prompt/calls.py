"""Find `<tool_call>…</tool_call>` in an answer that arrives in pieces."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

from hermes_magic.reply import ToolCall

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_LINE_START = re.compile(r"[ \t>]*(?P<fence>`{3,}|~{3,})?")
_TICKS = re.compile("`+")


@dataclass(frozen=True, slots=True)
class MalformedCall:
    """A call that cannot be read: its text as the model wrote it, and what is wrong."""

    text: str
    reason: str


Part = str | ToolCall | MalformedCall


class ToolCallParser:
    """Eat an answer's text, give its text and its calls in order.

    Tags may be cut anywhere. In a code block or `inline code` they are text. A closing tag inside
    a string of the call's JSON does not end it.
    """

    def __init__(self) -> None:
        self._held = ""
        self._in_call = False
        self._count = 0
        self._line = ""
        self._fence = ""

    def feed(self, text: str) -> list[Part]:
        """Take the next piece; what may be part of a tag is held back."""
        self._held += text
        return self._drain(final=False)

    def flush(self) -> list[Part]:
        """Take the end of the answer."""
        return self._drain(final=True)

    def _drain(self, *, final: bool) -> list[Part]:
        parts: list[Part] = []
        while self._held:
            part = self._call(final=final) if self._in_call else self._text(final=final)
            if part is None:
                break
            if part:
                parts.append(part)
        if final and self._in_call:
            self._in_call = False
            parts.append(MalformedCall(_OPEN, "The call is empty."))
        return _joined(parts)

    def _text(self, *, final: bool) -> str | None:
        """Take text up to a tag; None if what is held may yet become one."""
        place = self._held.find(_OPEN)
        if place < 0:
            keep = 0 if final else _overlap(self._held, _OPEN)
            piece = self._take(len(self._held) - keep)
            self._saw(piece)
            return piece or None
        piece = self._take(place)
        self._saw(piece)
        tag = self._take(len(_OPEN))
        if self._is_code:
            self._saw(tag)
            return piece + tag
        self._in_call = True
        return piece

    def _call(self, *, final: bool) -> Part | None:
        """Take a call; None if its end has not come."""
        place = self._held.find(_CLOSE)
        while place >= 0:
            payload = self._held[:place]
            if not _in_string(payload) or _read(payload) is not None:
                return self._finish(payload, place + len(_CLOSE))
            place = self._held.find(_CLOSE, place + 1)
        if not final:
            return None
        first = self._held.find(_CLOSE)
        if first < 0:
            return self._finish(self._held, len(self._held))
        return self._finish(self._held[:first], first + len(_CLOSE))

    def _finish(self, payload: str, size: int) -> Part:
        written = _OPEN + self._take(size)
        self._in_call = False
        value = _read(payload)
        wrong = _wrong(payload, value)
        if wrong or value is None:
            return MalformedCall(written, wrong)
        arguments = value.get("arguments", value.get("parameters", {}))
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        self._count += 1
        return ToolCall(f"call_{self._count}", value["name"], arguments)

    def _take(self, size: int) -> str:
        piece, self._held = self._held[:size], self._held[size:]
        return piece

    @property
    def _is_code(self) -> bool:
        return bool(self._fence) or len(_TICKS.findall(self._line)) % 2 == 1

    def _saw(self, text: str) -> None:
        """Keep in mind the line that is open, and the fence."""
        first, *rest = text.split("\n")
        self._line += first
        for line in rest:
            self._end_line()
            self._line = line

    def _end_line(self) -> None:
        found = _LINE_START.match(self._line)
        fence = (found["fence"] or "") if found else ""
        info = self._line.strip("> \t\r").lstrip("`~")
        if not fence or (fence[0] == "`" and "`" in info):
            return
        if not self._fence:
            self._fence = fence
        elif fence.startswith(self._fence) and not info:
            self._fence = ""


def _read(payload: str) -> dict[str, Any] | None:
    """Read a call's payload, JSON or (as Hermes now and then writes) a Python dict."""
    for load in (json.loads, ast.literal_eval):
        try:
            value = load(payload.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return value if isinstance(value, dict) else None
    return None


def _wrong(payload: str, value: dict[str, Any] | None) -> str:
    if value is not None:
        named = isinstance(value.get("name"), str) and value["name"]
        return "" if named else 'The call has no "name".'
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        return f"The call is not valid JSON: {error}."
    return "The call is not a JSON object."


def _in_string(payload: str) -> bool:
    """Tell whether the text ends inside a JSON string."""
    return len(re.findall(r'"', re.sub(r"\\.", "", payload, flags=re.DOTALL))) % 2 == 1


def _overlap(text: str, tag: str) -> int:
    """Give how much of the text's end is the tag's beginning."""
    sizes = range(min(len(tag) - 1, len(text)), 0, -1)
    return next((size for size in sizes if tag.startswith(text[-size:])), 0)


def _joined(parts: list[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined
