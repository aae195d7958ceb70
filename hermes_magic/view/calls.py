"""A function call of the model and its result as text: one line, and all of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hermes_magic.reply import ToolCall, ToolStep

_LINE: Final = 60
_BODY: Final = 4_000


def called(call: ToolCall) -> str:
    """Write a call on one line: `weather(city='Oslo', days=3)`."""
    if not call.name:
        return _short(call.arguments)
    return f"{_short(call.name)}({_short(_arguments(call))})"


def line(step: ToolStep) -> str:
    """Write a call and its result on one line."""
    if step.error is not None:
        return f"{called(step.call)} failed: {_short(step.error)}"
    return f"{called(step.call)} → {_short(step.result) or 'nothing'}"


def whole(step: ToolStep) -> str:
    """Write a call and its result in full, as far as a notebook has room; a cut is visible."""
    call = step.call
    head = f"{call.name}({_arguments(call)})" if call.name else call.arguments
    return f"{_cut(head)}\n\n{_cut(step.result)}"


def _arguments(call: ToolCall) -> str:
    try:
        given = json.loads(call.arguments or "{}")
        if isinstance(given, dict):
            return ", ".join(f"{name}={value!r}" for name, value in given.items())
    except (ValueError, RecursionError):
        pass
    return call.arguments


def _short(text: str) -> str:
    """Give a text on one line, cut where it is long."""
    text = " ".join(text[:_BODY].split())
    return text if len(text) <= _LINE else f"{text[: _LINE - 1]}…"


def _cut(text: str) -> str:
    if len(text) <= _BODY:
        return text
    return f"{text[:_BODY]}\n[{len(text) - _BODY:,} more characters in reply.steps]"
