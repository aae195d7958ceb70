"""Answers that have ended, and that no page has confirmed to show.

A page that was closed in mid-answer never gets the end of it: a front end draws only what comes for
cells that it has started itself. So a widget stays open until a page confirms the end. A page that
is opened meanwhile asks the kernel for its widgets, as JupyterLab and Notebook 7 do by themselves,
gets the answer with the widget's state, and puts it into its cell (`notebook.js`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST = 100  # a front end that never confirms shall not fill the kernel
_LINGER = 3.0  # seconds; another page may just be asking for the state of all widgets


class Widget(Protocol):
    """What is needed of the live view's widget."""

    model_id: str
    kept: dict[str, Any] | None

    def send(self, content: object) -> None:
        """Send the pages a message."""

    def on_msg(self, callback: Callable[[object, object, object], None]) -> None:
        """Call this with each message of a page."""

    def close(self) -> None:
        """Close it in all pages."""


class _Ended:
    """An answer that has ended.

    Args:
        widget: in which it came.
        place: id and execution count of its cell.
        data: its static bundle.
    """

    def __init__(self, widget: Widget, place: tuple[str, int], data: Mapping[str, str]) -> None:
        self.widget = widget
        self.cell, self.count = place
        self.data = data
        self.is_homeless = False

    def offer(self) -> None:
        """Let pages have it that ask from now on."""
        facts = {"id": self.widget.model_id, "cell": self.cell, "count": self.count}
        self.widget.kept = {**facts, "data": dict(self.data)}


class Unseen:
    """Keeps ended answers until a page has confirmed them, their cell runs again, or the last cell.

    Where the page says that an answer's cell is no longer in the notebook, the next cell that runs
    shows it, once.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._ended: list[_Ended] = []
        self._lock = threading.RLock()  # a page may be heard on another thread
        shell.events.register("pre_run_cell", self._before_cell)

    def end(self, widget: Widget, place: tuple[str, int], data: Mapping[str, str]) -> None:
        """Take over an answer's widget, whose static bundle has just been shown."""
        ended = _Ended(widget, place, data)
        if not ended.cell:
            widget.close()
            return
        with self._lock:
            # In their order: of one cell, the next is offered when the one before it is placed.
            if not self._of_cell(ended.cell):
                ended.offer()
            self._ended.append(ended)
            for oldest in self._ended[:-_MOST]:
                self._let_go(oldest)
        widget.on_msg(lambda _widget, content, _buffers: self._heard(ended, content))
        widget.send({"done": True})

    def close(self) -> None:
        """Close all widgets."""
        self._shell.events.unregister("pre_run_cell", self._before_cell)
        with self._lock:
            for ended in self._ended:
                ended.widget.close()
            self._ended.clear()

    def _heard(self, ended: _Ended, content: object) -> None:
        if not isinstance(content, dict):
            return
        with self._lock:
            if content.get("seen") is True:
                self._let_go(ended)
                self._offer_next(ended.cell)
            elif content.get("homeless") is True:
                ended.is_homeless = True
                self._offer_next(ended.cell)
            elif content.get("missed") is True and ended.widget.kept:
                ended.widget.send({"kept": ended.widget.kept})

    def _let_go(self, ended: _Ended) -> None:
        """Close its widget soon."""
        if ended not in self._ended:
            return
        self._ended.remove(ended)
        ended.widget.kept = None
        closing = threading.Timer(_LINGER, ended.widget.close)
        closing.daemon = True
        closing.start()

    def _offer_next(self, cell: str) -> None:
        """Offer the next answer of a cell, when the one before it has found its place."""
        following = next((ended for ended in self._of_cell(cell) if not ended.is_homeless), None)
        if following is not None and not following.widget.kept:
            following.offer()
            following.widget.send({"kept": following.widget.kept})

    def _of_cell(self, cell: str) -> list[_Ended]:
        return [ended for ended in self._ended if ended.cell == cell]

    def _before_cell(self, info: Any) -> None:
        """Forget what this cell answered before; show what has no place of its own."""
        with self._lock:
            homeless = [ended for ended in self._ended if ended.is_homeless]
            for ended in (*self._of_cell(getattr(info, "cell_id", None) or ""), *homeless):
                self._let_go(ended)
        for ended in homeless:
            self._show(ended)

    def _show(self, ended: _Ended) -> None:
        from IPython.display import display

        from hermes_magic.view.static import noted

        note = f"The answer of cell [{ended.count}], which ended while no page was open."
        display(noted(ended.data, note), raw=True)
