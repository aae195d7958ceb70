"""Faults that come as an HTTP status: openrouter.md 3.2."""

from __future__ import annotations

from hermes_magic import errors
from tests.faults.row import Fault, fails, fine, good, refusal

_TOO_LONG = (
    "This endpoint's maximum context length is 131072 tokens. However, you requested about "
    "250021 tokens. Please reduce the length of either one."
)
_POOR = (
    "This request requires more credits, or fewer max_tokens. "
    "You requested up to 8192 tokens, but can only afford {}."
)
_BUSY = {"provider_name": "Nebius", "raw": '{"error":{"message":"Slow down"}}'}
_LATER = "It asks to wait for {} s; run the cell again then."
_DATE = "Sun, 22 Nov 2026 15:00:00 GMT"


def refused(name: str, text: str, kind: type[errors.HermesError]) -> Fault:
    """Make the fault of a refusal, which is shown as it came and never sent again."""
    status = int(name[:3])
    return Fault(
        name, [refusal(status, text)], fails(kind, f"The server answered {status}: {text}")
    )


REFUSED = [
    refused("400 bad parameter", "temperature must be at most 2.", errors.BadRequestError),
    refused("400 unknown model", "x/y is not a valid model ID.", errors.NotFoundError),
    refused("400 too long", _TOO_LONG, errors.ContextLengthError),
    refused("401", "Missing Authentication header.", errors.AuthenticationError),
    refused("402 no credits", "Insufficient credits. Add more.", errors.CreditsError),
    refused("402 prompt too dear", "Prompt tokens limit exceeded: 9 > 5.", errors.CreditsError),
    refused("402 few affordable", _POOR.format(100), errors.CreditsError),
    Fault(
        "402 enough affordable",
        [refusal(402, _POOR.format(779)), good()],
        fine(posts=2),
        notes=("asked again with 701",),
    ),
    Fault(
        "402 and again 402",
        [refusal(402, _POOR.format(779)), refusal(402, _POOR.format(600))],
        fails(errors.CreditsError, f"The server answered 402: {_POOR.format(600)}", posts=2),
    ),
    refused("403 key limit", "Key limit exceeded (monthly limit).", errors.KeyLimitError),
    refused("403 moderation", 'Your input was flagged for "misc".', errors.ModerationError),
    refused("403 guardrail", "Request blocked: pattern.", errors.ModerationError),
    refused("403 plain", "This key may not do that.", errors.PermissionDeniedError),
    refused("404 no endpoints", "No endpoints found for x/y.", errors.NotFoundError),
    refused(
        "404 data policy", "No endpoints found matching your data policy.", errors.NotFoundError
    ),
    refused("404 tools", "No endpoints found that support tool use.", errors.NotFoundError),
    refused("413", "Payload too large.", errors.ContextLengthError),
    refused("422", "Unprocessable.", errors.BadRequestError),
]

LIMITED = [
    Fault(
        "429, Retry-After in seconds",
        [refusal(429, metadata=_BUSY, Retry_After="0"), good()],
        fine(posts=2),
        notes=("Nebius is rate-limited; retrying in 0 s, 2 of 3",),
    ),
    Fault(
        "429, Retry-After as a date",
        [refusal(429, Retry_After=_DATE, Date=_DATE), good()],
        fine(posts=2),
        notes=("The server is rate-limited; retrying in 0 s, 2 of 3",),
    ),
    Fault(
        "429 without Retry-After",
        [refusal(429), good()],
        fine(posts=2),
        notes=("The server is rate-limited; retrying in 0 s, 2 of 3",),
    ),
    Fault(
        "429, come back in an hour",
        [refusal(429, Retry_After="3600")],
        fails(
            errors.RateLimitError, "The server answered 429: Sorry.", hint=_LATER.format("3,600")
        ),
    ),
    Fault(
        "429, tomorrow's date",
        [refusal(429, Retry_After="Mon, 23 Nov 2026 15:00:00 GMT", Date=_DATE)],
        fails(
            errors.RateLimitError, "The server answered 429: Sorry.", hint=_LATER.format("86,400")
        ),
    ),
    Fault(
        "429 for ever",
        [refusal(429, metadata=_BUSY, Retry_After="0")] * 3,
        fails(errors.RateLimitError, "Nebius answered 429: Slow down. Tried 3 times.", posts=3),
        notes=("Nebius is rate-limited; retrying in 0 s, 3 of 3",),
    ),
]

BROKEN = [
    Fault(
        "408",
        [refusal(408, "Request timeout"), good()],
        fine(posts=2),
        notes=("The server answered 408: Request timeout; retrying in 0 s, 2 of 3",),
    ),
    *(
        Fault(
            f"{status} once",
            [refusal(status, "Provider returned error"), good()],
            fine(posts=2),
            notes=(f"The server failed ({status}); retrying in 0 s, 2 of 3",),
        )
        for status in (500, 502, 503, 529)
    ),
    *(
        Fault(
            f"{status} once",
            [refusal(status, "Timeout"), good()],
            fine(posts=2),
            notes=(f"The server answered {status}: Timeout; retrying in 0 s, 2 of 3",),
        )
        for status in (504, 524)
    ),
    Fault(
        "502 for ever",
        [refusal(502, "Down")] * 3,
        fails(errors.ProviderError, "The server answered 502: Down. Tried 3 times.", posts=3),
    ),
    Fault(
        "503, cannot be retried",
        [refusal(503, "Gone", availability={"retryable": False})],
        fails(errors.ProviderError, "The server answered 503: Gone."),
    ),
    Fault(
        "503, can be retried",
        [refusal(503, "Full", availability={"retryable": True, "retry_after": 0}), good()],
        fine(posts=2),
    ),
    Fault(
        "503, then 402, then 400",
        [refusal(503), refusal(402, _POOR.format(779)), refusal(400, "Bad")],
        fails(errors.BadRequestError, "The server answered 400: Bad. Tried 2 times.", posts=3),
    ),
]

FAULTS = [*REFUSED, *LIMITED, *BROKEN]
