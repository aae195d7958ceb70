"""An answer in OpenRouter's clothes: the chat request read, the completion streamed or whole."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from hermes_magic.offline.messages import (
    JSON_TYPE,
    Event,
    Pause,
    Request,
    Response,
    Step,
    encode_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OFFLINE: Final = "offline demo"
CREATED: Final = 1767225600  # 2026-01-01: the same request has to give the same bytes
PROMPT_PRICE: Final = Decimal("0.000001")  # USD per token, as Hermes 4 405B in 2026
COMPLETION_PRICE: Final = Decimal("0.000003")
CHARACTERS_PER_TOKEN: Final = 4
KEEP_ALIVE: Final = "OPENROUTER PROCESSING"
PADDING: Final = b"\n         \n"
TOKEN: Final = re.compile(r"\s*(?:\w{1,6}|[^\w\s]{1,4})|\s+")


class InvalidRequestError(ValueError):
    """The body is not a chat request; the message is for the HTTP 400."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A prepared thought and answer, both Markdown."""

    thought: str
    text: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast tokens come: per second (None: no pauses), the first one after some seconds."""

    tokens_per_second: float | None = 60.0
    first_token_seconds: float = 0.4

    def before_first(self) -> Iterator[Pause]:
        """Yield the wait before the first token, if any."""
        if self.tokens_per_second is not None and self.first_token_seconds > 0:
            yield Pause(self.first_token_seconds)

    def after_token(self) -> Iterator[Pause]:
        """Yield the wait after one token, if any."""
        if self.tokens_per_second is not None:
            yield Pause(1.0 / self.tokens_per_second)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What the demo needs to know of a chat request; `text` is the last user message."""

    id: str
    model: str
    text: str
    stream: bool
    thinking: bool
    shows_thought: bool
    wants_json: bool
    max_tokens: int | None
    prompt_tokens: int

    @classmethod
    def read(cls, request: Request) -> ChatRequest:
        """Read the body of POST /chat/completions. Raises InvalidRequestError."""
        body = _body(request)
        messages = _messages(body)
        texts = [_text(message.get("content")) for message in messages]
        asked = [text for message, text in zip(messages, texts, strict=True) if _is_user(message)]
        reasoning = _mapping(body.get("reasoning"))
        return cls(
            id=generation_id(request.body),
            model=str(body.get("model", OFFLINE)),
            text=asked[-1] if asked else "",
            stream=body.get("stream") is True,
            thinking=_thinks(reasoning),
            shows_thought=reasoning.get("exclude") is not True,
            wants_json=str(_mapping(body.get("response_format")).get("type")).startswith("json"),
            max_tokens=_max_tokens(body),
            prompt_tokens=math.ceil(sum(map(len, texts)) / CHARACTERS_PER_TOKEN),
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """The tokens that answer a request, and every shape in which they go over the wire."""

    asked: ChatRequest
    thought: tuple[str, ...]
    text: tuple[str, ...]
    finish_reason: str | None
    pace: Pace

    @classmethod
    def of(cls, asked: ChatRequest, answer: Answer, pace: Pace) -> Completion:
        """Cut an answer into tokens, within the request's max_tokens; thought counts first."""
        thought = tokens(answer.thought) if asked.thinking else []
        text = tokens(answer.text)
        whole = len(thought) + len(text)
        limit = whole if asked.max_tokens is None else asked.max_tokens
        thought = thought[:limit]
        text = text[: limit - len(thought)]
        reason = "stop" if whole <= limit else "length"
        return cls(asked, tuple(thought), tuple(text), reason, pace)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that name the generation."""
        return {"X-Generation-Id": self.asked.id}

    @property
    def cost(self) -> Decimal:
        """Return the cost in USD; a completion without a single token is free."""
        return self.prompt_cost + self.completion_cost

    @property
    def prompt_cost(self) -> Decimal:
        """Return the prompt's part of the cost in USD."""
        paid = self.thought or self.text
        return self.asked.prompt_tokens * PROMPT_PRICE if paid else Decimal(0)

    @property
    def completion_cost(self) -> Decimal:
        """Return the completion's part of the cost in USD."""
        return (len(self.thought) + len(self.text)) * COMPLETION_PRICE

    def usage(self) -> dict[str, object]:
        """Return the `usage` object."""
        produced = len(self.thought) + len(self.text)
        return {
            "prompt_tokens": self.asked.prompt_tokens,
            "completion_tokens": produced,
            "total_tokens": self.asked.prompt_tokens + produced,
            "cost": self.cost,
            "is_byok": False,
            "prompt_tokens_details": {"cached_tokens": 0},
            "cost_details": {
                "upstream_inference_cost": None,
                "upstream_inference_prompt_cost": self.prompt_cost,
                "upstream_inference_completions_cost": self.completion_cost,
            },
            "completion_tokens_details": {"reasoning_tokens": len(self.thought)},
        }

    def response(self) -> Response:
        """Answer as the request asked: streamed or whole."""
        if self.asked.stream:
            return Response.sse(self.events(), headers=self.headers)
        return self.padded(encode_json(self.body()).encode())

    def events(self) -> Iterator[Event]:
        """Yield the whole stream but ``[DONE]``."""
        yield from self.opening()
        yield from self.deltas()
        last = {"role": "assistant", "content": ""}
        yield self.chunk(last, finish_reason=self.finish_reason)
        yield self.chunk(last, finish_reason=self.finish_reason, usage=self.usage())

    def opening(self) -> Iterator[Event]:
        """Yield what comes before the first token."""
        yield KEEP_ALIVE
        yield from self.pace.before_first()

    def deltas(self) -> Iterator[Event]:
        """Yield one chunk per token."""
        for token in self.thought:
            if self.asked.shows_thought:
                yield self.chunk({"role": "assistant", "content": "", **_reasoning(token)})
            yield from self.pace.after_token()
        for token in self.text:
            yield self.chunk({"role": "assistant", "content": token})
            yield from self.pace.after_token()

    def chunk(
        self, delta: Mapping[str, object], *, finish_reason: str | None = None, **extra: object
    ) -> dict[str, object]:
        """Return one stream chunk around a delta."""
        choice = {"index": 0, "delta": delta, **_finish(finish_reason)}
        return {**self._envelope("chat.completion.chunk"), "choices": [choice], **extra}

    def body(self) -> dict[str, object]:
        """Return the body of a reply that is not streamed."""
        message = {"role": "assistant", "content": "".join(self.text), "refusal": None}
        shown = "".join(self.thought) if self.asked.shows_thought else ""
        thought = _reasoning(shown) if shown else {"reasoning": None}
        choice = {"index": 0, "message": message | thought, **_finish(self.finish_reason)}
        envelope = self._envelope("chat.completion")
        return {**envelope, "choices": [choice], "usage": self.usage()}

    def padded(self, *steps: Step) -> Response:
        """Send steps after the whitespace that keeps a slow reply's connection alive."""
        return Response(200, {"Content-Type": JSON_TYPE, **self.headers}, self._padded(steps))

    def _padded(self, steps: Iterable[Step]) -> Iterator[Step]:
        yield PADDING
        yield from self.pace.before_first()
        yield PADDING
        if self.pace.tokens_per_second is not None:
            yield Pause((len(self.thought) + len(self.text)) / self.pace.tokens_per_second)
        yield from steps

    def _envelope(self, kind: str) -> dict[str, object]:
        return {
            "id": self.asked.id,
            "object": kind,
            "created": CREATED,
            "model": OFFLINE,
            "provider": OFFLINE,
        }


def tokens(text: str) -> list[str]:
    """Cut a text into pieces of about four characters; joined they give the text again."""
    return TOKEN.findall(text)


def generation_id(seed: bytes) -> str:
    """Derive a generation id: the same seed always gives the same one."""
    return f"gen-{CREATED}-{hashlib.sha256(seed).hexdigest()[:20]}"


def _reasoning(text: str) -> dict[str, object]:
    detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
    return {"reasoning": text, "reasoning_details": [detail]}


def _finish(reason: str | None) -> dict[str, object]:
    return {"finish_reason": reason, "native_finish_reason": reason, "logprobs": None}


def _body(request: Request) -> Mapping[str, object]:
    try:
        body = request.json
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("Invalid JSON in request body") from error
    return _mapping(body)


def _messages(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequestError('Input required: specify "messages"')
    return [_mapping(message) for message in messages]


def _max_tokens(body: Mapping[str, object]) -> int | None:
    limit = body.get("max_tokens")
    if limit is None or (isinstance(limit, int) and limit >= 1):
        return limit
    raise InvalidRequestError(
        f"max_tokens must be an integer of at least 1, not {json.dumps(limit)}"
    )


def _thinks(reasoning: Mapping[str, object]) -> bool:
    if isinstance(enabled := reasoning.get("enabled"), bool):
        return enabled
    return "max_tokens" in reasoning or reasoning.get("effort", "none") != "none"


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(_text(_mapping(part).get("text")) for part in content)
    return content if isinstance(content, str) else ""


def _is_user(message: Mapping[str, object]) -> bool:
    return message.get("role") == "user"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
