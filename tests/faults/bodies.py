"""Faults that come behind a status of 200, and replies that only look like one."""

from __future__ import annotations

import gzip
import json
from typing import Any

from hermes_magic import errors
from tests.faults.row import (
    BILL,
    BOTH,
    EMPTY,
    HALF,
    IN_ANSWER,
    IN_THOUGHT,
    KEY,
    NO_REPLY,
    REST,
    STOP,
    THOUGHT,
    WHO,
    WHOLE,
    Fault,
    body,
    chunk,
    fails,
    fine,
    good,
    refusal,
    stream,
)

_BROKE_OFF = "The provider broke off in the middle of the answer."
_NOTHING = "The model answered with nothing at all. Tried 2 times."
_HUGE = "word " * 1_000_000


def error(message: str, code: object = None) -> dict[str, Any]:
    """Make an error as it stands in a body."""
    return {"error": {"message": message} | ({} if code is None else {"code": code})}


def bytes_of(value: object) -> bytes:
    return json.dumps(value).encode()


def whole_bytes() -> bytes:
    """Give the bytes of the good stream."""
    return b"".join(step for step in good().steps if isinstance(step, bytes))


_ENDED_IN_ERROR = {
    **WHO,
    **error("Provider gone", "server_error"),
    "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
}
_NATIVE = {
    **WHO,
    "choices": [{"delta": {}, "finish_reason": "stop", "native_finish_reason": "network_error"}],
}

ERRORS = [
    Fault(
        "200 with an error, code a number",
        [body(b"\n   \n", bytes_of(error("Slow", 429))), good()],
        fine(posts=2),
    ),
    Fault(
        "200 with an error, code a word",
        [body(bytes_of(error("Oops", "server_error"))), good()],
        fine(posts=2),
    ),
    Fault("200 with an error, no code", [body(bytes_of(error("Oops"))), good()], fine(posts=2)),
    Fault(
        "200 with an error of ours",
        [body(bytes_of(error("No", 401)))],
        fails(errors.AuthenticationError, "The server answered 401: No."),
    ),
    Fault(
        "200 with choices[0].error",
        [body(bytes_of({**WHO, "choices": [error("Down", 503)]})), good()],
        fine(posts=2),
    ),
    Fault(
        "event: error before a delta",
        [stream(b'event: error\ndata: {"message":"Down"}\n\n'), good()],
        fine(posts=2),
    ),
    Fault(
        "event: error in the answer",
        [stream(THOUGHT, HALF, b'event: error\ndata: {"message":"Down"}\n\n')],
        fails(errors.ProviderError, "Nebius reported an error: Down.", kept=BOTH),
    ),
    Fault(
        "error in the thought",
        [stream(THOUGHT, error("Down", 502))],
        fails(errors.ProviderError, "Nebius answered 502: Down.", kept=IN_THOUGHT),
    ),
    Fault(
        "error in the answer, code a number",
        [stream(THOUGHT, HALF, error("Slow", 429))],
        fails(errors.RateLimitError, "Nebius answered 429: Slow.", kept=BOTH),
    ),
    Fault(
        "error in the answer, code a word",
        [stream(HALF, _ENDED_IN_ERROR)],
        fails(errors.ProviderError, "Nebius reported an error: Provider gone.", kept=IN_ANSWER),
    ),
    Fault(
        "error behind a finish reason",
        [stream(HALF, chunk("length", content=""), error("Token limit reached", 400))],
        fails(errors.TruncatedError, "Nebius answered 400: Token limit reached.", kept=IN_ANSWER),
    ),
    Fault(
        "503, then an error in the answer",
        [refusal(503), stream(HALF, error("Down", 502))],
        fails(errors.ProviderError, "Nebius answered 502: Down.", posts=2, kept=IN_ANSWER),
    ),
    Fault(
        "the key in an HTTP error",
        [refusal(401, f"The key {KEY} is bad")],
        fails(errors.AuthenticationError, "The server answered 401: The key [key] is bad."),
    ),
    Fault(
        "the key in a stream's error",
        [stream(HALF, error(f"Bearer {KEY}", KEY))],
        fails(errors.ProviderError, "Nebius reported an error: Bearer [key].", kept=IN_ANSWER),
    ),
]

