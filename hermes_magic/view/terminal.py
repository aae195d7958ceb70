"""The reply as text that streams: thought dimmed, answer, cost line.

No ANSI sequences where the output is not a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from hermes_magic.reply import Notice, Rethought, Retrying, Text, Thought, ToolRan
from hermes_magic.view import calls, readout
from hermes_magic.view.text import printable

if TYPE_CHECKING:
    from hermes_magic.options import Thoughts
    from hermes_magic.reply import Event, Progress, Reply, ToolStep

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class TerminalView:
    """Writes a reply to a text stream as it comes."""

    watched = True

    def __init__(self, out: TextIO, thoughts: Thoughts = "folded") -> None:
        self._out = out
        self._hidden = thoughts == "hidden"
        self._ansi = out.isatty()
        self._part = ""
        self._fresh_line = True
        self._leading = False

    def show(self, events: list[Event], progress: Progress, elapsed: float) -> None:  # noqa: ARG002
        """Write the pieces that have come."""
        for event in events:
            match event:
                case Thought() if self._hidden:
                    pass
                case Thought(text):
                    self._begin("thought", "Thinking…")
                    self._write(text, dim=True)
                case Text(text):
                    self._begin("answer", self._thought_heading(progress))
                    self._write(text)
                case Rethought() if not self._hidden:
                    self._line("All that was thought; the answer follows.")
                    self._part = "thought"
                case ToolRan(step):
                    self._step(step)
                case Notice(text):
                    self._line(text)
                case Retrying(reason, delay, attempt, attempts):
                    self._line(f"{reason}; retrying in {delay:.0f} s, {attempt} of {attempts}")
        self._out.flush()

    def close(self, reply: Reply) -> None:
        """Write the notes and the cost line."""
        came = reply.text or reply.thinking or reply.steps
        if not came and reply.state != "complete":
            return
        self._blank()
        for note in readout.notes(reply):
            if note not in reply.notices:
                self._line(note)
        self._line(readout.cost_line(reply, timed=True))
        self._out.flush()

    def _step(self, step: ToolStep) -> None:
        """Write a call and its result on a line between what was said before and after."""
        if self._part != "step":
            self._begin("step", "")
        self._line(calls.line(step))

    def _thought_heading(self, progress: Progress) -> str:
        if self._part != "thought":
            return ""
        thinking = progress.timing.thinking
        spent = f"Thought for {readout.seconds(thinking)}" if thinking is not None else "Thought"
        return spent + readout.SEPARATOR + readout.tokens(progress.thought_deltas, about=True)

    def _begin(self, part: str, heading: str) -> None:
        if self._part == part:
            return
        if self._part:
            self._blank()
        if heading:
            self._line(heading)
            self._blank()
        self._part, self._leading = part, True

    def _write(self, text: str, *, dim: bool = False) -> None:
        text = printable(text.lstrip() if self._leading else text)
        if not text:
            return
        self._leading = False
        self._fresh_line = text.endswith("\n")
        self._out.write(f"{_DIM}{text}{_PLAIN}" if dim and self._ansi else text)

    def _blank(self) -> None:
        self._out.write("\n" if self._fresh_line else "\n\n")
        self._fresh_line = True

    def _line(self, text: str) -> None:
        if not self._fresh_line:
            self._out.write("\n")
        text = printable(text)
        self._out.write(f"{_DIM}{text}{_PLAIN}\n" if self._ansi else text + "\n")
        self._fresh_line = True
