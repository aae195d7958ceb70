"""One row of the fault matrix, and the pieces that its server's answers are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_magic.offline import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hermes_magic.errors import HermesError
    from hermes_magic.offline.messages import Event, Step

KEY = "sk-or-v1-made-up-for-the-tests-alone"
WHO = {"id": "gen-1", "model": "nousresearch/hermes-4-405b", "provider": "Nebius"}
USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17, "cost": 0.000027}
IN_THOUGHT = ("", "Let me think.")
IN_ANSWER = ("It is ", "")
BOTH = ("It is ", "Let me think.")
NO_REPLY = "The server's answer holds no chat completion."
WAS_CUT = "The connection to 127.0.0.1 was cut."
DONE = b"data: [DONE]\n\n"


class Place(Enum):
    """Who is at the address that the cell asks."""

    SCRIPTED = auto()
    IMPATIENT = auto()  # scripted as well, and the client waits for a fifth of a second only
    HANGS_UP = auto()  # reads the request, closes the connection
    RESETS = auto()  # reads the request, resets the connection
    NO_HTTP = auto()  # answers in a language of its own
    NOBODY = auto()
    NO_NAME = auto()  # the name server knows no such host
    NO_PORT = auto()


class Kept(NamedTuple):
    """What stands in `_` and in the `-o` variable afterwards."""

    text: str = ""
    thinking: str = ""
    state: str = "complete"


class Outcome(NamedTuple):
    """What a fault comes to: the error line ("" if the cell is fine), what is kept, the POSTs."""

    line: str
    kept: Kept | None
    posts: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and what is to come of it.

    Attributes:
        name: what it is called in the table.
        answers: the server's answer to each POST; a further one would be answered by `TWICE`.
        outcome: what is to come of it.
        notes: lines that the person must see beside the answer.
        stop_at: the person interrupts once the server is asked and this is to be seen.
        place: who is asked.
    """

    name: str
    answers: Sequence[Response]
    outcome: Outcome
    notes: tuple[str, ...] = ()
    stop_at: str | None = None
    place: Place = Place.SCRIPTED


def fails(
    kind: type[HermesError],
    message: str,
    *,
    hint: str = "",
    posts: int = 1,
    kept: tuple[str, str] | None = None,
) -> Outcome:
    """Expect a failed cell with this message and hint (its type's own), and what had come."""
    line = f"{kind.__name__}: {message} {hint or kind.default_hint}".strip()
    return Outcome(line, Kept(*kept, "failed") if kept else None, posts)


def stopped(kept: tuple[str, str] = ("", "")) -> Outcome:
    """Expect an interrupted cell; one request only was sent."""
    line = (
        "Stopped: Stopped after … s; what came is kept. "
        "The provider may still bill the whole answer."
    )
    return Outcome(line, Kept(*kept, "stopped"), 1)


def fine(*, posts: int = 1, text: str = "It is 42.", thinking: str = "Let me think.") -> Outcome:
    """Expect a good cell."""
    return Outcome("", Kept(text, thinking), posts)


def chunk(finish: str | None = None, **delta: object) -> dict[str, Any]:
    """Make a chunk of a stream."""
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


THOUGHT = chunk(reasoning="Let me think.")
HALF = chunk(content="It is ")
REST = chunk(content="42.")
STOP = chunk("stop", content="")
BILL = {**WHO, "choices": [], "usage": USAGE}
WHOLE: tuple[Event, ...] = (": OPENROUTER PROCESSING", THOUGHT, HALF, REST, STOP, BILL)
EMPTY = chunk("stop", content="")


def good() -> Response:
    """Answer as it should be."""
    return stream(*WHOLE, done=True)


def stream(*events: Event, done: bool = False, **headers: str) -> Response:
    """Answer with a stream that ends behind these events."""
    response = Response.sse(events, done=done, headers=_named(headers))
    return replace(response, steps=tuple(response.steps))


def body(
    *steps: Step, status: int = 200, kind: str = "application/json", **headers: str
) -> Response:
    """Answer with these bytes."""
    return Response(status, {"Content-Type": kind, **_named(headers)}, steps)


def refusal(
    status: int,
    message: str = "Sorry",
    *,
    metadata: Mapping[str, object] | None = None,
    availability: Mapping[str, object] | None = None,
    **headers: str,
) -> Response:
    """Answer with an HTTP error as OpenRouter writes it."""
    error: dict[str, object] = {"code": status, "message": message}
    error |= {"metadata": metadata} if metadata else {}
    error |= {"availability": availability} if availability else {}
    return Response.json({"error": error}, status=status, headers=_named(headers))


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
