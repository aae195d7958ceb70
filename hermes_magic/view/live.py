"""The live view: a widget that grows with the answer, then gives way to the static bundle.

The kernel sends safe HTML of finished blocks once and of the open block as a change to what was
sent before (`live.js` puts it together). At the end the same display is updated with the static
bundle, so that nothing of the widget is left in the saved notebook; it is closed when a page has
confirmed that (`unseen.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from IPython.display import display

from hermes_magic.reply import (
    Failed,
    Notice,
    Reply,
    Rethought,
    Retrying,
    Text,
    Thought,
    ToolCalled,
    ToolRan,
)
from hermes_magic.view import readout
from hermes_magic.view.calls import called
from hermes_magic.view.folds import fold_html
from hermes_magic.view.pane import Pane
from hermes_magic.view.static import bundle, is_blank

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from IPython.core.display_functions import DisplayHandle

    from hermes_magic.options import Thoughts
    from hermes_magic.reply import Event, Progress
    from hermes_magic.view.unseen import Unseen

_HERE = Path(__file__).parent
_SCRIPTS = ("live.js", "pane.js", "controls.js", "notebook.js")
_NOTHING = {"text/plain": ""}
# For readers that know no widgets, if the notebook is saved meanwhile; JupyterLab saves HTML.
_UNDER_WAY = "An answer of Hermes was under way when this notebook was saved. Run the cell again."
_VIEW = "application/vnd.jupyter.widget-view+json"
_TICK = 0.5  # seconds between two looks at the clock while nothing comes


_A_LITTLE_OF_EVERYTHING = """\
# Heading

- *one* and `code`

