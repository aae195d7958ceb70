"""How a request differs from the nearest one on a tape."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from hermes_magic.tape.layout import compact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hermes_magic.tape.request import Asked

_MOST_LINES: Final = 24
_WIDTH: Final = 100
_BEFORE: Final = 40  # characters of a long line that are shown before its first difference
_MOST_WORDS: Final = 2000
_SENTENCES: Final = re.compile(r"(?<=[.!?;:])\s+")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def nearest(asked: Asked, others: Iterable[Asked]) -> Asked | None:
    """Give the request that has most in common with this one, or None if there is none."""
    words = _words(asked)
    best, most = None, -1.0
    for other in others:
        matcher = difflib.SequenceMatcher(None, _words(other), words)
        if matcher.real_quick_ratio() > most and (ratio := matcher.ratio()) > most:
            best, most = other, ratio
    return best


def difference(on_tape: Asked, asked: Asked) -> tuple[str, ...]:
    """Give a unified diff of two requests: options a line each, texts sentence by sentence."""
    lines = [
        _CONTROLS.sub("\ufffd", line)
        for line in difflib.unified_diff(
            list(_lines(on_tape)), list(_lines(asked)), "on the tape", "asked", n=1, lineterm=""
        )
    ]
    shown = list(_shortened(lines))
    if len(shown) > _MOST_LINES:
        shown[_MOST_LINES:] = [f"… and {len(shown) - _MOST_LINES} more lines"]
    return tuple(shown)


def _words(asked: Asked) -> list[str]:
    return [word for line in _lines(asked) for word in line.split()][:_MOST_WORDS]


def _lines(asked: Asked) -> Iterator[str]:
    for name, value in asked.items():
        if name != "messages":
            yield f"{name}: {compact(value)}"
    for message in asked["messages"]:
        yield f"[{message.get('role', '')}]"
        for name, value in message.items():
            if name == "content" and isinstance(value, str):
                yield from (part for line in value.split("\n") for part in _SENTENCES.split(line))
            elif name != "role":
                yield f"{name}: {compact(value)}"


def _shortened(lines: list[str]) -> Iterator[str]:
    """Cut long lines, so that what a removed and an added one do not share is to be seen."""
    for place, line in enumerate(lines):
        partner = ""
        if line.startswith("-") and place + 1 < len(lines):
            partner = lines[place + 1]
        elif line.startswith("+") and place:
            partner = lines[place - 1]
        yield _around(line, _common(line[1:], partner[1:]) if partner[:1] in "+-" else 0)


def _around(line: str, differs: int) -> str:
    if len(line) <= _WIDTH:
        return line
    begin = max(0, min(differs - _BEFORE, len(line) - 1 - _WIDTH))
    text = line[1 + begin :]
    head = "…" if begin else ""
    return line[0] + head + (text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…")


def _common(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
