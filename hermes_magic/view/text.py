"""A reply as plain text, for terminals and for the `text/plain` of an output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hermes_magic.view import calls, readout

if TYPE_CHECKING:
    from hermes_magic.reply import Reply

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Replace what a terminal would obey (escape sequences, direction overrides) by U+FFFD."""
    return _CONTROLS.sub("\ufffd", text.replace("\r\n", "\n"))


def plain(reply: Reply, *, timed: bool) -> str:
    """Write the whole reply: thought indented under its heading, answer, notes, cost line."""
    parts = []
    if reply.thinking.strip():
        indented = re.sub(r"(?m)^(?=.)", "  ", reply.thinking.strip())
        parts.append(f"[{readout.thought_heading(reply, timed=timed)}]\n{indented}")
    for step in reply.steps:
        parts += [step.said.strip(), f"[{calls.line(step)}]"]
    parts += [reply.text.strip(), *(f"[{note}]" for note in readout.notes(reply))]
    parts.append(f"[{readout.cost_line(reply, timed=timed)}]")
    return printable("\n\n".join(part for part in parts if part))
