"""Faults on demand: a last message ``demo: NAME`` makes the demo server misbehave."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from hermes_magic.offline.completion import (
    KEEP_ALIVE,
    OFFLINE,
    PADDING,
    Answer,
    ChatRequest,
    Completion,
    Pace,
    tokens,
)
from hermes_magic.offline.messages import Cut, Pause, Response, encode_json
from hermes_magic.offline.script import Script, closed, fragment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

COMMAND: Final = re.compile(r"demo:\s*(\S.*)", re.IGNORECASE)
CODE_POINT: Final = re.compile(r"%U\+([0-9A-F]{4})%")  # control characters, kept visible
FLAGSHIP: Final = "median"
SLOW_TOKENS_PER_SECOND: Final = 10.0
SILENCE_SECONDS: Final = 600
DEFAULT_LENGTH: Final = 1000
LONGEST: Final = 200_000
MODEL_MAX_TOKENS: Final = 131_072

SignT = TypeVar("SignT", str, bytes)


@dataclass(frozen=True, slots=True)
class Turn:
    """What it takes to answer one request; `remember` keeps what was completed for /generation."""

    asked: ChatRequest
    script: Script
    pace: Pace
    remember: Callable[[Completion], None]

    def complete(self, answer: Answer) -> Completion:
        """Return the completion of the request by `answer`."""
        completion = Completion.of(self.asked, answer, self.pace)
        self.remember(completion)
        return completion

    def flagship(self) -> Completion:
        """Return the completion of the request by the flagship answer."""
        return self.complete(self.script.named(FLAGSHIP))


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table: its pattern's groups are the arguments of `respond`."""

    usage: str
    summary: str
    pattern: str
    respond: Callable[..., Response]


def respond_to_fault(turn: Turn) -> Response | None:
    """Answer a ``demo: …`` message, an unknown one with the help text; None for any other."""
    command = COMMAND.fullmatch(turn.asked.text.strip())
    if command is None:
        return None
    for fault in FAULTS:
        if found := re.fullmatch(fault.pattern, command[1].strip(), re.IGNORECASE):
            return fault.respond(turn, *found.groups())
    return _help(turn)


def _error(turn: Turn, code: str) -> Response:
    requested = str(turn.asked.max_tokens or MODEL_MAX_TOKENS)
    model = json.dumps(turn.asked.model)[1:-1]
    source = fragment("_errors.json").replace("%requested%", requested).replace("%model%", model)
    row = json.loads(source)[code]
    headers = {**row["headers"], "X-Generation-Id": turn.asked.id}
    return Response.json({"error": row["error"]}, status=int(code), headers=headers)


def _midstream(turn: Turn) -> Response:
    completion = turn.flagship()
    code = "server_error"
    message = "Provider disconnected unexpectedly"
    metadata = {"provider_name": OFFLINE, "error_type": "provider_unavailable"}
    error = {"code": code, "message": message, "metadata": metadata}
    if not turn.asked.stream:
        return completion.padded(encode_json({"error": error | {"code": 502}}).encode())
    last = completion.chunk({"content": ""}, finish_reason="error", error=error)
    return _broken(completion, last)


def _cut(turn: Turn) -> Response:
    return _broken(turn.flagship(), Cut())


def _truncated(turn: Turn) -> Response:
    return _broken(turn.flagship())


def _broken(completion: Completion, *ending: Mapping[str, object] | Cut) -> Response:
    """Send half of the answer (all of the thought, if there is any), then the ending."""
    if completion.asked.stream:
        events = itertools.chain(completion.opening(), _half(completion).deltas(), ending)
        return Response.sse(events, headers=completion.headers, done=False)
    body = encode_json(completion.body()).encode()
    cuts = [step for step in ending if isinstance(step, Cut)]
    return completion.padded(body[: len(body) // 2], *cuts)


def _half(completion: Completion) -> Completion:
    return replace(completion, text=completion.text[: len(completion.text) // 2])


def _silence(turn: Turn) -> Response:
    completion = turn.flagship()
    if turn.asked.stream:
        return Response.sse(_keep_alives(KEEP_ALIVE), headers=completion.headers, done=False)
    return completion.padded(*_keep_alives(PADDING))


def _keep_alives(sign: SignT) -> Iterator[SignT | Pause]:
    for _ in range(SILENCE_SECONDS):
        yield sign
        yield Pause(1.0)


def _slow(turn: Turn) -> Response:
    pace = replace(turn.pace, tokens_per_second=SLOW_TOKENS_PER_SECOND)
    return replace(turn, pace=pace).flagship().response()


def _empty(turn: Turn) -> Response:
    return Completion(turn.asked, (), (), None, turn.pace).response()


def _inline(turn: Turn) -> Response:
    answer = turn.script.named(FLAGSHIP)
    text = f"<think>\n{answer.thought}\n</think>\n\n{answer.text}"
    return _without_thought(turn, text)


def _long(turn: Turn, count: str | None) -> Response:
    wanted = min(int(count or DEFAULT_LENGTH), LONGEST)
    return _without_thought(turn, long_text(wanted))


def _hostile(turn: Turn) -> Response:
    text = CODE_POINT.sub(lambda found: chr(int(found[1], 16)), fragment("_hostile.md"))
    return _without_thought(turn, closed(text))


def _help(turn: Turn) -> Response:
    rows = "\n".join(f"| `demo: {fault.usage}` | {fault.summary} |" for fault in FAULTS)
    heading = (
        "What the offline demo server does on demand:\n\n| Message | What happens |\n|---|---|"
    )
    text = f"{heading}\n{rows}"
    return _without_thought(turn, closed(text))


def _without_thought(turn: Turn, text: str) -> Response:
    asked = replace(turn.asked, thinking=False)
    return replace(turn, asked=asked).complete(Answer("", text)).response()


def long_text(wanted: int) -> str:
    """Return mixed Markdown of exactly `wanted` tokens, the same each time."""
    template = fragment("_long.md").strip()
    pieces: list[str] = []
    for number in itertools.count(1):
        if len(pieces) >= wanted:
            return "".join(pieces[:wanted])
        section = template.replace("%n%", str(number))
        pieces += tokens(section if number == 1 else f"\n\n{section}")
    raise AssertionError


FAULTS: Final = (
    Fault("help", "this table", "help", _help),
    Fault(
        "error CODE",
        "HTTP 401, 402, 403, 404, 408, 429, 500, 502, 503 or 529 before the first token",
        r"error (401|402|403|404|408|429|500|502|503|529)",
        _error,
    ),
    Fault("error midstream", "half an answer, then an error event", "error midstream", _midstream),
    Fault("cut", "half an answer, then the connection drops", "cut", _cut),
    Fault(
        "truncated",
        "half an answer, then a clean end without finish_reason",
        "truncated",
        _truncated,
    ),
    Fault("silence", "keep-alives only, for ten minutes", "silence", _silence),
    Fault("slow", "ten tokens per second", "slow", _slow),
    Fault("empty", "no token at all and a blank finish_reason", "empty", _empty),
    Fault("inline", "the thought as a think block inside the answer", "inline", _inline),
    Fault("long N", "N tokens of mixed Markdown (1000 if left out)", r"long(?: (\d{1,6}))?", _long),
    Fault("hostile", "markup that tries to break out of the page", "hostile", _hostile),
)
