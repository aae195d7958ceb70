"""What a server says of a fault becomes a typed error with the best message it holds.

Shapes: `{"error": {"code", "message", "metadata": {...}}}` as an HTTP error body, inside a 200,
in `choices[0].error`, or in a stream's chunk; `code` may be a number, a string or absent. The
text of the provider behind OpenRouter stands in `metadata.raw`, sometimes as JSON in a string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from hermes_magic import errors

_LONGEST_MESSAGE = 300
_DEEPEST = 8
_STATUS_DIGITS = 3

_BY_STATUS: Mapping[int | None, type[errors.HermesError]] = {
    401: errors.AuthenticationError,
    402: errors.CreditsError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    408: errors.ServerTimeoutError,
    413: errors.ContextLengthError,
    429: errors.RateLimitError,
    504: errors.ServerTimeoutError,
    524: errors.ServerTimeoutError,
}

_BY_TYPE: Mapping[str, type[errors.HermesError]] = {
    "authentication": errors.AuthenticationError,
    "permission_denied": errors.PermissionDeniedError,
    "payment_required": errors.CreditsError,
    "rate_limit_exceeded": errors.RateLimitError,
    "provider_overloaded": errors.ProviderError,
    "provider_unavailable": errors.ProviderError,
    "server": errors.ProviderError,
    "server_error": errors.ProviderError,
    "timeout": errors.ServerTimeoutError,
    "not_found": errors.NotFoundError,
    "invalid_request": errors.BadRequestError,
    "invalid_prompt": errors.BadRequestError,
    "unprocessable": errors.BadRequestError,
    "precondition_failed": errors.BadRequestError,
    "context_length_exceeded": errors.ContextLengthError,
    "exceed_context_size_error": errors.ContextLengthError,
    "string_too_long": errors.ContextLengthError,
    "payload_too_large": errors.ContextLengthError,
    "max_tokens_exceeded": errors.TruncatedError,
    "token_limit_exceeded": errors.TruncatedError,
    "content_policy_violation": errors.ModerationError,
    "refusal": errors.ModerationError,
}

_BY_TEXT: tuple[tuple[re.Pattern[str], type[errors.HermesError]], ...] = (
    (re.compile(r"key limit exceeded", re.IGNORECASE), errors.KeyLimitError),
    (
        re.compile(r"requires moderation|flagged for|request blocked", re.IGNORECASE),
        errors.ModerationError,
    ),
    (re.compile(r"maximum context length", re.IGNORECASE), errors.ContextLengthError),
    (re.compile(r"token limit reached", re.IGNORECASE), errors.TruncatedError),
    (re.compile(r"not a valid model id", re.IGNORECASE), errors.NotFoundError),
)

_FIRST_WORD = re.compile(r"\A[!-~]+")
_LAST_WORD = re.compile(r"[!-~]+\Z")
_AFFORD = re.compile(r"can only afford (\d+)")
_SERVER_FAULT = 500
_CLIENT_FAULT = 400


def failure(
    error: object,
    *,
    status: int | None = None,
    provider: str = "",
    retry_after: float | None = None,
) -> errors.HermesError:
    """Make the typed error for an `error` value of the wire.

    Args:
        error: what stood under the key `error`: an object, or just a text.
        status: the HTTP status of the response, if it was not 200.
        provider: the provider as the stream named it, if it did.
        retry_after: seconds from the header of that name.
    """
    fields = error if isinstance(error, Mapping) else {"message": error}
    metadata = _mapping(fields.get("metadata"))
    code = fields.get("code") or fields.get("http_status")
    status = status or _status(code)
    provider = one_line(str(metadata.get("provider_name") or provider or ""))
    kinds = [metadata.get("error_type"), fields.get("error_type"), code, fields.get("type")]
    text = one_line(_message(fields, metadata))
    availability = _mapping(fields.get("availability"))
    retry_after = _seconds(availability.get("retry_after")) if retry_after is None else retry_after
    return _type(status, map(str, kinds), text)(
        _sentence(f"{_where(status, provider)}: {text}" if text else _where(status, provider)),
        status=status,
        code="" if code is None else str(code),
        provider=provider,
        retry_after=retry_after,
        affordable=_affordable(fields, metadata),
        retryable=_flag(availability.get("retryable")),
    )


def failure_of_response(status: int, body: bytes, headers: Mapping[str, str]) -> errors.HermesError:
    """Make the typed error for an HTTP response that is not a success."""
    parsed = _json(body)
    retry_after = _retry_after(headers)
    if isinstance(parsed, Mapping):
        error = parsed.get("error") or parsed.get("message") or parsed.get("detail") or ""
        return failure(error, status=status, retry_after=retry_after)
    text = "" if _is_page(body) else body.decode(errors="replace")
    return failure(text, status=status, retry_after=retry_after)


def one_line(text: str) -> str:
    """Fold white space, drop what a terminal would obey, and cut a long text in its middle.

    No word is cut in two: it may be the key, which is looked for as a whole.
    """
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(text) <= _LONGEST_MESSAGE:
        return text
    half = _LONGEST_MESSAGE // 2
    return f"{_LAST_WORD.sub('', text[:half])} … {_FIRST_WORD.sub('', text[-half:])}".strip()


def _message(fields: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    message = str(fields.get("message") or "")
    raw = metadata.get("raw")
    inner = _inner(raw) if raw else ""
    return inner or message or str(metadata.get("remedy_hint") or "")


def _inner(raw: object) -> str:
    """Dig the upstream's own message out of `raw`: a text, an object, or JSON in a text."""
    for _ in range(_DEEPEST):
        if isinstance(raw, str):
            parsed = _json(raw)
            if not isinstance(parsed, Mapping):
                return "" if raw.lstrip().startswith("<") else raw
            raw = parsed
        fields = _mapping(raw)
        raw = fields.get("error") or fields.get("message") or fields.get("detail")
    return ""


def _json(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _status(code: object) -> int | None:
    """Give an HTTP status that stands as a number or in a text."""
    text = str(code)
    return int(text) if len(text) == _STATUS_DIGITS and text.isascii() and text.isdigit() else None


def _type(status: int | None, kinds: Iterable[str], text: str) -> type[errors.HermesError]:
    for pattern, found in _BY_TEXT:
        if pattern.search(text):
            return found
    for kind in kinds:
        if kind in _BY_TYPE:
            return _BY_TYPE[kind]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status is not None and _CLIENT_FAULT <= status < _SERVER_FAULT:
        return errors.BadRequestError
    return errors.ProviderError


def _where(status: int | None, provider: str) -> str:
    who = provider or "The server"
    return f"{who} answered {status}" if status else f"{who} reported an error"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _affordable(fields: Mapping[str, Any], metadata: Mapping[str, Any]) -> int | None:
    """Give the smallest number of tokens that any message of a 402 calls affordable."""
    found = [int(number) for text in _texts(fields, metadata) for number in _AFFORD.findall(text)]
    return min(found, default=None)


def _texts(fields: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[str]:
    yield str(fields.get("message") or "")
    previous = metadata.get("previous_errors")
    for one in previous if isinstance(previous, list) else []:
        yield str(_mapping(one).get("message") or "")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds to wait; where the header is a date, by the clock of the server."""
    asked = headers.get("retry-after", "")
    seconds = _seconds(asked)
    if seconds is not None or "date" not in headers:
        return seconds
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers["date"])
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_page(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"
