"""The live view: a widget that grows with the answer, then gives way to the static bundle.

The kernel sends safe HTML of finished blocks once and of the open block as a change to what was
sent before (`live.js` puts it together). At the end the same display is updated with the static
bundle and the widget is closed, so that nothing of it is left in the saved notebook.
"""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from IPython.display import display

from hermes_magic.reply import Notice, Rethought, Retrying, Text, Thought
from hermes_magic.view import readout
from hermes_magic.view.blocks import BlockStream
from hermes_magic.view.static import bundle

if TYPE_CHECKING:
    from IPython.core.display_functions import DisplayHandle

    from hermes_magic.reply import Event, Progress, Reply

_HERE = Path(__file__).parent


class _Widget(anywidget.AnyWidget):
    _esm = _HERE / "live.js"
    _css = _HERE / "live.css"
    layout = traitlets.Any()  # in place of a Layout widget, which AnyWidget would leave open


class _Pane:
    """One growing Markdown text, and what of its HTML the front end already has."""

    def __init__(self, *, breaks: bool) -> None:
        self._breaks = breaks
        self.clear()

    def clear(self) -> None:
        self._stream = BlockStream(breaks=self._breaks)
        self._source: list[str] = []
        self._open = ""
        self._changed = False
        self._reset = True

    def feed(self, text: str) -> None:
        if not self._source:
            text = text.lstrip("\n")
        if text:
            self._source.append(text)
            self._stream.feed(text)
            self._changed = True

    def take(self) -> str:
        """Give the whole text and start anew."""
        source = "".join(self._source)
        self.clear()
        self._changed = True
        return source

    def patch(self) -> dict[str, Any] | None:
        """Give what has changed since the last patch: blocks to add, and the open one's new end.

        `keep` counts UTF-16 units, as JavaScript's strings do.
        """
        if not self._changed:
            return None
        drawn = self._stream.draw()
        before = "" if drawn.closed or self._reset else self._open
        same = os.path.commonprefix([before, drawn.open])
        patch = {
            "reset": self._reset,
            "closed": "".join(drawn.closed),
            "keep": len(same.encode("utf-16-le")) // 2,
            "add": drawn.open[len(same) :],
        }
        self._open, self._changed, self._reset = drawn.open, False, False
        return patch


class LiveView:
    """Shows a reply in a widget while it comes, and leaves the static bundle in its place."""

    def __init__(self) -> None:
        self._widget: _Widget | None = None
        self._display: DisplayHandle | None = None
        self._thought = _Pane(breaks=True)
        self._answer = _Pane(breaks=False)
        self._notes: list[str] = []
        self._number = 0

    def show(self, events: list[Event], progress: Progress, elapsed: float) -> None:
        """Send the front end what has changed."""
        for event in events:
            self._take(event)
        if self._widget is None:
            self._open()
        self._send(progress, elapsed)

    def close(self, reply: Reply) -> None:
        """Put the static bundle where the widget was; close the widget."""
        if self._widget is None or self._display is None:
            return
        self._display.update(bundle(reply), raw=True)  # type: ignore[no-untyped-call]
        self._widget.close()

    def _take(self, event: Event) -> None:
        match event:
            case Text(text):
                self._answer.feed(text)
            case Thought(text):
                self._thought.feed(text)
            case Rethought():
                self._thought.feed(self._answer.take())
            case Notice(text):
                self._notes.append(text)
            case Retrying(reason, delay, attempt, attempts):
                self._notes.append(f"{reason}; retrying in {delay:.0f} s, {attempt} of {attempts}")

    def _open(self) -> None:
        self._widget = _Widget()
        self._display = display(self._widget, display_id=True)  # type: ignore[no-untyped-call]

    def _send(self, progress: Progress, elapsed: float) -> None:
        assert self._widget is not None  # noqa: S101 - show() has opened it
        self._number += 1
        frame = {
            "number": self._number,
            "answering": bool(progress.answer_deltas),
            "heading": self._heading(progress, elapsed),
            "line": readout.live_line(progress, elapsed),
            "notes": self._notes,
            "thought": self._thought.patch(),
            "answer": self._answer.patch(),
        }
        self._widget.send(frame)

    def _heading(self, progress: Progress, elapsed: float) -> str:
        if not progress.answer_deltas:
            return readout.live_heading(progress, elapsed)
        count = readout.tokens(progress.thought_deltas, about=True)
        return f"Thought for {readout.seconds(progress.timing.thinking or 0)}{readout.SEPARATOR}{count}"
