"""End an answer before a stop text, wherever it is cut across deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_magic.reply import Event, Rethought, Text

if TYPE_CHECKING:
    from collections.abc import Sequence


class StopText:
    """Eat events, give them on; hold back what may be the beginning of a stop text.

    It looks at the answer only: a stop text in the thought ends nothing.

    Attributes:
        found: whether a stop text has come; the answer ends before it.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.found = False
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""

    def feed(self, event: Event) -> list[Event]:
        """Take the next event; nothing of the answer comes out behind a stop text."""
        match event:
            case Text(text):
                return self._text(text)
            case Rethought():
                return [*self.flush(), event]
            case _:
                return [event]

    def flush(self) -> list[Event]:
        """Take the end of the answer: what is held back is no stop text."""
        held, self._held = self._held, ""
        return [Text(held)] if held and not self.found else []

    def _text(self, text: str) -> list[Event]:
        if self.found:
            return []
        seen = self._held + text
        # What is complete first ends the answer, so that it ends the same however it is cut.
        found = ((seen.find(stop), stop) for stop in self._stops)
        ends = [(place + len(stop), place) for place, stop in found if place >= 0]
        self.found = bool(ends)
        end = min(ends)[1] if ends else len(seen) - self._beginning(seen)
        self._held = seen[end:]
        return [Text(seen[:end])] if end else []

    def _beginning(self, seen: str) -> int:
        """Give the length of the longest beginning of a stop text that `seen` ends with."""
        sizes = (
            size
            for stop in self._stops
            for size in range(min(len(stop) - 1, len(seen)), 0, -1)
            if seen.endswith(stop[:size])
        )
        return max(sizes, default=0)
