"""The demo: answers like OpenRouter, from a handful of prepared answers and without a network."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from hermes_magic.offline.calling import called
from hermes_magic.offline.completion import (
    COMPLETION_PRICE,
    CREATED,
    OFFLINE,
    PROMPT_PRICE,
    Answer,
    ChatRequest,
    Completion,
    InvalidRequestError,
    Pace,
)
from hermes_magic.offline.faults import Turn, respond_to_fault
from hermes_magic.offline.messages import Request, Response
from hermes_magic.offline.script import Script, json_only
from hermes_magic.offline.server import Server

HERMES: Final = "nousresearch/hermes-4-405b"
API: Final = "/api/v1"
CONTEXT_LENGTH: Final = 131_072
PARAMETERS: Final = (
    "frequency_penalty",
    "include_reasoning",
    "max_tokens",
    "presence_penalty",
    "reasoning",
    "repetition_penalty",
    "response_format",
    "temperature",
    "top_k",
    "top_p",
)
MODEL_PATH: Final = re.compile(r"/model/([^/]+/[^/]+)")


class DemoServer(Server):
    """A server that passes for OpenRouter, except that `model` and `provider` say what it is.

    The same request gives the same bytes. `tokens_per_second=None` sends without any pause.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tokens_per_second: float | None = 60.0,
        first_token_seconds: float = 0.4,
        key_required: bool = True,
    ) -> None:
        super().__init__(self._answer, port=port)
        self._pace = Pace(tokens_per_second, first_token_seconds)
        self._key_required = key_required
        self._script = Script.load()
        self._generations: dict[str, dict[str, object]] = {}
        self._lock = threading.Lock()

    def _answer(self, request: Request) -> Response:
        path = urlsplit(request.path).path.removeprefix(API)
        if request.method == "GET" and path == "/models":
            return _models()
        if request.method == "GET" and (found := MODEL_PATH.fullmatch(path)):
            return Response.json({"data": _model(found[1])})
        if self._key_required and not request.has_key:
            return _error(401, "Missing Authentication header")
        return self._answer_with_key(request, path)

    def _answer_with_key(self, request: Request, path: str) -> Response:
        match request.method, path:
            case "POST", "/chat/completions":
                return self._chat(request)
            case "GET", "/key":
                return _key()
            case "GET", "/generation":
                return self._found(parse_qs(urlsplit(request.path).query).get("id", [""])[0])
        return _error(404, "Not Found")

    def _chat(self, request: Request) -> Response:
        try:
            asked = ChatRequest.read(request)
        except InvalidRequestError as error:
            return _error(400, str(error))
        turn = Turn(asked, self._script, self._pace, self._remember)
        return respond_to_fault(turn) or _prepared(turn, called(request))

    def _remember(self, completion: Completion) -> None:
        with self._lock:
            self._generations[completion.asked.id] = _generation(completion)

    def _found(self, generation: str) -> Response:
        with self._lock:
            data = self._generations.get(generation)
        if data is None:
            return _error(404, f"Generation {generation} not found")
        return Response.json({"data": data})


def _prepared(turn: Turn, calling: Answer | None) -> Response:
    answer = calling or turn.script.choose(turn.asked.text)
    return turn.complete(json_only(answer) if turn.asked.wants_json else answer).response()


def _generation(completion: Completion) -> dict[str, object]:
    asked, thought = completion.asked, len(completion.thought)
    produced = thought + len(completion.text)
    return {
        "id": asked.id,
        "model": OFFLINE,
        "provider_name": OFFLINE,
        "total_cost": completion.cost,
        "usage": completion.cost,
        "tokens_prompt": asked.prompt_tokens,
        "tokens_completion": produced,
        "native_tokens_prompt": asked.prompt_tokens,
        "native_tokens_completion": produced,
        "native_tokens_reasoning": thought,
        "native_tokens_cached": 0,
        "finish_reason": completion.finish_reason,
        "native_finish_reason": completion.finish_reason,
        "streamed": asked.stream,
        # Hermes 4's host does not support cancellation: the whole answer is billed.
        "cancelled": False,
        "created_at": datetime.fromtimestamp(CREATED, UTC).isoformat(),
        "is_byok": False,
    }


def _models() -> Response:
    data = [_model(HERMES)]
    return Response.json({"data": data, "total_count": len(data), "links": {"next": None}})


def _model(slug: str) -> dict[str, object]:
    return {
        "id": slug,
        "canonical_slug": slug,
        "hugging_face_id": None,
        "name": OFFLINE,
        "created": CREATED,
        "description": "Prepared demo answers from this computer; no model is asked.",
        "context_length": CONTEXT_LENGTH,
        "architecture": {
            "modality": "text->text",
            "input_modalities": ["text"],
            "output_modalities": ["text"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {"prompt": f"{PROMPT_PRICE:f}", "completion": f"{COMPLETION_PRICE:f}"},
        "top_provider": {
            "context_length": CONTEXT_LENGTH,
            "max_completion_tokens": None,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": list(PARAMETERS),
        "default_parameters": {},
        "expiration_date": None,
        "links": {"details": f"{API}/models/{slug}/endpoints"},
        "reasoning": {"mandatory": False},
    }


def _key() -> Response:
    spent = dict.fromkeys(("usage", "usage_daily", "usage_weekly", "usage_monthly"), 0)
    limits = dict.fromkeys(("limit", "limit_remaining", "limit_reset", "expires_at"))
    flags = {"is_free_tier": False, "is_management_key": False, "include_byok_in_limit": False}
    return Response.json({"data": {"label": OFFLINE, **limits, **spent, **flags}})


def _error(status: int, message: str) -> Response:
    return Response.json({"error": {"message": message, "code": status}}, status=status)
