"""The reply: what a cell leaves behind in `_` and in the `-o` variable."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from hermes_magic.reply.usage import Usage

if TYPE_CHECKING:
    from hermes_magic.reply.code import CodeBlock
    from hermes_magic.reply.events import Booked, Replayed

OFFLINE_DEMO = "offline demo"
"""What the built-in server writes where a model's and a provider's name would stand."""

WRITTEN_BY_HAND = "written by hand"
"""What stands in the place of a model's name where a person wrote the answer on a tape."""

State = Literal["complete", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds on the caller's clock, from sending the request; None where it never came to it.

    Attributes:
        first: until the first delta.
        answer: until the first delta of the answer.
        total: until the end.
        again: how long it thought in further requests, between function calls.
    """

    first: float | None = None
    answer: float | None = None
    total: float | None = None
    again: float = 0.0

    @property
    def thinking(self) -> float | None:
        """Seconds from the first delta to the first one of the answer (or the end), and again."""
        end = self.total if self.answer is None else self.answer
        if self.first is None or end is None:
            return None
        return max(0.0, end - self.first) + self.again


class Settlement:
    """The place for a cost that comes after the reply: the server's books lag behind a stop.

    Attributes:
        before: what earlier requests of the same reply took; None if there were none.
        usage: what the server's books say, once they do, and what the earlier requests took.
        settled: whether they have said it, or never will.
    """

    __slots__ = ("before", "settled", "usage")

    def __init__(self) -> None:
        self.before: Usage | None = None
        self.usage: Usage | None = None
        self.settled = False

    def settle(self, usage: Usage | None) -> None:
        """Put the usage in, or None if it is not to be had."""
        if usage is not None and self.before is not None:
            usage = self.before + usage
        self.usage = usage
        self.settled = True


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function call that the model asks for; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolStep:
    """A function call of the model, and what became of it.

    Attributes:
        call: the call; without a name it could not be read, and `arguments` is all of its text.
        result: what the model was told: the value as JSON or text, or what went wrong.
        error: what went wrong, one line, or None.
        said: what the model said since the step before.
    """

    call: ToolCall
    result: str
    error: str | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model, whole or as far as it came.

    Attributes:
        text: the answer, exactly as it arrived; with `steps`, what came after the last of them.
        thinking: the think trace, or "".
        usage: tokens and cost as the server reported them.
        model: the model that answered, by the server's word.
        provider: the company that ran it, or "".
        finish_reason: stop, length, …; "" if the reply has no proper end.
        id: the server's id of this generation, or "".
        state: "complete", "stopped" (by the person) or "failed".
        timing: seconds to the first delta, to the answer and in all.
        deltas: how many pieces of (thought, answer) came: about their tokens.
        notices: lines that were shown to the person beside the answer.
        tool_calls: function calls that the model asks for.
        steps: function calls that were answered, in order: `.call`, `.result`, `.error`.
        data: what the answer says, with `--json` or `--schema`; else None.
        booked: what the notebook has spent so far; None if nobody keeps books on this reply.
        replayed: when it was recorded or written, if it comes from a tape; else None. Its times are
            then the recorded ones, and `usage` is what was counted and billed then.
        settlement: where the true cost of a stopped or broken reply arrives later.
    """

    text: str = ""
    thinking: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    provider: str = ""
    finish_reason: str = ""
    id: str = ""
    state: State = "complete"
    timing: Timing = field(default_factory=Timing)
    deltas: tuple[int, int] = (0, 0)
    notices: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    steps: tuple[ToolStep, ...] = ()
    data: Any = field(default=None, compare=False, repr=False)
    booked: Booked | None = field(default=None, compare=False, repr=False)
    replayed: Replayed | None = field(default=None, compare=False, repr=False)
    settlement: Settlement = field(default_factory=Settlement, compare=False, repr=False)

    def __str__(self) -> str:
        """Give the answer's text."""
        return self.text

    def __repr__(self) -> str:
        """Give one short line: how the answer begins, and what it cost."""
        text = " ".join(self.text.split())
        start = text if len(text) <= _REPR_CHARS else text[: _REPR_CHARS - 1] + "…"
        cost = "" if self.cost is None else f", cost=${self.cost:f}"
        state = "" if self.state == "complete" else f", {self.state}"
        state += "" if self.replayed is None else ", replayed"
        return f"Reply({start!r}, model={self.model!r}{cost}{state})"

    @property
    def cost(self) -> Decimal | None:
        """USD, the server's own figure; None if it gave none (yet: see `settlement`).

        What comes from a tape costs nothing; what it cost then is `usage.cost`.
        """
        if self.replayed is not None:
            return Decimal(0)
        late = self.settlement.usage
        return late.cost if self.usage.cost is None and late is not None else self.usage.cost

    @property
    def code(self) -> list[CodeBlock]:
        """The answer's fenced code blocks: `.language` and `.source`."""
        from hermes_magic.reply.code import code_blocks

        return code_blocks(self.text)

    def to_frame(self) -> Any:
        """Give `data` as a pandas DataFrame.

        Raises:
            OptionError: pandas is not installed.
            HermesError: the data is no table.
        """
        from hermes_magic.reply.frame import frame_of

        return frame_of(self.data)

    @property
    def estimate(self) -> Decimal | None:
        """USD by the price configured for a server that tells no cost; None with a cost."""
        return self.usage.estimate

    @property
    def is_demo(self) -> bool:
        """Whether the offline demo server answered, so that no model was asked."""
        return self.model == OFFLINE_DEMO

    @property
    def tokens_per_second(self) -> float | None:
        """Completion tokens by the second, from the first delta to the end."""
        first, total = self.timing.first, self.timing.total
        tokens = self.usage.completion_tokens
        if first is None or total is None or not tokens or total - first <= 0:
            return None
        return tokens / (total - first)


_REPR_CHARS = 60
