"""The functions that the model may call: offered to it, run, and answered for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import PastedKeyError
from hermes_magic.money.keys import refuse_pasted
from hermes_magic.prompt import tools as prompting
from hermes_magic.prompt.calls import MalformedCall
from hermes_magic.reply import ToolCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermes_magic.options import Options
    from hermes_magic.prompt import Question
    from hermes_magic.prompt.tools import Tool, ToolResult

_KEY = "the result holds an API key, so it is neither sent nor shown"


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The functions of one question.

    Attributes:
        tools: the functions.
        native: whether the server takes them as such; one that does not is told of them in the
            system prompt, as Hermes was trained.
        key: the key in use, which no result may hold.
    """

    tools: tuple[Tool, ...]
    native: bool
    key: str = field(default="", repr=False)

    def offer(self, options: Options, question: Question) -> tuple[Options, Question]:
        """Put the functions into a request."""
        if not self.tools:
            return options, question
        if self.native:
            return options, replace(question, tools=tuple(prompting.native(self.tools)))
        system = "\n\n".join(filter(None, [options.system, prompting.system_prompt(self.tools)]))
        return replace(options, system=system), question

    def run(self, call: ToolCall | MalformedCall) -> ToolResult:
        """Run the function that is called, if it is one of these; whatever happens is a result."""
        if isinstance(call, MalformedCall):
            unread = ToolCall("", "", call.text)
            return prompting.ToolResult(unread, f"Error: {call.reason}", ValueError(call.reason))
        result = prompting.run(self.tools, call)
        try:
            refuse_pasted(result.text, self.key)
        except PastedKeyError:
            return prompting.ToolResult(call, f"Error: {_KEY}", ValueError(_KEY))
        return result


def turns(text: str, native: Sequence[ToolResult], written: Sequence[ToolResult]) -> list[Any]:
    """Give the model's turn that made calls, and those that answer them.

    Args:
        text: the model's, with the calls that it wrote there.
        native: the results of calls that came as such.
        written: the results of calls in the text.
    """
    said: dict[str, Any] = {"role": "assistant", "content": text}
    if native:
        said = prompting.calling_turn(text, [_sendable(one.call) for one in native])
    answers: list[Any] = [one.native for one in native]
    if written:
        answers.append(prompting.response_turn(written))
    return [said, *answers]


def _sendable(call: ToolCall) -> ToolCall:
    """Give a call with arguments that a server's template can read."""
    try:
        arguments = json.dumps(prompting.read_arguments(call.arguments), ensure_ascii=False)
    except (ValueError, RecursionError):
        arguments = "{}"
    return replace(call, arguments=arguments)
