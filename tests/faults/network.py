"""Faults of the network, and the person's own interrupts."""

from __future__ import annotations

from hermes_magic import errors
from hermes_magic.offline import Cut, Pause
from tests.faults.row import (
    BOTH,
    DONE,
    HALF,
    IN_ANSWER,
    IN_THOUGHT,
    REST,
    STOP,
    THOUGHT,
    WAS_CUT,
    WHOLE,
    Fault,
    Place,
    body,
    fails,
    fine,
    good,
    refusal,
    stopped,
    stream,
)

_LONG = Pause(60)
_READ = Pause(0.3)  # a RST overtakes what the client has not read yet
_SILENT = "localhost sent nothing for 0.2 s."
_ALIVE = ": OPENROUTER PROCESSING"
_CUT_ONCE = ("The connection to 127.0.0.1 was cut; retrying in 0 s, 2 of 3",)

AT_THE_DOOR = [
    Fault(
        "connection refused",
        [],
        fails(
            errors.NetworkError,
            "No connection to 127.0.0.1: [Errno 111] Connection refused. Tried 3 times.",
            posts=0,
        ),
        place=Place.NOBODY,
    ),
    Fault(
        "no such host",
        [],
        fails(
            errors.NetworkError,
            "No connection to hermes.invalid: [Errno -2] Name or service not known. Tried 3 times.",
            posts=0,
        ),
        place=Place.NO_NAME,
    ),
    Fault(
        "no such port",
        [],
        fails(
            errors.OptionError,
            "The server's address 'http://127.0.0.1:99999/v1' is not an http(s):// address.",
            posts=0,
        ),
        place=Place.NO_PORT,
    ),
    Fault(
        "cut before the headers (FIN)",
        [],
        fails(errors.NetworkError, f"{WAS_CUT} Tried 3 times.", posts=3),
        place=Place.HANGS_UP,
    ),
    Fault(
        "cut before the headers (RST)",
        [],
        fails(errors.NetworkError, f"{WAS_CUT} Tried 3 times.", posts=3),
        place=Place.RESETS,
    ),
    Fault(
        "no HTTP",
        [],
        fails(errors.NetworkError, f"{WAS_CUT} Tried 3 times.", posts=3),
        place=Place.NO_HTTP,
    ),
]

CUTS = [
    Fault("cut behind the headers", [stream(Cut()), good()], fine(posts=2), notes=_CUT_ONCE),
    Fault(
        "reset behind the headers",
        [stream(Cut(reset=True)), good()],
        fine(posts=2),
        notes=_CUT_ONCE,
    ),
    Fault(
        "keep-alives, then a cut",
        [stream(*[_ALIVE] * 9, Cut()), good()],
        fine(posts=2),
        notes=_CUT_ONCE,
    ),
    Fault(
        "keep-alives, then the end",
        [stream(*[_ALIVE] * 9), good()],
        fine(posts=2),
        notes=("The answer was empty; retrying in 0 s, 2 of 3",),
    ),
    *(
        Fault(
            f"cut in the thought ({how})",
            [stream(THOUGHT, _READ, Cut(reset))],
            fails(
                errors.NetworkError,
                WAS_CUT,
                kept=IN_THOUGHT,
            ),
        )
        for how, reset in (("FIN", False), ("RST", True))
    ),
    *(
        Fault(
            f"cut in the answer ({how})",
            [stream(THOUGHT, HALF, _READ, Cut(reset))],
            fails(
                errors.NetworkError,
                WAS_CUT,
                kept=BOTH,
            ),
        )
        for how, reset in (("FIN", False), ("RST", True))
    ),
    Fault(
        "cut in an event",
        [stream(HALF, b'data: {"choi', Cut())],
        fails(errors.NetworkError, WAS_CUT, kept=IN_ANSWER),
    ),
    Fault(
        "cut in a JSON body", [body(b'{"choices":[', Cut()), good()], fine(posts=2), notes=_CUT_ONCE
    ),
    Fault(
        "503, then a cut in the answer",
        [refusal(503), stream(HALF, Cut())],
        fails(errors.NetworkError, WAS_CUT, posts=2, kept=IN_ANSWER),
    ),
    Fault("cut between answer and usage", [stream(THOUGHT, HALF, REST, STOP, Cut())], fine()),
    Fault("cut between usage and [DONE]", [stream(*WHOLE, Cut())], fine()),
    Fault("no end of the body behind [DONE]", [stream(*WHOLE, DONE, Cut())], fine()),
    Fault("silence behind [DONE]", [stream(*WHOLE, DONE, _LONG)], fine()),
    Fault(
        "silence before the first delta",
        [stream(_LONG)],
        fails(errors.ServerTimeoutError, _SILENT),
        place=Place.IMPATIENT,
    ),
    Fault(
        "silence in the answer",
        [stream(HALF, _LONG)],
        fails(errors.ServerTimeoutError, _SILENT, kept=IN_ANSWER),
        place=Place.IMPATIENT,
    ),
]

INTERRUPTS = [
    Fault("interrupt in silence", [stream(_ALIVE, _LONG)], stopped(), stop_at=""),
    Fault(
        "interrupt in the thought",
        [stream(THOUGHT, _LONG)],
        stopped(IN_THOUGHT),
        stop_at="Let me think.",
    ),
    Fault(
        "interrupt in the answer",
        [stream(THOUGHT, HALF, _LONG)],
        stopped(BOTH),
        stop_at="It is",
    ),
    Fault(
        "interrupt while waiting to retry",
        [refusal(503, Retry_After="60")],
        stopped(),
        stop_at="retrying in 60 s",
    ),
]

FAULTS = [*AT_THE_DOOR, *CUTS, *INTERRUPTS]