| $x$ | y |
|---|---|
| 1 | [2](https://example.org) |

```python
x = 1
```
"""


def warm() -> None:
    """Draw a little of everything, so that the first answer need not wait for it."""
    pane = Pane(breaks=False)
    pane.feed(_A_LITTLE_OF_EVERYTHING)
    pane.patch()
    bundle(Reply(text=_A_LITTLE_OF_EVERYTHING, thinking="So."))


def script() -> str:
    """Give the page's half: one module of JavaScript."""
    return "\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS)


class _Widget(anywidget.AnyWidget):
    _esm = script()
    _css = _HERE / "live.css"
    layout = traitlets.Any()  # in place of a Layout widget, which AnyWidget would leave open

    is_shown = False
    kept: dict[str, Any] | None = None

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - as in its base
        """Give the state; to a page that was opened later also the answer, if it has ended."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        if self.is_shown and key is None:
            state["kept"] = self.kept
        return state


class LiveView:
    """Shows a reply in a widget while it comes, and leaves the static bundle in its place.

    Args:
        thoughts: how its thought is shown.
        request_stop: what the Stop button calls where the page cannot interrupt the kernel.
        rate: USD that a token costs, about; None leaves out the running estimate.
        place: id and execution count of its cell; "" where the front end does not tell the id.
        unseen: what keeps the ended answer until a page has confirmed it; None closes at once.
    """

    watched = True

    def __init__(
        self,
        thoughts: Thoughts = "folded",
        request_stop: Callable[[], None] | None = None,
        rate: Decimal | None = None,
        *,
        place: tuple[str, int] = ("", 0),
        unseen: Unseen | None = None,
    ) -> None:
        self._place = place
        self._unseen = unseen
        self._thoughts = thoughts
        self._request_stop = request_stop
        self._rate = rate
        self._hears = False
        self._said: list[str] = []
        self._sent = 0
        self._running = ""
        self._widget: _Widget | None = None
        self._display: DisplayHandle | None = None
        self._thought = Pane(breaks=True)
        self._answer = Pane(breaks=False)
        self._notes: list[str] = []
        self._number = 0
        self._told: dict[str, object] = {}
        self._at = 0.0

    def show(self, events: list[Event], progress: Progress, elapsed: float) -> None:
        """Send the front end what has changed."""
        for event in events:
            self._take(event)
        if self._widget is None:
            if events and isinstance(events[-1], Failed) and not progress.begun:
                return  # refused at once: there is nothing to show but the error
            self._open()
        elif not events and elapsed - self._at < _TICK:
            return
        self._at = elapsed
        self._send(progress, elapsed)

    def close(self, reply: Reply) -> None:
        """Put the static bundle where the widget was; leave the widget to what closes it."""
        if self._widget is None or self._display is None:
            return
        final = _NOTHING if is_blank(reply) else bundle(reply, thoughts=self._thoughts)
        self._display.update(final, raw=True)
        if self._unseen is None:
            self._widget.close()
        else:
            self._unseen.end(self._widget, self._place, final)

    def _take(self, event: Event) -> None:
        match event:
            case Text(text):
                self._said += filter(None, [self._answer.feed(text)])
            case Thought(text):
                self._feed_thought(text)
            case Rethought():
                self._rethink()
            case ToolCalled(call):
                self._running = f"{called(call)} runs"
            case ToolRan(step):
                self._running = ""
                self._answer.insert(fold_html(step))
                self._said += [] if self._said[-1:] in ([], ["\n\n"]) else ["\n\n"]
            case Notice(text):
                self._notes.append(text)
            case Retrying(reason, delay, attempt, attempts):
                self._notes.append(f"{reason}; retrying in {delay:.0f} s, {attempt} of {attempts}")

    def _rethink(self) -> None:
        text = self._answer.take()
        self._feed_thought(text)
        self._said, self._sent = ["".join(self._said).removesuffix(text)], 0

    def _feed_thought(self, text: str) -> None:
        if self._thoughts != "hidden":
            self._thought.feed(text)

    def _heard(self, _widget: object, content: object, _buffers: object) -> None:
        """Take a message of the front end: ipykernel 7 hears it while the cell runs."""
        self._hears = True
        if isinstance(content, dict) and content.get("stop") is True and self._request_stop:
            self._request_stop()

    def _open(self) -> None:
        self._widget = _Widget()
        self._widget.on_msg(self._heard)
        shown = {
            _VIEW: {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id},
            "text/plain": _UNDER_WAY,
        }
        self._display = display(shown, raw=True, display_id=True)
        self._widget.is_shown = True

    def _send(self, progress: Progress, elapsed: float) -> None:
        assert self._widget is not None  # noqa: S101 - show() has opened it
        facts = {
            "id": self._widget.model_id,
            "cell": self._place[0],
            "answering": bool(progress.answer_deltas),
            "thoughts": self._thoughts,
            "heading": self._heading(progress, elapsed),
            "line": self._line(progress, elapsed),
            "notes": "\n".join(self._notes),
            "hears": self._hears,
        }
        news = {name: fact for name, fact in facts.items() if self._told.get(name) != fact}
        self._told = facts
        self._number += 1
        self._widget.send({"number": self._number, **news, **self._texts()})

    def _texts(self) -> dict[str, object]:
        patches = {"thought": self._thought.patch(), "answer": self._answer.patch()}
        texts: dict[str, object] = {name: patch for name, patch in patches.items() if patch}
        if source := "".join(self._said[self._sent :]):
            texts["source"] = source
        self._sent = len(self._said)
        return texts

    def _line(self, progress: Progress, elapsed: float) -> str:
        line = readout.live_line(progress, elapsed, self._rate)
        return f"{self._running}{readout.SEPARATOR}{line}" if self._running else line

    def _heading(self, progress: Progress, elapsed: float) -> str:
        if not progress.thought_deltas:
            return ""
        if not progress.answer_deltas:
            return readout.live_heading(progress, elapsed)
        spent = readout.seconds(progress.timing.thinking or 0)
        count = readout.tokens(progress.thought_deltas, about=True)
        return f"Thought for {spent}{readout.SEPARATOR}{count}"
