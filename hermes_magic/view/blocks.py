"""Markdown that is still being written: what is final is drawn once, the rest again.

A block is final when another begins after it; only the last one is parsed again. When that one
grows long it is cut at a safe place, and what comes after the cut continues it: the two are
elements of their own, and the second has the class `hm-more` on its outermost element. Taking
out the end tags before and the start tags at the cut gives what `render` gives for the whole; a
page may do so (move the children of a `.hm-more` into the element before it) or just close the
gap by style.
"""

from dataclasses import dataclass
from typing import Final

from markdown_it.utils import EnvType

from hermes_magic.view.cuts import LONG, Cut, Seam, find_cut, resume
from hermes_magic.view.markdown import parser
from hermes_magic.view.sanitize import clean, normalize

_HUGE: Final = 2 * LONG
_GROWTH: Final = 8


@dataclass(frozen=True, slots=True)
class Drawn:
    """HTML of the blocks that became final since the last draw, and of the one still open."""

    closed: tuple[str, ...]
    open: str


class BlockStream:
    """Turn Markdown that arrives in pieces into HTML blocks, in time linear in the text.

    All `closed` ever drawn and the last `open`, joined, show what `render` gives for the text
    so far, but for cuts in long blocks (see the module) and for what reaches back: a link or
    footnote defined after its use, a list that turns loose after a cut. Render the whole once
    at the end. A long block that cannot be cut (one list item, one line of code) is drawn again
    only when it has grown by an eighth, so `open` may lag then; `draw(final=True)` does not.
    """

    def __init__(self, *, breaks: bool = False) -> None:
        self._parser = parser(breaks=breaks)
        self._known: dict[str, dict[str, object]] = {
            "references": {},
            "footnotes": {},
            "footnote_numbers": {},
        }
        self._arrived: list[str] = []
        self._tail = ""
        self._seam = Seam()
        self._open = ""
        self._due = 1
        self._searched = 0

    def feed(self, delta: str) -> None:
        """Take the next piece of the text, cut anywhere."""
        if delta:
            self._arrived.append(delta)

    def draw(self, *, final: bool = False) -> Drawn:
        """Return what has changed; cheap when nothing has."""
        self._take_arrived(final=final)
        size = len(self._tail)
        if size < self._due and not (final and size > _HUGE):
            return Drawn((), self._open)
        closed: list[str] = []
        while cut := self._next_cut():
            closed.append(self._close(cut))
        known = {name: dict(found) for name, found in self._known.items()}
        self._open = self._html(self._tail, self._seam, known)
        size = len(self._tail)
        self._due = size + (size // _GROWTH if size > _HUGE else 1)
        return Drawn(tuple(closed), self._open)

    def _take_arrived(self, *, final: bool) -> None:
        text = "".join(self._arrived)
        held = text.endswith("\r") and not final  # It may be the first half of a line end.
        self._arrived = ["\r"] if held else []
        self._tail += normalize(text[:-1] if held else text)

    def _next_cut(self) -> Cut | None:
        """Look for a cut in the complete lines: what an unfinished line will be is not known."""
        end = self._tail.rfind("\n") + 1
        if len(self._tail) - end > LONG:
            end = len(self._tail)
        if end <= self._searched:
            return None
        self._searched = end
        return find_cut(self._parser, self._seam.prefix + self._tail[:end], self._seam)

    def _close(self, cut: Cut) -> str:
        size = cut.offset - len(self._seam.prefix)
        html = self._html(self._tail[:size], cut.before, {**self._known, "part": True})
        self._tail, self._seam = self._tail[size:], cut.after
        self._searched = self._due = 0
        return html

    def _html(self, text: str, seam: Seam, env: EnvType) -> str:
        env["continued"] = seam.kind == "paragraph_open"
        tokens = self._parser.parse(seam.prefix + text, env)
        resume(tokens, seam)
        return clean(self._parser.renderer.render(tokens, self._parser.options, env))
