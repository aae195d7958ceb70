"""Chunks of a chat completion become events, whatever shape the server gives them.

Read from recorded replies of OpenRouter, vLLM, llama.cpp, DeepSeek and Together. Nothing here
raises on what a server sends: a fault is a `Failed` event behind the events that came before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hermes_magic.errors import EmptyReplyError, HermesError, ProtocolError, TruncatedError
from hermes_magic.reply import (
    Done,
    Event,
    Failed,
    Finished,
    Notice,
    Started,
    Thought,
    ToolDelta,
    Usage,
    UsageReported,
)
from hermes_magic.wire.failures import failure
from hermes_magic.wire.thinking import ThinkSplitter

_SPACE = " \t\r\n"
_DECODE = json.JSONDecoder(parse_float=Decimal).raw_decode
_BROKEN_ENDS = {"error", "network_error"}


class ChunkDecoder:
    """Eat the JSON of each chunk, give events; then `flush` says whether the reply was whole.

    Args:
        think_tags: whether `<think>` in the content is markup.
    """

    def __init__(self, *, think_tags: bool = True) -> None:
        self.failed = False
        self._think = ThinkSplitter()
        if not think_tags:
            self._think.pass_through()
        self._who = Started()
        self._reasoned = False
        self._words = False
        self._finish = ""
        self._native = ""
        self._good = 0
        self._broken = 0

    def feed(self, data: bytes, name: str = "", *, cut_off: bool = False) -> list[Event]:
        """Take one chunk's JSON.

        Args:
            data: the chunk as it came.
            name: that of the SSE event that brought it.
            cut_off: the body ended in this chunk, so that it may be half a one.
        """
        if self.failed:
            return []
        chunk = _json(data)
        if not isinstance(chunk, dict):
            return self._unreadable(data, name, cut_off=cut_off)
        out: list[Event] = []
        self._good += 1
        self._chunk(chunk, name, out)
        return out

    def flush(
        self, *, ended: bool, cut: HermesError | None = None, alive: bool = False
    ) -> list[Event]:
        """Take the end of the body; the last event is `Done` or `Failed`.

        Args:
            ended: whether the server marked this as the end.
            cut: what broke the connection, if that is why the body ends here.
            alive: whether the server was at least waiting for a model.
        """
        if self.failed:
            return []
        error = self._verdict(ended=ended, cut=cut, alive=alive)
        out = self._rest() if error else self._think.flush()
        if self._good and self._broken:
            out.append(Notice(f"{self._broken} unreadable piece(s) of the reply were skipped."))
        if self._good and self._words and ended and not self._finish:
            out.append(Notice("The server gave no finish reason: the answer may be cut off."))
        if error:
            self._fail(error, out)
        else:
            out.append(Done())
        return out

    def _verdict(self, *, ended: bool, cut: HermesError | None, alive: bool) -> HermesError | None:
        if cut and not self._finish:
            return cut
        if not self._good and alive and not self._broken:
            return _empty()
        if not self._good:
            return ProtocolError("The server's answer holds no chat completion.")
        if self._native in _BROKEN_ENDS or self._finish == "error":
            return TruncatedError("The provider broke off in the middle of the answer.")
        if not self._finish and not (ended and self._words):
            broken_off = self._words or not ended
            return (
                TruncatedError("The answer broke off before its end.") if broken_off else _empty()
            )
        return None if self._words or self._finish != "stop" else _empty()

    def _unreadable(self, data: bytes, name: str, *, cut_off: bool) -> list[Event]:
        """Try the lines one by one (some servers forget the blank line between events)."""
        lines = data.split(b"\n")
        if len(lines) > 1:
            return [one for line in lines for one in self.feed(line, name, cut_off=cut_off)]
        out: list[Event] = []
        if name == "error":
            out += self._rest()
            text = data.decode("utf-8", "replace")
            self._fail(failure(text, provider=self._who.provider), out)
        elif data.strip() and not cut_off:
            self._broken += 1
        return out

    def _rest(self) -> list[Event]:
        """Give the text held back, without advice on an end that a failure explains."""
        return [event for event in self._think.flush() if not isinstance(event, Notice)]

    def _fail(self, error: HermesError, out: list[Event]) -> None:
        self.failed = True
        out.append(Failed(error))

    def _chunk(self, chunk: dict[str, Any], name: str, out: list[Event]) -> None:
        self._identify(chunk, out)
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        error = chunk.get("error") or (chunk if name == "error" else None)
        if isinstance(choice, dict):
            self._choice(choice, out)
            error = error or choice.get("error")
        usage = chunk.get("usage")
        if not usage and "x_groq" in chunk:
            usage = _mapping(chunk["x_groq"]).get("usage")
        if isinstance(usage, dict):
            out.append(UsageReported(Usage.from_wire(usage)))
        if error:
            out += self._rest()
            self._fail(failure(error, provider=self._who.provider), out)

    def _identify(self, chunk: dict[str, Any], out: list[Event]) -> None:
        who = self._who
        id_, model, provider = chunk.get("id"), chunk.get("model"), chunk.get("provider")
        if (id_, model, provider) == (who.id, who.model, who.provider or None):
            return
        now = Started(
            _text(id_) or who.id, _text(model) or who.model, _text(provider) or who.provider
        )
        if now != who:
            self._who = now
            out.append(now)

    def _choice(self, choice: dict[str, Any], out: list[Event]) -> None:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, out)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            native = _text(choice.get("native_finish_reason"))
            if (reason, native) != (self._finish, self._native):
                self._finish, self._native = reason, native
                out.append(Finished(reason, native))

    def _delta(self, delta: dict[str, Any], out: list[Event]) -> None:
        thought = _thought(delta)
        if thought:
            self._words = True
            if not self._reasoned:
                self._reasoned = True
                out += self._think.pass_through()
            out.append(Thought(thought))
        content = delta.get("content") or delta.get("refusal")
        if content:
            self._words = True
            out += self._think.feed(content if isinstance(content, str) else _parts(content))
        calls = delta.get("tool_calls")
        if calls and isinstance(calls, list):
            self._words = True
            out += [_tool(call, place) for place, call in enumerate(calls)]


def _json(data: bytes) -> object:
    text = data.decode("utf-8", "replace").strip(_SPACE)
    try:
        value, end = _DECODE(text)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    return value if end == len(text) else None


def _empty() -> HermesError:
    return EmptyReplyError("The model answered with nothing at all.")


def _thought(delta: dict[str, Any]) -> str:
    """Give the thought of a delta from whichever field holds it, never from two of them."""
    value = delta.get("reasoning") or delta.get("reasoning_content") or delta.get("thinking")
    if value and isinstance(value, str):
        return value
    details = delta.get("reasoning_details")
    if not details or not isinstance(details, list):
        content = delta.get("content")
        return _parts(content, "thinking") if isinstance(content, list) else ""
    return "".join(
        _text(_mapping(item).get("text")) or _text(_mapping(item).get("summary"))
        for item in details
    )


def _parts(content: object, key: str = "text") -> str:
    """Give what stands under key in a content that some servers send as a list of parts."""
    parts = content if isinstance(content, list) else []
    values = [_mapping(part).get(key) for part in parts]
    return "".join(_text(value) or _parts(value) for value in values)


def _tool(call: object, place: int) -> ToolDelta:
    fields = _mapping(call)
    function = _mapping(fields.get("function"))
    index = fields.get("index")
    return ToolDelta(
        index if isinstance(index, int) else place,
        _text(fields.get("id")),
        _text(function.get("name")),
        _text(function.get("arguments")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
