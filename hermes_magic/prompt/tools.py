"""Functions of the notebook that the model may call: `--tools`.

OpenRouter lists no native tools for Hermes 4, so they are offered in the form Hermes was trained
on (its model card): `<tools>` in the system prompt, `<tool_call>` in the answer,
`<tool_response>` back. The same tools have OpenAI's native shape for servers that know it.
"""

from __future__ import annotations

import ast
import inspect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import OptionError
from hermes_magic.prompt import docstrings
from hermes_magic.prompt.conversion import convert
from hermes_magic.prompt.hints import properties, type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hermes_magic.reply import ToolCall

_SYSTEM = """\
You are a function-calling AI. Tools are provided inside <tools>…</tools>.
When appropriate, call a tool by emitting a <tool_call>{...}</tool_call> object, \
{"name": <function-name>, "arguments": <args-dict>}.
After a tool responds (as <tool_response>), continue and produce the final answer.
"""
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_LONGEST = 16_000


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call.

    Attributes:
        name: what the model calls it.
        description: its docstring up to the sections.
        parameters: the JSON Schema of its arguments.
        function: what runs.
        hints: the annotation of each argument.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any]
    hints: Mapping[str, object]

    @property
    def definition(self) -> dict[str, Any]:
        """The tool in OpenAI's shape, which is Hermes's too."""
        about = {"name": self.name, "description": self.description}
        return {"type": "function", "function": {**about, "parameters": self.parameters}}


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What became of a call.

    Attributes:
        call: the call.
        text: what the model is told: the value as JSON or text, or what went wrong.
        error: what went wrong, or None.
    """

    call: ToolCall
    text: str
    error: Exception | None = None

    @property
    def native(self) -> dict[str, Any]:
        """The message that answers a native tool call."""
        return {"role": "tool", "tool_call_id": self.call.id, "content": self.text}


def tool(function: Any, name: str = "") -> Tool:
    """Describe a function to the model by its signature, type hints and docstring.

    Args:
        function: what runs.
        name: what the model calls it; "" for its own name.

    Raises:
        OptionError: it is no function that can be described or called here.
    """
    name = name or getattr(function, "__name__", type(function).__name__)
    if not callable(function) or isinstance(function, type):
        raise OptionError(f"--tools: {name} is not a function.")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise OptionError(f"--tools: {name} is async; give a plain function that runs it.")
    try:
        signature = inspect.signature(function)
        found = type_hints(_annotated(function), include_extras=True)
        hints, required = _arguments(signature, found)
        parameters = properties(hints, required)
    except (ValueError, TypeError, NameError) as error:
        raise OptionError(f"--tools: {name} cannot be described: {error}.") from error
    doc = inspect.getdoc(function) or ""
    _describe(parameters["properties"], signature, docstrings.arguments(doc))
    return Tool(name, docstrings.summary(doc), parameters, function, hints)


def _annotated(function: Any) -> Any:
    """Give what holds the annotations: of an object with `__call__`, that method."""
    has_own = inspect.isroutine(function) or hasattr(function, "__wrapped__")
    return function if has_own else type(function).__call__


def _arguments(
    signature: inspect.Signature, found: Mapping[str, object]
) -> tuple[dict[str, object], list[str]]:
    named = [each for each in signature.parameters.values() if each.kind not in _VARIADIC]
    hints = {each.name: found.get(each.name, each.empty) for each in named}
    return hints, [each.name for each in named if each.default is each.empty]


def _describe(
    schemas: dict[str, dict[str, Any]], signature: inspect.Signature, about: Mapping[str, str]
) -> None:
    for name, schema in schemas.items():
        if name in about:
            schema.setdefault("description", about[name])
        default = signature.parameters[name].default
        if isinstance(default, (str, int, float, bool)):
            schema["default"] = default


def system_prompt(tools: Iterable[Tool]) -> str:
    """Give the system prompt that offers the tools, as Hermes's model card has it."""
    lines = [json.dumps(each.definition, ensure_ascii=False) for each in tools]
    return "\n".join([f"{_SYSTEM}<tools>", *lines, "</tools>"])


