"""JSON for people: lines that are worth reading, and a change that stays on its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

_WIDTH: Final = 96
_ONE_LINE_EACH: Final = "stream"
# What an editor or a terminal would obey, or take for a line's end, is written as \uXXXX.
_INVISIBLE: Final = re.compile(
    "[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def compact(value: Any) -> str:
    """Write a value on one line; a Decimal keeps every digit."""
    match value:
        case Decimal():
            return str(value)
        case Mapping():
            return "{" + ", ".join(f"{_text(str(k))}: {compact(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(compact, value)) + "]"
        case str():
            return _text(value)
    return json.dumps(value)


class Block(str):
    """A part of a document that is laid out already, indented as its place wants it."""

    __slots__ = ()


def block(value: Any, indent: str) -> Block:
    """Lay a part of a document out, to be used again and again."""
    return Block("\n".join(_lines("", value, indent)))


def layout(value: Any) -> str:
    """Write a document, its end of line included."""
    return "\n".join(_lines("", value, "")) + "\n"


def _lines(head: str, value: Any, indent: str) -> list[str]:
    """Give the lines of a value behind its name."""
    if isinstance(value, Block):
        return [value]
    if not _spreads(value):
        short = indent + head + compact(value)
        if len(short) <= _WIDTH or not value or not isinstance(value, Mapping | list | tuple):
            return [short]
    if isinstance(value, Mapping):
        members = [_member(str(name), one, indent + "  ") for name, one in value.items()]
        return [indent + head + "{", *_with_commas(members), indent + "}"]
    items = [_lines("", one, indent + "  ") for one in value]
    return [indent + head + "[", *_with_commas(items), indent + "]"]


def _member(name: str, value: Any, indent: str) -> list[str]:
    head = f"{_text(name)}: "
    if name != _ONE_LINE_EACH or not isinstance(value, list | tuple) or not value:
        return _lines(head, value, indent)
    rows = [[f"{indent}  {compact(one)}"] for one in value]
    return [indent + head + "[", *_with_commas(rows), indent + "]"]


def _with_commas(parts: list[list[str]]) -> Iterator[str]:
    for place, lines in enumerate(parts):
        yield from lines[:-1]
        yield lines[-1] + ("," if place < len(parts) - 1 else "")


def _spreads(value: Any) -> bool:
    """Tell whether a value holds a list of texts or of objects: each gets a line of its own."""
    if isinstance(value, Block):
        return True
    if isinstance(value, Mapping):
        return any(map(_spreads, value.values()))
    if not isinstance(value, list | tuple):
        return False
    texts = sum(isinstance(one, str) for one in value)
    return texts > 1 or any(isinstance(one, Mapping) or _spreads(one) for one in value)


def _text(text: str) -> str:
    return _INVISIBLE.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"
