"""A page of limited length: what does not fit is counted and named, never just missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NOTE = 80
_CUT = " …[line cut]"


class Page:
    """Take lines as long as there is room for them and for the note that says what is left out."""

    def __init__(self, size: int) -> None:
        """Make a page of so many characters."""
        self.room = size - _NOTE
        self._lines: list[str] = []
        self.omitted: list[str] = []

    @property
    def text(self) -> str:
        """All of it, with its notes."""
        return "\n".join(self._lines)

    def write(self, text: str) -> bool:
        """Add lines, or say that there is no room for them."""
        if len(text) + 1 > self.room:
            return False
        self._lines.append(text)
        self.room -= len(text) + 1
        return True

    def write_lines(self, lines: Iterable[str], total: int, noun: str, *, share: float = 1) -> int:
        """Add as many lines as fit, with a note on the rest.

        Args:
            lines: the lines, read no further than they fit.
            total: how many there are, read or not.
            noun: what one of them is, in the singular.
            share: how much of the room they may take.

        Returns:
            How many are in.
        """
        reserve = int(self.room * (1 - share))
        written = 0
        for line in lines:
            if len(line) + 1 > self.room - reserve:
                if not written and self.room - reserve > _NOTE:
                    self.write(line[: self.room - reserve - len(_CUT) - 1] + _CUT)
                    written = 1
                    self.omitted.append("the rest of a line")
                break
            self.write(line)
            written += 1
        if written < total:
            self.leave_out(f"{total - written:,} more {noun}{'' if total - written == 1 else 's'}")
        return written

    def leave_out(self, what: str) -> None:
        """Say what is not on the page."""
        self.omitted.append(what)
        self._lines.append(f"[left out: {what}]")
        self.room -= len(what) + 14