def native(tools: Iterable[Tool]) -> list[dict[str, Any]]:
    """Give the request's `tools` for a server that knows them."""
    return [each.definition for each in tools]


def run(tools: Iterable[Tool], call: ToolCall) -> ToolResult:
    """Run the function that the model asks for, if it is among the tools.

    Whatever goes wrong is told to the model: an unknown name, wrong arguments, an exception.
    """
    known = {each.name: each for each in tools}
    chosen = known.get(call.name)
    if chosen is None:
        names = ", ".join(known) or "none"
        return _failed(
            call, OptionError(f"There is no tool {call.name!r}. Tools: {names}.", hint="")
        )
    try:
        given = bind(chosen, read_arguments(call.arguments))
    except (ValueError, TypeError, RecursionError) as error:
        return _failed(call, error)
    try:
        return ToolResult(call, _as_text(chosen.function(*given.args, **given.kwargs)))
    except Exception as error:  # noqa: BLE001 - the model is told, and the person sees it
        return _failed(call, error)


def bind(chosen: Tool, arguments: Mapping[str, Any]) -> inspect.BoundArguments:
    """Check and convert the arguments of a call.

    Raises:
        ValueError, TypeError: one is missing, unknown or of the wrong kind.
    """
    signature = inspect.signature(chosen.function)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    unknown = [] if takes_any else [name for name in arguments if name not in chosen.hints]
    if unknown:
        raise TypeError(f"unknown argument {unknown[0]!r}; known: {', '.join(chosen.hints)}")
    missing = [name for name in chosen.parameters["required"] if name not in arguments]
    if missing:
        raise TypeError(f"missing argument {missing[0]!r}")
    hints = chosen.hints
    read = {key: convert(hints.get(key, Any), value, key) for key, value in arguments.items()}
    positional = [
        read.pop(p.name, p.default)
        for p in signature.parameters.values()
        if p.kind is p.POSITIONAL_ONLY
    ]
    return signature.bind(*positional, **read)


def read_arguments(text: str) -> dict[str, Any]:
    """Read a call's arguments: JSON, JSON in a JSON string, or a Python dict.

    Raises:
        ValueError: they are no object.
    """
    try:
        value = json.loads(text or "{}")
        value = json.loads(value or "{}") if isinstance(value, str) else value
    except ValueError as error:
        value = _literal(text, error)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"the arguments must be an object, not {text:.80}")  # noqa: TRY004
    return value


def _literal(text: str, error: ValueError) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"the arguments are not valid JSON: {error}") from error


def response_turn(results: Sequence[ToolResult]) -> dict[str, str]:
    """Give the turn that answers calls in Hermes's own form.

    It is a user's turn: a `tool` turn is refused where the request named no native tools.
    """
    return {"role": "user", "content": "\n".join(map(_response, results))}


def _response(result: ToolResult) -> str:
    try:
        content = json.loads(result.text)
    except (ValueError, RecursionError):
        content = result.text
    body = json.dumps({"name": result.call.name, "content": content}, ensure_ascii=False)
    # No text that a tool gives may end the response and speak as someone else.
    body = body.replace("</tool_response", "<\\/tool_response")
    return f"<tool_response>\n{body}\n</tool_response>"


def calling_turn(text: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
    """Give the assistant's turn that made native calls."""
    made = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
        for c in calls
    ]
    return {"role": "assistant", "content": text or None, "tool_calls": made}


def _failed(call: ToolCall, error: Exception) -> ToolResult:
    said = " ".join(str(error).split())
    return ToolResult(call, f"Error: {type(error).__name__}: {said}", error)


def _as_text(value: Any) -> str:
    """Give a value as text for the model, cut visibly where it is long."""
    text = value if isinstance(value, str) else _as_json(value)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}\n[cut: {len(text) - _LONGEST:,} more characters]"


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        from hermes_magic.prompt.context import describe

        return describe("result", value, allowance=_LONGEST // 4).text
