"""A batch while it runs, on one quiet line, and what stays of it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final, Protocol

from hermes_magic.view.readout import SEPARATOR, seconds, usd
from hermes_magic.view.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from IPython.core.display_functions import DisplayHandle

_PACE: Final = 0.25
_WIDTH: Final = 78
_HUNDREDTH_CENT: Final = 4
_BAR: Final = (
    "height:4px;max-width:480px;margin:6px 0;background-color:rgba(128,128,128,0.25);"
    "border-radius:2px;"
)
_DONE: Final = "height:4px;background-color:#4f8f4f;border-radius:2px;width:{}%;"
_QUIET: Final = "font-size:85%;opacity:0.75;text-align:left;"
_FIRST: Final = "font-size:90%;text-align:left;overflow-wrap:anywhere;margin:2px 0;"


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a batch has come.

    Attributes:
        rows: how many questions there are, those of earlier runs included.
        done: how many are answered.
        failed: how many have ended in an error.
        in_flight: how many are under way.
        cost: USD for all answers, those of earlier runs included.
        projected: USD in the end, by the mean so far; None while that is not known.
        elapsed: seconds since the first was sent.
        left: seconds to go, about; None while that is not known.
        rest: seconds for which the server wants rest.
        first: the beginnings of the first answers.
        news: what the person should know, a line each.
    """

    rows: int
    done: int = 0
    failed: int = 0
    in_flight: int = 0
    cost: Decimal | None = None
    projected: Decimal | None = None
    elapsed: float = 0.0
    left: float | None = None
    rest: float = 0.0
    first: Sequence[str] = ()
    news: Sequence[str] = ()

    @property
    def percent(self) -> int:
        """How much of it is over."""
        return 100 * (self.done + self.failed) // self.rows if self.rows else 100

    def line(self) -> str:
        """Write it on one line."""
        parts = [f"{self.done:,} of {self.rows:,} done"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.in_flight:
            parts.append(f"{self.in_flight:,} in flight")
        if self.cost is not None:
            parts.append(_cost(self.cost, self.projected))
        if self.rest:
            parts.append(f"the server wants rest: {seconds(self.rest)}")
        elif self.left is not None:
            parts.append(f"{seconds(self.left)} left")
        return SEPARATOR.join(parts)

    def summary(self, *, timed: bool) -> str:
        """Write what stays; `timed` adds what differs from run to run."""
        parts = [f"{self.done:,} of {self.rows:,} done"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if missing := self.rows - self.done - self.failed:
            parts.append(f"{missing:,} not sent")
        if self.cost is not None:
            parts.append(usd(_round(self.cost)))
        if timed:
            parts.append(seconds(self.elapsed))
        return SEPARATOR.join(parts)


class ProgressView(Protocol):
    """Shows a batch. Called on the cell's own thread only, as often as the caller likes."""

    def show(self, figures: Figures) -> None:
        """Show how far it has come."""

    def say(self, line: str) -> None:
        """Show one line in its place: what is being waited for."""

    def close(self, figures: Figures) -> None:
        """Show what is to stay; nothing follows."""


class SilentProgress:
    """Shows nothing: nobody is watching, or the output is no terminal."""

    def show(self, figures: Figures) -> None:
        """Do nothing."""

    def say(self, line: str) -> None:
        """Do nothing."""

    def close(self, figures: Figures) -> None:
        """Do nothing."""


class TerminalProgress:
    """One line on stderr, written over and over."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = _Pace(clock)
        self._width = 0

    def show(self, figures: Figures) -> None:
        """Write the line anew, at most four times a second."""
        if self._pace.due():
            self.say(figures.line())

    def say(self, line: str) -> None:
        """Write over the line."""
        line = printable(line)[:_WIDTH]
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def close(self, figures: Figures) -> None:
        """Write the summary and what the person should know."""
        self.say(figures.summary(timed=True))
        sys.stderr.write("\n" + "".join(f"{printable(line)}\n" for line in figures.news))
        sys.stderr.flush()


class NotebookProgress:
    """A bar, a line and the first answers, then one line that stays.

    Args:
        watched: whether a person is there; else only what stays is shown, without times.
    """

    def __init__(self, *, watched: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._watched = watched
        self._pace = _Pace(clock)
        self._handle: DisplayHandle | None = None

    def show(self, figures: Figures) -> None:
        """Show bar, line and first answers, at most four times a second."""
        if self._watched and self._pace.due():
            bar = f'<div style="{_BAR}"><div style="{_DONE.format(figures.percent)}"></div></div>'
            self._put(figures.line(), bar, figures.first)

    def say(self, line: str) -> None:
        """Show one line."""
        if self._watched:
            self._put(line, "", ())

    def close(self, figures: Figures) -> None:
        """Show the summary and what the person should know."""
        self._put(figures.summary(timed=self._watched), "", figures.news)

    def _put(self, line: str, before: str, after: Sequence[str]) -> None:
        from IPython.display import display

        below = "".join(f'<div style="{_FIRST}">{_escaped(each)}</div>' for each in after)
        bundle = {
            "text/html": f'<div class="hermes-batch">{before}'
            f'<div style="{_QUIET}">{_escaped(line)}</div>{below}</div>',
            "text/plain": "\n".join(map(printable, [line, *after])),
        }
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def open_progress(shell: Any = None) -> ProgressView:
    """Give the view of a batch that this shell is about to run; without a shell, a script's."""
    if hasattr(shell, "kernel"):
        from hermes_magic.view.choose import has_viewer

        return NotebookProgress(watched=has_viewer(shell))
    return TerminalProgress() if sys.stderr.isatty() else SilentProgress()


class _Pace:
    """Says yes at most four times a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next = 0.0

    def due(self) -> bool:
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + _PACE
        return True


def _cost(cost: Decimal, projected: Decimal | None) -> str:
    so_far = usd(_round(cost))
    return so_far if projected is None else f"{so_far} of ~{usd(_round(projected))}"


def _round(amount: Decimal) -> Decimal:
    return round(amount, _HUNDREDTH_CENT)


def _escaped(text: str) -> str:
    """Escape; keep a dollar from opening a formula in the host's typesetter."""
    return escape(printable(text)).replace("$", "<span>$</span>")
