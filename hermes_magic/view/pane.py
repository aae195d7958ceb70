"""A Markdown text that grows in a page which is sent only what has changed."""

from __future__ import annotations

from typing import Any

from hermes_magic.view.blocks import BlockStream
from hermes_magic.view.markdown import render


class Pane:
    """One growing Markdown text, and what of its HTML the front end already has."""

    def __init__(self, *, breaks: bool) -> None:
        self._breaks = breaks
        self.clear()

    def clear(self) -> None:
        """Forget all text."""
        self._stream = BlockStream(breaks=self._breaks)
        self._source: list[str] = []
        self._earlier: list[str] = []
        self._due: list[str] = []
        self._open = ""
        self._changed = False
        self._reset = True

    def feed(self, text: str) -> str:
        """Take the next piece; give what of it counts, all but blank lines at the start."""
        if not self._source:
            text = text.lstrip("\n")
        if text:
            self._source.append(text)
            self._stream.feed(text)
            self._changed = True
        return text

    def insert(self, html: str) -> None:
        """Put safe HTML behind the text; what comes then is a text of its own."""
        drawn = self._stream.draw(final=True)
        self._due += [*drawn.closed, drawn.open, html]
        self._earlier += [render("".join(self._source)), html]
        self._stream, self._source = BlockStream(breaks=self._breaks), []
        self._changed = True

    def take(self) -> str:
        """Give the text since the last insertion, and go back to there."""
        source, earlier = "".join(self._source), self._earlier
        self.clear()
        self._earlier, self._due = earlier, list(earlier)
        self._changed = True
        return source

    def patch(self) -> dict[str, Any] | None:
        """Give what has changed since the last patch: how much of it to keep, what to add.

        The first `close` units of the outcome are final. Units are those of JavaScript: UTF-16.
        """
        if not self._changed:
            return None
        drawn = self._stream.draw()
        closed = "".join([*self._due, *drawn.closed])
        self._due = []
        now = closed + drawn.open
        same = 0 if self._reset else _common_prefix(self._open, now)
        patch = {
            "reset": self._reset,
            "keep": _units(now[:same]),
            "add": now[same:],
            "close": _units(closed),
        }
        self._open, self._changed, self._reset = drawn.open, False, False
        return patch


def _common_prefix(one: str, other: str) -> int:
    """Count the characters that two texts share at their start; halving beats a loop here."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
