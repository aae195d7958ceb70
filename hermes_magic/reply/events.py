"""The one event vocabulary: what happens between a request and its reply.

The wire makes these, and view, ledger, tape and tests all eat the same stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from hermes_magic.errors import HermesError
    from hermes_magic.reply.reply import Timing, ToolCall, ToolStep
    from hermes_magic.reply.usage import Usage


@dataclass(frozen=True, slots=True)
class Started:
    """The server has said who answers; "" where it has not (yet)."""

    id: str = ""
    model: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the think trace."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Rethought:
    """What came as answer so far was thought: a bare `</think>` has closed it."""


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """A piece of a tool call: id and name come once, arguments (JSON text) in pieces."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A function of the notebook is about to run, for the model has called it."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolRan:
    """A call of the model has its result; what it says from here on follows on that."""

    step: ToolStep


@dataclass(frozen=True, slots=True)
class UsageReported:
    """The server's account of tokens and cost; the last one holds."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """The model stopped: stop, length, content_filter, tool_calls, error and others."""

    reason: str
    native: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One line that the person should see, which is no failure."""

    text: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The request failed before the first delta and will be sent again.

    Attributes:
        reason: what happened, one line.
        delay: seconds until the next try.
        attempt: the number of the try to come, 2 for the first repetition.
        attempts: how many tries there are in all.
    """

    reason: str
    delay: float
    attempt: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Booked:
    """The call stands in the ledger; comes just before the end of a reply.

    Attributes:
        notebook: USD that this notebook has spent, this call included.
        estimated: how many of its calls are in that sum with an estimate, for want of the
            server's figure.
        estimate: USD that this call took by our count, if it is one of them.
    """

    notebook: Decimal
    estimated: int = 0
    estimate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The reply comes from a tape, not from a model; comes first.

    Attributes:
        recorded: the date it was recorded, or written, in ISO's way; a time may follow; "" for
            none.
        by_hand: whether a person wrote it, so that no model was ever asked.
        timing: the reply's times as they were recorded.
    """

    recorded: str
    by_hand: bool
    timing: Timing


@dataclass(frozen=True, slots=True)
class Done:
    """The reply is whole; nothing follows."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The reply has failed; nothing follows."""

    error: HermesError


Delta = Text | Thought | ToolDelta
"""What a reply is made of; everything else is about it."""

Event = (
    Started
    | Thought
    | Text
    | Rethought
    | ToolDelta
    | ToolCalled
    | ToolRan
    | UsageReported
    | Finished
    | Notice
    | Retrying
    | Booked
    | Replayed
    | Done
    | Failed
)