ENDS = [
    Fault("no [DONE], a finish reason", [stream(*WHOLE)], fine()),
    Fault(
        "[DONE], no finish reason",
        [stream(THOUGHT, HALF, REST, done=True)],
        fine(),
        notes=("The server gave no finish reason: the answer may be cut off.",),
    ),
    Fault(
        "neither",
        [stream(THOUGHT, HALF)],
        fails(errors.TruncatedError, "The answer broke off before its end.", kept=BOTH),
    ),
    Fault(
        "native reason network_error",
        [stream(HALF, _NATIVE, done=True)],
        fails(errors.TruncatedError, _BROKE_OFF, kept=IN_ANSWER),
    ),
    Fault(
        "finish reason error",
        [stream(HALF, chunk("error"), done=True)],
        fails(errors.TruncatedError, _BROKE_OFF, kept=IN_ANSWER),
    ),
    Fault(
        "finish reason length",
        [stream(THOUGHT, HALF, chunk("length"), done=True)],
        fine(text="It is "),
        notes=("Cut off at max_tokens: a larger --max-tokens gives the rest.",),
    ),
    Fault(
        "a thought that eats every token",
        [stream(chunk(content="<think>Let me think."), chunk("length"), done=True)],
        fine(text=""),
        notes=("The answer never came: the thought did not end. A larger --max-tokens may help.",),
    ),
    Fault(
        "empty, then an answer",
        [stream(EMPTY, done=True), good()],
        fine(posts=2),
        notes=("The answer was empty; retrying in 0 s, 2 of 3",),
    ),
    Fault(
        "empty twice",
        [stream(EMPTY, done=True)] * 2,
        fails(errors.EmptyReplyError, _NOTHING, posts=2),
    ),
]

SHAPES = [
    Fault(
        "one broken event",
        [stream(THOUGHT, HALF, b'data: {"choices": [{\n\n', REST, STOP, BILL, done=True)],
        fine(),
        notes=("1 unreadable piece(s) of the reply were skipped.",),
    ),
    Fault(
        "only broken events",
        [stream(b"data: {{\n\n", b"data: ]\n\n", done=True)],
        fails(errors.ProtocolError, NO_REPLY),
    ),
    Fault(
        "a web page",
        [body(b"<!doctype html><title>Log in</title>", kind="text/html")],
        fails(errors.ProtocolError, "A web page came back instead of an answer."),
    ),
    Fault(
        "a redirect",
        [body(status=302, Location="http://127.0.0.1:1/login")],
        fails(errors.ProtocolError, "The server redirects to http://127.0.0.1:1/login."),
    ),
    Fault("an empty body", [body()], fails(errors.ProtocolError, NO_REPLY)),
    Fault(
        "binary garbage",
        [body(b"\x00\xff\x1f\x8b\x08" * 50)],
        fails(errors.ProtocolError, NO_REPLY),
    ),
    Fault("gzip", [body(gzip.compress(whole_bytes()), Content_Encoding="gzip")], fine()),
    Fault(
        "gzip that is none",
        [body(whole_bytes(), Content_Encoding="gzip")],
        fails(errors.ProtocolError, "127.0.0.1 sent a body that cannot be decompressed."),
    ),
    Fault("a stream that calls itself text/html", [body(whole_bytes(), kind="text/html")], fine()),
    Fault(
        "JSON where a stream was asked for",
        [
            body(
                b"\n   \n" * 9,
                bytes_of(
                    {
                        **BILL,
                        "choices": [
                            {
                                "message": {"content": "It is 42.", "reasoning": "Let me think."},
                                "finish_reason": "stop",
                            }
                        ],
                    }
                ),
            )
        ],
        fine(),
    ),
    Fault(
        "invalid UTF-8",
        [stream(b'data: {"choices":[{"delta":{"content":"caf\xe9"}}]}\n\n', STOP, done=True)],
        fine(text="caf\ufffd", thinking=""),
    ),
    Fault(
        "U+2028 in the answer",
        [stream(chunk(content="a\u2028b\u0085c"), STOP, done=True)],
        fine(text="a\u2028b\u0085c", thinking=""),
    ),
    Fault(
        "one event of 5 MB",
        [stream(chunk(content=_HUGE), STOP, done=True)],
        fine(text=_HUGE, thinking=""),
    ),
]

FAULTS = [*ERRORS, *ENDS, *SHAPES]
